//! Columns without names: by the places that `--field` gives them, and what is said of a log that nobody named.

use blobwatch_logs::{Field, Layout, looks};

use super::columns::Columns;
use super::{Finders, Options};
use crate::replay::name_of;

/// Columns that are listed, and letters of each.
const MAX_LISTED: usize = 30;
const MAX_LETTERS: usize = 24;

/// Columns of lines without a header.
///
/// # Errors
/// What was expected of `--field`.
pub(super) fn places(lines: &[&str], options: &Options) -> Result<Columns, String> {
    let line = blob_of(lines).or(lines.first().copied());
    let found = line.and_then(|line| Columns::of_places(line, &options.fields));
    found.ok_or_else(|| {
        let listed = unnamed(lines, options).map_or_else(String::new, |listed| format!("; {listed}"));
        format!("the places of columns, as --field path=4{listed}")
    })
}

/// Where a line for a blob has several columns: which, and how they are named.
pub(super) fn unnamed(lines: &[&str], options: &Options) -> Option<String> {
    let line = blob_of(lines)?;
    let layout = Layout::of_line(line);
    let cells: Vec<String> = layout.cells(line).map(|cell| shortened(&cell)).collect();
    if cells.len() < 3 {
        return None;
    }
    let listed: Vec<String> = (1..)
        .zip(&cells)
        .take(MAX_LISTED)
        .map(|(place, cell)| format!("{place} {cell:?}"))
        .collect();
    let rest = if cells.len() > MAX_LISTED { ", …" } else { "" };
    Some(format!(
        "columns with names, or a known format, found {}{rest}; name the columns by their places, such as {} (and bytes=N where the \
         body's bytes are), or give the format string with --log-format",
        listed.join(", "),
        suggested(lines, layout, options)
    ))
}

fn blob_of<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let finders = Finders::new();
    lines.iter().copied().find(|line| finders.may_be_blob(line))
}

fn shortened(cell: &str) -> String {
    let mut letters = cell.chars().filter(|letter| !letter.is_control());
    let shown: String = letters.by_ref().take(MAX_LETTERS).collect();
    if letters.next().is_some() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// What stands where, as far as it can be told by looks: the person who asked knows better.
fn suggested(lines: &[&str], layout: Layout, options: &Options) -> String {
    let finders = Finders::new();
    let rows = lines.iter().filter(|line| finders.may_be_blob(line)).map(|line| {
        let cells = (1..).zip(layout.cells(line));
        cells
            .map(|(place, cell)| (place.to_string(), cell.into_owned()))
            .collect()
    });
    let mut found = looks(rows);
    found.sort_by_key(|(_, field)| *field);
    let mut named: Vec<String> = found
        .iter()
        .map(|(place, field)| format!("--field {}={place}", name_of(field)))
        .collect();
    for needed in [
        Field::Time,
        Field::Address,
        Field::Path,
        Field::Status,
        Field::UserAgent,
    ] {
        let is_named = found.iter().any(|(_, field)| stands_for(*field) == needed);
        // What carries the lines may say when.
        let is_carried = needed == Field::Time && options.has_carried_times;
        if !is_named && !is_carried {
            named.push(format!("--field {}=N", name_of(&needed)));
        }
    }
    named.join(" ")
}

/// Fields that make another needless.
fn stands_for(field: Field) -> Field {
    match field {
        Field::Date | Field::Finished => Field::Time,
        Field::Request => Field::Path,
        field => field,
    }
}
