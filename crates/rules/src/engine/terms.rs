//! Values that are computed: each distinct one at most once a request, in memory that is kept.

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;

use rustc_hash::FxBuildHasher;

use crate::array::Array;
use crate::decode::{decode_base64, network, remove_bytes, url_decode};
use crate::evaluate::{cut, extension};
use crate::field::Field;
use crate::json::{self, Json, Key};
use crate::limits::DERIVED_BYTES;
use crate::signature::{Signed, sha256};
use crate::term::Term;
use crate::values::{Value, Values};

/// Where a predicate gets its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Field(Field),
    /// Index of [`Terms`].
    Derived(usize),
}

/// The distinct values of a rulebook that are more than a field.
#[derive(Debug, Default)]
pub(super) struct Terms(pub(super) Vec<Term>);

/// Finds the terms of a rulebook that is being compiled.
#[derive(Debug, Default)]
pub(super) struct TermFinder {
    terms: Terms,
    ids: HashMap<Term, usize, FxBuildHasher>,
}

impl TermFinder {
    pub(super) fn into_terms(self) -> Terms {
        self.terms
    }

    pub(super) fn source(&mut self, term: &Term) -> Source {
        if let Term::Field(field) = term {
            return Source::Field(*field);
        }
        let Terms(terms) = &mut self.terms;
        let id = self.ids.entry(term.clone()).or_insert_with_key(|term| {
            terms.push(term.clone());
            terms.len() - 1
        });
        Source::Derived(*id)
    }
}

/// A value: the request's own, or bytes in [`Memory`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'v> {
    Value(Value<'v>),
    MemoryRange(MemoryRange),
}

const MISSING: Found<'static> = Found::Value(Value::Missing);

/// Bytes of [`Memory`].
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryRange {
    start: usize,
    end: usize,
}

/// What is known of a derived value of the request at hand.
#[derive(Debug, Clone, Copy)]
enum Memo {
    Unknown,
    Missing,
    MemoryRange(MemoryRange),
    Int(i64),
    /// Bytes of the request that are as quickly found again.
    Cheap,
}

/// Derived values of the request at hand.
#[derive(Debug)]
pub(super) struct Memory {
    bytes: Vec<u8>,
    memos: Vec<Memo>,
}

impl Memory {
    /// `needed`: whether anything is ever derived.
    pub(super) fn new(terms: &Terms, needed: bool) -> Self {
        Self {
            bytes: Vec::with_capacity(if needed { DERIVED_BYTES } else { 0 }),
            memos: vec![Memo::Unknown; terms.0.len()],
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.memos.fill(Memo::Unknown);
    }

    pub(super) fn value<'a>(&'a self, found: Found<'a>) -> Value<'a> {
        match found {
            Found::Value(value) => value,
            Found::MemoryRange(kept) => self
                .bytes
                .get(kept.start..kept.end)
                .map_or(Value::Missing, Value::Bytes),
        }
    }

    /// Frees what was derived since `mark` said so.
    pub(super) fn release(&mut self, mark: usize) {
        self.bytes.truncate(mark);
    }

    pub(super) const fn mark(&self) -> usize {
        self.bytes.len()
    }

    fn kept_since(&self, start: usize) -> Found<'static> {
        let end = self.bytes.len();
        Found::MemoryRange(MemoryRange { start, end })
    }

    /// A copy of the bytes that may be changed: what is kept already is not shared with anyone.
    fn own(&mut self, found: Found<'_>) -> Option<&mut [u8]> {
        let bytes = match found {
            Found::Value(Value::Bytes(bytes)) => bytes,
            Found::Value(_) => return None,
            Found::MemoryRange(kept) => return self.bytes.get_mut(kept.start..kept.end),
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.bytes.get_mut(start..)
    }
}

/// The value of a derived source.
pub(super) fn derived<'v>(
    terms: &Terms,
    index: usize,
    values: &Values<'v>,
    memory: &mut Memory,
) -> Found<'v> {
    match memory.memos.get(index).copied().unwrap_or(Memo::Missing) {
        Memo::Missing => return MISSING,
        Memo::MemoryRange(kept) => return Found::MemoryRange(kept),
        Memo::Int(int) => return Found::Value(Value::Int(int)),
        Memo::Unknown | Memo::Cheap => {}
    }
    let Some(term) = terms.0.get(index) else {
        return MISSING;
    };
    let found = compute(term, values, None, memory);
    if let Some(memo) = memory.memos.get_mut(index) {
        *memo = match found {
            Found::Value(Value::Missing) => Memo::Missing,
            Found::MemoryRange(kept) => Memo::MemoryRange(kept),
            Found::Value(Value::Int(int)) => Memo::Int(int),
            Found::Value(_) => Memo::Cheap,
        };
    }
    found
}

