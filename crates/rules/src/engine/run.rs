//! One run of a rulebook over the values of one request. Allocates nothing.

use super::terms::{Memory, Source, derived};
use super::tree::{HOLDS, PredicateId};
use super::{Answer, Each, Eager, Engine};
use crate::values::Values;

/// The memory of a run, and then its result. One for each engine, used again for each request.
#[derive(Debug)]
pub struct Scratch {
    memory: Memory,
    predicates: Bits,
    /// What is known before anything is asked: no predicate of the groups that are asked of every request holds, unless
    /// its group says so.
    start: Bits,
    /// Bit by rule: to be looked at because a guard holds. All zero between runs.
    opened: Vec<u64>,
    /// Bit by rule: held in the last run.
    matched: Vec<u64>,
}

/// What is known of 64 predicates.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    known: u64,
    holds: u64,
}

#[derive(Debug, Clone)]
struct Bits(Vec<Word>);

impl Bits {
    #[inline]
    fn get(&self, predicate: PredicateId) -> Option<bool> {
        let word = self.0.get(predicate as usize / 64)?;
        let bit = 1 << (predicate % 64);
        (word.known & bit != 0).then_some(word.holds & bit != 0)
    }

    #[inline]
    fn set(&mut self, predicate: PredicateId, holds: bool) {
        if let Some(word) = self.0.get_mut(predicate as usize / 64) {
            let at = predicate % 64;
            word.known |= 1 << at;
            word.holds |= u64::from(holds) << at;
        }
    }

    /// Of a predicate that is marked as known.
    #[inline]
    fn hold(&mut self, predicate: PredicateId) {
        if let Some(word) = self.0.get_mut(predicate as usize / 64) {
            word.holds |= 1 << (predicate % 64);
        }
    }

    /// Marks a group as asked: what is not set to hold does not.
    fn know(&mut self, predicates: std::ops::Range<PredicateId>) {
        let mut at = predicates.start;
        while at < predicates.end {
            let end = (at - at % 64 + 64).min(predicates.end);
            if let Some(word) = self.0.get_mut(at as usize / 64) {
                word.known |= (u64::MAX >> (64 - (end - at))) << (at % 64);
            }
            at = end;
        }
    }
}

impl Scratch {
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        let has_each = engine
            .answers
            .iter()
            .any(|answer| matches!(answer, Answer::Each(_)));
        let derives = has_each || !engine.terms.0.is_empty();
        let mut start = Bits(vec![Word::default(); engine.answers.len().div_ceil(64)]);
        for eager in &engine.eager {
            if let Eager::Group(group) = eager
                && let Some(group) = engine.groups.get(*group as usize)
            {
                start.know(group.predicates.clone());
            }
        }
        Self {
            memory: Memory::new(&engine.terms, derives),
            predicates: start.clone(),
            start,
            opened: vec![0; engine.always.len()],
            matched: vec![0; engine.always.len()],
        }
    }

    /// Indices of the rules that held in the last run, in rule order.
    pub fn matched(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.matched.iter().enumerate();
        words.flat_map(|(word, bits)| ones(*bits).map(move |bit| word * 64 + bit))
    }

    /// Whether this rule held in the last run.
    #[must_use]
    pub fn is_matched(&self, rule: usize) -> bool {
        self.matched
            .get(rule / 64)
            .is_some_and(|word| word & (1 << (rule % 64)) != 0)
    }

    fn clear(&mut self) {
        self.memory.clear();
        self.predicates.0.copy_from_slice(&self.start.0);
    }
}

/// Positions of the bits that are set.
#[inline]
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        lowest
    })
}

impl Engine {
    /// Finds every rule that holds; [`Scratch::matched`] gives them. The scratch must be this engine's.
    pub fn run(&self, values: &Values<'_>, scratch: &mut Scratch) {
        scratch.clear();
        if !self.eager.is_empty() {
            self.find_candidates(values, scratch);
        }
        for (word, always) in self.always.iter().enumerate() {
            let opened = scratch.opened.get_mut(word).map(std::mem::take);
            let matched = self.look_at(word, always | opened.unwrap_or(0), values, scratch);
            if let Some(slot) = scratch.matched.get_mut(word) {
                *slot = matched;
            }
        }
    }

