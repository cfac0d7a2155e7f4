//! What each guard had counted when: what a plot of its evidence asks.
//!
//! In scope: the rows, how far they are apart and for how long they are kept. Not in scope: what a guard has counted now
//! (`guards`), and where it stood when an old request was decided (`guard_states`).
//!
//! A reading is written with a report, at most one a minute for each guard. A minute without a reading is one in which
//! nothing new was counted.

use serde::{Deserialize, Serialize};

use super::{RuleBookError, RuleBookStore, parameter, text};
use blobwatch_guard::{Arm, Ledger, State};
use blobwatch_sql::{Row, Sql, json};

/// For how long readings are kept.
pub(crate) const READINGS_KEPT_MS: u64 = 24 * 3_600_000;

/// How far the readings of one guard are apart.
const APART_MS: u64 = 60_000;

/// Readings of all guards in a minute; where there are more guards, theirs are further apart. A day of them, at some 300
/// bytes each, is 14 MB.
pub(crate) const MAX_READINGS_A_MINUTE: u64 = 32;

/// First by time: a day that is over is forgotten from the front, and a guard's last reading is looked for in the last
/// minutes only.
pub(super) const GUARD_READINGS: &str = "CREATE TABLE guard_readings (
    at_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    guard INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (at_ms, rule, route)
) WITHOUT ROWID";

const INSERT: &str =
    "INSERT OR REPLACE INTO guard_readings (at_ms, rule, route, guard, body) VALUES (?1, ?2, ?3, ?4, ?5)";

const FORGET: &str = "DELETE FROM guard_readings WHERE at_ms < ?1";

/// A reading from before the clock was set back is no reason to write none.
const LAST_GUARD: &str = "SELECT guard FROM guard_readings WHERE at_ms > ?1 AND at_ms <= ?2 AND rule = ?3 AND route = ?4 \
     ORDER BY at_ms DESC LIMIT 1";

const OF_MODE: &str = "SELECT at_ms, guard, body FROM guard_readings WHERE at_ms >= ?1 AND rule = ?2 AND route = ?3 ORDER BY at_ms";

/// What a guard had counted since it began, and how strong its evidence was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) state: State,
    pub(crate) enforced: ReadArm,
    pub(crate) held_out: ReadArm,
    /// Powers of ten, to a hundredth.
    pub(crate) harm: f64,
    pub(crate) harmless: f64,
}

/// An arm of a guard: names of its stored form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadArm {
    pub(crate) clients: u32,
    pub(crate) healthy: u32,
    pub(crate) unknown: u32,
    pub(crate) judged: u32,
    pub(crate) bad_clients: u32,
}

impl ReadArm {
    /// Of its clients, those of which a past is known that was not clean.
    pub(crate) fn unhealthy(self) -> u32 {
        self.clients
            .saturating_sub(self.healthy)
            .saturating_sub(self.unknown)
    }
}

impl From<Arm> for ReadArm {
    fn from(arm: Arm) -> Self {
        Self {
            clients: arm.clients,
            healthy: arm.healthy,
            unknown: arm.unknown,
            judged: arm.judged,
            bad_clients: arm.bad_clients,
        }
    }
}

impl Reading {
    /// `denies`: the rule blocks or throttles.
    pub(crate) fn of(ledger: &Ledger, denies: bool) -> Self {
        let (enforced, held_out) = ledger.arms();
        let strength = ledger.strength(denies);
        let rounded = |power: f64| (power * 100.0).round() / 100.0;
        Self {
            state: ledger.state,
            enforced: enforced.into(),
            held_out: held_out.into(),
            harm: rounded(strength.harm),
            harmless: rounded(strength.harmless),
        }
    }
}

/// A reading, when it was made and of which guard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadingAt {
    pub(crate) at_ms: u64,
    /// Revision that the guard began with.
    pub(crate) guard: u64,
    pub(crate) reading: Reading,
}

impl<S: Sql> RuleBookStore<S> {
    /// Writes a reading if one is due, inside of the report's transaction.
    pub(super) fn note_reading(
        &self,
        of: (&str, &str),
        guard: u64,
        reading: &Reading,
        now_ms: u64,
    ) -> Result<(), RuleBookError> {
        // How it ended is told whenever that was.
        let is_over = reading.state == State::Demoted;
        if !is_over && self.was_read(of, guard, now_ms)? {
            return Ok(());
        }
        let body = json(reading, "guard_readings.body")?;
        let row = [parameter(now_ms), text(of.0), text(of.1), parameter(guard), body];
        self.sql.run(INSERT, &row)?;
        let oldest = now_ms.saturating_sub(READINGS_KEPT_MS);
        self.sql.run(FORGET, &[parameter(oldest)])?;
        Ok(())
    }

    fn was_read(&self, of: (&str, &str), guard: u64, now_ms: u64) -> Result<bool, RuleBookError> {
        let within = |apart_ms: u64| -> Result<bool, RuleBookError> {
            let after = parameter(now_ms.saturating_sub(apart_ms));
            let key = [after, parameter(now_ms), text(of.0), text(of.1)];
            let rows = self.sql.run(LAST_GUARD, &key)?;
            let last = rows.first().map(|found| found.integer(0, "guard_readings.guard"));
            Ok(last.transpose()? == Some(guard))
        };
        if within(APART_MS)? {
            return Ok(true);
        }
        let apart_ms = self.readings_apart_ms()?;
        Ok(apart_ms > APART_MS && within(apart_ms)?)
    }

    /// How far the readings of one guard are apart, at the least.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn readings_apart_ms(&self) -> Result<u64, RuleBookError> {
        let rows = self.sql.run("SELECT count(*) FROM guards", &[])?;
        let guards = rows.first().map(|found| found.integer(0, "guards"));
        let guards = guards.transpose()?.unwrap_or(0);
        Ok(APART_MS * guards.div_ceil(MAX_READINGS_A_MINUTE).max(1))
    }

    /// The readings of a mode's guards since a time, oldest first, also of guards that are over.
    ///
    /// # Errors
    /// When SQLite refuses, or a reading is not what was written.
    pub(crate) fn guard_readings(
        &self,
        rule: &str,
        route: &str,
        since_ms: u64,
    ) -> Result<Vec<ReadingAt>, RuleBookError> {
        let key = [parameter(since_ms), text(rule), text(route)];
        let rows = self.sql.run(OF_MODE, &key)?;
        rows.iter().map(reading_at).collect()
    }
}

fn reading_at(found: &Row) -> Result<ReadingAt, RuleBookError> {
    Ok(ReadingAt {
        at_ms: found.integer(0, "guard_readings.at_ms")?,
        guard: found.integer(1, "guard_readings.guard")?,
        reading: found.json(2, "guard_readings.body")?,
    })
}
