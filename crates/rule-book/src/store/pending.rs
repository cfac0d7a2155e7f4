//! Enforcements that wait for a second person.

use serde::{Deserialize, Serialize};

use super::{RuleBookError, RuleBookStore, parameter, schema, text};
use crate::preview_freshness::Healthy;
use crate::store::Change;
use blobwatch_sql::{Sql, json};

/// One row for each rule and route on which somebody wants to enforce and another person has not said yes or no.
pub(super) const PENDING_MODES: &str = "CREATE TABLE pending_modes (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, route)
) WITHOUT ROWID";

/// Thousandths: the setting is kept as a whole number.
const THOUSANDTHS: f64 = 1_000.0;

const BODY: &str = "pending_modes.body";

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingMode {
    pub id: String,
    pub rule: String,
    pub route: String,
    /// Of the rule: another version is another rule.
    pub version: u32,
    pub actor: String,
    pub reason: String,
    pub created_ms: u64,
    pub expires_ms: u64,
    /// Whom its preview hits of the clients that pull cleanly; `None` where that is not known.
    pub healthy: Option<Healthy>,
    /// The body of the call that would have set it.
    pub body: String,
}

impl<S: Sql> RuleBookStore<S> {
    /// Percent of healthy clients above which a second person is needed; `None`: never.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written; so for all that follow.
    pub(crate) fn second_person_above(&self) -> Result<Option<f64>, RuleBookError> {
        let above = schema::second_person_above(&self.sql)?;
        Ok(above.map(|above| above as f64 / THOUSANDTHS))
    }

    pub(crate) fn set_second_person_above(
        &self,
        above: Option<f64>,
        change: &Change<'_>,
    ) -> Result<(), RuleBookError> {
        let above = above.map(|above| (above * THOUSANDTHS).round() as u64);
        self.log_with(change, || schema::set_second_person_above(&self.sql, above))
    }

    /// All that wait, also those whose time is over and was not written down yet.
    pub(crate) fn pending_modes(&self) -> Result<Vec<PendingMode>, RuleBookError> {
        let rows = self
            .sql
            .run("SELECT body FROM pending_modes ORDER BY rule, route", &[])?;
        let read = rows.iter().map(|row| row.json(0, BODY));
        Ok(read.collect::<Result<_, _>>()?)
    }

    pub(crate) fn pending_mode(&self, rule: &str, route: &str) -> Result<Option<PendingMode>, RuleBookError> {
        let rows = self.sql.run(
            "SELECT body FROM pending_modes WHERE rule = ?1 AND route = ?2",
            &[text(rule), text(route)],
        )?;
        Ok(rows.first().map(|row| row.json(0, BODY)).transpose()?)
    }

    /// Keeps one, and writes it down; `also` in one with it.
    pub(crate) fn propose_mode(
        &self,
        pending: &PendingMode,
        change: &Change<'_>,
        also: impl FnOnce() -> Result<(), RuleBookError>,
    ) -> Result<(), RuleBookError> {
        let body = json(pending, BODY)?;
        self.log_with(change, || {
            self.sql.run(
                "INSERT INTO pending_modes (rule, route, expires_ms, body) VALUES (?1, ?2, ?3, ?4)",
                &[
                    text(&pending.rule),
                    text(&pending.route),
                    parameter(pending.expires_ms),
                    body,
                ],
            )?;
            also()
        })
    }

    /// Forgets one, and writes it down.
    pub(crate) fn decline_mode(
        &self,
        pending: &PendingMode,
        change: &Change<'_>,
    ) -> Result<(), RuleBookError> {
        self.log_with(change, || self.end_pending(&pending.rule, &pending.route))
    }

    /// Forgets one, within the transaction of what it becomes.
    pub(crate) fn end_pending(&self, rule: &str, route: &str) -> Result<(), RuleBookError> {
        self.sql.run(
            "DELETE FROM pending_modes WHERE rule = ?1 AND route = ?2",
            &[text(rule), text(route)],
        )?;
        Ok(())
    }
}
