//! The current rulebook as this FireLog has it, to hand on to isolates.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FireLog, FireLogError, number, text};
use crate::flush::Reply;
use crate::guard::Guarded;
use crate::rulebook::{Settings, Volume};
use crate::store::{Sql, SqlValue};

/// A document and what of it matters here.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) revision: u64,
    document: Box<RawValue>,
    pub(super) settings: Settings,
    pub(super) volumes: Vec<Limit>,
    /// Enforcements that a guard watches.
    pub(super) guarded: Vec<Guarded>,
}

/// A rule with a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) rule: String,
    pub(super) version: u32,
    pub(super) volume: Volume,
}

/// As much of a document as is read here. Unlike `rulebook::Rulebook` it takes fields that it does not know: a
/// FireLog hands on a newer document unread, and the isolate decides.
#[derive(Deserialize)]
struct Outline {
    revision: u64,
    #[serde(default)]
    rules: Vec<RuleOutline>,
    #[serde(default)]
    modes: Vec<ModeOutline>,
    #[serde(default)]
    settings: Option<serde_json::Value>,
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
    fn guarded(self) -> Option<Guarded> {
        Some(Guarded {
            guard: self.guard?,
            rule: self.rule.into(),
            route: self.route.into(),
        })
    }
}

impl Kept {
    fn of(document: &str) -> Result<Self, FireLogError> {
        let wrong = |error: serde_json::Error| FireLogError::Rulebook(error.to_string());
        let outline: Outline = serde_json::from_str(document).map_err(wrong)?;
        let limit = |rule: RuleOutline| {
            let volume = serde_json::from_value(rule.volume?).ok()?;
            Some(Limit {
                rule: rule.id,
                version: rule.version,
                volume,
            })
        };
        let settings = outline
            .settings
            .and_then(|settings| serde_json::from_value(settings).ok());
        Ok(Self {
            revision: outline.revision,
            document: RawValue::from_string(document.to_owned()).map_err(wrong)?,
            settings: settings.unwrap_or_default(),
            volumes: outline.rules.into_iter().filter_map(limit).collect(),
            guarded: outline
                .modes
                .into_iter()
                .filter_map(ModeOutline::guarded)
                .collect(),
        })
    }
}

pub(super) fn read(sql: &impl Sql) -> Result<Option<Kept>, FireLogError> {
    let rows = sql.run("SELECT revision, document FROM rulebook WHERE one = 1", &[])?;
    rows.first().map(|row| Kept::of(text(row, 1))).transpose()
}

impl<S: Sql> FireLog<S> {
    /// Keeps a document unless this one or a newer one is kept already; `true` where it was newer.
    ///
    /// # Errors
    /// When it is no rulebook, or SQLite refuses.
    pub fn keep_rulebook(&mut self, document: &str) -> Result<bool, FireLogError> {
        let kept = Kept::of(document)?;
        if self.revision() >= kept.revision {
            return Ok(false);
        }
        self.sql.run(
            "INSERT OR REPLACE INTO rulebook (one, revision, document) VALUES (1, ?, ?)",
            &[number(kept.revision), SqlValue::Text(document.to_owned())],
        )?;
        self.take_rulebook(Some(kept));
        Ok(true)
    }

    pub(super) fn take_rulebook(&mut self, kept: Option<Kept>) {
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

    /// Revision of the kept rulebook; 0 for none.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.rulebook.as_ref().map_or(0, |kept| kept.revision)
    }

    /// The kept document.
    #[must_use]
    pub fn rulebook(&self) -> Option<&str> {
        self.rulebook.as_ref().map(|kept| kept.document.get())
    }

    /// What an isolate that holds `revision` needs to know; acknowledges nothing.
    #[must_use]
    pub fn reply(&self, revision: u64, now_ms: u64) -> Reply {
        let newer = self.rulebook.as_ref().filter(|kept| kept.revision > revision);
        Reply {
            ack: 0,
            revision: self.revision(),
            rulebook: newer.map(|kept| kept.document.clone()),
            hot: self.volumes.hot(now_ms),
        }
    }
}
