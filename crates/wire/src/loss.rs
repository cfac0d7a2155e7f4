//! What was lost on the way, as objects count it.

use serde::{Deserialize, Serialize};

/// One kind of loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// `decide_trap`, `records_dropped`, …
    pub name: String,
    pub count: u64,
    /// When it was last reported, in milliseconds since 1970.
    pub last_ms: u64,
}

/// Losses after which something is gone that was recorded or counted. The others were made up for, or are limits of what is
/// remembered.
pub const DATA_LOSSES: [&str; 7] = [
    "cells_dropped",
    "changes_dropped",
    "harms_dropped",
    "records_dropped",
    "records_lost",
    "records_unreadable",
    "upstream_dropped",
];

impl Loss {
    /// Whether somebody should know of it.
    #[must_use]
    pub fn is_of_data(&self) -> bool {
        DATA_LOSSES.contains(&self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::DATA_LOSSES;

    /// `worker.test.ts` compares what the dashboard says of each.
    #[test]
    fn the_dashboard_knows_each() {
        let known: serde_json::Value =
            serde_json::from_str(include_str!("../../../dashboard/test/unit/worker.json")).unwrap();
        assert_eq!(known["data_losses"], serde_json::json!(DATA_LOSSES));
    }

    /// Whoever is told of one finds out what it means.
    #[test]
    fn each_is_explained() {
        let page = include_str!("../../../docs/request-handling.md");
        for name in DATA_LOSSES {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
