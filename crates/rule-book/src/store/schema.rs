//! The tables, and how an older database comes to have them. A step, once released, is never changed.

use super::archives::ARCHIVES;
use super::ended_sessions::ENDED_SESSIONS;
use super::guard_readings::GUARD_READINGS;
use super::guard_states::GUARD_STATES;
use super::guards::{GUARD_COUNTS, GUARDS};
use super::layouts::LAYOUTS;
use super::losses::LOSSES;
use super::outbox::{HARMS, NO_HARMS, OUTBOX, OUTBOX_OF_HARMS};
use super::pending::PENDING_MODES;
use super::tokens::TOKENS;
use super::{RuleBookError, parameter};
use blobwatch_sql::{Sql, Step};

pub(super) const STEPS: &[Step] = &[
    Step::Statements(&[META, ENTRIES, ENTRIES_UNTIL, AUDIT]),
    Step::Statements(&[FIRE_LOGS, FIRE_LOGS_BEHIND]),
    Step::Statements(&[GUARDS, GUARD_COUNTS]),
    // For an hour of their history, builds called version 3 what had these tables and not those of the step before.
    Step::Statements(&[GUARDS, GUARD_COUNTS, PREVIEWS]),
    Step::Statements(&[GUARD_STATES, HARMS]),
    Step::Statements(&[OUTBOX, OUTBOX_OF_HARMS, NO_HARMS, LOSSES]),
    Step::Statements(&[ENDED_SESSIONS]),
    Step::Statements(&[TOKENS]),
    Step::Statements(&[PENDING_MODES]),
    Step::Statements(&[LAYOUTS]),
    Step::Statements(&[GUARD_READINGS, ARCHIVES]),
    // No table: entries of lists have a source, which builds before cannot read.
    Step::Statements(&[]),
];

/// Beside the schema's version, the epoch and the revision.
const META: &str =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID";

/// One row for each version of each thing; `body` is its JSON, valid for the revisions `since <= r < until`.
const ENTRIES: &str = "CREATE TABLE entries (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (kind, key, since)
) WITHOUT ROWID";

/// For the document of a revision: most are asked for soon after, when few entries have ended since.
const ENTRIES_UNTIL: &str = "CREATE INDEX entries_until ON entries (until, since)";

const AUDIT: &str = "CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT,
    after TEXT,
    reason TEXT,
    revision INTEGER NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
)";

const FIRE_LOGS: &str = "CREATE TABLE fire_logs (
    name TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_ms INTEGER NOT NULL
) WITHOUT ROWID";

const FIRE_LOGS_BEHIND: &str = "CREATE INDEX fire_logs_behind ON fire_logs (acknowledged, retry_ms)";

/// What is left of previews that are done: enough to know whether one still holds.
const PREVIEWS: &str = "CREATE TABLE IF NOT EXISTS previews (
    id TEXT PRIMARY KEY,
    done_ms INTEGER NOT NULL,
    stamp TEXT NOT NULL
) WITHOUT ROWID";

/// Sets the epoch, before the first change.
pub(super) fn set_epoch<S: Sql>(sql: &S, epoch: u64) -> Result<(), RuleBookError> {
    sql.run(
        "INSERT INTO meta (key, value) VALUES ('epoch', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
        &[parameter(epoch)],
    )?;
    Ok(())
}

/// From which share of healthy clients on a second person is needed, in thousandths of a percent; `None`: never.
pub(super) fn second_person_above<S: Sql>(sql: &S) -> Result<Option<u64>, RuleBookError> {
    let rows = sql.run("SELECT value FROM meta WHERE key = 'second_person_above'", &[])?;
    match rows.first() {
        Some(found) => Ok(Some(found.integer(0, "meta.value of second_person_above")?)),
        None => Ok(None),
    }
}

/// Sets it, in the transaction that writes the entry.
pub(super) fn set_second_person_above<S: Sql>(sql: &S, above: Option<u64>) -> Result<(), RuleBookError> {
    match above {
        Some(above) => sql.run(
            "INSERT INTO meta (key, value) VALUES ('second_person_above', ?1) \
             ON CONFLICT (key) DO UPDATE SET value = ?1",
            &[parameter(above)],
        )?,
        None => sql.run("DELETE FROM meta WHERE key = 'second_person_above'", &[])?,
    };
    Ok(())
}

/// Time of the newest act about an anomaly that is in the audit log; 0 before the first.
pub(super) fn told_ms<S: Sql>(sql: &S) -> Result<u64, RuleBookError> {
    let rows = sql.run("SELECT value FROM meta WHERE key = 'told_ms'", &[])?;
    match rows.first() {
        Some(found) => Ok(found.integer(0, "meta.value of told_ms")?),
        None => Ok(0),
    }
}

/// Sets it, in the transaction that writes the entry.
pub(super) fn set_told_ms<S: Sql>(sql: &S, told_ms: u64) -> Result<(), RuleBookError> {
    sql.run(
        "INSERT INTO meta (key, value) VALUES ('told_ms', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
        &[parameter(told_ms)],
    )?;
    Ok(())
}

/// Sets the revision, inside the transaction of the change that makes it.
pub(super) fn set_revision<S: Sql>(sql: &S, revision: u64) -> Result<(), RuleBookError> {
    sql.run(
        "INSERT INTO meta (key, value) VALUES ('revision', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
        &[parameter(revision)],
    )?;
    Ok(())
}
