//! Who is to be told: addresses that an operator set.

use serde::{Deserialize, Serialize};

use super::Detector;
use crate::AnomalyKind;
use crate::webhook::{Alert, EventName, Format, Severity};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, json};

/// Addresses at most: each event is a request to each.
pub(crate) const MAX_WEBHOOKS: usize = 16;

const BODY: &str = "webhook.body";

/// One address. The secret is stored and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    #[serde(default)]
    pub format: Format,
    pub secret: String,
    /// What it is told of; never empty.
    pub events: Vec<EventName>,
    /// Of anomalies those of these kinds; empty: all.
    #[serde(default)]
    pub kinds: Vec<AnomalyKind>,
    /// What may concern one of these routes; empty: all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// The least that it is told of.
    #[serde(default)]
    pub severity: Severity,
    /// Address of the dashboard, for links.
    #[serde(default)]
    pub dashboard: Option<String>,
    pub created_ms: u64,
    /// Name of the token that set it.
    pub actor: String,
}

impl Webhook {
    /// Whether it is to be told.
    pub(crate) fn wants(&self, alert: &Alert) -> bool {
        let is_of_kind = || self.kinds.is_empty() || alert.kinds.iter().any(|kind| self.kinds.contains(kind));
        self.events.contains(&alert.event)
            && alert.severity >= self.severity
            && (alert.kinds.is_empty() || is_of_kind())
            && (self.routes.is_empty() || self.routes.iter().any(|route| alert.may_concern(route)))
    }
}

impl<S: Sql> Detector<S> {
    /// All of them, by id.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let rows = self.sql.run("SELECT body FROM webhook ORDER BY id", &[])?;
        rows.iter().map(read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When SQLite refuses, or the row is not what was written.
    pub fn webhook(&self, id: &str) -> Result<Option<Webhook>, StoreError> {
        let rows = self.sql.run(
            "SELECT body FROM webhook WHERE id = ?",
            &[SqlValue::Text(id.to_owned())],
        )?;
        rows.first().map(read).transpose()
    }

    /// Sets one, new or instead of the one of that id.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        self.sql.run(
            "INSERT OR REPLACE INTO webhook (id, body) VALUES (?, ?)",
            &[SqlValue::Text(webhook.id.clone()), json(webhook, BODY)?],
        )?;
        Ok(())
    }

    /// Removes one; what waited for it is given up.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_webhook(&self, id: &str, now_ms: u64) -> Result<(), StoreError> {
        self.sql.transaction(|| {
            self.sql.run(
                "DELETE FROM webhook WHERE id = ?",
                &[SqlValue::Text(id.to_owned())],
            )?;
            self.give_up_all(id, now_ms)
        })
    }
}

fn read(row: &Row) -> Result<Webhook, StoreError> {
    row.json(0, BODY)
}