    /// Asks what rules wait for, and opens those that need not wait any longer.
    #[inline(never)]
    fn find_candidates(&self, values: &Values<'_>, scratch: &mut Scratch) {
        for eager in &self.eager {
            match *eager {
                Eager::Group(group) => self.ask_group(group, values, scratch),
                Eager::Single(predicate) => _ = self.ask(predicate, values, scratch),
            }
        }
        self.open(scratch);
    }

    /// The rules of a word that hold, of those that are candidates.
    fn look_at(&self, word: usize, candidates: u64, values: &Values<'_>, scratch: &mut Scratch) -> u64 {
        let held = ones(candidates).filter(|bit| {
            let root = self.roots.get(word * 64 + bit);
            root.is_some_and(|root| self.rule_holds(*root, values, scratch))
        });
        held.fold(0, |bits, bit| bits | 1 << bit)
    }

    /// Lets the rules be looked at that wait for a predicate that holds.
    fn open(&self, scratch: &mut Scratch) {
        let Scratch {
            predicates, opened, ..
        } = scratch;
        for (index, (word, guards)) in predicates.0.iter().zip(&self.guards.bits).enumerate() {
            for bit in ones(word.holds & guards) {
                for rule in self.guards.rules(64 * index + bit) {
                    if let Some(word) = opened.get_mut(*rule as usize / 64) {
                        *word |= 1 << (rule % 64);
                    }
                }
            }
        }
    }

    /// Follows the steps of a rule to their end.
    #[inline]
    fn rule_holds(&self, first: u32, values: &Values<'_>, scratch: &mut Scratch) -> bool {
        let mut at = first;
        while let Some(step) = self.steps.get(at as usize) {
            let holds = self.holds(step.predicate, values, scratch);
            at = if holds { step.if_holds } else { step.if_fails };
        }
        at == HOLDS
    }

    #[inline]
    fn holds(&self, predicate: PredicateId, values: &Values<'_>, scratch: &mut Scratch) -> bool {
        match scratch.predicates.get(predicate) {
            Some(known) => known,
            None => self.ask(predicate, values, scratch),
        }
    }

    #[inline]
    fn ask(&self, predicate: PredicateId, values: &Values<'_>, scratch: &mut Scratch) -> bool {
        let holds = match self.answers.get(predicate as usize) {
            Some(Answer::Single(Source::Field(field), probe)) => probe.holds(values.at(*field)),
            Some(answer) => self.ask_indirectly(predicate, answer, values, scratch),
            None => false,
        };
        scratch.predicates.set(predicate, holds);
        holds
    }

    #[inline(never)]
    fn ask_indirectly(
        &self,
        predicate: PredicateId,
        answer: &Answer,
        values: &Values<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        match answer {
            Answer::Group(group) => {
                let predicates = self
                    .groups
                    .get(*group as usize)
                    .map(|group| group.predicates.clone());
                scratch.predicates.know(predicates.unwrap_or_default());
                self.ask_group(*group, values, scratch);
                scratch.predicates.get(predicate) == Some(true)
            }
            Answer::Single(Source::Field(field), probe) => probe.holds(values.at(*field)),
            Answer::Single(Source::Derived(index), probe) => {
                let found = derived(&self.terms, *index, values, &mut scratch.memory);
                probe.holds(&scratch.memory.value(found))
            }
            Answer::Each(each) => each_holds(each, values, &mut scratch.memory),
            Answer::Odd(odd) => {
                let parts = odd.parts.iter();
                parts.fold(odd.negated, |odd, part| {
                    odd ^ self.rule_holds(*part, values, scratch)
                })
            }
        }
    }

    /// Sets which predicates of a group hold, all of which are marked as known.
    fn ask_group(&self, group: u32, values: &Values<'_>, scratch: &mut Scratch) {
        let Some(group) = self.groups.get(group as usize) else {
            return;
        };
        let Scratch {
            memory, predicates, ..
        } = scratch;
        let derived_value;
        let value = match group.source {
            Source::Field(field) => values.at(field),
            Source::Derived(index) => {
                let found = derived(&self.terms, index, values, memory);
                derived_value = memory.value(found);
                &derived_value
            }
        };
        group.look_up(value, |predicate| predicates.hold(predicate));
    }
}

/// `any` and `all`.
fn each_holds(each: &Each, values: &Values<'_>, memory: &mut Memory) -> bool {
    let condition = &each.condition;
    let items = condition
        .array()
        .into_iter()
        .flat_map(|array| values.items(array));
    each.quantifier
        .holds(items.map(|item| condition.holds(item, values, memory)))
}
