//! The slow obvious way to evaluate a rule: walk its tree and compute every value anew.
//!
//! It explains records (`explain`) and is the oracle of the engine; requests go through `engine`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::Range;

use super::array::Array;
use super::check::CheckedExpression;
use super::decode::{decode_base64, network, remove_bytes, url_decode};
use super::expression::{Combiner, Order};
use super::fact::Fact;
use super::field::Field;
use super::json::{self, Json};
use super::signature::sha256;
use super::term::{Clause, ClauseKind, Predicate, Term, Test};
use super::values::{Value, Values};

impl CheckedExpression {
    /// Whether the rule holds. For explanations and tests: allocates, and shares nothing between rules.
    #[must_use]
    pub fn evaluate(&self, values: &Values<'_>) -> bool {
        self.root.holds(values)
    }
}

/// What can be said of a rule when some facts are not known, as of a record that does not keep them.
impl CheckedExpression {
    /// Whether the rule holds whatever the unknown fields were; `None` where it depends on them (Kleene's logic).
    /// Of the headers the User-Agent is known.
    #[must_use]
    pub fn judge(&self, values: &Values<'_>, unknown: &[Field]) -> Option<bool> {
        self.root.judge(values, unknown)
    }

    /// As [`Self::judge`], of facts that are unknown one by one.
    #[must_use]
    pub fn judge_without(&self, values: &Values<'_>, is_unknown: &dyn Fn(Fact<'_>) -> bool) -> Option<bool> {
        self.root.judge_without(values, is_unknown)
    }
}

impl Clause {
    /// Of the headers, records keep the User-Agent alone.
    pub(super) fn judge(&self, values: &Values<'_>, unknown: &[Field]) -> Option<bool> {
        self.judge_without(values, &|fact| match fact {
            Fact::Header("user-agent") => false,
            Fact::Header(_) => unknown.contains(&Field::Headers),
            Fact::Field(field) => unknown.contains(&field),
        })
    }

    fn judge_without(&self, values: &Values<'_>, is_unknown: &dyn Fn(Fact<'_>) -> bool) -> Option<bool> {
        let each = |items: &[Self], decides: bool| {
            let mut all_known = true;
            for item in items {
                match item.judge_without(values, is_unknown) {
                    Some(holds) if holds == decides => return Some(decides),
                    Some(_) => {}
                    None => all_known = false,
                }
            }
            all_known.then_some(!decides)
        };
        match &self.kind {
            ClauseKind::Combined(Combiner::And, items) => each(items, false),
            ClauseKind::Combined(Combiner::Or, items) => each(items, true),
            ClauseKind::Combined(Combiner::Xor, items) => items.iter().try_fold(false, |odd, item| {
                Some(odd ^ item.judge_without(values, is_unknown)?)
            }),
            ClauseKind::Not(inner) => inner.judge_without(values, is_unknown).map(|holds| !holds),
            ClauseKind::Predicate(predicate) => {
                (!predicate.term.reads(is_unknown)).then(|| predicate.holds(values))
            }
            ClauseKind::Each(_, inner) => (!inner.reads(is_unknown)).then(|| self.holds(values)),
        }
    }
}

impl Term {
    /// Whether it reads one of these facts.
    fn reads(&self, is_one: &dyn Fn(Fact<'_>) -> bool) -> bool {
        let mut reads = false;
        self.visit_facts(&mut |fact| reads |= is_one(fact));
        reads
    }
}

/// A value that may have been made for the occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Computed<'a> {
    Bytes(Cow<'a, [u8]>),
    Int(i64),
    Bool(bool),
    Ip(IpAddr),
}

impl Clause {
    pub(super) fn holds(&self, values: &Values<'_>) -> bool {
        match &self.kind {
            ClauseKind::Combined(Combiner::And, items) => items.iter().all(|item| item.holds(values)),
            ClauseKind::Combined(Combiner::Or, items) => items.iter().any(|item| item.holds(values)),
            ClauseKind::Combined(Combiner::Xor, items) => {
                items.iter().fold(false, |odd, item| odd ^ item.holds(values))
            }
            ClauseKind::Not(inner) => !inner.holds(values),
            ClauseKind::Predicate(predicate) => predicate.holds(values),
            ClauseKind::Each(quantifier, inner) => {
                quantifier.holds(inner.items(values).map(|item| inner.holds_of(item, values)))
            }
        }
    }

    /// Of what is within `any` or `all`: whether it holds where `[*]` is this value.
    fn holds_of(&self, item: &[u8], values: &Values<'_>) -> bool {
        let part_holds = |part: &Self| part.holds_of(item, values);
        match &self.kind {
            ClauseKind::Combined(Combiner::And, items) => items.iter().all(part_holds),
            ClauseKind::Combined(Combiner::Or, items) => items.iter().any(part_holds),
            ClauseKind::Combined(Combiner::Xor, items) => {
                items.iter().fold(false, |odd, part| odd ^ part_holds(part))
            }
            ClauseKind::Not(inner) => !inner.holds_of(item, values),
            ClauseKind::Each(_, inner) => inner.holds_of(item, values),
            ClauseKind::Predicate(predicate) => predicate
                .test
                .holds_of(predicate.term.compute(values, Some(item))),
        }
    }

