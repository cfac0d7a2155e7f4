//! A cross-section from CSV: a header, then attribute values with what was observed and what was expected.

use std::io::Read;

use blobwatch_detect::localize::CrossSection;
use csv::{ReaderBuilder, StringRecord, Trim};

use crate::problem::Problem;

/// Where the two numbers are; every other column is an attribute.
struct Columns {
    real: usize,
    predict: usize,
    count: usize,
}

/// Reads a whole file; `file` is its name in messages.
pub(super) fn read(input: impl Read, file: &str) -> Result<CrossSection, Problem> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(input);
    let header = reader.headers().map_err(|error| unreadable(error, file))?.clone();
    let at_header = |expected| Problem::Line {
        file: file.to_owned(),
        line: 1,
        expected,
    };
    let columns = Columns::find(&header).map_err(at_header)?;
    let mut section =
        CrossSection::new(&columns.attributes(&header)).map_err(|e| at_header(e.to_string()))?;
    let mut row = StringRecord::new();
    while reader
        .read_record(&mut row)
        .map_err(|error| unreadable(error, file))?
    {
        let line = row.position().map_or(0, csv::Position::line);
        columns
            .push(&row, &mut section)
            .map_err(|expected| Problem::Line {
                file: file.to_owned(),
                line,
                expected,
            })?;
    }
    Ok(section)
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, String> {
        let found = || listed(header);
        let only = |name: &str| {
            let mut places = header.iter().enumerate().filter(|(_, column)| *column == name);
            match (places.next(), places.next()) {
                (Some((place, _)), None) => Ok(place),
                _ => Err(format!(
                    "a header with attributes and one column `{name}`, found {}",
                    found()
                )),
            }
        };
        Ok(Self {
            real: only("real")?,
            predict: only("predict")?,
            count: header.len(),
        })
    }

    /// The attribute columns of a row.
    fn attributes<'r>(&self, row: &'r StringRecord) -> Vec<&'r str> {
        let is_attribute = |(column, _): &(usize, &str)| *column != self.real && *column != self.predict;
        row.iter()
            .enumerate()
            .filter(is_attribute)
            .map(|(_, value)| value)
            .collect()
    }

    fn push(&self, row: &StringRecord, section: &mut CrossSection) -> Result<(), String> {
        if row.len() != self.count {
            return Err(format!("{} fields, found {}", self.count, row.len()));
        }
        let (real, predict) = (
            number(row, self.real, "real")?,
            number(row, self.predict, "predict")?,
        );
        section
            .push(&self.attributes(row), real, predict)
            .map_err(|error| error.to_string())
    }
}

fn number(row: &StringRecord, column: usize, name: &str) -> Result<f64, String> {
    let text = row.get(column).unwrap_or_default();
    let good = |number: &f64| number.is_finite() && *number >= 0.0;
    text.parse()
        .ok()
        .filter(good)
        .ok_or_else(|| format!("`{name}` to be a number of zero or more, found `{text}`"))
}

fn listed(header: &StringRecord) -> String {
    if header.is_empty() {
        return "an empty file".to_owned();
    }
    format!("`{}`", header.iter().collect::<Vec<_>>().join(","))
}

/// What the CSV reader could not read: input that failed, or text that is not UTF-8.
fn unreadable(error: csv::Error, file: &str) -> Problem {
    let line = error.position().map_or(1, csv::Position::line);
    let file = file.to_owned();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Problem::Read { file, source },
        _ => Problem::Line {
            file,
            line,
            expected: "text in UTF-8".to_owned(),
        },
    }
}
