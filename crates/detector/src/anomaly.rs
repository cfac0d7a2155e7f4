//! An anomaly: what is wrong, for whom, since when, and what happened to it.

use serde::{Deserialize, Serialize};

use super::broad::Affected;
use super::cohort::{Cohort, LiteralJson};
use super::handling::{Handling, HandlingJson};
use super::intervention::{Response, ResponseJson, taken_back};
use super::kind::AnomalyKind;
use super::rules::{Contrast, RouteChange, Suspect};
use super::sentence;
use super::upstream::OpenWindow;
use blobwatch_pull::Origin;
use blobwatch_wire::rfc3339;

/// Entries of a history; the first ones stay, of the later ones the newest.
pub(super) const MAX_HISTORY: usize = 100;

/// Examples: records that show it.
pub(crate) const MAX_EXAMPLES: usize = 10;

/// More than this says that nothing was expected, and no more.
pub(super) const MAX_RISK_RATIO: f64 = 1000.0;

/// What happened to an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    Opened,
    /// More clients, or another kind.
    Grew,
    /// Another cohort explains it better.
    Renamed,
    Closed,
    Reopened,
    Note,
    /// Somebody looks into it.
    Acknowledged,
    Assigned,
    Commented,
    Muted,
    Unmuted,
    /// Somebody says that there is a reason for it which is no fault.
    Expected,
    /// A change that may end it.
    Response,
}

impl Moment {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Grew => "grew",
            Self::Renamed => "renamed",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Note => "note",
            Self::Acknowledged => "acknowledged",
            Self::Assigned => "assigned",
            Self::Commented => "commented",
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
            Self::Expected => "expected",
            Self::Response => "response",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub time_ms: u64,
    pub moment: Moment,
    pub text: String,
    /// Who did it; `None`: the Detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    pub id: u64,
    /// The first is the one it is named after; never empty.
    pub kinds: Vec<AnomalyKind>,
    pub onset_ms: u64,
    pub opened_ms: u64,
    pub closed_ms: Option<u64>,
    pub reopened: u32,
    /// Of the cells that it is about.
    pub cohort: Cohort,
    /// Who it is, where attributes that cells do not have say it better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Cohort>,
    /// Events per trial that were expected; of a cliff, requests a minute.
    pub baseline: f64,
    /// Events per trial since the onset, or in the last hour; of a cliff, requests a minute.
    pub observed: f64,
    pub affected: Affected,
    pub rules: Vec<Suspect>,
    /// Routes that were changed within the onset.
    #[serde(default)]
    pub routes: Vec<RouteChange>,
    /// Other parties' windows that began within the onset.
    #[serde(default)]
    pub windows: Vec<OpenWindow>,
    /// Ids of records.
    pub evidence: Vec<String>,
    pub history: Vec<HistoryEntry>,
    /// What the counts of the kind say beyond its name: " with 403", ", multi-range only".
    #[serde(default)]
    pub detail: String,
    /// What was done since, oldest first.
    #[serde(default)]
    pub responses: Vec<Response>,
    /// What people said about it.
    #[serde(default, skip_serializing_if = "Handling::is_none")]
    pub handling: Handling,
}

impl Anomaly {
    #[must_use]
    pub fn kind(&self) -> AnomalyKind {
        self.kinds.first().copied().unwrap_or(AnomalyKind::ResumeSurge)
    }

    /// Who it is about, by all attributes.
    #[must_use]
    pub fn who(&self) -> &Cohort {
        self.named.as_ref().unwrap_or(&self.cohort)
    }

    /// `an-000012`.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.id)
    }

    /// A rule that let through what it then spoiled: found against the clients outside its percentage.
    pub(super) fn is_spoilt(&self) -> bool {
        let contrast = self.rules.first().map(|suspect| suspect.contrast);
        self.kind() == AnomalyKind::RuleHarm && contrast == Some(Contrast::HeldOut)
    }

    /// What happened too often, in the plural.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        if self.is_spoilt() {
            "failed first minutes"
        } else {
            self.kind().noun()
        }
    }

    /// What one trial is, in the plural: rates are events in these.
    #[must_use]
    pub fn trials_noun(&self) -> &'static str {
        if self.is_spoilt() {
            "clients that the rule acted on"
        } else {
            self.kind().trials_noun()
        }
    }

    /// Observed over expected, at most `MAX_RISK_RATIO`.
    #[must_use]
    pub fn risk_ratio(&self) -> f64 {
        (self.observed / self.baseline.max(1e-6)).min(MAX_RISK_RATIO)
    }

    pub fn note(&mut self, time_ms: u64, moment: Moment, text: impl Into<String>) {
        self.add_to_history(HistoryEntry {
            time_ms,
            moment,
            text: text.into(),
            by: None,
        });
    }

    /// Adds what somebody did, in its place by time.
    pub(super) fn note_of(&mut self, time_ms: u64, moment: Moment, text: String, by: &str) {
        self.add_to_history(HistoryEntry {
            time_ms,
            moment,
            text,
            by: Some(by.to_owned()),
        });
    }

    /// Of what is too much the oldest in the second half goes that the Detector wrote itself: people do not repeat themselves.
    fn add_to_history(&mut self, entry: HistoryEntry) {
        if self.history.len() >= MAX_HISTORY {
            let is_own = |entry: &HistoryEntry| entry.by.is_none();
            let own = self.history.iter().skip(MAX_HISTORY / 2).position(is_own);
            self.history.remove(MAX_HISTORY / 2 + own.unwrap_or(0));
        }
        let later = self.history.iter().rev();
        let later = later.take_while(|known| known.time_ms > entry.time_ms).count();
        self.history.insert(self.history.len() - later, entry);
    }

    /// What an operator reads.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence::of(self)
    }

    /// As the API writes it.
    #[must_use]
    pub fn json(&self) -> AnomalyJson<'_> {
        AnomalyJson::from(self)
    }
}

