//! Marginals: what a minute or an hour counted of each value of one attribute on each route, whoever else the requests were of.
//!
//! A timeline that asks for one attribute at most reads them instead of every combination. They follow from the counts of a row and
//! from nothing else, so they may be made at any time: soon after the row, or when somebody asks for a row that has none yet.

use std::sync::Arc;

use super::rollups::{StoredRollup, Unit, encode};
use super::{Detector, count};
use crate::key_table::KeyTable;
use crate::{ATTRIBUTES, MinuteSample, Rollup, value};
use blobwatch_pull::{Family, Origin};
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::{Pace, Shared, Sql, SqlValue, StoreError, number};

pub(super) const MINUTE_MARGINAL: &str = "CREATE TABLE minute_marginal (minute INTEGER PRIMARY KEY, \
     route BLOB, family BLOB, os BLOB, fingerprint BLOB, country BLOB, colo BLOB, asn BLOB)";
pub(super) const HOUR_MARGINAL: &str = "CREATE TABLE hour_marginal (hour INTEGER PRIMARY KEY, \
     route BLOB, family BLOB, os BLOB, fingerprint BLOB, country BLOB, colo BLOB, asn BLOB)";

/// The columns in their order: SQLite walks the pages of those before to one, so what has few values comes first.
const COLUMNS: [&str; ATTRIBUTES.len()] = ["route", "family", "os", "fingerprint", "country", "colo", "asn"];

/// Counts of one attribute in a row: half of its combinations. An attribute with more values is read from these, which takes little
/// longer, and all attributes together stay below the 2 MB of a row.
const MAX_COUNTS: usize = 2_000;

/// Minutes without marginals that an alarm makes up for: a database of an older build has all of its two days within the hour.
const MAX_MINUTES: usize = 60;

/// The rule of counts of requests that another party's rule fired on: which of its rules did is of no interest here.
const UPSTREAM_RULE: &str = "upstream:";

/// What is kept of a minute or an hour for one attribute.
#[derive(Debug)]
pub(crate) enum StoredMarginal {
    /// The counts of its values; where it has too many, of all combinations.
    Counts(StoredRollup),
    /// The counts of all combinations, whose marginals were not made yet.
    Missing(StoredRollup),
}

/// The marginals of all attributes.
#[derive(Debug)]
pub(crate) struct Marginals {
    tables: [KeyTable<CellCounts>; COLUMNS.len()],
    other: CellCounts,
    none: Arc<str>,
}

/// Whether another party's rule fired on these requests, none of which reached us: see [`CellKey::of`].
pub(crate) fn is_upstream(key: &CellKey) -> bool {
    key.rules.iter().any(|rule| Origin::of(rule) == Origin::Upstream)
}

impl Marginals {
    /// Those of a row, in slices.
    ///
    /// # Errors
    /// When the row is not what was written.
    pub(crate) async fn of(row: &mut StoredRollup, pace: &impl Pace) -> Result<Self, StoreError> {
        let mut marginals = Self {
            tables: Default::default(),
            other: CellCounts::default(),
            none: "".into(),
        };
        while let Some(part) = row.next_part()? {
            marginals.take(&part);
            pace.spent(part.cells.len()).await;
        }
        Ok(marginals)
    }

    fn take(&mut self, part: &Rollup) {
        self.other.add(&part.other);
        for (key, counts) in &part.cells {
            for (attribute, table) in COLUMNS.into_iter().zip(&mut self.tables) {
                table.add(of_attribute(key, attribute, &self.none), |sum| sum.add(counts));
            }
        }
    }

    /// The bytes of each column, the routes of a value side by side.
    fn columns(&self, minute: u64) -> impl Iterator<Item = SqlValue> {
        let tables = COLUMNS.into_iter().zip(&self.tables);
        tables.map(move |(attribute, table)| {
            if table.len() > MAX_COUNTS {
                return SqlValue::Null;
            }
            let cells = table.iter().map(|(key, counts)| (key.clone(), *counts));
            let mut cells: Vec<(CellKey, CellCounts)> = cells.collect();
            cells.sort_by(|(a, _), (b, _)| (value(a, attribute), a).cmp(&(value(b, attribute), b)));
            SqlValue::Blob(encode(&Rollup {
                minute,
                cells,
                other: self.other,
                sample: MinuteSample::default(),
            }))
        })
    }
}