/// `each` is what `[*]` stands for. What is kept is at the end of the memory.
pub(super) fn compute<'v>(
    term: &Term,
    values: &Values<'v>,
    each: Option<&'v [u8]>,
    memory: &mut Memory,
) -> Found<'v> {
    let bytes = |bytes: Option<&'v [u8]>| bytes.map_or(MISSING, |bytes| Found::Value(Value::Bytes(bytes)));
    match term {
        Term::Field(field) => Found::Value(values.get(*field)),
        Term::At(array, at) => bytes(values.items(array).nth(*at as usize)),
        Term::Each(_) => bytes(each),
        Term::Count(array) => match values.items(array).count() {
            0 => MISSING,
            some => integer(some),
        },
        Term::Literal(_) | Term::Untold(_) => MISSING,
        Term::Told(fact) => Found::Value(values.told(*fact)),
        Term::Extension => match values.get(Field::Path) {
            Value::Bytes(path) => change(
                Found::Value(Value::Bytes(extension(path))),
                memory,
                <[u8]>::make_ascii_lowercase,
            ),
            _ => MISSING,
        },
        Term::Same(left, right) => same(left, right, values, each, memory),
        Term::Lower(of) => change(
            compute(of, values, each, memory),
            memory,
            <[u8]>::make_ascii_lowercase,
        ),
        Term::Upper(of) => change(
            compute(of, values, each, memory),
            memory,
            <[u8]>::make_ascii_uppercase,
        ),
        Term::Length(of) => {
            let found = compute(of, values, each, memory);
            match memory.value(found) {
                Value::Bytes(bytes) => integer(bytes.len()),
                _ => MISSING,
            }
        }
        Term::ToString(of) => print(compute(of, values, each, memory), memory),
        Term::Substring(of, start, end) => cut_found(compute(of, values, each, memory), *start, *end),
        Term::Concat(parts) => concat(parts, values, memory),
        Term::Coalesce(parts) => coalesce(parts, values, each, memory),
        Term::UrlDecode(of, decoding) => shorten(compute(of, values, each, memory), memory, |bytes| {
            Some(url_decode(bytes, *decoding))
        }),
        Term::RemoveBytes(of, unwanted) => shorten(compute(of, values, each, memory), memory, |bytes| {
            Some(remove_bytes(bytes, unwanted))
        }),
        Term::Join(array, separator) => join(array, separator, values, memory),
        Term::JsonString(of, keys) => json_string(compute(of, values, each, memory), keys, memory),
        Term::JsonInteger(of, keys) => json_integer(compute(of, values, each, memory), keys, memory),
        Term::Base64(of) => shorten(compute(of, values, each, memory), memory, decode_base64),
        Term::Sha256(of) => digest(compute(of, values, each, memory), memory),
        Term::Signed(signed) => is_signed(signed, values, memory),
        Term::Network(of, v4, v6) => match compute(of, values, each, memory) {
            Found::Value(Value::Ip(ip)) => Found::Value(Value::Ip(network(ip, *v4, *v6))),
            _ => MISSING,
        },
    }
}

fn integer(number: usize) -> Found<'static> {
    i64::try_from(number).map_or(MISSING, |int| Found::Value(Value::Int(int)))
}

fn change<'v>(found: Found<'v>, memory: &mut Memory, change: fn(&mut [u8])) -> Found<'v> {
    let start = match found {
        Found::MemoryRange(kept) => kept.start,
        _ => memory.mark(),
    };
    match memory.own(found) {
        Some(bytes) => change(bytes),
        None => return MISSING,
    }
    match found {
        Found::MemoryRange(_) => found,
        _ => memory.kept_since(start),
    }
}

/// Changes a copy of the bytes, of which the first ones are then the value: as many as `change` says, or none.
fn shorten<'v>(
    found: Found<'v>,
    memory: &mut Memory,
    change: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Found<'v> {
    let start = match found {
        Found::MemoryRange(kept) => kept.start,
        _ => memory.mark(),
    };
    match memory.own(found).and_then(change) {
        Some(len) => Found::MemoryRange(MemoryRange {
            start,
            end: start + len,
        }),
        None => MISSING,
    }
}

/// Whether both are there and equal. Nothing of them is kept.
fn same(
    left: &Term,
    right: &Term,
    values: &Values<'_>,
    each: Option<&[u8]>,
    memory: &mut Memory,
) -> Found<'static> {
    let mark = memory.mark();
    let (left, right) = (
        compute(left, values, each, memory),
        compute(right, values, each, memory),
    );
    let same = match (memory.value(left), memory.value(right)) {
        (Value::Missing, _) | (_, Value::Missing) => MISSING,
        (left, right) => Found::Value(Value::Bool(left == right)),
    };
    memory.release(mark);
    same
}

fn join<'v>(array: &Array, separator: &[u8], values: &Values<'v>, memory: &mut Memory) -> Found<'v> {
    let start = memory.mark();
    let mut is_first = true;
    for item in values.items(array) {
        if !is_first {
            memory.bytes.extend_from_slice(separator);
        }
        memory.bytes.extend_from_slice(item);
        is_first = false;
    }
    if is_first && !array.may_be_empty() {
        return MISSING;
    }
    memory.kept_since(start)
}

