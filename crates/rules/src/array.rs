//! What has several values: the maps of a request, and the arrays that `[*]` goes over.

use std::slice::Iter;

use super::field::Field;
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
}

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

    pub(super) const fn map(&self) -> Map {
        match self {
            Self::Of(map, _) | Self::Names(map) | Self::Values(map) => *map,
        }
    }
}

impl<'a> Values<'a> {
    /// Every value of an array.
    pub(super) fn items<'n>(&self, array: &'n Array) -> Items<'a, 'n> {
        let text = |separator: u8| Entries::Text {
            text: match self.get(array.map().field()) {
                Value::Bytes(text) => text,
                _ => b"",
            },
            separator,
        };
        Items {
            entries: match array.map() {
                Map::Headers => Entries::Headers(self.headers().iter()),
                Map::Arguments => text(b'&'),
                Map::Cookies => text(b';'),
            },
            array,
        }
    }
}

/// The values of an array of one request.
pub(super) struct Items<'a, 'n> {
    entries: Entries<'a>,
    array: &'n Array,
}

impl<'a> Iterator for Items<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (name, value) = self.entries.next()?;
            match self.array {
                Array::Names(_) => return Some(name),
                Array::Values(_) => return Some(value),
                Array::Of(_, wanted) if wanted.as_bytes() == name => return Some(value),
                Array::Of(..) => {}
            }
        }
    }
}

/// Names and values, as sent: nothing is decoded.
enum Entries<'a> {
    Headers(Iter<'a, (&'a str, &'a str)>),
    /// `name=value`, or a name alone, each separated from the next.
    Text {
        text: &'a [u8],
        separator: u8,
    },
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Headers(headers) => headers
                .next()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
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
