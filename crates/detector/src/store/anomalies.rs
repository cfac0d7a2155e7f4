//! Anomalies, and the marks that a timeline shows.

use serde::{Deserialize, Serialize};

use super::Detector;
use crate::webhook::Alert;
use crate::{Anomaly, Change, Moment, Note, Outcome};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, json, number};
use blobwatch_wire::rfc3339;

pub(super) const BODY: &str = "anomaly.body";

/// What a mark is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MarkKind {
    AnomalyOpened,
    AnomalyClosed,
    RuleChange,
    RouteChange,
    Stage,
    Guard,
    /// Another party's rule began to act.
    Upstream,
    Note,
    UpstreamWindow,
}

impl MarkKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AnomalyOpened => "anomaly_opened",
            Self::AnomalyClosed => "anomaly_closed",
            Self::RuleChange => "rule_change",
            Self::RouteChange => "route_change",
            Self::Stage => "stage",
            Self::Guard => "guard",
            Self::Upstream => "upstream",
            Self::Note => "note",
            Self::UpstreamWindow => "upstream_window",
        }
    }

    fn named(name: &str) -> Self {
        [
            Self::AnomalyOpened,
            Self::AnomalyClosed,
            Self::RuleChange,
            Self::RouteChange,
            Self::Stage,
            Self::Guard,
            Self::Upstream,
            Self::UpstreamWindow,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .unwrap_or(Self::Note)
    }
}

/// A moment that a plot shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mark {
    /// RFC 3339.
    pub time: String,
    #[serde(rename = "type")]
    pub kind: MarkKind,
    pub id: String,
    pub text: String,
}

impl<S: Sql> Detector<S> {
    /// Keeps what a tick decided; in the transaction of what made it tick.
    pub(super) fn keep(&self, outcome: &Outcome, now_ms: u64) -> Result<(), StoreError> {
        self.keep_changes(&outcome.changes, now_ms)?;
        for Note { time_ms, text } in &outcome.notes {
            self.mark(*time_ms, MarkKind::Note, "", text)?;
        }
        self.keep_minutes(&outcome.minutes)
    }

    /// Keeps changes, and tells of those that are no act of people alone.
    pub(super) fn keep_changes(&self, changes: &[Change], now_ms: u64) -> Result<(), StoreError> {
        for change in changes {
            self.keep_change(change)?;
            if change.anomaly.is_told(change.moment) {
                self.tell(&Alert::of_change(change), now_ms)?;
            }
        }
        Ok(())
    }

    fn keep_change(&self, change: &Change) -> Result<(), StoreError> {
        let anomaly = &change.anomaly;
        keep_anomaly(&self.sql, anomaly)?;
        match change.moment {
            Moment::Opened | Moment::Reopened => self.mark(
                anomaly.opened_ms,
                MarkKind::AnomalyOpened,
                &anomaly.name(),
                &anomaly.sentence(),
            ),
            Moment::Closed => self.mark(
                anomaly.closed_ms.unwrap_or(anomaly.opened_ms),
                MarkKind::AnomalyClosed,
                &anomaly.name(),
                &anomaly.sentence(),
            ),
            _ => Ok(()),
        }
    }

    fn mark(&self, time_ms: u64, kind: MarkKind, id: &str, text: &str) -> Result<(), StoreError> {
        self.sql.run(
            "INSERT OR REPLACE INTO mark (time_ms, kind, id, text) VALUES (?, ?, ?, ?)",
            &[
                number(time_ms),
                SqlValue::Text(kind.as_str().to_owned()),
                SqlValue::Text(id.to_owned()),
                SqlValue::Text(text.to_owned()),
            ],
        )?;
        Ok(())
    }

    /// Marks of a time, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn marks(&self, since_ms: u64, until_ms: u64, limit: usize) -> Result<Vec<Mark>, StoreError> {
        let rows = self.sql.run(
            "SELECT time_ms, kind, id, text FROM mark WHERE time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?",
            &[number(since_ms), number(until_ms), number(limit as u64)],
        )?;
        rows.iter().map(mark).collect()
    }

    /// Anomalies from the newest on, those before number `before`; open ones as they are now.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn anomalies(&self, before: u64, limit: usize) -> Result<Vec<Anomaly>, StoreError> {
        let rows = self.sql.run(
            "SELECT body FROM anomaly WHERE id < ? ORDER BY id DESC LIMIT ?",
            &[number(before), number(limit as u64)],
        )?;
        rows.iter().map(|row| self.as_now(row)).collect()
    }

    /// One anomaly.
    ///
    /// # Errors
    /// When SQLite refuses, or the row is not what was written.
    pub fn anomaly(&self, id: u64) -> Result<Option<Anomaly>, StoreError> {
        let rows = self
            .sql
            .run("SELECT body FROM anomaly WHERE id = ?", &[number(id)])?;
        rows.first().map(|row| self.as_now(row)).transpose()
    }

    fn as_now(&self, row: &Row) -> Result<Anomaly, StoreError> {
        let kept: Anomaly = row.json(0, BODY)?;
        let open = self.engine.open().find(|open| open.id == kept.id);
        Ok(open.cloned().unwrap_or(kept))
    }

    /// Ends what is open in the database and nowhere else: its state could not be read by this build.
    pub(super) fn orphans(&self, now_ms: u64) -> Result<(), StoreError> {
        for row in self
            .sql
            .run("SELECT body FROM anomaly WHERE closed_ms IS NULL", &[])?
        {
            let mut anomaly: Anomaly = row.json(0, BODY)?;
            if self.engine.open().all(|open| open.id != anomaly.id) {
                anomaly.closed_ms = Some(now_ms);
                anomaly.note(
                    now_ms,
                    Moment::Closed,
                    "closed by an update that could not read the saved state; it opens again if the fault continues",
                );
                keep_anomaly(&self.sql, &anomaly)?;
            }
        }
        Ok(())
    }
}

fn keep_anomaly(sql: &impl Sql, anomaly: &Anomaly) -> Result<(), StoreError> {
    sql.run(
        "INSERT OR REPLACE INTO anomaly (id, opened_ms, closed_ms, body) VALUES (?, ?, ?, ?)",
        &[
            number(anomaly.id),
            number(anomaly.opened_ms),
            anomaly.closed_ms.map_or(SqlValue::Null, number),
            json(anomaly, BODY)?,
        ],
    )?;
    Ok(())
}

fn mark(row: &Row) -> Result<Mark, StoreError> {
    Ok(Mark {
        time: rfc3339(row.integer(0, "mark.time_ms")?),
        kind: MarkKind::named(row.text(1, "mark.kind")?),
        id: row.text(2, "mark.id")?.to_owned(),
        text: row.text(3, "mark.text")?.to_owned(),
    })
}
