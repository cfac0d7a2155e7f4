//! A cross-section from CSV: a header, then attribute values with what was observed and what was expected.

use std::io::Read;

use blobwatch_detect::localize::CrossSection;

use crate::problem::Problem;
use crate::table::{Row, Table};

/// Where the two numbers are; every other column is an attribute.
struct Columns {
    real: usize,
    predict: usize,
    count: usize,
}

/// Reads a whole file; `file` is its name in messages.
pub(super) fn read(input: impl Read, file: &str) -> Result<CrossSection, Problem> {
    let mut table = Table::new(input, file);
    let begun = match table.next()? {
        Some(header) => Columns::begin(&header).map_err(|expected| (header.line, expected)),
        None => Err((1, no_header("an empty file"))),
    };
    let (columns, mut section) = begun.map_err(|(line, expected)| table.wrong(line, expected))?;
    while let Some(row) = table.next()? {
        let line = row.line;
        let pushed = columns.push(&row, &mut section);
        pushed.map_err(|expected| table.wrong(line, expected))?;
    }
    Ok(section)
}

fn no_header(found: &str) -> String {
    format!("a header with attributes and one column `real`, found {found}")
}

impl Columns {
    fn begin(header: &Row<'_>) -> Result<(Self, CrossSection), String> {
        let columns = Self::find(header)?;
        let section = CrossSection::new(&columns.attributes(header)).map_err(|error| error.to_string())?;
        Ok((columns, section))
    }

    fn find(header: &Row<'_>) -> Result<Self, String> {
        let found = || format!("`{}`", header.iter().collect::<Vec<_>>().join(","));
        let only = |wanted: &str| {
            let is_it = |(_, name): &(usize, &str)| name.eq_ignore_ascii_case(wanted);
            let mut places = header.iter().enumerate().filter(is_it);
            match (places.next(), places.next()) {
                (Some((place, _)), None) => Ok(place),
                _ => Err(no_header(&found()).replace("`real`", &format!("`{wanted}`"))),
            }
        };
        Ok(Self {
            real: only("real")?,
            predict: only("predict")?,
            count: header.len(),
        })
    }

    /// The attribute columns of a row.
    fn attributes<'r>(&self, row: &Row<'r>) -> Vec<&'r str> {
        let is_attribute = |(column, _): &(usize, &str)| *column != self.real && *column != self.predict;
        row.iter()
            .enumerate()
            .filter(is_attribute)
            .map(|(_, value)| value)
            .collect()
    }

    fn push(&self, row: &Row<'_>, section: &mut CrossSection) -> Result<(), String> {
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

fn number(row: &Row<'_>, column: usize, name: &str) -> Result<f64, String> {
    let text = row.get(column);
    let good = |number: &f64| number.is_finite() && *number >= 0.0;
    text.parse()
        .ok()
        .filter(good)
        .ok_or_else(|| format!("`{name}` to be a number of zero or more, found `{text}`"))
}