fn json_at(found: Found<'_>, keys: &[Key], memory: &Memory) -> Option<Json> {
    match memory.value(found) {
        Value::Bytes(text) => json::find(text, keys),
        _ => None,
    }
}

fn json_string<'v>(found: Found<'v>, keys: &[Key], memory: &mut Memory) -> Found<'v> {
    let Some(Json::String(place)) = json_at(found, keys, memory) else {
        return MISSING;
    };
    let string = part(found, place);
    match memory.value(string) {
        Value::Bytes(bytes) if memchr::memchr(b'\\', bytes).is_some() => {
            shorten(string, memory, |bytes| Some(json::unescape(bytes)))
        }
        _ => string,
    }
}

fn json_integer(found: Found<'_>, keys: &[Key], memory: &Memory) -> Found<'static> {
    match json_at(found, keys, memory) {
        Some(Json::Integer(int)) => Found::Value(Value::Int(int)),
        _ => MISSING,
    }
}

fn digest(found: Found<'_>, memory: &mut Memory) -> Found<'static> {
    let digest = match memory.value(found) {
        Value::Bytes(bytes) => sha256(bytes),
        _ => None,
    };
    let start = memory.mark();
    digest.map_or(MISSING, |digest| {
        memory.bytes.extend_from_slice(&digest);
        memory.kept_since(start)
    })
}

/// Nothing of what is signed is kept.
fn is_signed(signed: &Signed, values: &Values<'_>, memory: &mut Memory) -> Found<'static> {
    let mark = memory.mark();
    let (of, now) = (
        compute(&signed.of, values, None, memory),
        compute(&signed.now, values, None, memory),
    );
    let is_valid = match (memory.value(of), memory.value(now)) {
        (Value::Bytes(of), Value::Int(now)) => Found::Value(Value::Bool(signed.is_valid(of, now))),
        _ => MISSING,
    };
    memory.release(mark);
    is_valid
}

/// The first that is not missing.
fn coalesce<'v>(
    parts: &[Term],
    values: &Values<'v>,
    each: Option<&'v [u8]>,
    memory: &mut Memory,
) -> Found<'v> {
    for part in parts {
        let found = match part {
            Term::Literal(literal) => {
                let start = memory.mark();
                memory.bytes.extend_from_slice(literal);
                memory.kept_since(start)
            }
            _ => compute(part, values, each, memory),
        };
        if !matches!(found, Found::Value(Value::Missing)) {
            return found;
        }
    }
    MISSING
}

fn print<'v>(found: Found<'v>, memory: &mut Memory) -> Found<'v> {
    let start = memory.mark();
    let written = match found {
        Found::Value(Value::Missing | Value::Bytes(_)) | Found::MemoryRange(_) => return found,
        Found::Value(Value::Int(int)) => write!(memory.bytes, "{int}"),
        Found::Value(Value::Bool(bool)) => write!(memory.bytes, "{bool}"),
        Found::Value(Value::Ip(ip)) => write!(memory.bytes, "{ip}"),
    };
    written.map_or(MISSING, |()| memory.kept_since(start))
}

fn cut_found(found: Found<'_>, start: i64, end: Option<i64>) -> Found<'_> {
    let len = match found {
        Found::Value(Value::Bytes(bytes)) => bytes.len(),
        Found::MemoryRange(kept) => kept.end - kept.start,
        Found::Value(_) => return MISSING,
    };
    part(found, cut(len, start, end).unwrap_or(0..0))
}

/// Bytes of a value.
fn part(found: Found<'_>, range: Range<usize>) -> Found<'_> {
    match found {
        Found::Value(Value::Bytes(bytes)) => Found::Value(Value::Bytes(bytes.get(range).unwrap_or_default())),
        Found::MemoryRange(kept) => Found::MemoryRange(MemoryRange {
            start: kept.start + range.start,
            end: kept.start + range.end,
        }),
        Found::Value(_) => MISSING,
    }
}

/// The parts one after the other from `start`; what a part needed on the way is overwritten by the next.
fn concat<'v>(parts: &[Term], values: &Values<'v>, memory: &mut Memory) -> Found<'v> {
    let start = memory.mark();
    let mut any = false;
    for part in parts {
        let end = memory.mark();
        let found = match part {
            Term::Literal(literal) => {
                memory.bytes.extend_from_slice(literal);
                memory.kept_since(end)
            }
            _ => compute(part, values, None, memory),
        };
        any |= append(found, end, memory);
    }
    if any { memory.kept_since(start) } else { MISSING }
}

/// Makes the memory end with the value, right behind `end`.
fn append(found: Found<'_>, end: usize, memory: &mut Memory) -> bool {
    match found {
        Found::Value(Value::Bytes(bytes)) => {
            memory.release(end);
            memory.bytes.extend_from_slice(bytes);
        }
        Found::MemoryRange(kept) => {
            memory.bytes.copy_within(kept.start..kept.end, end);
            memory.release(end + (kept.end - kept.start));
        }
        Found::Value(_) => {
            memory.release(end);
            return false;
        }
    }
    true
}
