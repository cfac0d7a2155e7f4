//! The rows of a file of counts: checked, with the line where they stand.

use std::io::Read;

use blobwatch_detect::cohort::MAX_ATTRIBUTES;
use blobwatch_detect::counts::Counts;

use super::leaves::Leaves;
use super::moment::Style;
use crate::problem::Problem;
use crate::table::{Row as Fields, Table, whole};

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// Seconds since 1970, or the number that stands there.
    pub(super) time: u64,
    /// Its values, in [`Rows::leaves`].
    pub(super) leaf: u32,
    pub(super) counts: Counts,
}

pub(super) struct Rows<R> {
    table: Table<R>,
    columns: Columns,
    /// The combinations of values seen so far.
    pub(super) leaves: Leaves,
    /// `None` until the first row.
    pub(super) style: Option<Style>,
    /// The latest time and what was read: rows of one time come together.
    latest: (String, u64),
}

/// Where the three columns are; every other column is an attribute.
#[derive(Clone, Copy)]
struct Columns {
    time: usize,
    trials: usize,
    events: usize,
    count: usize,
}

impl<R: Read> Rows<R> {
    /// Reads the header.
    pub(super) fn new(input: R, file: &str) -> Result<Self, Problem> {
        let mut table = Table::new(input, file);
        let header = table.next()?;
        let line = header.map_or(1, |row| row.line);
        let read = header.and_then(|header| {
            let columns = Columns::find(&header)?;
            Some((columns, columns.attributes(&header)?))
        });
        let Some((columns, attributes)) = read else {
            let expected = format!("the columns time,<at most {MAX_ATTRIBUTES} attributes>,trials,events");
            return Err(table.wrong(line, expected));
        };
        Ok(Self {
            table,
            columns,
            leaves: Leaves::new(attributes),
            style: None,
            latest: (String::new(), 0),
        })
    }

    /// The next row, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Problem> {
        let Some(fields) = self.table.next()? else {
            return Ok(None);
        };
        let line = fields.line;
        let read = self.columns.counts(&fields).and_then(|counts| {
            let time = time(&mut self.style, &mut self.latest, fields.get(self.columns.time))?;
            Ok((time, counts))
        });
        match read {
            Ok((time, counts)) => {
                let columns = self.columns;
                let values = (0..columns.count).filter(|column| columns.is_attribute(*column));
                let leaf = self.leaves.number(values.map(|column| fields.get(column)));
                Ok(Some(Row { time, leaf, counts }))
            }
            Err(expected) => Err(self.table.wrong(line, expected)),
        }
    }
}

impl Columns {
    fn find(header: &Fields<'_>) -> Option<Self> {
        let only = |wanted: &str| {
            let mut places = header
                .iter()
                .enumerate()
                .filter(|(_, name)| name.eq_ignore_ascii_case(wanted));
            match (places.next(), places.next()) {
                (Some((place, _)), None) => Some(place),
                _ => None,
            }
        };
        Some(Self {
            time: only("time")?,
            trials: only("trials")?,
            events: only("events")?,
            count: header.len(),
        })
    }

    fn is_attribute(self, column: usize) -> bool {
        ![self.time, self.trials, self.events].contains(&column)
    }

    /// `None` for too many, and for a name that stands twice.
    fn attributes(self, header: &Fields<'_>) -> Option<Vec<String>> {
        let names: Vec<String> = header
            .iter()
            .enumerate()
            .filter(|(column, _)| self.is_attribute(*column))
            .map(|(_, name)| name.to_owned())
            .collect();
        let distinct = names
            .iter()
            .enumerate()
            .all(|(at, name)| !names.iter().take(at).any(|other| other == name));
        (distinct && names.len() <= MAX_ATTRIBUTES).then_some(names)
    }

    fn counts(self, row: &Fields<'_>) -> Result<Counts, String> {
        if row.len() != self.count {
            return Err(format!(
                "{} columns as in the header, found {}",
                self.count,
                row.len()
            ));
        }
        let count = |column, name: &str| {
            let text = row.get(column);
            whole(text).ok_or_else(|| format!("{name} as a whole number, found {text:?}"))
        };
        let counts = Counts {
            trials: count(self.trials, "trials")?,
            events: count(self.events, "events")?,
        };
        if counts.events > counts.trials {
            let Counts { trials, events } = counts;
            return Err(format!(
                "at most as many events as trials ({trials}), found {events}"
            ));
        }
        Ok(counts)
    }
}

fn time(style: &mut Option<Style>, latest: &mut (String, u64), text: &str) -> Result<u64, String> {
    if style.is_some() && latest.0 == text {
        return Ok(latest.1);
    }
    let Some(known) = style.or_else(|| Style::of(text)) else {
        return Err(format!(
            "a time (RFC 3339, 2020-07-05 19:00:00, a number since 1970 or the number of a slot), found {text:?}"
        ));
    };
    *style = Some(known);
    let time = known
        .read(text)
        .ok_or_else(|| format!("{}, found {text:?}", known.expected()))?;
    latest.0.clear();
    latest.0.push_str(text);
    latest.1 = time;
    Ok(time)
}
