//! What the RuleBook tells the Detector of a change: what it was made to, as values.
//!
//! RuleBook and Detector may be of two builds for the time of a deploy: fields that a reader does not know are left, and so are
//! causes and parts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{AnomalyBreadth, EdgeCache, ModeSetting, Redirects, Route, Rule, Rulebook, Settings};
use blobwatch_pull::Mode;

/// Parts of one change that are told; more of one push are counted as lost. Some 300 bytes each, and a row holds 2 MB.
pub const MAX_PARTS: usize = 4_000;

/// One revision that changed rules, modes or routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeNotice {
    /// The same each time that it is told; of this deployment.
    pub id: String,
    pub revision: u64,
    /// In milliseconds since 1970.
    pub time_ms: u64,
    pub actor: String,
    pub cause: Cause,
    /// As the audit log names it, for people: `mode.put`.
    pub action: String,
    /// As the audit log names it, for people: `rules/botnet-sig/modes/hub`.
    pub target: String,
    /// At most [`MAX_PARTS`].
    pub parts: Vec<PartChange>,
}

/// Why a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Somebody called for it.
    Operator,
    /// The next step of an enforcement in steps.
    Stage,
    /// A setting was over.
    Expiry,
    /// It harmed.
    Guard,
    PanicOff,
    /// The whole rulebook was replaced.
    Push,
    /// Somebody wants to enforce, and a second person decides: nothing has changed.
    Proposal,
    #[serde(other)]
    Unknown,
}

/// One thing that a change was made to. Both sides are `None` where an old entry of the audit log does not have them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum PartChange {
    /// The mode of a rule on a route. A side is `None` where none was set: the rule's default held.
    Mode {
        rule: String,
        route: String,
        before: Option<ModeValue>,
        after: Option<ModeValue>,
        /// The rule's default; `None` where it is not known.
        default_mode: Option<Mode>,
    },
    /// A version of a rule was written, or the rule retired.
    Rule {
        rule: String,
        before: Option<RuleValue>,
        after: Option<RuleValue>,
    },
    Route {
        route: String,
        before: Option<RouteValue>,
        after: Option<RouteValue>,
    },
    Settings {
        before: Option<SettingsValue>,
        after: Option<SettingsValue>,
    },
    /// Items of a list, which rules that are enforced somewhere name: whom they match is not what it was.
    List {
        list: String,
        rules: Vec<String>,
        #[serde(default)]
        added: u64,
        #[serde(default)]
        removed: u64,
    },
    /// An enforcement that waits for a second person.
    Proposal {
        rule: String,
        route: String,
        /// Who wants what, and whom it would hit.
        text: String,
    },
    #[serde(other)]
    Unknown,
}

/// A mode as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ModeValue {
    pub mode: Mode,
    #[serde(default)]
    pub percent: Option<f64>,
}

impl From<&ModeSetting> for ModeValue {
    fn from(setting: &ModeSetting) -> Self {
        Self {
            mode: setting.mode,
            percent: setting.percent,
        }
    }
}

/// A version of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleValue {
    #[serde(default)]
    pub version: u32,
    /// `None` where it is not known.
    #[serde(default)]
    pub default_mode: Option<Mode>,
    /// Whether any route enforces it, by a setting or by default; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforced: Option<bool>,
}

/// What of a route decides what clients get, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteValue {
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub repository: Option<String>,
    #[serde(default)]
    pub origin: Option<String>,
    #[serde(default)]
    pub detour: Option<String>,
    #[serde(default)]
    pub redirects: Option<Redirects>,
    /// `None` where the origin's answers say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<EdgeCache>,
    /// Which paths are blobs; `None` where the default holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Vec<String>>,
    /// `None` where the settings hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly_breadth: Option<AnomalyBreadth>,
}

/// What of the settings the Detector goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsValue {
    #[serde(default)]
    pub anomaly_breadth: AnomalyBreadth,
}

impl RuleValue {
    /// `None` where the rulebook does not have the rule.
    #[must_use]
    pub fn of(book: &Rulebook, id: &str) -> Option<Self> {
        let rule = book.rules.iter().find(|rule| rule.id == id)?;
        let modes = book.modes.iter().filter(|setting| setting.rule == id);
        Some(Self::with_modes(rule, modes))
    }

    /// Of a rule, with its settings on all routes.
    #[must_use]
    pub fn with_modes<'a>(rule: &Rule, mut modes: impl Iterator<Item = &'a ModeSetting>) -> Self {
        let is_enforced =
            rule.default_mode == Mode::Enforce || modes.any(|setting| setting.mode == Mode::Enforce);
        Self {
            version: rule.version,
            default_mode: Some(rule.default_mode),
            enforced: Some(is_enforced),
        }
    }
}

impl From<&Route> for RouteValue {
    fn from(route: &Route) -> Self {
        Self {
            host: route.host.clone(),
            repository: Some(route.repository.clone()),
            origin: route.origin.clone(),
            detour: route.detour.clone(),
            redirects: Some(route.redirects),
            cache: Some(route.cache).filter(|cache| !cache.is_origin()),
            blobs: route.blobs.clone(),
            anomaly_breadth: route.anomaly_breadth,
        }
    }
}

impl From<&Settings> for SettingsValue {
    fn from(settings: &Settings) -> Self {
        Self {
            anomaly_breadth: settings.anomaly_breadth,
        }
    }
}