/// `an-000012` of 12.
pub(super) fn name(id: u64) -> String {
    format!("an-{id:06}")
}

/// Number in an anomaly's name; `None` for anything else.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("an-")?;
    let all = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// docs/api.md.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Anomaly")
)]
pub struct AnomalyJson<'a> {
    id: String,
    kind: AnomalyKind,
    kinds: &'a [AnomalyKind],
    status: &'static str,
    onset: String,
    opened: String,
    closed: Option<String>,
    reopened: u32,
    sentence: String,
    cohort: Vec<LiteralJson<'a>>,
    baseline: f64,
    observed: f64,
    risk_ratio: f64,
    clients: u64,
    networks: u64,
    clients_exact: bool,
    rules: Vec<SuspectJson<'a>>,
    routes: Vec<RouteChangeJson<'a>>,
    windows: Vec<OpenWindowJson<'a>>,
    responses: Vec<ResponseJson<'a>>,
    #[serde(flatten)]
    handling: HandlingJson<'a>,
    detail: &'a str,
    evidence: &'a [String],
    history: Vec<EntryJson<'a>>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SuspectedRule")
)]
struct SuspectJson<'a> {
    rule: &'a str,
    origin: Origin,
    lift: f64,
    share: f64,
    events: u64,
    contrast: Contrast,
    mode_changed: Option<String>,
    change: Option<&'a str>,
    taken_back: Option<TakenBackJson<'a>>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "TakenBackRule")
)]
struct TakenBackJson<'a> {
    time: String,
    by: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RouteChange")
)]
struct RouteChangeJson<'a> {
    route: &'a str,
    changed: String,
    text: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "OpenWindow")
)]
struct OpenWindowJson<'a> {
    rule: &'a str,
    from: String,
    until: Option<String>,
    text: &'a str,
    while_open: Option<f64>,
    after: Option<f64>,
    sentence: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AnomalyEvent")
)]
struct EntryJson<'a> {
    time: String,
    event: &'static str,
    text: &'a str,
    by: Option<&'a str>,
}

impl<'a> From<&'a Anomaly> for AnomalyJson<'a> {
    fn from(anomaly: &'a Anomaly) -> Self {
        let rule = |suspect: &'a Suspect| SuspectJson {
            rule: &suspect.rule,
            origin: Origin::of(&suspect.rule),
            lift: rounded(suspect.lift),
            share: rounded(suspect.share),
            events: suspect.events,
            contrast: suspect.contrast,
            mode_changed: suspect.switched_ms.map(rfc3339),
            change: suspect.switched.as_deref(),
            taken_back: taken_back(anomaly, &suspect.rule).map(|response| TakenBackJson {
                time: rfc3339(response.time_ms),
                by: &response.actor,
            }),
        };
        let route = |change: &'a RouteChange| RouteChangeJson {
            route: &change.route,
            changed: rfc3339(change.time_ms),
            text: &change.text,
        };
        let window = |window: &'a OpenWindow| OpenWindowJson {
            rule: &window.rule,
            from: rfc3339(window.from_ms),
            until: window.until_ms.map(rfc3339),
            text: &window.text,
            while_open: window.while_open.map(rounded),
            after: window.after.map(rounded),
            sentence: window.sentence(),
        };
        let entry = |entry: &'a HistoryEntry| EntryJson {
            time: rfc3339(entry.time_ms),
            event: entry.moment.as_str(),
            text: &entry.text,
            by: entry.by.as_deref(),
        };
        Self {
            id: anomaly.name(),
            kind: anomaly.kind(),
            kinds: &anomaly.kinds,
            status: if anomaly.closed_ms.is_some() {
                "closed"
            } else {
                "open"
            },
            onset: rfc3339(anomaly.onset_ms),
            opened: rfc3339(anomaly.opened_ms),
            closed: anomaly.closed_ms.map(rfc3339),
            reopened: anomaly.reopened,
            sentence: anomaly.sentence(),
            cohort: anomaly.who().json(),
            baseline: rounded(anomaly.baseline),
            observed: rounded(anomaly.observed),
            risk_ratio: rounded(anomaly.risk_ratio()),
            clients: anomaly.affected.clients,
            networks: anomaly.affected.networks,
            clients_exact: anomaly.affected.exact,
            rules: anomaly.rules.iter().map(rule).collect(),
            routes: anomaly.routes.iter().map(route).collect(),
            windows: anomaly.windows.iter().map(window).collect(),
            responses: anomaly
                .responses
                .iter()
                .map(|response| ResponseJson::of(response, anomaly))
                .collect(),
            handling: HandlingJson::of(&anomaly.handling),
            detail: anomaly.detail.trim_start_matches([' ', ',', ':']),
            evidence: &anomaly.evidence,
            history: anomaly.history.iter().map(entry).collect(),
        }
    }
}

/// Four digits: more are noise, and `null` is what JSON makes of what is not finite.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::{number, rounded};

    #[test]
    fn names_are_read_back() {
        assert_eq!(number("an-000012"), Some(12));
        assert_eq!(number("an-1234567"), Some(1_234_567));
        for wrong in ["an-12", "an-", "an-00001x", "12", "an--00001"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn figures_have_four_digits() {
        for (value, expected) in [
            (0.0, 0.0),
            (0.123_456, 0.1235),
            (38.123, 38.12),
            (1234.56, 1235.0),
            (f64::INFINITY, 0.0),
        ] {
            assert!((rounded(value) - expected).abs() < 1e-9, "{value}");
        }
    }
}
