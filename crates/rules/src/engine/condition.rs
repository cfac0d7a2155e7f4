//! What `any` and `all` ask of each value: one comparison, or several joined.

use super::ask::{Negated, Question, ask};
use super::probe::Probe;
use super::terms::{Memory, compute};
use crate::array::Array;
use crate::expression::Combiner;
use crate::term::{Clause, ClauseKind, Term};
use crate::values::Values;

/// `Q` is how a comparison is asked: a [`Question`] while a rulebook is compiled, a [`Probe`] in an engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Condition<Q> {
    One(Term, Q, Negated),
    All(Vec<Self>),
    Any(Vec<Self>),
    /// An odd number of them, or an even one.
    Odd(Vec<Self>, Negated),
}

impl Condition<Question> {
    /// That of a clause whose comparisons are all of one array, or that of its negation.
    pub(super) fn of(clause: &Clause, negated: Negated) -> Self {
        let each = |items: &[Clause], negated| items.iter().map(|item| Self::of(item, negated)).collect();
        match &clause.kind {
            ClauseKind::Not(inner) => Self::of(inner, !negated),
            // `check` lets no `any` or `all` within another.
            ClauseKind::Each(_, inner) => Self::of(inner, negated),
            ClauseKind::Predicate(predicate) => {
                let (term, question, flipped) = ask(predicate);
                Self::One(term, question, negated ^ flipped)
            }
            ClauseKind::Combined(Combiner::Xor, items) => Self::Odd(each(items, false), negated),
            ClauseKind::Combined(op, items) if (*op == Combiner::And) != negated => {
                Self::All(each(items, negated))
            }
            ClauseKind::Combined(_, items) => Self::Any(each(items, negated)),
        }
    }

    pub(super) fn ready(self) -> Condition<Probe> {
        let each = |items: Vec<Self>| items.into_iter().map(Self::ready).collect();
        match self {
            Self::One(term, question, negated) => Condition::One(term, Probe::new(question), negated),
            Self::All(items) => Condition::All(each(items)),
            Self::Any(items) => Condition::Any(each(items)),
            Self::Odd(items, negated) => Condition::Odd(each(items), negated),
        }
    }
}

impl<Q> Condition<Q> {
    /// Calls `visit` with the question of each comparison.
    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Q)) {
        match self {
            Self::One(_, question, _) => visit(question),
            Self::All(items) | Self::Any(items) | Self::Odd(items, _) => {
                items.iter().for_each(|item| item.visit(visit));
            }
        }
    }

    /// What `[*]` goes over.
    pub(super) fn array(&self) -> Option<&Array> {
        match self {
            Self::One(term, ..) => term.array(),
            Self::All(items) | Self::Any(items) | Self::Odd(items, _) => items.first().and_then(Self::array),
        }
    }
}

impl Condition<Probe> {
    /// Whether it holds for one value.
    pub(super) fn holds<'v>(&self, item: &'v [u8], values: &Values<'v>, memory: &mut Memory) -> bool {
        match self {
            Self::One(term, probe, negated) => {
                let mark = memory.mark();
                let found = compute(term, values, Some(item), memory);
                let holds = probe.holds(&memory.value(found)) != *negated;
                memory.release(mark);
                holds
            }
            Self::All(items) => items.iter().all(|part| part.holds(item, values, memory)),
            Self::Any(items) => items.iter().any(|part| part.holds(item, values, memory)),
            Self::Odd(items, negated) => {
                let parts = items.iter();
                parts.fold(*negated, |odd, part| odd ^ part.holds(item, values, memory))
            }
        }
    }
}
