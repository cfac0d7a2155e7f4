//! What a rule needs: a few predicates of which one must hold, or the rule cannot. Where none does, the rule is not
//! looked at.

use super::tree::{PredicateId, Tree};

/// Predicates of which at least one holds whenever the rule does.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) predicates: Vec<PredicateId>,
    /// How often, of a thousand requests, one of them is thought to hold.
    pub(super) likely: u32,
}

impl Guard {
    const NEVER: Self = Self {
        predicates: Vec::new(),
        likely: 0,
    };

    fn or(mut self, other: Self) -> Self {
        self.predicates.extend(other.predicates);
        self.likely = self.likely.saturating_add(other.likely);
        self
    }
}

/// To each predicate, the rules that are looked at because it holds.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// Bit by predicate: there are such rules.
    pub(super) bits: Vec<u64>,
    lists: Vec<(u32, u32)>,
    rules: Vec<u32>,
}

impl Guards {
    /// Those of the next predicate.
    pub(super) fn add(&mut self, rules: impl IntoIterator<Item = u32>) {
        let start = self.rules.len();
        self.rules.extend(rules);
        let end = self.rules.len();
        let at = self.lists.len();
        self.lists.push((start as u32, end as u32));
        self.bits.resize(self.lists.len().div_ceil(64), 0);
        if let Some(word) = self.bits.last_mut() {
            *word |= u64::from(start < end) << (at % 64);
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.lists.iter().map(|list| self.slice(*list))
    }

    #[inline]
    pub(super) fn rules(&self, predicate: usize) -> &[u32] {
        let list = self.lists.get(predicate).copied().unwrap_or_default();
        self.slice(list)
    }

    #[inline]
    fn slice(&self, (start, end): (u32, u32)) -> &[u32] {
        self.rules.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// The rarest guard of a tree. What is only negated has none: `not a` holds without anything holding.
pub(super) fn guard(tree: &Tree, likely: &impl Fn(PredicateId) -> u32) -> Option<Guard> {
    match tree {
        Tree::Leaf(predicate, false) => Some(Guard {
            predicates: vec![*predicate],
            likely: likely(*predicate),
        }),
        Tree::Leaf(_, true) | Tree::Odd(..) => None,
        Tree::All(items) => {
            let guards = items.iter().filter_map(|item| guard(item, likely));
            guards.min_by_key(|guard| guard.likely)
        }
        Tree::Any(items) => {
            let mut guards = items.iter().map(|item| guard(item, likely));
            guards.try_fold(Guard::NEVER, |all, one| Some(all.or(one?)))
        }
    }
}
