//! What was lost, by name, over all FireLogs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{FireLogs, ask_all};
use crate::LossesCall;
use blobwatch_wire::{Loss, rfc3339};

/// Counts by name, and when each was last reported.
#[derive(Debug, Default)]
pub struct LossSums {
    sums: BTreeMap<String, (u64, u64)>,
    /// Whose counts are not in the sums.
    incomplete: Vec<String>,
}

/// As the API answers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LossList {
    items: Vec<Item>,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "LossItem")
)]
struct Item {
    name: String,
    count: u64,
    last: String,
}

/// What all FireLogs lost.
pub async fn losses(fire_logs: &impl FireLogs, names: &[String]) -> LossSums {
    let gathered = ask_all(fire_logs, names, &LossesCall).await;
    let mut sums = LossSums {
        incomplete: gathered.incomplete,
        ..LossSums::default()
    };
    sums.add(gathered.answers.into_iter().flatten());
    sums
}

impl LossSums {
    pub fn add(&mut self, losses: impl IntoIterator<Item = Loss>) {
        for loss in losses {
            let (count, last_ms) = self.sums.entry(loss.name).or_default();
            *count += loss.count;
            *last_ms = loss.last_ms.max(*last_ms);
        }
    }

    /// Somebody else did not answer.
    pub fn lacks(&mut self, name: &str) {
        self.incomplete.push(name.to_owned());
    }

    #[must_use]
    pub fn counts(self) -> Vec<(String, u64)> {
        let sums = self.sums.into_iter();
        sums.map(|(name, (count, _))| (name, count)).collect()
    }

    #[must_use]
    pub fn list(self) -> LossList {
        let item = |(name, (count, last_ms))| Item {
            name,
            count,
            last: rfc3339(last_ms),
        };
        LossList {
            items: self.sums.into_iter().map(item).collect(),
            next_cursor: None,
            incomplete: self.incomplete,
        }
    }
}
