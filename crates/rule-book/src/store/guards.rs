//! The guards: where each stands, and what each FireLog last reported for it.
//!
//! In scope: the rows. A guard belongs to the mode of a rule on a route; the next one there takes its place, and with the
//! enforcement go its rows. Not in scope: where it stood when (`guard_states`), and what follows from it (`guard`,
//! `crates/rule-book`).

use super::{Reading, RuleBookError, RuleBookStore, parameter, text};
use blobwatch_guard::{CohortCounts, Ledger};
use blobwatch_sql::{Row, Sql, json};

pub(super) const GUARDS: &str = "CREATE TABLE IF NOT EXISTS guards (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route)
) WITHOUT ROWID";

/// Totals of one FireLog for one guard, by which what is new of the next report is told.
pub(super) const GUARD_COUNTS: &str = "CREATE TABLE IF NOT EXISTS guard_counts (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    source TEXT NOT NULL,
    guard INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route, source)
) WITHOUT ROWID";

const BODY: &str = "guards.body";
const COUNTS_BODY: &str = "guard_counts.body";

/// A guard and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardEntry {
    pub rule: String,
    pub route: String,
    pub ledger: Ledger,
}

/// A guard after a report, and the totals that the report had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardUpdate<'a> {
    /// Rule and route.
    pub of: (&'a str, &'a str),
    pub ledger: &'a Ledger,
    /// What it has counted now.
    pub reading: &'a Reading,
    /// The FireLog.
    pub source: &'a str,
    pub counts: &'a [CohortCounts],
}

impl<S: Sql> RuleBookStore<S> {
    /// The guard of a rule on a route; it may be of a setting that is no longer there.
    ///
    /// # Errors
    /// When SQLite refuses, or a guard is not what was written.
    pub fn guard(&self, rule: &str, route: &str) -> Result<Option<Ledger>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT body FROM guards WHERE rule = ?1 AND route = ?2",
            &[text(rule), text(route)],
        )?;
        Ok(rows.first().map(|found| found.json(0, BODY)).transpose()?)
    }

    /// Every guard, also of settings that are no longer there.
    ///
    /// # Errors
    /// When SQLite refuses, or a guard is not what was written.
    pub fn guards(&self) -> Result<Vec<GuardEntry>, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT rule, route, body FROM guards ORDER BY rule, route", &[])?;
        let entry = |found: &Row| {
            Ok(GuardEntry {
                rule: found.text(0, "guards.rule")?.to_owned(),
                route: found.text(1, "guards.route")?.to_owned(),
                ledger: found.json(2, BODY)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// What a FireLog last reported for a guard; nothing before its first report.
    ///
    /// # Errors
    /// When SQLite refuses, or the totals are not what was written.
    pub fn guard_counts(
        &self,
        rule: &str,
        route: &str,
        source: &str,
        guard: u64,
    ) -> Result<Vec<CohortCounts>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT body FROM guard_counts WHERE rule = ?1 AND route = ?2 AND source = ?3 AND guard = ?4",
            &[text(rule), text(route), text(source), parameter(guard)],
        )?;
        match rows.first() {
            Some(found) => Ok(found.json(0, COUNTS_BODY)?),
            None => Ok(Vec::new()),
        }
    }

    /// Keeps a guard, and what a FireLog's report made of it, together.
    ///
    /// # Errors
    /// When SQLite refuses; nothing was written then.
    pub(crate) fn keep_guard(&self, kept: &GuardUpdate<'_>, now_ms: u64) -> Result<(), RuleBookError> {
        self.sql.transaction(|| self.write_guard(kept, now_ms))
    }

    /// The same, inside of a transaction.
    pub(crate) fn write_guard(&self, kept: &GuardUpdate<'_>, now_ms: u64) -> Result<(), RuleBookError> {
        let (rule, route) = kept.of;
        self.sql.run(
            "INSERT OR REPLACE INTO guard_counts (rule, route, source, guard, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                text(rule),
                text(route),
                text(kept.source),
                parameter(kept.ledger.guard),
                json(&kept.counts, COUNTS_BODY)?,
            ],
        )?;
        self.sql.run(
            "INSERT OR REPLACE INTO guards (rule, route, body) VALUES (?1, ?2, ?3)",
            &[text(rule), text(route), json(kept.ledger, BODY)?],
        )?;
        self.note_reading(kept.of, kept.ledger.guard, kept.reading, now_ms)?;
        self.guard_stands(kept.of, kept.ledger, now_ms)
    }

    /// What a guard that is over leaves: its last totals, for the step that follows it, or for a mode that it set; where there
    /// is neither, nothing. Inside of the transaction of the change that ends it.
    pub(super) fn forget_guard(&self, of: (&str, &str), is_followed: bool) -> Result<(), RuleBookError> {
        let key = [text(of.0), text(of.1)];
        // Totals by FireLog tell what is new in a report, and a guard that is over takes none.
        self.sql
            .run("DELETE FROM guard_counts WHERE rule = ?1 AND route = ?2", &key)?;
        if !is_followed {
            self.sql
                .run("DELETE FROM guards WHERE rule = ?1 AND route = ?2", &key)?;
        }
        Ok(())
    }
}
