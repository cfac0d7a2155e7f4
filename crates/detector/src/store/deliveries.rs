//! What is to be told to whom, until it was told.
//!
//! Guarantees: what a tick decided to tell is in the database with that decision; it is sent until an answer of 2xx
//! comes, [`MAX_ATTEMPTS`] have failed, which takes a day, or it is refused for good; each has an id that stays, so that a
//! receiver knows a repeat.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;

use super::{Detector, Webhook, count};
use crate::webhook::{Alert, Context, rendered};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};
use blobwatch_wire::rfc3339;

/// Attempts of one delivery: 10 s after the first, three times as long after each, at most an hour: 28 hours in all.
pub(crate) const MAX_ATTEMPTS: u64 = 32;
const FIRST_RETRY_MS: u64 = 10_000;
const MAX_RETRY_MS: u64 = 3_600_000;

/// Deliveries that wait; beyond it the newest is not queued but kept as given up, which the list shows.
const MAX_WAITING: u64 = 1_000;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: u64,
    pub webhook: String,
    /// JSON, the same at each attempt.
    pub body: String,
    /// What follows the receiver's address; mostly nothing.
    pub path: String,
    pub attempts: u64,
}

impl Delivery {
    /// `dl-000012`.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.id)
    }

    /// Where it is sent.
    #[must_use]
    pub fn url<'a>(&self, webhook: &'a Webhook) -> Cow<'a, str> {
        match &*self.path {
            "" => Cow::Borrowed(&*webhook.url),
            path => Cow::Owned(format!("{}{path}", webhook.url.trim_end_matches('/'))),
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Delivered {
        status: u16,
    },
    Failed {
        why: String,
    },
    /// The receiver will not take it however often it comes.
    Refused {
        why: String,
    },
}

/// Letters of what a receiver says of a message that it rejected.
const MAX_WHY: usize = 300;

impl Attempt {
    /// What a status says of the message.
    #[must_use]
    pub fn answered(status: u16) -> Self {
        match status {
            200..300 => Self::Delivered { status },
            300..400 => Self::failed(format!("answered {status}: redirects are not followed")),
            // Too slow, in conflict with another, too early, too many: a later one may be taken.
            408 | 409 | 425 | 429 => Self::failed(format!("answered {status}")),
            400..500 => Self::Refused {
                why: format!(
                    "answered {status}: not tried again, because the same message would be refused again"
                ),
            },
            _ => Self::failed(format!("answered {status}")),
        }
    }

    /// The receiver answered that status, and said that it did not take the message.
    #[must_use]
    pub fn rejected(status: u16, why: &str) -> Self {
        let why: String = why.chars().take(MAX_WHY).collect();
        Self::Refused {
            why: format!("answered {status} and rejected the record: {why}"),
        }
    }

    /// It is tried again.
    #[must_use]
    pub fn failed(why: impl Display) -> Self {
        Self::Failed { why: why.to_string() }
    }
}

/// A delivery as the API lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryItem {
    pub id: String,
    pub webhook: String,
    pub event: String,
    pub status: &'static str,
    pub created: String,
    pub attempts: u64,
    pub next: Option<String>,
    pub ended: Option<String>,
    /// Of the last attempt: the status, or what went wrong.
    pub outcome: String,
}

fn name(id: u64) -> String {
    format!("dl-{id:06}")
}

impl<S: Sql> Detector<S> {
    /// Queues an alert for everybody who wants it.
    pub(super) fn tell(&self, alert: &Alert, now_ms: u64) -> Result<(), StoreError> {
        for webhook in self.webhooks()?.iter().filter(|webhook| webhook.wants(alert)) {
            self.queue(webhook, alert, now_ms)?;
        }
        Ok(())
    }

