//! What `healthz` answers, and how it is put together of what an isolate and its objects say.

use serde::Serialize;

use crate::{IsolateState, NO_CAUSE, Object, StorageFault};

/// Objects are asked no more often than this, whoever asks for health.
const KNOWN_FOR_MS: u64 = 1_000;

/// Whether something needs an operator.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    status: HealthStatus,
    /// For whoever may read the rulebook: it grows with each change, and a guard's verdict is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum HealthStatus {
    Ok,
    Degraded,
}

impl Health {
    #[must_use]
    pub const fn new(revision: Option<u64>, reasons: Vec<String>) -> Self {
        Self {
            status: if reasons.is_empty() {
                HealthStatus::Ok
            } else {
                HealthStatus::Degraded
            },
            revision,
            reasons,
        }
    }
}

/// What the objects of a deployment said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectsHealth {
    /// Of the rulebook in force.
    pub revision: u64,
    /// Names of routes that have no origin, where nothing else has one.
    pub without_origin: Vec<String>,
    pub unstored: Vec<Unstored>,
}

/// An object that stores nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstored {
    pub who: String,
    pub why: String,
}

impl ObjectsHealth {
    /// All that an operator must mend, a sentence each, beside what the isolate that was asked knows.
    #[must_use]
    pub fn reasons(self, isolate: IsolateState) -> Vec<String> {
        let mut reasons = isolate.reasons;
        if !self.without_origin.is_empty() {
            let which = self.without_origin.join(", ");
            reasons.push(format!("ORIGIN is not set, and routes have no origin: {which}"));
        }
        for unstored in self.unstored {
            unstored.add_to(&mut reasons);
        }
        reasons
    }
}

impl Unstored {
    #[must_use]
    pub fn of(object: Object, name: &str, fault: &StorageFault) -> Self {
        Self {
            who: object.called(name),
            why: fault.sentence(),
        }
    }

    /// An isolate may know since when, and not why.
    fn add_to(self, reasons: &mut Vec<String>) {
        let Self { who, why } = self;
        let known = reasons
            .iter_mut()
            .find(|known| known.starts_with(&format!("{who} ")));
        match known {
            Some(known) if known.contains(NO_CAUSE) => {
                let since = known.split(": ").next().unwrap_or_default();
                *known = format!("{since}: {why}");
            }
            Some(_) => {}
            None => reasons.push(format!("{who} stores nothing: {why}")),
        }
    }
}

/// What an isolate's objects answered last: one caller asks them for all who ask within a second.
#[derive(Debug)]
pub struct KnownHealth<T> {
    asked_ms: u64,
    /// None while a caller asks.
    answer: Option<T>,
}

impl<T: Clone> KnownHealth<T> {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            asked_ms: 0,
            answer: None,
        }
    }

    /// Whether the caller is the one that asks, also where the clock was set back.
    pub fn begins_to_ask(&mut self, now_ms: u64) -> bool {
        let is_due = now_ms.abs_diff(self.asked_ms) >= KNOWN_FOR_MS;
        if is_due {
            *self = Self {
                asked_ms: now_ms,
                answer: None,
            };
        }
        is_due
    }

    pub fn answered(&mut self, answer: T) {
        self.answer = Some(answer);
    }

    #[must_use]
    pub fn answer(&self) -> Option<T> {
        self.answer.clone()
    }
}

impl<T: Clone> Default for KnownHealth<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unstored(name: &str, why: &str) -> Unstored {
        Unstored::of(Object::FireLog, name, &StorageFault::Database(why.to_owned()))
    }

    #[test]
    fn an_isolate_knows_since_when_and_an_object_why() {
        let isolate = IsolateState {
            reasons: vec![
                "the clock was set back".to_owned(),
                format!("FireLog fl1-fra-0 stores nothing since 2020: {NO_CAUSE}"),
                "FireLog fl1-fra-1 stores nothing since 2020: status 503".to_owned(),
            ],
            ..IsolateState::default()
        };
        let objects = ObjectsHealth {
            revision: 7,
            without_origin: vec!["default".to_owned(), "demo".to_owned()],
            unstored: vec![
                unstored("fl1-fra-0", "SQLITE_FULL"),
                unstored("fl1-fra-1", "SQLITE_FULL"),
                unstored("fl1-fra-10", "SQLITE_FULL"),
            ],
        };
        let full = "its database cannot be read or written: SQLITE_FULL";
        assert_eq!(
            objects.reasons(isolate),
            [
                "the clock was set back".to_owned(),
                format!("FireLog fl1-fra-0 stores nothing since 2020: {full}"),
                "FireLog fl1-fra-1 stores nothing since 2020: status 503".to_owned(),
                "ORIGIN is not set, and routes have no origin: default, demo".to_owned(),
                format!("FireLog fl1-fra-10 stores nothing: {full}"),
            ]
        );
        assert!(
            ObjectsHealth::default()
                .reasons(IsolateState::default())
                .is_empty()
        );
    }

    #[test]
    fn one_caller_a_second_asks_for_all() {
        let mut known = KnownHealth::new();
        assert!(known.begins_to_ask(5_000));
        assert!(!known.begins_to_ask(5_999), "somebody asks");
        assert_eq!(known.answer(), None);
        known.answered(7);
        assert_eq!((known.begins_to_ask(5_999), known.answer()), (false, Some(7)));
        assert!(known.begins_to_ask(6_000));
        assert_eq!(known.answer(), None, "what is asked now is waited for");
        assert!(known.begins_to_ask(1_000), "the clock was set back");
    }
}
