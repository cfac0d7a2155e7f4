//! The current rulebook as this FireLog has it, to hand on to isolates.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FireLog, FireLogError, guards};
use blobwatch_guard::GuardedEnforcement;
use blobwatch_records::{Reply, RulebookVersion, colo_of, one_in, place_of};
use blobwatch_rulebook::{Compiled, FireLogLayout, Program, Settings, Volume};
use blobwatch_sql::{Sql, SqlValue, number};

/// A document and what of it matters here.
#[derive(Debug, Clone)]
pub(super) struct CurrentRulebook {
    held: RulebookVersion,
    document: String,
    /// The document compiled, as isolates get it; empty where it cannot be. Made when the first one asks.
    program: OnceCell<Vec<u8>>,
    pub(super) settings: Settings,
    /// One client in how many is kept of routes that do not keep all.
    pub(super) keep: BTreeMap<String, u32>,
    pub(super) volumes: Vec<Limit>,
    /// Enforcements that a guard watches.
    pub(super) guarded: Vec<GuardedEnforcement>,
    layouts: Vec<FireLogLayout>,
}

/// A rule with a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) rule: String,
    pub(super) version: u32,
    pub(super) volume: Volume,
}

/// As much of a document as is read here. Unlike `rulebook::Rulebook` it takes fields that it does not know: a
/// FireLog keeps a newer document, and goes by what it understands of it.
#[derive(Deserialize)]
struct Outline {
    revision: u64,
    #[serde(default)]
    routes: Vec<RouteOutline>,
    #[serde(default)]
    rules: Vec<RuleOutline>,
    #[serde(default)]
    modes: Vec<ModeOutline>,
    #[serde(default)]
    settings: Option<serde_json::Value>,
    #[serde(default)]
    layouts: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RouteOutline {
    #[serde(default)]
    name: String,
    #[serde(default)]
    keep: Option<f64>,
}

#[derive(Deserialize)]
struct ModeOutline {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    route: String,
    #[serde(default)]
    guard: Option<u64>,
}

#[derive(Deserialize)]
struct RuleOutline {
    #[serde(default)]
    id: String,
    #[serde(default)]
    version: u32,
    #[serde(default)]
    volume: Option<serde_json::Value>,
}

impl ModeOutline {
    fn guarded(self, rules: &[RuleOutline]) -> Option<GuardedEnforcement> {
        let rule = rules.iter().find(|rule| rule.id == self.rule);
        Some(GuardedEnforcement {
            guard: self.guard?,
            version: rule.map_or(0, |rule| rule.version),
            rule: self.rule.into(),
            route: self.route.into(),
        })
    }
}

impl CurrentRulebook {
    fn of(epoch: u64, document: &str) -> Result<Self, FireLogError> {
        let wrong = |error: serde_json::Error| FireLogError::Rulebook(error.to_string());
        let outline: Outline = serde_json::from_str(document).map_err(wrong)?;
        let guarded = |mode: ModeOutline| mode.guarded(&outline.rules);
        let guarded = outline.modes.into_iter().filter_map(guarded).collect();
        let limit = |rule: RuleOutline| {
            let volume = serde_json::from_value(rule.volume?).ok()?;
            Some(Limit {
                rule: rule.id,
                version: rule.version,
                volume,
            })
        };
        let keep = |route: RouteOutline| Some((route.name, one_in(route.keep?)));
        let settings = outline
            .settings
            .and_then(|settings| serde_json::from_value(settings).ok());
        let layouts = outline.layouts.into_iter();
        Ok(Self {
            layouts: layouts
                .filter_map(|layout| serde_json::from_value(layout).ok())
                .collect(),
            held: RulebookVersion {
                epoch,
                revision: outline.revision,
            },
            document: document.to_owned(),
            program: OnceCell::new(),
            settings: settings.unwrap_or_default(),
            keep: outline.routes.into_iter().filter_map(keep).collect(),
            volumes: outline.rules.into_iter().filter_map(limit).collect(),
            guarded,
        })
    }
}

impl CurrentRulebook {
    /// The layout of a FireLog's colo.
    pub(super) fn layout(&self, fire_log: &str) -> Option<&FireLogLayout> {
        let colo = colo_of(fire_log)?.to_ascii_uppercase();
        self.layouts.iter().find(|layout| layout.colo == colo)
    }

