//! The document: what a rulebook says, as it is written, stored and sent.

use serde::{Deserialize, Serialize};

use super::edge_cache::EdgeCache;
use super::fire_logs::{EVERY_COLO, FireLogBounds, FireLogLayout, colo_in_document};
use super::ingest::IngestMapping;
use super::keep_addresses::KeepAddresses;
use super::named_list::NamedList;
use super::stages::Stages;
use blobwatch_pull::{Action, BlobShapes, Mode, ShapeError, rule_action};

/// The newest that this build reads. A reader refuses a newer one and keeps what it has.
///
/// 2 has stages and guards of modes, 3 has `blobs` of routes, 4 has `anomaly_breadth` of the settings, 5 has lists, the
/// action `allow`, `ingest`, `keep_addresses` and `address_hours` of the settings, and `anomaly_breadth` of routes, 6 has
/// `archive` and `max_records_per_s` of the settings, `cache` and `keep` of routes, layouts of FireLogs, and bounds of their
/// number, 7 has sources of lists. A document says the lowest that can say it ([`Rulebook::with_schema`]), so that isolates of older builds go on with it as
/// long as they can.
pub const SCHEMA: u32 = 7;

/// The route that always exists and matches what no other does.
pub const DEFAULT_ROUTE: &str = "default";

/// One revision of everything that decides about a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rulebook {
    pub schema: u32,
    /// Grows by one with each change.
    pub revision: u64,
    pub routes: Vec<Route>,
    /// In the order they are evaluated and recorded.
    pub rules: Vec<Rule>,
    pub modes: Vec<ModeSetting>,
    /// What rules name as `$name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<NamedList>,
    #[serde(default)]
    pub settings: Settings,
    /// How many FireLogs colos have: the RuleBook's to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layouts: Vec<FireLogLayout>,
}

impl Rulebook {
    /// Names of routes whose requests have an origin only where the deployment has one.
    pub fn routes_without_origin(&self) -> impl Iterator<Item = &str> {
        let routes = self.routes.iter().filter(|route| route.origin.is_none());
        routes.map(|route| route.name.as_str())
    }

    /// The same, with the lowest schema that can say it.
    #[must_use]
    pub fn with_schema(self) -> Self {
        let is_2 = |setting: &ModeSetting| setting.stages.is_some() || setting.guard.is_some();
        let allows = |rule: &Rule| rule.action == Action::Allow;
        let has_breadth = |route: &Route| route.anomaly_breadth.is_some();
        let is_5 = !self.lists.is_empty() || self.settings.is_5();
        let is_6 = |route: &Route| !route.cache.is_origin() || route.keep.is_some();
        let has_layouts = !self.layouts.is_empty() || self.settings.has_fire_log_bounds();
        let has_sources = self.lists.iter().any(|list| list.source.is_some());
        let schema = if has_sources {
            7
        } else if has_layouts || self.settings.is_6() || self.routes.iter().any(is_6) {
            6
        } else if is_5 || self.rules.iter().any(allows) || self.routes.iter().any(has_breadth) {
            5
        } else if !self.settings.anomaly_breadth.is_default() {
            4
        } else if self.routes.iter().any(|route| route.blobs.is_some()) {
            3
        } else if self.modes.iter().any(is_2) {
            2
        } else {
            1
        };
        Self { schema, ..self }
    }

    /// The layout of a colo's FireLogs, as the RuleBook decided it.
    #[must_use]
    pub fn layout(&self, colo: &str) -> Option<&FireLogLayout> {
        let colo = colo_in_document(colo);
        self.layouts.iter().find(|layout| layout.colo == colo)
    }

    /// How many FireLogs a colo has.
    #[must_use]
    pub fn fire_logs(&self, colo: &str) -> u32 {
        let least = || self.settings.fire_log_bounds(colo).nearest(1);
        self.layout(colo).map_or_else(least, |layout| layout.count)
    }
}

