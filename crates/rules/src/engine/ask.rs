//! What a comparison asks, in the form in which equal questions are equal: hash-consed over all rules.

use std::net::IpAddr;

use super::condition::Condition;
use crate::expression::Order;
use crate::list::List;
use crate::pattern::Pattern;
use crate::ranges::apart;
use crate::term::{IpRange, Predicate, Quantifier, Term, Test};
use crate::wildcard::Wildcard;

/// Whether an answer means its opposite.
pub(super) type Negated = bool;

/// One distinct question about one request. False where the fact is missing: `ne` is the negation of `eq`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    Of(Term, Question),
    /// `any` and `all` look at values that have no place of their own, so they share nothing but themselves.
    Each(Quantifier, Condition<Question>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    IsTrue,
    /// Sorted, each once.
    Strings(Vec<Box<[u8]>>),
    /// `lt le gt ge`.
    StringOrder(Order, Box<[u8]>),
    /// Sorted, apart from each other; maybe none.
    Integers(Vec<(i64, i64)>),
    Mask(i64),
    /// Both sorted, apart from each other.
    Ips(Vec<(u32, u32)>, Vec<(u128, u128)>),
    Contains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Wildcard(Wildcard),
    Matches(Pattern),
    InList(List),
}

impl Ask {
    /// Calls `visit` with each question in it.
    pub(super) fn visit_questions<'a>(&'a self, mut visit: impl FnMut(&'a Question)) {
        match self {
            Self::Of(_, question) => visit(question),
            Self::Each(_, condition) => condition.visit(&mut visit),
        }
    }

    /// The question, and whether its answer is to be negated.
    pub(super) fn new(predicate: &Predicate) -> (Self, Negated) {
        let (term, question, negated) = ask(predicate);
        (Self::Of(term, question), negated)
    }
}

/// What a comparison asks of what, and whether the answer is to be negated.
pub(super) fn ask(predicate: &Predicate) -> (Term, Question, Negated) {
    let term = predicate.term.clone();
    let negated = predicate.test.holds_for_missing();
    match &predicate.test {
        Test::Wildcard(wildcard) => {
            let question = wildcard_question(&wildcard.to_lower());
            (Term::Lower(Box::new(term)), question, negated)
        }
        test => (term, question(test), negated),
    }
}

fn question(test: &Test) -> Question {
    match test {
        Test::IsTrue => Question::IsTrue,
        Test::String(Order::Equal | Order::NotEqual, string) => Question::Strings(vec![string.clone()]),
        Test::String(order, string) => Question::StringOrder(*order, string.clone()),
        Test::Integer(order, integer) => Question::Integers(integers(*order, *integer)),
        Test::Ip(order, ip) => ips_in_order(*order, *ip),
        Test::Mask(mask) => Question::Mask(*mask),
        Test::Contains(part) => Question::Contains(part.clone()),
        Test::StartsWith(part) => Question::StartsWith(part.clone()),
        Test::EndsWith(part) => Question::EndsWith(part.clone()),
        Test::Matches(pattern) => Question::Matches(pattern.clone()),
        Test::Wildcard(wildcard) | Test::StrictWildcard(wildcard) => wildcard_question(wildcard),
        Test::InStrings(strings) => Question::Strings(sorted(strings.clone())),
        Test::InIntegers(ranges) => Question::Integers(apart(ranges.clone(), |last| last.checked_add(1))),
        Test::InIps(ranges) => ips(ranges),
        Test::InList(list) => Question::InList(list.clone()),
    }
}

/// Most wildcards are one of the simpler questions, which many rules can share the answer of.
fn wildcard_question(wildcard: &Wildcard) -> Question {
    match wildcard.parts() {
        [whole] => Question::Strings(vec![whole.clone()]),
        [start, end] if end.is_empty() => Question::StartsWith(start.clone()),
        [start, end] if start.is_empty() => Question::EndsWith(end.clone()),
        [start, part, end] if start.is_empty() && end.is_empty() => Question::Contains(part.clone()),
        _ => Question::Wildcard(wildcard.clone()),
    }
}

fn sorted(mut strings: Vec<Box<[u8]>>) -> Vec<Box<[u8]>> {
    strings.sort_unstable();
    strings.dedup();
    strings
}

fn integers(order: Order, integer: i64) -> Vec<(i64, i64)> {
    let range = match order {
        Order::Equal | Order::NotEqual => Some((integer, integer)),
        Order::Less => integer.checked_sub(1).map(|last| (i64::MIN, last)),
        Order::LessOrEqual => Some((i64::MIN, integer)),
        Order::Greater => integer.checked_add(1).map(|first| (first, i64::MAX)),
        Order::GreaterOrEqual => Some((integer, i64::MAX)),
    };
    range.into_iter().collect()
}

fn ips_in_order(order: Order, ip: IpAddr) -> Question {
    match ip {
        IpAddr::V4(v4) => Question::Ips(
            bits(order, v4.to_bits(), u32::MAX, v4.to_bits().checked_sub(1)),
            Vec::new(),
        ),
        IpAddr::V6(v6) => Question::Ips(
            Vec::new(),
            bits(order, v6.to_bits(), u128::MAX, v6.to_bits().checked_sub(1)),
        ),
    }
}

/// `below` is the address before `at`, where there is one.
fn bits<T: Copy + PartialEq + Default + std::ops::Add<Output = T> + From<u8>>(
    order: Order,
    at: T,
    max: T,
    below: Option<T>,
) -> Vec<(T, T)> {
    let zero = T::default();
    let range = match order {
        Order::Equal | Order::NotEqual => Some((at, at)),
        Order::Less => below.map(|last| (zero, last)),
        Order::LessOrEqual => Some((zero, at)),
        Order::Greater => (at != max).then(|| (at + T::from(1), max)),
        Order::GreaterOrEqual => Some((at, max)),
    };
    range.into_iter().collect()
}

fn ips(ranges: &[IpRange]) -> Question {
    let v4 = ranges.iter().filter_map(|range| match range {
        IpRange::V4(first, last) => Some((*first, *last)),
        IpRange::V6(..) => None,
    });
    let v6 = ranges.iter().filter_map(|range| match range {
        IpRange::V6(first, last) => Some((*first, *last)),
        IpRange::V4(..) => None,
    });
    Question::Ips(
        apart(v4.collect(), |last| last.checked_add(1)),
        apart(v6.collect(), |last| last.checked_add(1)),
    )
}
