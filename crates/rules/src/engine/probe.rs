//! A predicate that is answered by itself.

use std::net::IpAddr;
use std::sync::Arc;

use memchr::memmem::Finder;

use super::ask::Question;
use crate::automaton::Automaton;
use crate::expression::Order;
use crate::list::List;
use crate::ranges::{is_in, is_one_of};
use crate::values::Value;
use crate::wildcard::Wildcard;

/// A [`Question`], ready to be asked.
#[derive(Debug)]
pub(super) enum Probe {
    IsTrue,
    Strings(Box<[Box<[u8]>]>),
    StringOrder(Order, Box<[u8]>),
    Integers(Box<[(i64, i64)]>),
    Mask(i64),
    Ips(Box<[(u32, u32)]>, Box<[(u128, u128)]>),
    Contains(Box<Finder<'static>>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Wildcard(Wildcard),
    Matches(Arc<Automaton>),
    InList(List),
}

impl Probe {
    pub(super) fn new(question: Question) -> Self {
        match question {
            Question::IsTrue => Self::IsTrue,
            Question::Strings(strings) => Self::Strings(strings.into()),
            Question::StringOrder(order, string) => Self::StringOrder(order, string),
            Question::Integers(ranges) => Self::Integers(ranges.into()),
            Question::Mask(mask) => Self::Mask(mask),
            Question::Ips(v4, v6) => Self::Ips(v4.into(), v6.into()),
            Question::Contains(part) => Self::Contains(Box::new(Finder::new(&part).into_owned())),
            Question::StartsWith(part) => Self::StartsWith(part),
            Question::EndsWith(part) => Self::EndsWith(part),
            Question::Wildcard(wildcard) => Self::Wildcard(wildcard),
            Question::Matches(pattern) => Self::Matches(Arc::clone(pattern.automaton())),
            Question::InList(list) => Self::InList(list),
        }
    }

    /// A value of another type than the question's is as good as missing.
    #[inline(always)]
    pub(super) fn holds(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Strings(strings), Value::Bytes(value)) => is_one_of(strings, value),
            (Self::Integers(ranges), Value::Int(value)) => is_in(ranges, *value),
            (Self::Contains(finder), Value::Bytes(value)) => finder.find(value).is_some(),
            _ => self.holds_otherwise(value),
        }
    }

    /// Apart from the most frequent questions: together they are too large to be where they are asked.
    #[inline(never)]
    fn holds_otherwise(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::IsTrue, Value::Bool(value)) => *value,
            (Self::StringOrder(order, string), Value::Bytes(value)) => order.holds((**value).cmp(string)),
            (Self::Mask(mask), Value::Int(value)) => value & mask != 0,
            (Self::Ips(v4, _), Value::Ip(IpAddr::V4(value))) => is_in(v4, value.to_bits()),
            (Self::Ips(_, v6), Value::Ip(IpAddr::V6(value))) => is_in(v6, value.to_bits()),
            (Self::StartsWith(part), Value::Bytes(value)) => value.starts_with(part),
            (Self::EndsWith(part), Value::Bytes(value)) => value.ends_with(part),
            (Self::Wildcard(wildcard), Value::Bytes(value)) => wildcard.is_match(value),
            (Self::Matches(automaton), Value::Bytes(value)) => automaton.is_match(value),
            (Self::InList(list), value) => is_listed(list, value),
            _ => false,
        }
    }
}

fn is_listed(list: &List, value: &Value<'_>) -> bool {
    match value {
        Value::Bytes(value) => list.has_string(value),
        Value::Int(value) => list.has_number(*value),
        Value::Ip(value) => list.has_ip(*value),
        Value::Missing | Value::Bool(_) => false,
    }
}