    /// Queues a message that tries whether the address works.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn tell_test(&self, webhook: &Webhook, now_ms: u64) -> Result<u64, StoreError> {
        self.queue(webhook, &Alert::test(now_ms), now_ms)
    }

    fn queue(&self, webhook: &Webhook, alert: &Alert, now_ms: u64) -> Result<u64, StoreError> {
        let id = 1 + count(&self.sql, "SELECT coalesce(max(id), 0) FROM delivery", &[])?;
        let waiting = count(
            &self.sql,
            "SELECT count(*) FROM delivery WHERE next_ms IS NOT NULL",
            &[],
        )?;
        let full = waiting >= MAX_WAITING;
        let context = Context {
            delivery: &name(id),
            secret: &webhook.secret,
            dashboard: webhook.dashboard.as_deref(),
            now_ms,
        };
        let message = rendered(webhook.format, alert, context);
        self.sql.run(
            "INSERT INTO delivery (id, webhook, event, created_ms, body, path, attempts, next_ms, ended_ms, outcome) \
             VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
            &[
                number(id),
                SqlValue::Text(webhook.id.clone()),
                SqlValue::Text(alert.event.as_str().to_owned()),
                number(now_ms),
                SqlValue::Text(message.body),
                SqlValue::Text(message.path),
                if full { SqlValue::Null } else { number(now_ms) },
                if full { number(now_ms) } else { SqlValue::Null },
                SqlValue::Text(if full { "too many deliveries are waiting" } else { "" }.to_owned()),
            ],
        )?;
        Ok(id)
    }

    /// What is due, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let rows = self.sql.run(
            "SELECT id, webhook, body, path, attempts FROM delivery WHERE next_ms <= ? ORDER BY next_ms LIMIT ?",
            &[number(now_ms), number(limit as u64)],
        )?;
        rows.iter().map(delivery).collect()
    }

    /// Keeps how an attempt ended, and when the next one is.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn attempted(&self, delivery: &Delivery, attempt: &Attempt, now_ms: u64) -> Result<(), StoreError> {
        let attempts = delivery.attempts + 1;
        let (outcome, again) = match attempt {
            Attempt::Delivered { status } => (format!("status {status}"), false),
            Attempt::Failed { why } => (why.clone(), attempts < MAX_ATTEMPTS),
            Attempt::Refused { why } => (why.clone(), false),
        };
        self.sql.run(
            "UPDATE delivery SET attempts = ?, next_ms = ?, ended_ms = ?, outcome = ? WHERE id = ?",
            &[
                number(attempts),
                if again {
                    number(now_ms + retry_ms(attempts))
                } else {
                    SqlValue::Null
                },
                if again { SqlValue::Null } else { number(now_ms) },
                SqlValue::Text(outcome),
                number(delivery.id),
            ],
        )?;
        Ok(())
    }

    pub(super) fn give_up_all(&self, webhook: &str, now_ms: u64) -> Result<(), StoreError> {
        self.sql.run(
            "UPDATE delivery SET next_ms = NULL, ended_ms = ?, outcome = 'the webhook was removed' \
             WHERE webhook = ? AND next_ms IS NOT NULL",
            &[number(now_ms), SqlValue::Text(webhook.to_owned())],
        )?;
        Ok(())
    }

    /// When the next attempt is due; `None` when nothing waits.
    pub(super) fn next_delivery_ms(&self) -> Result<Option<u64>, StoreError> {
        let rows = self.sql.run(
            "SELECT next_ms FROM delivery WHERE next_ms IS NOT NULL ORDER BY next_ms LIMIT 1",
            &[],
        )?;
        let next_ms = |row: &Row| row.integer(0, "delivery.next_ms");
        rows.first().map(next_ms).transpose()
    }

    /// How many are pending, delivered and failed.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delivery_counts(&self) -> Result<[(&'static str, u64); 3], StoreError> {
        let states = [
            (
                "pending",
                "SELECT count(*) FROM delivery WHERE next_ms IS NOT NULL",
            ),
            (
                "delivered",
                "SELECT count(*) FROM delivery WHERE next_ms IS NULL AND outcome LIKE 'status 2%'",
            ),
            (
                "failed",
                "SELECT count(*) FROM delivery WHERE next_ms IS NULL AND outcome NOT LIKE 'status 2%'",
            ),
        ];
        let mut counts = states.map(|(state, _)| (state, 0));
        for ((_, sum), (_, statement)) in counts.iter_mut().zip(states) {
            *sum = count(&self.sql, statement, &[])?;
        }
        Ok(counts)
    }

    /// Deliveries from the newest on, those before number `before`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn deliveries(&self, before: u64, limit: usize) -> Result<Vec<DeliveryItem>, StoreError> {
        let rows = self.sql.run(
            "SELECT id, webhook, event, created_ms, attempts, next_ms, ended_ms, outcome FROM delivery \
             WHERE id < ? ORDER BY id DESC LIMIT ?",
            &[number(before), number(limit as u64)],
        )?;
        rows.iter().map(item).collect()
    }
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.integer(0, "delivery.id")?,
        webhook: row.text(1, "delivery.webhook")?.to_owned(),
        body: row.text(2, "delivery.body")?.to_owned(),
        path: row.text(3, "delivery.path")?.to_owned(),
        attempts: row.integer(4, "delivery.attempts")?,
    })
}