/// The route of a key, and its value of one attribute.
fn of_attribute(key: &CellKey, attribute: &str, none: &Arc<str>) -> CellKey {
    let of = |name, text| Arc::clone(if attribute == name { text } else { none });
    CellKey {
        route: Arc::clone(&key.route),
        colo: of("colo", &key.colo),
        country: of("country", &key.country),
        asn: key.asn.filter(|_| attribute == "asn"),
        family: Some(key.family)
            .filter(|_| attribute == "family")
            .unwrap_or(Family::Unknown),
        os: of("os", &key.os),
        fingerprint: of("fingerprint", &key.fingerprint),
        rules: if is_upstream(key) {
            vec![UPSTREAM_RULE.into()]
        } else {
            Vec::new()
        },
    }
}

impl<S: Sql> Detector<S> {
    /// What is kept of an attribute in the first row from `first` on, before `until`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn marginal_from(
        &self,
        unit: Unit,
        attribute: &str,
        first: u64,
        until: u64,
    ) -> Result<Option<StoredMarginal>, StoreError> {
        let name = unit.name();
        let statement = format!(
            "SELECT {name}.{name}, {name}_marginal.{name}, {name}_marginal.{attribute} FROM {name} \
             LEFT JOIN {name}_marginal ON {name}_marginal.{name} = {name}.{name} \
             WHERE {name}.{name} >= ? AND {name}.{name} < ? ORDER BY {name}.{name} LIMIT 1"
        );
        let mut rows = self.sql.run(&statement, &[number(first), number(until)])?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        let time = row.integer(0, "the time of counts")?;
        let is_made = row.optional_integer(1, "the time of marginals")?.is_some();
        if is_made && row.as_slice().get(2) != Some(&SqlValue::Null) {
            let bytes = row.take_blob(2, "the bytes of marginals")?;
            return Ok(Some(StoredMarginal::Counts(StoredRollup::new(unit, time, bytes))));
        }
        let found = self.rollup_from(unit, time, time + 1)?;
        Ok(found.map(if is_made {
            StoredMarginal::Counts
        } else {
            StoredMarginal::Missing
        }))
    }

    /// Keeps the marginals of a row, unless it was replaced since it was read.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn put_marginals(&self, row: &StoredRollup, marginals: &Marginals) -> Result<(), StoreError> {
        let name = row.unit.name();
        let statement = format!(
            "INSERT OR REPLACE INTO {name}_marginal ({name}, {}) SELECT ?{} \
             WHERE EXISTS (SELECT 1 FROM {name} WHERE {name} = ? AND bytes = ?)",
            COLUMNS.join(", "),
            ", ?".repeat(COLUMNS.len())
        );
        let time = number(row.time());
        let mut parameters = vec![time.clone()];
        parameters.extend(marginals.columns(row.minute));
        parameters.extend([time, SqlValue::Blob(row.bytes().to_vec())]);
        self.sql.run(&statement, &parameters)?;
        Ok(())
    }

    /// Of a row that is replaced.
    pub(super) fn forget_marginals(&self, minute: u64) -> Result<(), StoreError> {
        let statement = "DELETE FROM minute_marginal WHERE minute = ?";
        self.sql.run(statement, &[number(minute)])?;
        Ok(())
    }

    /// Of rows that went.
    pub(super) fn retain_marginals(&self) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM minute_marginal WHERE minute < (SELECT min(minute) FROM minute)",
            "DELETE FROM hour_marginal WHERE hour < (SELECT min(hour) FROM hour)",
        ] {
            self.sql.run(statement, &[])?;
        }
        Ok(())
    }
}

/// Makes the marginals of the minutes that came since the newest that has some, in slices.
pub(super) async fn keep_marginals<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    let newest = "SELECT coalesce(max(minute), 0) FROM minute_marginal";
    let mut next = shared.with(|store| Ok(count(&store.sql, newest, &[])? + 1))?;
    for _ in 0..MAX_MINUTES {
        let Some(mut row) = shared.with(|store| store.rollup_from(Unit::Minute, next, u64::MAX))? else {
            break;
        };
        next = row.minute + 1;
        let marginals = Marginals::of(&mut row, pace).await;
        shared.with(|store| match StoreError::readable(marginals)? {
            Some(marginals) => store.put_marginals(&row, &marginals),
            // Whoever asks for it is told.
            None => Ok(()),
        })?;
    }
    Ok(())
}
