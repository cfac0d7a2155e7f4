//! What is told: JSON whose `text` Slack and its like show.
//!
//! A cohort names what clients say of themselves: no character of it may page people, show a link or hide anything.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Anomaly, AnomalyJson, Moment};
use blobwatch_wire::{rfc3339, visible};

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventName {
    /// Opened, or opened again.
    #[serde(rename = "anomaly.opened")]
    Opened,
    /// It grew, or another cohort explains it better.
    #[serde(rename = "anomaly.changed")]
    Changed,
    #[serde(rename = "anomaly.closed")]
    Closed,
    /// Somebody tries whether the address works.
    #[serde(rename = "test")]
    Test,
}

impl EventName {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "anomaly.opened",
            Self::Changed => "anomaly.changed",
            Self::Closed => "anomaly.closed",
            Self::Test => "test",
        }
    }

    #[must_use]
    pub const fn of(moment: Moment) -> Self {
        match moment {
            Moment::Opened | Moment::Reopened => Self::Opened,
            Moment::Closed => Self::Closed,
            Moment::Grew | Moment::Renamed | Moment::Note => Self::Changed,
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    /// Of the delivery, the same at each attempt.
    id: &'a str,
    event: EventName,
    time: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    anomaly: Option<AnomalyJson<'a>>,
}

/// The body of a delivery.
#[must_use]
pub(crate) fn message(delivery: &str, event: EventName, anomaly: &Anomaly, now_ms: u64) -> String {
    let what = match event {
        EventName::Opened if anomaly.reopened > 0 => "reopened",
        EventName::Opened => "opened",
        EventName::Closed => "closed",
        EventName::Changed | EventName::Test => "changed",
    };
    let anomaly = shown(anomaly);
    let text = format!("Blobwatch: {} {what}: {}", anomaly.name(), anomaly.sentence());
    json(&Message {
        id: delivery,
        event,
        time: rfc3339(now_ms),
        text: unmarked(&text),
        anomaly: Some(anomaly.json()),
    })
}

/// The anomaly without a character that is not shown, wherever a client or an operator chose a word.
fn shown(anomaly: &Anomaly) -> Anomaly {
    let mut shown = anomaly.clone();
    let literals = shown.cohort.0.iter_mut();
    let literals = literals.chain(shown.named.iter_mut().flat_map(|named| &mut named.0));
    let values = literals.flat_map(|literal| &mut literal.values);
    let entries = shown.history.iter_mut().map(|entry| &mut entry.text);
    let routes = shown.routes.iter_mut().map(|change| &mut change.text);
    let rules = shown
        .rules
        .iter_mut()
        .filter_map(|suspect| suspect.switched.as_mut());
    let responses = shown
        .responses
        .iter_mut()
        .flat_map(|response| [&mut response.actor, &mut response.text]);
    for text in values.chain(entries).chain(routes).chain(rules).chain(responses) {
        if let Cow::Owned(escaped) = visible(text) {
            *text = escaped;
        }
    }
    shown
}

/// Text that is none of Slack's markup: it reads `<!channel>` and `<address|label>`.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
fn unmarked(text: &str) -> String {
    let shown = visible(text);
    shown
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The body of a delivery that tries whether an address works.
#[must_use]
pub(crate) fn test_message(delivery: &str, now_ms: u64) -> String {
    json(&Message {
        id: delivery,
        event: EventName::Test,
        time: rfc3339(now_ms),
        text: "Blobwatch: this webhook works".to_owned(),
        anomaly: None,
    })
}

/// Text and finite numbers: it cannot fail, and an empty body would still be told.
fn json(message: &Message<'_>) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::AnomalyKind;
    use crate::anomaly::HistoryEntry;
    use crate::broad::Affected;
    use crate::cohort::{Cohort, Literal};
    use crate::intervention::Response;
    use crate::rules::{Contrast, RouteChange, Suspect};
    use blobwatch_wire::is_invisible;

    /// An anomaly whose words somebody chose who wants to be read.
    fn anomaly(word: &str) -> Anomaly {
        let literal = |attribute: &str| Literal {
            attribute: attribute.to_owned(),
            values: vec![word.to_owned()],
            not: false,
            among: 1,
        };
        Anomaly {
            id: 1,
            kinds: vec![AnomalyKind::ResumeSurge],
            onset_ms: 0,
            opened_ms: 0,
            closed_ms: None,
            reopened: 0,
            cohort: Cohort(vec![literal("os"), literal("country")]),
            named: None,
            baseline: 0.01,
            observed: 0.5,
            affected: Affected::default(),
            rules: vec![Suspect {
                rule: "r".to_owned(),
                lift: 2.0,
                share: 0.5,
                events: 1,
                contrast: Contrast::Before,
                switched_ms: Some(1),
                switched: Some(word.to_owned()),
            }],
            routes: vec![RouteChange {
                route: "hub".to_owned(),
                time_ms: 1,
                text: word.to_owned(),
            }],
            windows: Vec::new(),
            evidence: Vec::new(),
            history: vec![HistoryEntry {
                time_ms: 0,
                moment: Moment::Opened,
                text: word.to_owned(),
            }],
            detail: String::new(),
            responses: vec![Response {
                time_ms: 2,
                actor: word.to_owned(),
                text: word.to_owned(),
                rules: vec!["r".to_owned()],
                enforces: false,
                before: None,
                since: None,
                measured_ms: 2,
            }],
        }
    }

    #[track_caller]
    fn case(word: &str, expected: &str) {
        let body = message("d1", EventName::Opened, &anomaly(word), 0);
        assert!(!body.chars().any(is_invisible), "{body}");
        let told: Value = serde_json::from_str(&body).unwrap();
        let text = told["text"].as_str().unwrap();
        assert!(
            text.contains(&format!("clients on {expected}, in {expected}")),
            "{text}"
        );
        assert!(!text.contains(['<', '>']), "{text}");
        no_invisible(&told);
    }

    fn no_invisible(value: &Value) {
        match value {
            Value::String(text) => assert!(!text.chars().any(is_invisible), "{text:?}"),
            Value::Array(items) => items.iter().for_each(no_invisible),
            Value::Object(fields) => fields.values().for_each(no_invisible),
            _ => {}
        }
    }

    #[test]
    fn words_of_clients_are_text_in_a_message() {
        case("amzn2", "amzn2");
        case("<!channel>", "&lt;!channel&gt;");
        case("<https://evil.example|open>", "&lt;https://evil.example|open&gt;");
        case("a&lt;!here&gt;", "a&amp;lt;!here&amp;gt;");
        case("x\u{202e}y\u{1b}[31m", "x\\u{202e}y\\u{1b}[31m");
        case("a\n<!here>\u{200b}", "a\\u{a}&lt;!here&gt;\\u{200b}");
    }
}
