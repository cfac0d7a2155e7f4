//! Lines of columns under a header: CSV, and CloudFront's tabs under `#Fields:`.

use std::borrow::Cow;

use blobwatch_logs::{CLOUDFRONT, Field, LogEntry, Split, separator_of};

/// Which column says what.
#[derive(Debug, Default)]
pub(in super::super) struct Columns {
    fields: Vec<Option<Field>>,
    separator: u8,
    /// Under `#Fields:`, without quotes.
    is_cloudfront: bool,
    /// The fields are those of such logs.
    is_w3c: bool,
}

impl Columns {
    /// From a CSV header; the separator is the one that it has most of.
    pub(in super::super) fn of_header(header: &str, name: impl Fn(&str) -> Option<Field>) -> Self {
        let mut columns = Self {
            separator: separator_of(header),
            ..Self::default()
        };
        columns.fields = columns.split(header).map(|text| name(text.trim())).collect();
        columns
    }

    /// From CloudFront's `#Fields: date time x-edge-location …`; both sets of names, of files and of real-time logs. Other
    /// programs (IIS) write such fields with blanks between them.
    pub(in super::super) fn of_cloudfront(fields: &str, is_tabbed: bool) -> Self {
        let field = |name: &str| {
            let known = CLOUDFRONT.iter().find(|(known, _)| *known == name);
            known.map(|(_, field)| *field)
        };
        Self {
            fields: fields.split_ascii_whitespace().map(field).collect(),
            separator: if is_tabbed { b'\t' } else { b' ' },
            is_cloudfront: true,
            is_w3c: true,
        }
    }

    /// Of a header with the names of such fields: what a query of them gives as CSV.
    pub(in super::super) fn with_w3c(mut self) -> Self {
        self.is_w3c = true;
        self
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
                entry.set(self.unit_of(*field, &value), value)?;
            }
        }
        if found != self.fields.len() {
            return Err("as many columns as in the header");
        }
        entry.is_agent_encoded = self.is_w3c;
        if self.is_w3c {
            shorten_location(entry);
        }
        Ok(())
    }

    /// `time-taken` is CloudFront's in seconds, with thousandths, and in whole milliseconds that of IIS.
    fn unit_of(&self, field: Field, value: &str) -> Field {
        match field {
            Field::Seconds if self.is_w3c && !value.contains('.') => Field::DurationMs,
            field => field,
        }
    }

    fn split<'a>(&self, line: &'a str) -> Split<'a> {
        Split::new(line, self.separator, !self.is_cloudfront)
    }
}

/// `IAD89-C1`: the airport and the cache in it.
pub(in super::super) fn shorten_location(entry: &mut LogEntry<'_>) {
    if let Cow::Borrowed(text) = &mut entry.colo {
        *text = text.get(..3).unwrap_or(text);
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

    /// IIS writes whole milliseconds, CloudFront thousandths of a second.
    #[test]
    fn the_unit_of_a_duration_is_told_by_how_it_is_written() {
        let columns = Columns::of_cloudfront("cs-uri-stem time-taken", false);
        for line in ["/v2/a 250", "/v2/a 0.250"] {
            let mut entry = LogEntry::default();
            columns.read(line, &mut entry).unwrap();
            assert_eq!(entry.duration_ms, 250, "{line}");
        }
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