    /// Whether a FireLog is one of several that its colo may do without; one that a join left is none of them.
    pub(super) fn may_join(&self, fire_log: &str) -> bool {
        let Some((layout, place)) = self.layout(fire_log).zip(place_of(fire_log)) else {
            return false;
        };
        let least = self.settings.fire_log_bounds(&layout.colo).nearest(1);
        place < layout.count && layout.count > least
    }

    /// A document that only a newer build can compile is kept nevertheless: the RuleBook says that it is in force.
    fn program(&self) -> &[u8] {
        self.program.get_or_init(|| {
            let compiled = Compiled::from_json(&self.document).map(Program::from);
            compiled.map(|program| program.encode()).unwrap_or_default()
        })
    }
}

pub(super) fn read(sql: &impl Sql) -> Result<Option<CurrentRulebook>, FireLogError> {
    let rows = sql.run("SELECT document FROM rulebook WHERE one = 1", &[])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    CurrentRulebook::of(epoch(sql)?, row.text(0, "rulebook.document")?).map(Some)
}

/// Of the kept document. A FireLog of an earlier build kept none.
fn epoch(sql: &impl Sql) -> Result<u64, FireLogError> {
    let rows = sql.run("SELECT value FROM meta WHERE key = 'rulebook_epoch'", &[])?;
    match rows.first() {
        Some(row) => Ok(row.integer(0, "meta.value of rulebook_epoch")?),
        None => Ok(0),
    }
}

impl<S: Sql> FireLog<S> {
    /// Keeps a document unless this one or a newer one is kept already; `true` where it was newer. `epoch` is its
    /// RuleBook's.
    ///
    /// # Errors
    /// When it is no rulebook, or SQLite refuses.
    pub fn keep_rulebook(&mut self, epoch: u64, document: &str) -> Result<bool, FireLogError> {
        let kept = CurrentRulebook::of(epoch, document)?;
        if !self.held().gives_way_to(kept.held) {
            return Ok(false);
        }
        let sql = &self.sql;
        let before = self.settings();
        let are_forgotten = sql.transaction(|| {
            sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('rulebook_epoch', ?)",
                &[number(epoch)],
            )?;
            sql.run(
                "INSERT OR REPLACE INTO rulebook (one, revision, document) VALUES (1, ?, ?)",
                &[number(kept.held.revision), SqlValue::Text(document.to_owned())],
            )?;
            guards::forget_others(sql, &kept.guarded)?;
            self.forget_addresses_of(&before, &kept.settings)
        })?;
        if are_forgotten {
            self.addresses = 0;
        }
        self.take_rulebook(Some(kept));
        Ok(true)
    }

    pub(super) fn take_rulebook(&mut self, kept: Option<CurrentRulebook>) {
        self.rulebook = kept;
        let limits = self
            .rulebook
            .as_ref()
            .map(|kept| kept.volumes.as_slice())
            .unwrap_or_default();
        self.volumes.keep_only(limits);
        let guarded = self.rulebook.as_ref().map(|kept| kept.guarded.as_slice());
        self.guards.retune(guarded.unwrap_or_default());
    }

    /// Which rulebook is kept.
    #[must_use]
    pub fn held(&self) -> RulebookVersion {
        self.rulebook
            .as_ref()
            .map_or_else(RulebookVersion::default, |kept| kept.held)
    }

    /// The kept document.
    #[must_use]
    pub fn rulebook(&self) -> Option<&str> {
        self.rulebook.as_ref().map(|kept| kept.document.as_str())
    }

    /// What an isolate that holds that rulebook needs to know; acknowledges nothing.
    #[must_use]
    pub fn reply(&self, held: RulebookVersion, now_ms: u64) -> Reply {
        let newer = self.rulebook.as_ref().filter(|kept| held.gives_way_to(kept.held));
        Reply {
            ack: 0,
            held: self.held(),
            rulebook: newer.map(|kept| kept.program().to_vec()),
            hot: self.volumes.hot(now_ms),
        }
    }
}