impl RouteValue {
    /// Each by the name that the API gives it.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Option<Cow<'_, str>>); 8] {
        let redirects = self.redirects.map(|redirects| match redirects {
            Redirects::Pass => "pass",
            Redirects::Follow => "follow",
        });
        let cache = match self.cache.unwrap_or_default() {
            EdgeCache::Origin => "origin",
            cache => cache.word(),
        };
        fn text(text: &Option<String>) -> Option<Cow<'_, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        let blobs = self
            .blobs
            .as_ref()
            .map_or(Cow::Borrowed("default"), |blobs| Cow::Owned(blobs.join(" ")));
        [
            ("host", text(&self.host)),
            ("repository", text(&self.repository)),
            ("origin", text(&self.origin)),
            ("detour", text(&self.detour)),
            ("redirects", redirects.map(Cow::Borrowed)),
            ("blobs", Some(blobs)),
            ("cache", Some(Cow::Borrowed(cache))),
            (
                "anomaly_breadth",
                self.anomaly_breadth.map(|AnomalyBreadth { clients, networks }| {
                    Cow::Owned(format!("{clients} in {networks}"))
                }),
            ),
        ]
    }

    /// What decides what clients get.
    #[must_use]
    pub fn acts(&self) -> impl PartialEq + use<'_> {
        (
            self.watched(),
            &self.origin,
            &self.detour,
            &self.redirects,
            &self.cache,
        )
    }

    /// What decides which requests the route takes for blobs of its own.
    #[must_use]
    pub fn watched(&self) -> impl PartialEq + use<'_> {
        (&self.host, &self.repository, &self.blobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RuleBook and Detector may be of two builds for the time of a deploy.
    const PINNED: &str = concat!(
        r#"{"id":"1593975600000-7-1593975660000","revision":7,"time_ms":1593975660000,"actor":"git","cause":"push","action":"rulebook.put","target":"rulebook","parts":["#,
        r#"{"part":"route","route":"hub","before":{"host":null,"repository":"**","origin":null,"detour":"https://a.example","redirects":"pass"},"after":null},"#,
        r#"{"part":"rule","rule":"sweep","before":null,"after":{"version":1,"default_mode":"monitor"}},"#,
        r#"{"part":"rule","rule":"first","before":{"version":1,"default_mode":"monitor","enforced":true},"after":null},"#,
        r#"{"part":"list","list":"aws","rules":["sweep"],"added":12,"removed":1},"#,
        r#"{"part":"mode","rule":"sweep","route":"default","before":{"mode":"monitor","percent":null},"after":{"mode":"enforce","percent":10.0},"default_mode":"off"}]}"#,
    );

    #[test]
    fn the_json_of_a_change_is_pinned() {
        let notice: ChangeNotice = serde_json::from_str(PINNED).unwrap();
        assert_eq!(serde_json::to_string(&notice).unwrap(), PINNED);
        assert_eq!((notice.cause, notice.parts.len()), (Cause::Push, 5));
    }

    #[test]
    fn a_breadth_of_a_route_is_told_and_does_not_act() {
        let mut route = Route::named("internal");
        let before = RouteValue::from(&route);
        route.anomaly_breadth = Some(AnomalyBreadth {
            clients: 3,
            networks: 1,
        });
        let after = RouteValue::from(&route);
        let text = serde_json::to_string(&after).unwrap();
        assert!(
            text.ends_with(r#""anomaly_breadth":{"clients":3,"networks":1}}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<RouteValue>(&text).unwrap(), after);
        assert_eq!(after.fields()[7], ("anomaly_breadth", Some("3 in 1".into())));
        assert!(before.acts() == after.acts());
        route.origin = Some("https://a.example".to_owned());
        assert!(RouteValue::from(&route).acts() != after.acts());
    }

    #[test]
    fn what_a_route_watches_and_the_breadth_are_told() {
        let text = r#"{"part":"settings","before":{"anomaly_breadth":{"clients":10,"networks":5}},"after":{"anomaly_breadth":{"clients":3,"networks":1}}}"#;
        let part: PartChange = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&part).unwrap(), text);
        let mut route = Route::named("hub");
        let before = RouteValue::from(&route);
        assert_eq!(before.fields()[5], ("blobs", Some("default".into())));
        route.observe = 0.5;
        assert_eq!(
            RouteValue::from(&route),
            before,
            "who is observed changes nothing for clients"
        );
        route.blobs = Some(vec!["oci".to_owned(), "/layers/{hex}".to_owned()]);
        let after = RouteValue::from(&route);
        assert_eq!(after.fields()[5], ("blobs", Some("oci /layers/{hex}".into())));
        assert!(before.watched() != after.watched());
        route.origin = Some("https://b.example".to_owned());
        assert!(RouteValue::from(&route).watched() == after.watched());
    }

    #[test]
    fn the_notice_of_a_newer_build_is_read() {
        let newer = r#"{"id":"1-2","revision":2,"time_ms":3,"actor":"olga","cause":"weather","action":"list.put","target":"lists/x",
            "parts":[{"part":"tide","list":"x"},{"part":"rule","rule":"sweep","before":null,"after":{"speed":3}}],"more":1}"#;
        let notice: ChangeNotice = serde_json::from_str(newer).unwrap();
        assert_eq!(
            (notice.cause, &notice.parts[0]),
            (Cause::Unknown, &PartChange::Unknown)
        );
    }
}
