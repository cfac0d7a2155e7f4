//! What was valid at a revision, and every version of one thing.

use super::change::mode_key;
use super::{RuleBookError, RuleBookStore, parameter, text};
use blobwatch_rulebook::{ModeSetting, NamedList, Retention, Rule, Rulebook, SCHEMA, Settings};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError};

/// `until` of what is valid now: 2^53 - 1, the largest integer that crosses the platform unharmed.
pub(super) const OPEN: SqlValue = SqlValue::Integer(OPEN_REVISION);
const OPEN_REVISION: i64 = (1 << 53) - 1;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    List,
    Mode,
    Route,
    Rule,
    Settings,
}

impl Kind {
    /// As stored.
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Mode => "mode",
            Self::Route => "route",
            Self::Rule => "rule",
            Self::Settings => "settings",
        }
    }
}

impl From<Kind> for SqlValue {
    fn from(kind: Kind) -> Self {
        Self::Text(kind.name().to_owned())
    }
}

/// One version of one thing, and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVersion<T> {
    pub value: T,
    /// The revision that made it.
    pub since: u64,
    /// The revision that ended it; `None` while it is valid.
    pub until: Option<u64>,
    pub time_ms: u64,
    pub actor: String,
    pub reason: Option<String>,
}

pub(super) const BODY: &str = "entries.body";
const KEPT: &str = "body, since, until, time_ms, actor, reason";

impl<T: serde::de::DeserializeOwned> StoredVersion<T> {
    fn read(found: &Row) -> Result<Self, RuleBookError> {
        let until = found.integer(2, "entries.until")?;
        Ok(Self {
            value: found.json(0, BODY)?,
            since: found.integer(1, "entries.since")?,
            until: (until < OPEN_REVISION.unsigned_abs()).then_some(until),
            time_ms: found.integer(3, "entries.time_ms")?,
            actor: found.text(4, "entries.actor")?.to_owned(),
            reason: found.optional_text(5, "entries.reason")?.map(str::to_owned),
        })
    }
}

/// Without `INDEXED BY` the planner walks all that ever was to save the sort of what is valid.
pub(super) const AT_REVISION: &str = "SELECT kind, body FROM entries INDEXED BY entries_until WHERE until > ?1 AND since <= ?1 \
     ORDER BY kind, position, key";

impl<S: Sql> RuleBookStore<S> {
    /// The rulebook as it was at a revision; `None` for one that has not been, or that no database had.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn document_at(&self, revision: u64) -> Result<Option<Rulebook>, RuleBookError> {
        if revision == 0 || revision > self.revision()? {
            return Ok(None);
        }
        self.read_document(revision).map(Some)
    }

    pub(super) fn read_document(&self, revision: u64) -> Result<Rulebook, RuleBookError> {
        let mut book = Rulebook {
            schema: SCHEMA,
            revision,
            routes: Vec::new(),
            rules: Vec::new(),
            modes: Vec::new(),
            lists: Vec::new(),
            layouts: Vec::new(),
            settings: Settings::default(),
        };
        for found in &self.sql.run(AT_REVISION, &[parameter(revision)])? {
            match found.text(0, "entries.kind")? {
                "list" => book.lists.push(found.json(1, BODY)?),
                "mode" => book.modes.push(found.json(1, BODY)?),
                "route" => book.routes.push(found.json(1, BODY)?),
                "rule" => book.rules.push(found.json(1, BODY)?),
                "settings" => book.settings = found.json(1, BODY)?,
                kind => return Err(StoreError::Corrupt(format!("an entry of the kind {kind:?}")).into()),
            }
        }
        if revision == self.revision()? {
            book.layouts = self.layouts()?;
        }
        Ok(book.with_schema())
    }

    /// Every version of a rule, newest first, retired ones included.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn rule_versions(&self, id: &str) -> Result<Vec<StoredVersion<Rule>>, RuleBookError> {
        self.versions(Kind::Rule, id)
    }

    /// Every version of the modes of a rule on all routes, newest first, also of those that were removed.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub(crate) fn mode_versions(&self, rule: &str) -> Result<Vec<StoredVersion<ModeSetting>>, RuleBookError> {
        let rows = self.sql.run(
            &format!(
                "SELECT {KEPT} FROM entries WHERE kind = ?1 AND key >= ?2 AND key < ?3 ORDER BY since DESC"
            ),
            &[
                Kind::Mode.into(),
                text(&mode_key(rule, "")),
                text(&format!("{rule}!")),
            ],
        )?;
        rows.iter().map(StoredVersion::read).collect()
    }

    /// Every version of a list, newest first, also of one that was removed.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn list_versions(&self, name: &str) -> Result<Vec<StoredVersion<NamedList>>, RuleBookError> {
        self.versions(Kind::List, name)
    }

    fn versions<T: serde::de::DeserializeOwned>(
        &self,
        kind: Kind,
        key: &str,
    ) -> Result<Vec<StoredVersion<T>>, RuleBookError> {
        let rows = self.sql.run(
            &format!("SELECT {KEPT} FROM entries WHERE kind = ?1 AND key = ?2 ORDER BY since DESC"),
            &[kind.into(), text(key)],
        )?;
        rows.iter().map(StoredVersion::read).collect()
    }

    /// Whether there is something of that name, or was.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn ever_was(&self, kind: Kind, key: &str) -> Result<bool, RuleBookError> {
        let rows = self.sql.run(
            "SELECT 1 FROM entries WHERE kind = ?1 AND key = ?2 LIMIT 1",
            &[kind.into(), text(key)],
        )?;
        Ok(!rows.is_empty())
    }

    /// The mode that is set for a rule on a route now.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn mode_entry(
        &self,
        rule: &str,
        route: &str,
    ) -> Result<Option<StoredVersion<ModeSetting>>, RuleBookError> {
        let rows = self.sql.run(
            &format!("SELECT {KEPT} FROM entries WHERE kind = ?1 AND key = ?2 AND until = ?3"),
            &[Kind::Mode.into(), text(&mode_key(rule, route)), OPEN],
        )?;
        rows.first().map(StoredVersion::read).transpose()
    }

    /// What is valid now, in the order of the document.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn valid<T: serde::de::DeserializeOwned>(
        &self,
        kind: Kind,
    ) -> Result<Vec<StoredVersion<T>>, RuleBookError> {
        let rows = self.sql.run(
            &format!("SELECT {KEPT} FROM entries WHERE until = ?1 AND kind = ?2 ORDER BY position, key"),
            &[OPEN, kind.into()],
        )?;
        rows.iter().map(StoredVersion::read).collect()
    }

    /// How long records are kept, and where older ones are.
    ///
    /// # Errors
    /// When SQLite refuses, or an entry is not what was written.
    pub fn retention(&self) -> Result<Retention, RuleBookError> {
        let settings = self.valid::<Settings>(Kind::Settings)?.into_iter().next();
        Ok(settings.map(|version| version.value).unwrap_or_default().into())
    }
}