    /// Of what is within `any` or `all`: the values that it is asked of.
    pub(super) fn items<'v>(&self, values: &Values<'v>) -> impl Iterator<Item = &'v [u8]> {
        let array = self.array().into_iter();
        array.flat_map(|array| values.items(array))
    }

    /// What `[*]` goes over in the first comparison.
    fn array(&self) -> Option<&Array> {
        match &self.kind {
            ClauseKind::Combined(_, items) => items.first().and_then(Self::array),
            ClauseKind::Not(inner) | ClauseKind::Each(_, inner) => inner.array(),
            ClauseKind::Predicate(predicate) => predicate.term.array(),
        }
    }

    /// Whether a comparison in it reads one of these fields.
    fn reads(&self, is_one: &dyn Fn(Fact<'_>) -> bool) -> bool {
        let mut reads = false;
        self.visit_predicates(&mut |predicate| reads |= predicate.term.reads(is_one));
        reads
    }
}

impl Predicate {
    pub(super) fn holds(&self, values: &Values<'_>) -> bool {
        self.test.holds_of(self.term.compute(values, None))
    }
}

impl Term {
    /// What `[*]` goes over.
    pub(super) fn array(&self) -> Option<&Array> {
        match self {
            Self::Each(array) => Some(array),
            _ => self.inner().and_then(Self::array),
        }
    }

    /// `each` is what `[*]` stands for. `None`: a fact is missing.
    pub(super) fn compute<'v>(
        &'v self,
        values: &'v Values<'_>,
        each: Option<&'v [u8]>,
    ) -> Option<Computed<'v>> {
        let string = |of: &'v Self| of.compute(values, each).and_then(Computed::bytes);
        let bytes = match self {
            Self::Field(field) => return computed(values.get(*field)),
            Self::Untold(_) => return None,
            Self::Told(fact) => return computed(values.told(*fact)),
            Self::Extension => match values.get(Field::Path) {
                Value::Bytes(path) => Cow::Owned(extension(path).to_ascii_lowercase()),
                _ => return None,
            },
            Self::Same(left, right) => {
                let right = right.compute(values, each)?;
                return Some(Computed::Bool(left.compute(values, each)? == right));
            }
            Self::Count(array) => return count(values.items(array)),
            Self::Length(of) => return Some(Computed::Int(i64::try_from(string(of)?.len()).ok()?)),
            Self::At(array, at) => Cow::Borrowed(values.items(array).nth(*at as usize)?),
            Self::Each(_) => Cow::Borrowed(each?),
            Self::Lower(of) => Cow::Owned(string(of)?.to_ascii_lowercase()),
            Self::Upper(of) => Cow::Owned(string(of)?.to_ascii_uppercase()),
            Self::ToString(of) => of.compute(values, each)?.print(),
            Self::Substring(of, start, end) => {
                let bytes = string(of)?;
                let range = cut(bytes.len(), *start, *end);
                Cow::Owned(
                    range
                        .and_then(|range| bytes.get(range))
                        .unwrap_or_default()
                        .to_vec(),
                )
            }
            Self::Concat(parts) => concat(parts.iter().filter_map(string))?,
            Self::Coalesce(parts) => return parts.iter().find_map(|part| part.compute(values, each)),
            Self::Literal(literal) => Cow::Borrowed(&**literal),
            Self::UrlDecode(of, decoding) => {
                let mut bytes = string(of)?.into_owned();
                let len = url_decode(&mut bytes, *decoding);
                bytes.truncate(len);
                Cow::Owned(bytes)
            }
            Self::RemoveBytes(of, unwanted) => {
                let mut bytes = string(of)?.into_owned();
                let len = remove_bytes(&mut bytes, unwanted);
                bytes.truncate(len);
                Cow::Owned(bytes)
            }
            Self::Join(array, separator) => Cow::Owned(joined(array, separator, values)?),
            Self::JsonString(of, keys) => {
                let text = string(of)?;
                match json::find(&text, keys)? {
                    Json::String(place) => {
                        let mut string = text.get(place)?.to_vec();
                        let len = json::unescape(&mut string);
                        string.truncate(len);
                        Cow::Owned(string)
                    }
                    Json::Integer(_) => return None,
                }
            }
            Self::JsonInteger(of, keys) => match json::find(&string(of)?, keys)? {
                Json::Integer(int) => return Some(Computed::Int(int)),
                Json::String(_) => return None,
            },
            Self::Base64(of) => {
                let mut bytes = string(of)?.into_owned();
                let len = decode_base64(&mut bytes)?;
                bytes.truncate(len);
                Cow::Owned(bytes)
            }
            Self::Sha256(of) => Cow::Owned(sha256(&string(of)?)?.to_vec()),
            Self::Signed(signed) => {
                let Computed::Int(now) = signed.now.compute(values, each)? else {
                    return None;
                };
                return Some(Computed::Bool(signed.is_valid(&string(&signed.of)?, now)));
            }
            Self::Network(of, v4, v6) => match of.compute(values, each)? {
                Computed::Ip(ip) => return Some(Computed::Ip(network(ip, *v4, *v6))),
                _ => return None,
            },
        };
        Some(Computed::Bytes(bytes))
    }
}