/// Requests selected by host and repository, and how they are handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Route {
    pub name: String,
    /// Exact, lower case; any host when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Glob over the repository name: `*` within a segment, `**` across segments.
    #[serde(default = "every_repository")]
    pub repository: String,
    /// Which paths are blobs: names of shapes and templates; absent: `BlobShapes::DEFAULT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Vec<String>>,
    /// Where requests go, `scheme://host[:port]`; absent: the deployment's `ORIGIN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Where the `detour` action sends a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour: Option<String>,
    #[serde(default)]
    pub redirects: Redirects,
    #[serde(default, skip_serializing_if = "EdgeCache::is_origin")]
    pub cache: EdgeCache,
    /// Share of clients whose bodies are observed to their end, 0 to 1.
    #[serde(default)]
    pub observe: f64,
    /// Share of clients whose records are kept, 0.001 to 1; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<f64>,
    #[serde(default)]
    pub disclose: Disclose,
    /// How broad a fault of its requests must be to open an anomaly; absent: as the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly_breadth: Option<AnomalyBreadth>,
}

fn every_repository() -> String {
    "**".to_owned()
}

impl Route {
    /// The names and templates that hold, also where none are set.
    #[must_use]
    pub fn blob_names(&self) -> Vec<String> {
        let default = || BlobShapes::DEFAULT.map(str::to_owned).to_vec();
        self.blobs.clone().unwrap_or_else(default)
    }

    /// Those, ready for requests.
    ///
    /// # Errors
    /// Which of them is no name and no template.
    pub fn blob_shapes(&self) -> Result<BlobShapes, ShapeError> {
        self.blobs
            .as_deref()
            .map_or_else(|| Ok(BlobShapes::default()), BlobShapes::parse)
    }

    /// A route that takes every repository on every host and handles them as if nothing had been set.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            host: None,
            repository: every_repository(),
            blobs: None,
            origin: None,
            detour: None,
            redirects: Redirects::default(),
            cache: EdgeCache::default(),
            observe: 0.0,
            keep: None,
            disclose: Disclose::default(),
            anomaly_breadth: None,
        }
    }
}

/// What happens to a redirect that the origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Redirects {
    #[default]
    Pass,
    Follow,
}

/// Who is told in `Blobwatch-Fired` which rules fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Disclose {
    Never,
    #[default]
    Operators,
    Always,
}

/// One version of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// Lower case letters, digits and hyphens; a token in structured fields.
    pub id: String,
    pub version: u32,
    #[serde(default)]
    pub description: String,
    pub expression: String,
    #[serde(deserialize_with = "rule_action")]
    pub action: Action,
    #[serde(default)]
    pub default_mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
}

/// The mode of one rule on one route; goes before the rule's default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModeSetting {
    pub rule: String,
    pub route: String,
    pub mode: Mode,
    /// Of client keys, above 0 and up to 100; only with `enforce`, 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Milliseconds since 1970; from then on the rule's default holds again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// The steps that `percent` goes through; it is that of the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    /// The revision from which on a guard watches whom this enforcement hits; FireLogs count for it from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<u64>,
}

impl ModeSetting {
    /// Without a percentage, an end, stages or a guard.
    #[must_use]
    pub fn new(rule: impl Into<String>, route: impl Into<String>, mode: Mode) -> Self {
        Self {
            rule: rule.into(),
            route: route.into(),
            mode,
            percent: None,
            expires_ms: None,
            stages: None,
            guard: None,
        }
    }

    /// Whether it is the setting of that rule on that route.
    #[must_use]
    pub fn is_of(&self, rule: &str, route: &str) -> bool {
        self.rule == rule && self.route == route
    }
}

/// A rule with a volume fires only while one key exceeds this many matches in one colo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Volume {
    pub by: VolumeKey,
    pub requests: u32,
    pub seconds: u32,
}

/// What a volume is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum VolumeKey {
    Fingerprint,
    Asn,
    Client,
    Route,
    Network,
}

