//! Who is to be told: addresses that an operator set.

use serde::{Deserialize, Serialize};

use super::Detector;
use crate::webhook::EventName;
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, json};

/// Addresses at most: each event is a request to each.
pub(crate) const MAX_WEBHOOKS: usize = 16;

const BODY: &str = "webhook.body";

/// One address. The secret is stored and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub secret: String,
    /// What it is told of; never empty.
    pub events: Vec<EventName>,
    pub created_ms: u64,
    /// Name of the token that set it.
    pub actor: String,
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
