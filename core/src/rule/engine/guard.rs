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