/// What holds for the whole deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// FireLogs of a colo: a number, or how few and how many there may be. `*` stands for every colo that is not named.
    pub fire_logs: std::collections::BTreeMap<String, FireLogBounds>,
    /// Seconds a throttled client is asked to wait.
    pub retry_after_s: u32,
    /// Records older than this are deleted.
    pub retention_hours: u32,
    /// A FireLog deletes its oldest records above this size.
    pub retention_bytes: u64,
    /// A FireLog to which more come for a while keeps a share of its clients; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_records_per_s: Option<u32>,
    /// How broad a fault must be to open an anomaly.
    #[serde(skip_serializing_if = "AnomalyBreadth::is_default")]
    pub anomaly_breadth: AnomalyBreadth,
    #[serde(skip_serializing_if = "KeepAddresses::is_none")]
    pub keep_addresses: KeepAddresses,
    /// The address of a client that was not seen for so long is deleted.
    #[serde(skip_serializing_if = "is_default_hours")]
    pub address_hours: u32,
    /// Sources of upstream events in a form of their own, by name.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub ingest: std::collections::BTreeMap<String, IngestMapping>,
    /// Where `blobwatch archive` keeps records for longer: `s3://bucket/prefix` or a folder. Answers that reach beyond what is
    /// kept here name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// A week.
const ADDRESS_HOURS: u32 = 7 * 24;

fn is_default_hours(hours: &u32) -> bool {
    *hours == ADDRESS_HOURS
}

impl Settings {
    /// How many FireLogs a colo may have.
    #[must_use]
    pub fn fire_log_bounds(&self, colo: &str) -> FireLogBounds {
        let named = self.fire_logs.get(colo_in_document(colo));
        let found = named.or_else(|| self.fire_logs.get(EVERY_COLO));
        found.copied().unwrap_or_default()
    }

    /// Whether it says more of FireLogs than a number for each colo.
    fn has_fire_log_bounds(&self) -> bool {
        let is_new = |(colo, bounds): (&String, &FireLogBounds)| colo == EVERY_COLO || !bounds.is_exact();
        self.fire_logs.iter().any(is_new)
    }

    /// Whether it says what schema 4 cannot.
    fn is_5(&self) -> bool {
        !self.ingest.is_empty() || !self.keep_addresses.is_none() || !is_default_hours(&self.address_hours)
    }

    /// Whether it says what schema 5 cannot.
    fn is_6(&self) -> bool {
        self.archive.is_some() || self.max_records_per_s.is_some()
    }
}

/// How many more clients, in how many more networks (/24 or /48), must be affected than before. With 1 it is not asked whether they
/// are more than before: a fleet behind one proxy is one network, and often one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AnomalyBreadth {
    pub clients: u32,
    pub networks: u32,
}

impl Default for AnomalyBreadth {
    fn default() -> Self {
        Self {
            clients: 10,
            networks: 5,
        }
    }
}

impl AnomalyBreadth {
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The larger of each.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            clients: self.clients.max(other.clients),
            networks: self.networks.max(other.networks),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fire_logs: std::collections::BTreeMap::new(),
            retry_after_s: 30,
            retention_hours: 7 * 24,
            // Half of the 10 GB that one object may hold: room for a merge and for the cells beside the records.
            retention_bytes: 5_000_000_000,
            max_records_per_s: None,
            anomaly_breadth: AnomalyBreadth::default(),
            keep_addresses: KeepAddresses::None,
            address_hours: ADDRESS_HOURS,
            ingest: std::collections::BTreeMap::new(),
            archive: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Route, Rulebook, Settings};
    use crate::starter;
    use serde_json::{Value, from_str, json};

    #[test]
    fn routes_without_an_origin_are_named() {
        let mut book: Rulebook = starter().unwrap();
        let names = |book: &Rulebook| {
            book.routes_without_origin()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&book), ["default"]);
        let own = Route {
            name: "own".to_owned(),
            origin: Some("https://registry.example".to_owned()),
            ..book.routes[0].clone()
        };
        book.routes.push(own);
        assert_eq!(names(&book), ["default"]);
    }

    /// `worker.test.ts` compares what the dashboard takes for the defaults.
    #[test]
    fn the_dashboard_knows_the_defaults() {
        let known: Value = from_str(include_str!("../../../dashboard/test/unit/worker.json")).unwrap();
        let settings = Settings::default();
        let defaults = json!({
            "anomaly_breadth": settings.anomaly_breadth,
            "keep_addresses": settings.keep_addresses,
            "address_hours": settings.address_hours,
        });
        assert_eq!(known["settings"], defaults);
    }
}
