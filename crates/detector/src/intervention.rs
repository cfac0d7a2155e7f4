//! What was done about something that is wrong, and how its rate fell since.
//!
//! Every change that may alter what clients get is one, by whomever. An anomaly lists those on its routes since its onset,
//! but for the change that it is suspected to come from.

use serde::{Deserialize, Serialize};

use super::anomaly::{Anomaly, rounded};
use super::kind::AnomalyKind;
use super::sentence::rate;
use blobwatch_wire::rfc3339;

/// Responses of one anomaly; the newest stay.
pub(super) const MAX_RESPONSES: usize = 10;

/// A rate is said to have fallen below this share of what it was.
const FALLEN: f64 = 2.0 / 3.0;

/// A change of the rulebook, as far as an anomaly is concerned by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intervention {
    pub(crate) time_ms: u64,
    pub(crate) actor: String,
    /// "botnet-sig on hub: enforce to monitor, by olga".
    pub(crate) text: String,
    pub(crate) rules: Vec<String>,
    /// Empty where it is on every route.
    pub(crate) routes: Vec<String>,
    /// Whether its rules act from then on.
    pub(crate) enforces: bool,
    /// Another version of a rule concerns an anomaly only if the rule correlates with it.
    pub(crate) is_version: bool,
    /// Whether a route takes other requests for blobs of its than before.
    pub(crate) rewatches: bool,
}

impl Intervention {
    pub(super) fn concerns(&self, anomaly: &Anomaly) -> bool {
        let on_route = |route: &String| anomaly.cohort.may_hold("route", route);
        let correlates = || {
            anomaly
                .rules
                .iter()
                .any(|suspect| self.rules.contains(&suspect.rule))
        };
        self.time_ms > anomaly.onset_ms
            && (self.routes.is_empty() || self.routes.iter().any(on_route))
            && (!self.is_version || correlates())
            && !self.is_suspected(anomaly)
    }

    /// Whether it is what the anomaly may come from.
    pub(super) fn is_suspected(&self, anomaly: &Anomaly) -> bool {
        let switched = anomaly.rules.iter().filter_map(|suspect| suspect.switched_ms);
        let changed = anomaly.routes.iter().map(|change| change.time_ms);
        switched.chain(changed).any(|time_ms| time_ms == self.time_ms)
    }
}

/// An intervention, and what became of the anomaly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    pub time_ms: u64,
    pub actor: String,
    pub text: String,
    pub rules: Vec<String>,
    pub enforces: bool,
    /// Events per trial in the minutes before it; of a cliff, requests a minute. `None` where there was too little to say.
    pub before: Option<f64>,
    /// The same in the last three minutes, as of `measured_ms`.
    pub since: Option<f64>,
    pub measured_ms: u64,
}

impl From<&Intervention> for Response {
    fn from(done: &Intervention) -> Self {
        Self {
            time_ms: done.time_ms,
            actor: done.actor.clone(),
            text: done.text.clone(),
            rules: done.rules.clone(),
            enforces: done.enforces,
            before: None,
            since: None,
            measured_ms: done.time_ms,
        }
    }
}

impl Response {
    /// Whether they are one and the same intervention.
    pub(super) fn is_of(&self, done: &Intervention) -> bool {
        (self.time_ms, &self.text) == (done.time_ms, &done.text)
    }

    /// "botnet-sig on hub: enforce to monitor, by olga, at 20:40:52; resumes fell from 38 % to 4 % in 3 minutes".
    #[must_use]
    pub fn sentence(&self, anomaly: &Anomaly) -> String {
        let clock = rfc3339(self.time_ms).get(11..19).unwrap_or_default().to_owned();
        format!("{}, at {clock}; {}", self.text, self.effect(anomaly))
    }

    fn effect(&self, anomaly: &Anomaly) -> String {
        let (Some(before), Some(since)) = (self.before, self.since) else {
            return "too few requests since then to say what it changed".to_owned();
        };
        let lasted = lasted(self.measured_ms.saturating_sub(self.time_ms) / 1000);
        let noun = anomaly.noun();
        if anomaly.kind() == AnomalyKind::TrafficCliff {
            return if since * FALLEN > before {
                format!("requests rose from {before:.0} to {since:.0} a minute in {lasted}")
            } else {
                format!("requests are not back: {before:.0} a minute before, {since:.0} now")
            };
        }
        if since < FALLEN * before {
            format!("{noun} fell from {} to {} in {lasted}", rate(before), rate(since))
        } else {
            format!(
                "{noun} have not fallen: {} before, {} now",
                rate(before),
                rate(since)
            )
        }
    }
}

/// "40 s", "3 minutes", "2 h 5 min".
fn lasted(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, 1) => "1 minute".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, minutes) => format!("{hours} h {} min", minutes % 60),
    }
}

/// docs/api.md.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AnomalyResponse")
)]
pub(super) struct ResponseJson<'a> {
    time: String,
    by: &'a str,
    text: &'a str,
    rules: &'a [String],
    enforces: bool,
    before: Option<f64>,
    since: Option<f64>,
    measured: String,
    sentence: String,
}

impl<'a> ResponseJson<'a> {
    pub(super) fn of(response: &'a Response, anomaly: &Anomaly) -> Self {
        Self {
            time: rfc3339(response.time_ms),
            by: &response.actor,
            text: &response.text,
            rules: &response.rules,
            enforces: response.enforces,
            before: response.before.map(rounded),
            since: response.since.map(rounded),
            measured: rfc3339(response.measured_ms),
            sentence: response.sentence(anomaly),
        }
    }
}

/// When a suspected rule was last taken back, if it was not enforced again since.
pub(super) fn taken_back<'a>(anomaly: &'a Anomaly, rule: &str) -> Option<&'a Response> {
    let mut of_rule = anomaly.responses.iter().rev();
    let newest = of_rule.find(|response| response.rules.iter().any(|known| known == rule))?;
    (!newest.enforces).then_some(newest)
}
