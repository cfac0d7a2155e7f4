//! Lines of columns under a header: CSV, and CloudFront's tabs under `#Fields:`.

use std::borrow::Cow;

use blobwatch_logs::{CLOUDFRONT, Field, LogEntry};

/// Which column says what.
#[derive(Debug, Default)]
pub(in super::super) struct Columns {
    fields: Vec<Option<Field>>,
    separator: u8,
    is_cloudfront: bool,
}

impl Columns {
    /// From a CSV header; the separator is the one that it has most of.
    pub(in super::super) fn of_header(header: &str, name: impl Fn(&str) -> Option<Field>) -> Self {
        let count = |separator: &u8| memchr::memchr_iter(*separator, header.as_bytes()).count();
        let separator = b",\t;|".iter().copied().rev().max_by_key(count).unwrap_or(b',');
        let mut columns = Self {
            separator,
            ..Self::default()
        };
        columns.fields = columns.split(header).map(|text| name(text.trim())).collect();
        columns
    }

    /// From CloudFront's `#Fields: date time x-edge-location …`; both sets of names, of files and of real-time logs. Other
    /// programs (IIS) write such fields with blanks between them, and milliseconds.
    pub(in super::super) fn of_cloudfront(fields: &str, is_tabbed: bool) -> Self {
        let field = |name: &str| match name {
            "time-taken" if !is_tabbed => Some(Field::DurationMs),
            _ => CLOUDFRONT
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, field)| *field),
        };
        Self {
            fields: fields.split_ascii_whitespace().map(field).collect(),
            separator: if is_tabbed { b'\t' } else { b' ' },
            is_cloudfront: true,
        }
    }

    pub(in super::super) fn is_tabbed(&self) -> bool {
        self.separator == b'\t'
    }

    /// What a line has in its columns, by their names.
    pub(in super::super) fn row(&self, header: &str, line: &str) -> Vec<(String, String)> {
        let names = self.split(header).map(|name| name.trim().to_owned());
        names.zip(self.split(line).map(Cow::into_owned)).collect()
    }

    pub(in super::super) fn has(&self, field: Field) -> bool {
        self.fields.contains(&Some(field))
    }

    pub(in super::super) fn count(&self) -> usize {
        self.fields.len()
    }

    /// Whether a line has as many columns as the header.
    pub(in super::super) fn is_like(&self, line: &str) -> bool {
        memchr::memchr_iter(self.separator, line.as_bytes()).count() + 1 >= self.fields.len()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What was expected.
    pub(in super::super) fn read<'a>(
        &self,
        line: &'a str,
        entry: &mut LogEntry<'a>,
    ) -> Result<(), &'static str> {
        let mut found = 0;
        let mut columns = self.fields.iter();
        for value in self.split(line) {
            found += 1;
            if let Some(Some(field)) = columns.next() {
                entry.set(*field, value)?;
            }
        }
        if found != self.fields.len() {
            return Err("as many columns as in the header");
        }
        entry.is_agent_encoded = self.is_cloudfront;
        if self.is_cloudfront {
            shorten_location(entry);
        }
        Ok(())
    }

    fn split<'a>(&self, line: &'a str) -> Split<'a> {
        Split {
            rest: Some(line),
            separator: self.separator,
            quotes: !self.is_cloudfront,
        }
    }
}

/// `IAD89-C1`: the airport and the cache in it.
pub(in super::super) fn shorten_location(entry: &mut LogEntry<'_>) {
    if let Cow::Borrowed(text) = &mut entry.colo {
        *text = text.get(..3).unwrap_or(text);
    }
}

/// Columns of a line. One that begins with a quote ends with one; `""` inside is a quote.
struct Split<'a> {
    rest: Option<&'a str>,
    separator: u8,
    quotes: bool,
}

impl<'a> Iterator for Split<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        if self.quotes
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

impl<'a> Split<'a> {
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

#[cfg(test)]
mod tests {
    use super::Columns;
    use blobwatch_logs::{Field, LogEntry};

    fn csv(header: &str) -> Columns {
        Columns::of_header(header, |name| match name {
            "ua" => Some(Field::UserAgent),
            "url" => Some(Field::Path),
            "t" => Some(Field::Time),
            _ => None,
        })
    }

    #[track_caller]
    fn case(header: &str, line: &str, expected: (&str, &str)) {
        let mut entry = LogEntry::default();
        csv(header).read(line, &mut entry).unwrap();
        assert_eq!((&*entry.user_agent, &*entry.path), expected);
    }

    #[test]
    fn columns_go_by_their_header() {
        case("ua,x,url", "a,b,c", ("a", "c"));
        case("ua\turl", "a,b\tc", ("a,b", "c"));
        case("url;ua", r#"/a;"b;""c""""#, (r#"b;"c""#, "/a"));
        case(r#""ua","url""#, r#""a, b","/c""#, ("a, b", "/c"));
    }

    #[test]
    fn a_line_of_another_width_is_refused() {
        let mut entry = LogEntry::default();
        let expected = Err("as many columns as in the header");
        assert_eq!(csv("ua,url").read("a", &mut entry), expected);
        assert_eq!(csv("ua,url").read("a,b,c", &mut entry), expected);
        assert_eq!(
            csv("t,url").read("noon,b", &mut LogEntry::default()),
            Err("a time")
        );
    }

    #[test]
    fn cloudfront_names_its_fields() {
        let columns = Columns::of_cloudfront(
            "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) sc-content-len sc-range-start sc-range-end",
            true,
        );
        let line = "2020-07-05\t19:00:00\tIAD89-C1\t700\t192.0.2.7\tGET\thub\t/v2/a\t206\tdocker/19.03%20go/1\t400\t5\t-";
        let mut entry = LogEntry::default();
        columns.read(line, &mut entry).unwrap();
        assert_eq!(entry.finish(), Ok(1_593_975_600_000));
        assert_eq!(
            (&*entry.colo, entry.promised, entry.range_start, entry.range_end),
            ("IAD", Some(400), Some(5), None)
        );
        assert!(entry.is_agent_encoded);
    }

    #[test]
    fn any_line_is_read_or_refused() {
        bolero::check!()
            .with_max_len(48)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"a,\";\t1";
                let spelled: String = bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                    .collect();
                let _ = csv("t,ua,url").read(&spelled, &mut LogEntry::default());
                let text = String::from_utf8_lossy(bytes);
                let _ = csv(&text).read(&spelled, &mut LogEntry::default());
            });
    }
}