fn item(row: &Row) -> Result<DeliveryItem, StoreError> {
    let ended_ms = row.optional_integer(6, "delivery.ended_ms")?;
    let outcome = row.text(7, "delivery.outcome")?.to_owned();
    Ok(DeliveryItem {
        id: name(row.integer(0, "delivery.id")?),
        webhook: row.text(1, "delivery.webhook")?.to_owned(),
        event: row.text(2, "delivery.event")?.to_owned(),
        status: match ended_ms {
            None => "pending",
            Some(_) if outcome.starts_with("status 2") => "delivered",
            Some(_) => "failed",
        },
        created: rfc3339(row.integer(3, "delivery.created_ms")?),
        attempts: row.integer(4, "delivery.attempts")?,
        next: row.optional_integer(5, "delivery.next_ms")?.map(rfc3339),
        ended: ended_ms.map(rfc3339),
        outcome,
    })
}

fn retry_ms(attempts: u64) -> u64 {
    let times = 3u64.saturating_pow(u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    FIRST_RETRY_MS.saturating_mul(times).min(MAX_RETRY_MS)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Delivery, MAX_ATTEMPTS, MAX_RETRY_MS, Webhook, retry_ms};
    use crate::store::tests::hook;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let kind = |status| match Attempt::answered(status) {
            Attempt::Delivered { .. } => "delivered",
            Attempt::Failed { .. } => "failed",
            Attempt::Refused { .. } => "refused",
        };
        for (expected, statuses) in [
            ("delivered", [200, 202, 204, 299].as_slice()),
            ("failed", &[100, 301, 302, 408, 409, 425, 429, 500, 503, 599]),
            ("refused", &[400, 401, 403, 404, 410, 413, 422, 499]),
        ] {
            for status in statuses {
                assert_eq!(kind(*status), expected, "{status}");
            }
        }
        let redirect = Attempt::failed("answered 302: redirects are not followed");
        assert_eq!(Attempt::answered(302), redirect);
        let Attempt::Refused { why } = Attempt::rejected(200, &"é".repeat(1_000)) else {
            unreachable!("it was rejected");
        };
        assert_eq!(
            why,
            format!("answered 200 and rejected the record: {}", "é".repeat(300))
        );
    }

    #[test]
    fn a_message_goes_below_the_address_of_its_webhook() {
        let url = |url: &str, path: &str| {
            let webhook = Webhook {
                url: url.to_owned(),
                ..hook()
            };
            let delivery = Delivery {
                id: 12,
                webhook: webhook.id.clone(),
                body: String::new(),
                path: path.to_owned(),
                attempts: 0,
            };
            delivery.url(&webhook).into_owned()
        };
        assert_eq!(url("https://a.example/", ""), "https://a.example/");
        assert_eq!(
            url("https://a.example/x/", "/v1/logs"),
            "https://a.example/x/v1/logs"
        );
        assert_eq!(url("https://a.example", "/v1/logs"), "https://a.example/v1/logs");
    }

    #[test]
    fn retries_wait_longer_each_time_and_last_a_day() {
        let waits: Vec<u64> = (1..=7).map(retry_ms).collect();
        assert_eq!(
            waits,
            [10_000, 30_000, 90_000, 270_000, 810_000, 2_430_000, MAX_RETRY_MS]
        );
        let hours = (1..MAX_ATTEMPTS).map(retry_ms).sum::<u64>() / 3_600_000;
        assert!((24..30).contains(&hours), "{hours}");
    }
}
