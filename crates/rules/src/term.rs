//! The typed tree of a checked rule: terms give values, tests look at them.

use std::net::IpAddr;

use super::array::Array;
use super::expression::{Combiner, Order, Span};
use super::field::{Field, Type};
use super::json::Key;
use super::list::List;
use super::pattern::Pattern;
use super::signature::Signed;
use super::told::PlatformFact;
use super::untold::Untold;
use super::wildcard::Wildcard;

/// A part of a rule that is true or false. Two are equal if they say the same; where they stand does not count.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) kind: ClauseKind,
    pub(super) span: Span,
}

impl PartialEq for Clause {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Clause {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClauseKind {
    Combined(Combiner, Vec<Clause>),
    Not(Box<Clause>),
    Predicate(Predicate),
    /// `any` or `all`: each value of the one array that all comparisons within are of is asked all of them. Only within it has a
    /// term several values (`[*]`).
    Each(Quantifier, Box<Clause>),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Predicate {
    pub(super) term: Term,
    pub(super) test: Test,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quantifier {
    Any,
    All,
}

impl Quantifier {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
        }
    }

    pub(super) fn holds(self, mut answers: impl Iterator<Item = bool>) -> bool {
        match self {
            Self::Any => answers.any(|holds| holds),
            Self::All => answers.all(|holds| holds),
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Term {
    Field(Field),
    /// What the platform says by name.
    Told(PlatformFact),
    /// `http.request.uri.path.extension`.
    Extension,
    /// Whether two values are there and equal.
    Same(Box<Term>, Box<Term>),
    /// Always missing.
    Untold(Untold),
    /// The value at a position.
    At(Array, u32),
    /// Every value.
    Each(Array),
    /// How many values there are.
    Count(Array),
    Lower(Box<Term>),
    Upper(Box<Term>),
    Length(Box<Term>),
    ToString(Box<Term>),
    Substring(Box<Term>, i64, Option<i64>),
    Concat(Vec<Term>),
    /// The first that is not missing.
    Coalesce(Vec<Term>),
    /// Only within `concat` and `coalesce`.
    Literal(Box<[u8]>),
    UrlDecode(Box<Term>, Decoding),
    /// Without any of these bytes.
    RemoveBytes(Box<Term>, Box<[u8]>),
    /// The values of an array, with this between them.
    Join(Array, Box<[u8]>),
    JsonString(Box<Term>, Vec<Key>),
    JsonInteger(Box<Term>, Vec<Key>),
    Base64(Box<Term>),
    Sha256(Box<Term>),
    Signed(Box<Signed>),
    /// The network of an address: bits that are kept of IPv4 and of IPv6.
    Network(Box<Term>, u8, u8),
}

impl Predicate {
    /// Whether what is asked, or what is asked for, is told to no worker.
    pub(super) fn is_untold(&self) -> bool {
        self.term.is_untold() || matches!(&self.test, Test::InList(list) if list.is_managed())
    }
}

impl Term {
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Field(field) => field.kind(),
            Self::Untold(untold) => untold.kind(),
            Self::Told(fact) => fact.kind(),
            Self::Same(..) | Self::Signed(_) => Type::Boolean,
            Self::Coalesce(parts) => parts.first().map_or(Type::String, Self::kind),
            Self::Count(_) | Self::Length(_) | Self::JsonInteger(..) => Type::Integer,
            Self::Network(..) => Type::IpAddress,
            _ => Type::String,
        }
    }

    /// The term that this one is made of.
    pub(super) fn inner(&self) -> Option<&Self> {
        match self {
            Self::Lower(of)
            | Self::Upper(of)
            | Self::Length(of)
            | Self::ToString(of)
            | Self::Substring(of, ..)
            | Self::UrlDecode(of, _)
            | Self::RemoveBytes(of, _)
            | Self::JsonString(of, _)
            | Self::JsonInteger(of, _)
            | Self::Base64(of)
            | Self::Sha256(of)
            | Self::Network(of, ..) => Some(of),
            _ => None,
        }
    }

    /// Whether it is missing in every request.
    pub(super) fn is_untold(&self) -> bool {
        matches!(self, Self::Untold(_)) || self.inner().is_some_and(Self::is_untold)
    }

    /// Whether `[*]` is in it.
    pub(super) fn has_several(&self) -> bool {
        matches!(self, Self::Each(_)) || self.inner().is_some_and(Self::has_several)
    }
}

/// The options of `url_decode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Decoding {
    /// `r`: until nothing changes.
    pub(super) again: bool,
    /// `u`: `%u0107` too, as UTF-8.
    pub(super) unicode: bool,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Test {
    IsTrue,
    String(Order, Box<[u8]>),
    Integer(Order, i64),
    Ip(Order, IpAddr),
    /// Not zero after a bitwise "and".
    Mask(i64),
    Contains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Matches(Pattern),
    /// Without regard to ASCII case.
    Wildcard(Wildcard),
    StrictWildcard(Wildcard),
    InStrings(Vec<Box<[u8]>>),
    InIntegers(Vec<(i64, i64)>),
    InIps(Vec<IpRange>),
    InList(List),
}

/// Addresses from the first to the last, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum IpRange {
    V4(u32, u32),
    V6(u128, u128),
}

impl IpRange {
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(first, last), IpAddr::V4(v4)) => (first..=last).contains(&v4.to_bits()),
            (Self::V6(first, last), IpAddr::V6(v6)) => (first..=last).contains(&v6.to_bits()),
            _ => false,
        }
    }
}
