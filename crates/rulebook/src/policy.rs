//! Which mode a rule has on a route at a time: the rulebook without its expressions.
//!
//! The most specific wins: the setting of the rule on the route, then the rule's default. An expired setting is as
//! if it were not there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::document::{Rulebook, Volume};
use blobwatch_pull::{Action, Mode};

/// What is done with matches, looked up by the positions of route and rule in the document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    pub revision: u64,
    rules: Vec<PolicyRule>,
    routes: Vec<PolicyRoute>,
    /// By (route, rule); only what was set, since most pairs have no setting.
    settings: BTreeMap<(usize, usize), Setting>,
}

/// What a verdict needs of a mode that was set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) mode: Mode,
    pub(super) percent: Option<f64>,
    pub(super) expires_ms: Option<u64>,
}

/// What a verdict needs of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRule {
    pub id: Arc<str>,
    pub version: u32,
    pub action: Action,
    pub default_mode: Mode,
    pub volume: Option<Volume>,
}

/// What a verdict needs of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRoute {
    pub name: Arc<str>,
    /// Whether a detour has somewhere to go.
    pub has_detour: bool,
}

/// The mode that holds, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveMode {
    pub mode: Mode,
    /// Of client keys, above 0 and up to 100; below 100 only with enforce.
    pub percent: f64,
    pub from: ModeSource,
}

/// Why a mode holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ModeSource {
    /// Set for this rule on this route.
    #[serde(rename = "rule on route")]
    RuleOnRoute,
    /// Nothing is set: the rule's default.
    Default,
    /// A setting was there and has expired: the rule's default.
    Expired,
}

impl Policy {
    #[must_use]
    pub fn new(book: &Rulebook) -> Self {
        let rule_at: HashMap<&str, usize> = positions(book.rules.iter().map(|rule| rule.id.as_str()));
        let route_at: HashMap<&str, usize> = positions(book.routes.iter().map(|route| route.name.as_str()));
        // One by one: `collect` brings a sort of its own.
        let mut settings = BTreeMap::new();
        for setting in &book.modes {
            let places = (route_at.get(&*setting.route), rule_at.get(&*setting.rule));
            if let (Some(route), Some(rule)) = places {
                settings.insert(
                    (*route, *rule),
                    Setting {
                        mode: setting.mode,
                        percent: setting.percent,
                        expires_ms: setting.expires_ms,
                    },
                );
            }
        }
        Self {
            revision: book.revision,
            rules: book.rules.iter().map(PolicyRule::new).collect(),
            routes: book.routes.iter().map(PolicyRoute::new).collect(),
            settings,
        }
    }

    pub(super) fn of_parts(
        revision: u64,
        rules: Vec<PolicyRule>,
        routes: Vec<PolicyRoute>,
        settings: BTreeMap<(usize, usize), Setting>,
    ) -> Self {
        Self {
            revision,
            rules,
            routes,
            settings,
        }
    }

    pub(super) fn settings(&self) -> &BTreeMap<(usize, usize), Setting> {
        &self.settings
    }

    #[must_use]
    pub fn rule(&self, index: usize) -> Option<&PolicyRule> {
        self.rules.get(index)
    }

    #[must_use]
    pub fn route(&self, index: usize) -> Option<&PolicyRoute> {
        self.routes.get(index)
    }

    #[must_use]
    pub fn rules(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// Whether what is set for a rule on a route ends by itself.
    #[must_use]
    pub fn expires(&self, route: usize, rule: usize) -> bool {
        self.settings
            .get(&(route, rule))
            .is_some_and(|setting| setting.expires_ms.is_some())
    }

    /// The mode of a rule on a route at `now_ms`; off for a rule that does not exist.
    #[must_use]
    pub fn mode(&self, route: usize, rule: usize, now_ms: u64) -> EffectiveMode {
        let default = |from| EffectiveMode {
            mode: self.rule(rule).map_or(Mode::Off, |rule| rule.default_mode),
            percent: 100.0,
            from,
        };
        match self.settings.get(&(route, rule)) {
            None => default(ModeSource::Default),
            Some(setting) if setting.expires_ms.is_some_and(|at| at <= now_ms) => {
                default(ModeSource::Expired)
            }
            Some(setting) => EffectiveMode {
                mode: setting.mode,
                percent: setting.percent.unwrap_or(100.0),
                from: ModeSource::RuleOnRoute,
            },
        }
    }
}

impl PolicyRule {
    fn new(rule: &super::document::Rule) -> Self {
        Self {
            id: rule.id.as_str().into(),
            version: rule.version,
            action: rule.action,
            default_mode: rule.default_mode,
            volume: rule.volume,
        }
    }
}

impl PolicyRoute {
    pub(super) fn new(route: &super::document::Route) -> Self {
        Self {
            name: route.name.as_str().into(),
            has_detour: route.detour.is_some(),
        }
    }
}

fn positions<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    names.enumerate().map(|(at, name)| (name, at)).collect()
}