/// As in wirefilter, missing parts are left out, and the whole is missing if all are.
fn concat<'v>(parts: impl Iterator<Item = Cow<'v, [u8]>>) -> Option<Cow<'v, [u8]>> {
    parts.reduce(|mut joined, part| {
        joined.to_mut().extend_from_slice(&part);
        joined
    })
}

/// Missing where the array is.
fn joined(array: &Array, separator: &[u8], values: &Values<'_>) -> Option<Vec<u8>> {
    let items: Vec<&[u8]> = values.items(array).collect();
    (!items.is_empty() || array.may_be_empty()).then(|| items.join(separator))
}

fn count<'v>(items: impl Iterator<Item = &'v [u8]>) -> Option<Computed<'v>> {
    match items.count() {
        0 => None,
        some => i64::try_from(some).ok().map(Computed::Int),
    }
}

fn computed(value: Value<'_>) -> Option<Computed<'_>> {
    match value {
        Value::Missing => None,
        Value::Bytes(bytes) => Some(Computed::Bytes(Cow::Borrowed(bytes))),
        Value::Int(int) => Some(Computed::Int(int)),
        Value::Bool(bool) => Some(Computed::Bool(bool)),
        Value::Ip(ip) => Some(Computed::Ip(ip)),
    }
}

impl<'a> Computed<'a> {
    fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn print(self) -> Cow<'a, [u8]> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(int) => Cow::Owned(int.to_string().into_bytes()),
            Self::Bool(bool) => Cow::Owned(bool.to_string().into_bytes()),
            Self::Ip(ip) => Cow::Owned(ip.to_string().into_bytes()),
        }
    }
}

/// What follows the last dot of the last segment; empty where there is none.
pub(super) fn extension(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    memchr::memrchr(b'.', name)
        .and_then(|dot| name.get(dot + 1..))
        .unwrap_or_default()
}

/// The bytes from `start` up to `end` of a value of this length, both from the end where negative; `None`: none.
pub(super) fn cut(len: usize, start: i64, end: Option<i64>) -> Option<Range<usize>> {
    let place = |at: i64| match usize::try_from(at) {
        Ok(at) => at.min(len),
        Err(_) => len.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let range = place(start)..end.map_or(len, place);
    (!range.is_empty()).then_some(range)
}

impl Test {
    /// As in wirefilter: without a fact nothing is known, so only "not equal" holds.
    pub(super) const fn holds_for_missing(&self) -> bool {
        matches!(
            self,
            Self::String(Order::NotEqual, _)
                | Self::Integer(Order::NotEqual, _)
                | Self::Ip(Order::NotEqual, _)
        )
    }

    fn holds_of(&self, value: Option<Computed<'_>>) -> bool {
        match value {
            Some(value) => self.holds(&value),
            None => self.holds_for_missing(),
        }
    }

    pub(super) fn holds(&self, value: &Computed<'_>) -> bool {
        match value {
            Computed::Bytes(bytes) => self.holds_for_string(bytes),
            Computed::Int(int) => self.holds_for_integer(*int),
            Computed::Bool(bool) => *bool && matches!(self, Self::IsTrue),
            Computed::Ip(ip) => self.holds_for_ip(*ip),
        }
    }

    pub(super) fn holds_for_string(&self, value: &[u8]) -> bool {
        match self {
            Self::String(order, other) => order.holds(value.cmp(other)),
            Self::Contains(part) => memchr::memmem::find(value, part).is_some(),
            Self::StartsWith(part) => value.starts_with(part),
            Self::EndsWith(part) => value.ends_with(part),
            Self::Matches(pattern) => pattern.is_match(value),
            Self::Wildcard(wildcard) => wildcard.to_lower().is_match(&value.to_ascii_lowercase()),
            Self::StrictWildcard(wildcard) => wildcard.is_match(value),
            Self::InStrings(strings) => strings.iter().any(|string| **string == *value),
            Self::InList(list) => list.has_string(value),
            // A value of another type than the field's reads as missing.
            _ => self.holds_for_missing(),
        }
    }

    fn holds_for_integer(&self, value: i64) -> bool {
        match self {
            Self::Integer(order, other) => order.holds(value.cmp(other)),
            Self::Mask(mask) => value & mask != 0,
            Self::InIntegers(ranges) => ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&value)),
            Self::InList(list) => list.has_number(value),
            _ => self.holds_for_missing(),
        }
    }

    fn holds_for_ip(&self, value: IpAddr) -> bool {
        match self {
            Self::Ip(order, other) if value.is_ipv4() == other.is_ipv4() => order.holds(value.cmp(other)),
            // Addresses of two families do not compare; they are only not equal.
            Self::Ip(order, _) => *order == Order::NotEqual,
            Self::InIps(ranges) => ranges.iter().any(|range| range.contains(value)),
            Self::InList(list) => list.has_ip(value),
            _ => self.holds_for_missing(),
        }
    }
}

impl Order {
    pub(super) const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}
