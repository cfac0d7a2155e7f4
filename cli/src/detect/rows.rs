//! The rows of a file of counts: checked, with the line where they stand.

use std::io::Read;

use blobwatch_detect::cohort::MAX_ATTRIBUTES;
use blobwatch_detect::counts::Counts;
use csv::StringRecord;

use super::moment::Style;
use crate::problem::Problem;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Seconds since 1970, or the number of a slot.
    pub(super) time: u64,
    pub(super) counts: Counts,
    record: StringRecord,
}

impl Row {
    /// The values of the attributes.
    pub(super) fn values(&self) -> Vec<&str> {
        let attributes = self.record.len().saturating_sub(3);
        self.record.iter().skip(1).take(attributes).collect()
    }
}

pub(super) struct Rows<R> {
    reader: csv::Reader<R>,
    file: String,
    pub(super) attributes: Vec<String>,
    /// `None` until the first row.
    pub(super) style: Option<Style>,
}

impl<R: Read> Rows<R> {
    /// Reads the header.
    pub(super) fn new(input: R, file: &str) -> Result<Self, Problem> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
        let header = reader.headers().map_err(|error| of_csv(&error, file, 1))?.clone();
        let attributes = attributes(&header).ok_or_else(|| Problem::Line {
            file: file.to_owned(),
            line: 1,
            expected: format!("the columns time,<at most {MAX_ATTRIBUTES} attributes>,trials,events"),
        })?;
        Ok(Self {
            reader,
            file: file.to_owned(),
            attributes,
            style: None,
        })
    }

    /// The next row, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Problem> {
        let mut record = StringRecord::new();
        let line = self.reader.position().line();
        match self.reader.read_record(&mut record) {
            Ok(false) => Ok(None),
            Ok(true) => self.row(record).map(Some),
            Err(error) => Err(of_csv(&error, &self.file, line)),
        }
    }

    fn row(&mut self, record: StringRecord) -> Result<Row, Problem> {
        let time = self.time(&record)?;
        let width = record.len();
        let trials = self.count(&record, width - 2, "trials as a whole number")?;
        let events = self.count(&record, width - 1, "events as a whole number")?;
        if events > trials {
            return Err(self.wrong(
                &record,
                format!("at most as many events as trials ({trials}), found {events}"),
            ));
        }
        Ok(Row {
            time,
            counts: Counts { trials, events },
            record,
        })
    }

    fn time(&mut self, record: &StringRecord) -> Result<u64, Problem> {
        let text = record.get(0).unwrap_or_default();
        let Some(style) = self.style.or_else(|| Style::of(text)) else {
            let expected =
                format!("a time (RFC 3339, seconds since 1970 or the number of a slot), found {text:?}");
            return Err(self.wrong(record, expected));
        };
        self.style = Some(style);
        style
            .read(text)
            .ok_or_else(|| self.wrong(record, format!("{}, found {text:?}", style.expected())))
    }

    fn count(&self, record: &StringRecord, column: usize, expected: &str) -> Result<u64, Problem> {
        let text = record.get(column).unwrap_or_default();
        text.parse()
            .map_err(|_| self.wrong(record, format!("{expected}, found {text:?}")))
    }

    fn wrong(&self, record: &StringRecord, expected: String) -> Problem {
        let line = record.position().map_or(0, csv::Position::line);
        Problem::Line {
            file: self.file.clone(),
            line,
            expected,
        }
    }
}

/// The names between `time` and `trials,events`.
fn attributes(header: &StringRecord) -> Option<Vec<String>> {
    let names: Vec<&str> = header.iter().collect();
    let ["time", attributes @ .., "trials", "events"] = &names[..] else {
        return None;
    };
    let distinct = attributes
        .iter()
        .enumerate()
        .all(|(at, name)| !attributes.iter().take(at).any(|other| other == name));
    (distinct && attributes.len() <= MAX_ATTRIBUTES)
        .then(|| attributes.iter().map(|name| (*name).to_owned()).collect())
}

fn of_csv(error: &csv::Error, file: &str, line: u64) -> Problem {
    let line = error.position().map_or(line, csv::Position::line);
    let expected = match error.kind() {
        csv::ErrorKind::Io(source) => {
            let source = std::io::Error::new(source.kind(), source.to_string());
            return Problem::Read {
                file: file.to_owned(),
                source,
            };
        }
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{expected_len} columns as in the header, found {len}")
        }
        csv::ErrorKind::Utf8 { .. } => "text in UTF-8".to_owned(),
        _ => "CSV".to_owned(),
    };
    Problem::Line {
        file: file.to_owned(),
        line,
        expected,
    }
}
