//! A rule as a tree in negation normal form over numbered predicates, and then as steps from question to question.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::ask::{Ask, Negated};
use super::condition::Condition;
use crate::expression::Combiner;
use crate::term::{Clause, ClauseKind};

/// Index of a distinct predicate.
pub(super) type PredicateId = u32;

/// A rule on its way to [`Steps`].
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Leaf(PredicateId, Negated),
    All(Vec<Tree>),
    Any(Vec<Tree>),
    /// An odd number of them, or an even one.
    Odd(Vec<Tree>, Negated),
}

/// One question of a rule, and where to go on with the answer: the number of a step, [`HOLDS`] or [`FAILS`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) predicate: PredicateId,
    pub(super) if_holds: u32,
    pub(super) if_fails: u32,
}

/// The end of a rule that holds.
pub(super) const HOLDS: u32 = u32::MAX;
/// The end of a rule that does not.
pub(super) const FAILS: u32 = u32::MAX - 1;

/// An "odd number of", which steps cannot say: it becomes a predicate by itself.
#[derive(Debug)]
pub(super) struct Odd {
    /// First steps.
    pub(super) parts: Vec<u32>,
    pub(super) negated: Negated,
}

/// Steps of all rules, and the predicates that came with them.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) odds: Vec<Odd>,
    /// Number of the first [`Odd`].
    pub(super) first_odd: PredicateId,
}

/// The distinct predicates of all rules.
#[derive(Debug, Default)]
pub(super) struct Interner {
    ids: HashMap<Ask, PredicateId, FxBuildHasher>,
    pub(super) asks: Vec<Ask>,
}

impl Interner {
    fn id(&mut self, ask: Ask) -> PredicateId {
        let next = u32::try_from(self.asks.len()).unwrap_or(u32::MAX);
        let asks = &mut self.asks;
        *self.ids.entry(ask).or_insert_with_key(|ask| {
            asks.push(ask.clone());
            next
        })
    }

    /// The tree of a clause, or of its negation: `not` is pushed down to the predicates, so that what a rule needs
    /// to be true is seen through it.
    pub(super) fn tree(&mut self, clause: &Clause, negated: Negated) -> Tree {
        match &clause.kind {
            ClauseKind::Not(inner) => self.tree(inner, !negated),
            // Known without asking: all of nothing is true, and any of nothing false.
            ClauseKind::Predicate(predicate) if predicate.is_untold() => {
                match predicate.test.holds_for_missing() != negated {
                    true => Tree::All(Vec::new()),
                    false => Tree::Any(Vec::new()),
                }
            }
            ClauseKind::Predicate(predicate) => {
                let (ask, flipped) = Ask::new(predicate);
                Tree::Leaf(self.id(ask), negated ^ flipped)
            }
            ClauseKind::Each(quantifier, inner) => {
                let ask = Ask::Each(*quantifier, Condition::of(inner, false));
                Tree::Leaf(self.id(ask), negated)
            }
            ClauseKind::Combined(Combiner::Xor, items) => Tree::Odd(self.trees(items, false), negated),
            ClauseKind::Combined(op, items) if (*op == Combiner::And) != negated => {
                Tree::All(self.trees(items, negated))
            }
            ClauseKind::Combined(_, items) => Tree::Any(self.trees(items, negated)),
        }
    }

    fn trees(&mut self, clauses: &[Clause], negated: Negated) -> Vec<Tree> {
        clauses.iter().map(|clause| self.tree(clause, negated)).collect()
    }
}

impl Tree {
    /// Cheap parts first: the dear ones are then mostly not asked.
    pub(super) fn sort(&mut self, cost: &impl Fn(PredicateId) -> u32) {
        if let Self::All(items) | Self::Any(items) | Self::Odd(items, _) = self {
            items.iter_mut().for_each(|item| item.sort(cost));
            items.sort_by_key(|item| item.cost(cost));
        }
    }

    fn cost(&self, cost: &impl Fn(PredicateId) -> u32) -> u32 {
        match self {
            Self::Leaf(predicate, _) => cost(*predicate),
            Self::All(items) | Self::Any(items) | Self::Odd(items, _) => items
                .iter()
                .fold(0, |sum, item| sum.saturating_add(item.cost(cost))),
        }
    }

    /// Gives each predicate its new number.
    pub(super) fn renumber(&mut self, numbers: &[PredicateId]) {
        match self {
            Self::Leaf(predicate, _) => {
                *predicate = numbers.get(*predicate as usize).copied().unwrap_or(*predicate)
            }
            Self::All(items) | Self::Any(items) | Self::Odd(items, _) => {
                items.iter_mut().for_each(|item| item.renumber(numbers));
            }
        }
    }

    /// Calls `visit` with each leaf.
    pub(super) fn visit(&self, visit: &mut impl FnMut(PredicateId)) {
        match self {
            Self::Leaf(predicate, _) => visit(*predicate),
            Self::All(items) | Self::Any(items) | Self::Odd(items, _) => {
                items.iter().for_each(|item| item.visit(visit));
            }
        }
    }
}

impl Steps {
    /// The first step of a tree that goes on to one of the two others.
    pub(super) fn add(&mut self, tree: &Tree, if_holds: u32, if_fails: u32) -> u32 {
        match tree {
            Tree::Leaf(predicate, false) => self.step(*predicate, if_holds, if_fails),
            Tree::Leaf(predicate, true) => self.step(*predicate, if_fails, if_holds),
            // From the last part to the first, so that each knows where the next begins.
            Tree::All(items) => items
                .iter()
                .rfold(if_holds, |next, item| self.add(item, next, if_fails)),
            Tree::Any(items) => items
                .iter()
                .rfold(if_fails, |next, item| self.add(item, if_holds, next)),
            Tree::Odd(items, negated) => {
                let parts = items.iter().map(|item| self.add(item, HOLDS, FAILS)).collect();
                let predicate = self.first_odd + self.odds.len() as u32;
                self.odds.push(Odd {
                    parts,
                    negated: *negated,
                });
                self.step(predicate, if_holds, if_fails)
            }
        }
    }

    fn step(&mut self, predicate: PredicateId, if_holds: u32, if_fails: u32) -> u32 {
        self.steps.push(Step {
            predicate,
            if_holds,
            if_fails,
        });
        (self.steps.len() - 1) as u32
    }
}
