//! Columns of a line: CSV with its quotes, and values between tabs or blanks without any.

use std::borrow::Cow;

/// Columns of a line. One that begins with a quote ends with one, where lines have quotes; `""` inside is a quote.
#[derive(Clone, Debug)]
pub struct Split<'a> {
    rest: Option<&'a str>,
    separator: u8,
    has_quotes: bool,
}

impl<'a> Split<'a> {
    #[must_use]
    pub fn new(line: &'a str, separator: u8, has_quotes: bool) -> Self {
        Self {
            rest: Some(line),
            separator,
            has_quotes,
        }
    }

    fn quoted(&mut self, inner: &'a str) -> Cow<'a, str> {
        let bytes = inner.as_bytes();
        let (mut at, mut is_doubled) = (0, false);
        while let Some(quote) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()) {
            at += quote;
            if bytes.get(at + 1) != Some(&b'"') {
                break;
            }
            is_doubled = true;
            at += 2;
        }
        let value = inner.get(..at).unwrap_or(inner);
        let after = inner.get(at + 1..).unwrap_or_default();
        self.rest = memchr::memchr(self.separator, after.as_bytes()).and_then(|end| after.get(end + 1..));
        if is_doubled {
            Cow::Owned(value.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(value)
        }
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        if self.has_quotes
            && let Some(inner) = rest.strip_prefix('"')
        {
            return Some(self.quoted(inner));
        }
        let end = memchr::memchr(self.separator, rest.as_bytes());
        let (value, rest) = match end {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)),
            None => (rest, None),
        };
        self.rest = rest;
        Some(Cow::Borrowed(value))
    }
}

/// What stands between the columns of a header: the separator that it has most of, a comma where it has none.
#[must_use]
pub fn separator_of(header: &str) -> u8 {
    let count = |separator: &u8| memchr::memchr_iter(*separator, header.as_bytes()).count();
    b",\t;|".iter().copied().rev().max_by_key(count).unwrap_or(b',')
}
