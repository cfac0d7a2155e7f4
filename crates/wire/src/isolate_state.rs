//! What an isolate of the data plane knows of itself: `State` of `src/data_plane/data_plane.js`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Object;

/// All that workerd says where it cannot write what an object stored.
pub const NO_CAUSE: &str = "internal error";

#[derive(Debug, Default, Deserialize)]
pub struct IsolateState {
    /// Its faults, a sentence each.
    pub reasons: Vec<String>,
    /// The FireLogs that it calls.
    pub fire_logs: Vec<String>,
    /// Losses that it counted and no FireLog was told.
    pub untold: BTreeMap<String, u64>,
}

impl IsolateState {
    /// Nothing where it cannot be read: health is no reason to answer nothing.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// FireLogs that do not store, and the platform did not say why.
    pub fn unexplained(&self) -> impl Iterator<Item = &str> {
        let is_unexplained = |name: &&String| {
            let who = format!("{} ", Object::FireLog.called(name));
            let mut reasons = self.reasons.iter();
            reasons.any(|reason| reason.starts_with(&who) && reason.contains(NO_CAUSE))
        };
        self.fire_logs.iter().filter(is_unexplained).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fire_log_without_a_cause_is_unexplained() {
        let state = IsolateState::from_json(
            r#"{"reasons": ["FireLog fl1-fra-1 stores nothing since 2020: status 500: internal error",
                            "FireLog fl1-fra-2 stores nothing since 2020: its database is full"],
                "fire_logs": ["fl1-fra-0", "fl1-fra-1", "fl1-fra-2", "fl1-fra-10"],
                "untold": {"flush_failed": 3}}"#,
        );
        assert_eq!(state.unexplained().collect::<Vec<_>>(), ["fl1-fra-1"]);
        assert_eq!(state.untold["flush_failed"], 3);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for text in ["", "{", "[]", r#"{"reasons": 5}"#] {
            let state = IsolateState::from_json(text);
            assert!(state.reasons.is_empty() && state.fire_logs.is_empty(), "{text}");
        }
    }
}
