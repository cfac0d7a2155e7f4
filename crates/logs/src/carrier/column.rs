//! A whole line of a log as one column of a table: what Splunk, Grafana, Datadog, Graylog and CloudWatch hand out as CSV.

use crate::clock::any_time;
use crate::split::{Split, separator_of};

/// Columns of a table; further ones are not looked at.
const MAX_COLUMNS: usize = 256;

/// Letters of a column's name.
const MAX_NAME: usize = 40;

/// Rows by which columns are told.
const ROWS: usize = 50;

/// Which of the columns it is.
#[derive(Clone, Debug)]
pub(super) struct Column {
    header: String,
    separator: u8,
    count: usize,
    line: usize,
    /// The column with the time at which a line was taken.
    time: Option<usize>,
}

impl Column {
    /// The columns that may be whole lines: texts of several words that are about blobs where lines are.
    pub(super) fn candidates(lines: &[String]) -> Vec<Self> {
        let Some((header, rows)) = lines.split_first() else {
            return Vec::new();
        };
        let separator = separator_of(header);
        if !Split::new(header, separator, true).all(|name| is_name(&name)) {
            return Vec::new();
        }
        let count = Split::new(header, separator, true).take(MAX_COLUMNS).count();
        let split = |row: &String| -> Vec<String> {
            let cells = Split::new(row, separator, true).take(MAX_COLUMNS);
            cells.map(|cell| cell.into_owned()).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().take(ROWS).map(split).collect();
        let rows: Vec<Vec<String>> = rows.into_iter().filter(|row| row.len() == count).collect();
        let any = |column: usize, is: fn(&str) -> bool| {
            rows.iter()
                .any(|row| row.get(column).is_some_and(|cell| is(cell)))
        };
        let time = (0..count).find(|column| any(*column, |cell| any_time(cell).is_some()));
        let is_line = |column: &usize| count > 1 && any(*column, is_about_blobs);
        (0..count)
            .filter(is_line)
            .map(|line| Self {
                header: header.clone(),
                separator,
                count,
                line,
                time,
            })
            .collect()
    }

    /// The line inside, and when it was taken; nothing of the header, which files that were put together have again.
    pub(super) fn unwrap(&self, line: &str) -> Option<(String, Option<u64>)> {
        if line == self.header {
            return Some((String::new(), None));
        }
        let (mut found, mut inner, mut time_ms) = (0, None, None);
        for (at, cell) in Split::new(line, self.separator, true)
            .take(MAX_COLUMNS)
            .enumerate()
        {
            found += 1;
            if at == self.line {
                inner = Some(cell.trim_end().to_owned());
            } else if Some(at) == self.time {
                time_ms = any_time(&cell);
            }
        }
        (found == self.count).then_some((inner?, time_ms))
    }
}

/// Whether a header may call a column so.
fn is_name(text: &str) -> bool {
    let is_of = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '@' | '.' | '-' | ' ');
    let text = text.trim();
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(is_of) && any_time(text).is_none()
}

fn is_about_blobs(cell: &str) -> bool {
    let is_line = cell.trim().contains([' ', '\t']) || cell.starts_with('{');
    is_line && (cell.contains("blobs") || cell.contains("sha256"))
}
