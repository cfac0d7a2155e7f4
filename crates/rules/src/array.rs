//! What has several values: the maps of a request, and the arrays that `[*]` goes over.

use std::slice::Iter;

use super::field::Field;
use super::term::Term;
use super::values::{Value, Values};

/// Names with values, a name maybe several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Map {
    Headers,
    Arguments,
    Cookies,
}

/// The values of a map that `[*]` stands for, in the order sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Array {
    /// Those of one name.
    Of(Map, Box<str>),
    Names(Map),
    Values(Map),
    Split(Box<Split>),
}

/// The parts of one value of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Split {
    /// A name, or one value of an array: what needs no memory of its own.
    pub(super) of: Term,
    /// What is between the parts.
    pub(super) separator: Box<[u8]>,
    /// Parts at most: the last one is what is left.
    pub(super) limit: u8,
}

/// What `split` has at most, as at Cloudflare.
pub(super) const MAX_PARTS: u8 = 128;

impl Map {
    pub(super) const ALL: [Self; 3] = [Self::Headers, Self::Arguments, Self::Cookies];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Headers => "http.request.headers",
            Self::Arguments => "http.request.uri.args",
            Self::Cookies => "http.request.cookies",
        }
    }

    /// What one name of it names.
    pub(super) const fn entry(self) -> &'static str {
        match self {
            Self::Headers => "a header",
            Self::Arguments => "an argument",
            Self::Cookies => "a cookie",
        }
    }

    /// An entry for examples.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Headers => "range",
            Self::Arguments => "ns",
            Self::Cookies => "session",
        }
    }

    /// The field that the map is read from.
    pub(super) const fn field(self) -> Field {
        match self {
            Self::Headers => Field::Headers,
            Self::Arguments => Field::Query,
            Self::Cookies => Field::Cookie,
        }
    }
}

impl Array {
    /// Arrays that have a name of their own, without which entry.
    pub(super) const NAMED: [(&'static str, Self); 4] = [
        ("http.request.headers.names", Self::Names(Map::Headers)),
        ("http.request.headers.values", Self::Values(Map::Headers)),
        ("http.request.uri.args.names", Self::Names(Map::Arguments)),
        ("http.request.uri.args.values", Self::Values(Map::Arguments)),
    ];

    /// Whether it can be there without a value, as the arguments of a request without any.
    pub(super) const fn may_be_empty(&self) -> bool {
        matches!(self, Self::Names(_) | Self::Values(_))
    }
}

impl<'a> Values<'a> {
    /// Every value of an array.
    pub(super) fn items<'n>(&self, array: &'n Array) -> Items<'a, 'n> {
        let text = |map: Map, separator: u8| Entries::Text {
            text: match self.get(map.field()) {
                Value::Bytes(text) => text,
                _ => b"",
            },
            separator,
        };
        let entries = match array {
            Array::Of(map, _) | Array::Names(map) | Array::Values(map) => match map {
                Map::Headers => Entries::Headers(self.headers().iter()),
                Map::Arguments => text(*map, b'&'),
                Map::Cookies => text(*map, b';'),
            },
            Array::Split(split) => Entries::Parts {
                rest: match self.own(&split.of) {
                    Value::Bytes(text) => Some(text),
                    _ => None,
                },
                separator: &split.separator,
                left: split.limit,
            },
        };
        Items { entries, array }
    }

    /// What the request says as it is.
    fn own(&self, term: &Term) -> Value<'a> {
        match term {
            Term::Field(field) => self.get(*field),
            Term::Told(fact) => self.told(*fact),
            Term::At(array, at) => {
                let value = self.items(array).nth(*at as usize);
                value.map_or(Value::Missing, Value::Bytes)
            }
            _ => Value::Missing,
        }
    }
}

/// The values of an array of one request.
pub(super) struct Items<'a, 'n> {
    entries: Entries<'a, 'n>,
    array: &'n Array,
}

impl<'a> Iterator for Items<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (name, value) = self.entries.next()?;
            match self.array {
                Array::Names(_) => return Some(name),
                Array::Values(_) | Array::Split(_) => return Some(value),
                Array::Of(_, wanted) if wanted.as_bytes() == name => return Some(value),
                Array::Of(..) => {}
            }
        }
    }
}

/// Names and values, as sent: nothing is decoded.
enum Entries<'a, 'n> {
    Headers(Iter<'a, (&'a str, &'a str)>),
    /// `name=value`, or a name alone, each separated from the next.
    Text {
        text: &'a [u8],
        separator: u8,
    },
    /// Values without a name, of a text of which this is left.
    Parts {
        rest: Option<&'a [u8]>,
        separator: &'n [u8],
        left: u8,
    },
}

impl<'a> Iterator for Entries<'a, '_> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Headers(headers) => headers
                .next()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            Self::Parts {
                rest,
                separator,
                left,
            } => {
                let text = (*rest)?;
                *left = left.saturating_sub(1);
                let cut = memchr::memmem::find(text, separator).filter(|_| *left > 0);
                *rest = cut.and_then(|cut| text.get(cut + separator.len()..));
                Some((b"", text.get(..cut.unwrap_or(text.len()))?))
            }
            Self::Text { text, separator } => loop {
                if text.is_empty() {
                    return None;
                }
                let entry = before(text, *separator);
                *text = text.get(entry.len() + 1..).unwrap_or_default();
                let entry = entry.trim_ascii();
                if !entry.is_empty() {
                    let name = before(entry, b'=');
                    return Some((name, entry.get(name.len() + 1..).unwrap_or_default()));
                }
            },
        }
    }
}

/// What is before the first such byte; all where there is none.
fn before(text: &[u8], byte: u8) -> &[u8] {
    let end = memchr::memchr(byte, text).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}
