//! Lines of columns: CSV and JSON arrays under a header, W3C logs under `#Fields:`, Zeek's under `#fields`, and such as have
//! no header and go by their places.

use std::borrow::Cow;

use blobwatch_logs::{CLOUDFRONT, Cells, Field, Layout, LogEntry, ZEEK, is_array, separator_of};

/// The last place that `--field` may name: logs have some hundred columns at most.
const MAX_PLACE: usize = 1000;

/// Which column says what.
#[derive(Debug)]
pub(in super::super) struct Columns {
    fields: Vec<Option<Field>>,
    layout: Layout,
    /// The fields are those of W3C logs.
    is_w3c: bool,
    /// Lines may have more columns than are known: these go by their places.
    is_open: bool,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            layout: Layout::Words,
            is_w3c: false,
            is_open: false,
        }
    }
}

impl Columns {
    /// From a header: of CSV, whose separator is the one that it has most of, or of JSON arrays.
    pub(in super::super) fn of_header(header: &str, name: impl Fn(&str) -> Option<Field>) -> Self {
        let between = || Layout::Between {
            separator: separator_of(header),
            has_quotes: true,
        };
        let layout = if is_array(header) {
            Layout::Array
        } else {
            between()
        };
        let fields = layout.cells(header).map(|text| name(text.trim()));
        Self {
            fields: fields.collect(),
            layout,
            ..Self::default()
        }
    }

    /// Without a header, by the places of `--field`: `5`. None where these are names.
    pub(in super::super) fn of_places(line: &str, asked: &[(String, Field)]) -> Option<Self> {
        let place = |(place, field): &(String, Field)| {
            let place = place
                .parse::<usize>()
                .ok()
                .filter(|place| (1..=MAX_PLACE).contains(place))?;
            Some((place - 1, *field))
        };
        let places: Vec<(usize, Field)> = asked.iter().map(place).collect::<Option<_>>()?;
        let last = places.iter().map(|(place, _)| *place).max()?;
        let field = |at: usize| {
            places
                .iter()
                .find(|(place, _)| *place == at)
                .map(|(_, field)| *field)
        };
        Some(Self {
            fields: (0..=last).map(field).collect(),
            layout: Layout::of_line(line),
            is_open: true,
            ..Self::default()
        })
    }

    /// From CloudFront's `#Fields: date time x-edge-location …`; both sets of names, of files and of real-time logs. Other
    /// programs (IIS) write such fields with blanks between them.
    pub(in super::super) fn of_cloudfront(fields: &str, is_tabbed: bool) -> Self {
        let separator = if is_tabbed { b'\t' } else { b' ' };
        Self {
            is_w3c: true,
            ..Self::of_known(fields, separator, CLOUDFRONT)
        }
    }

    /// From Zeek's `#fields ts uid id.orig_h …`.
    pub(in super::super) fn of_zeek(fields: &str) -> Self {
        Self::of_known(fields, b'\t', ZEEK)
    }

    fn of_known(fields: &str, separator: u8, names: &[(&str, Field)]) -> Self {
        let field = |name: &str| {
            let known = names.iter().find(|(known, _)| *known == name);
            known.map(|(_, field)| *field)
        };
        Self {
            fields: fields.split_ascii_whitespace().map(field).collect(),
            layout: Layout::Between {
                separator,
                has_quotes: false,
            },
            ..Self::default()
        }
    }

    /// Of a header with the names of such fields: what a query of them gives as CSV.
    pub(in super::super) fn with_w3c(mut self) -> Self {
        self.is_w3c = true;
        self
    }

    pub(in super::super) fn is_tabbed(&self) -> bool {
        matches!(self.layout, Layout::Between { separator: b'\t', .. })
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
        let count = match self.layout {
            Layout::Between { separator, .. } => memchr::memchr_iter(separator, line.as_bytes()).count() + 1,
            layout => layout.cells(line).count(),
        };
        count >= self.fields.len()
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
        let is_more = found > self.fields.len() && !self.is_open;
        if found < self.fields.len() || is_more {
            return Err(self.expected());
        }
        entry.is_agent_encoded = self.is_w3c;
        if self.is_w3c {
            shorten_location(entry);
        }
        Ok(())
    }

    /// How many columns lines have.
    pub(in super::super) fn expected(&self) -> &'static str {
        if self.is_open {
            "as many columns as --field names"
        } else {
            "as many columns as in the header"
        }
    }

    /// `time-taken` is CloudFront's in seconds, with thousandths, and in whole milliseconds that of IIS.
    fn unit_of(&self, field: Field, value: &str) -> Field {
        match field {
            Field::Seconds if self.is_w3c && !value.contains('.') => Field::DurationMs,
            field => field,
        }
    }

    fn split<'a>(&self, line: &'a str) -> Cells<'a> {
        self.layout.cells(line)
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
