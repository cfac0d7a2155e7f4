//! One change: entries end, entries begin, the audit log says who and why, the revision grows.

use serde::Serialize;

use super::audit::{insert, last_hash};
use super::history::{BODY, Kind, OPEN};
use super::{RuleBookError, RuleBookStore, parameter, schema, text};
use crate::audit::AuditEntry;
use blobwatch_rulebook::{ModeSetting, NamedList, Route, Rule, Rulebook, Settings};
use blobwatch_sql::{Sql, SqlValue, StoreError, json};

/// What the audit log says about a change.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    pub actor: &'a str,
    pub now_ms: u64,
    /// `rule.put`, `mode.delete`, …
    pub action: &'a str,
    /// `rules/botnet-sig`, `rules/botnet-sig/modes/default`, …
    pub target: &'a str,
    /// JSON of what was there.
    pub before: Option<String>,
    /// JSON of what is there now.
    pub after: Option<String>,
    pub reason: Option<&'a str>,
    /// The change is made only on this revision.
    pub expected: Option<u64>,
}

impl<'a> Change<'a> {
    /// Of whoever said no reason, with nothing before it nor after it.
    pub(crate) const fn new(actor: &'a str, now_ms: u64, action: &'a str, target: &'a str) -> Self {
        Self {
            actor,
            now_ms,
            action,
            target,
            before: None,
            after: None,
            reason: None,
            expected: None,
        }
    }
}

/// One thing that a change writes or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    kind: Kind,
    key: String,
    /// The JSON form; `None` ends what is there.
    body: Option<SqlValue>,
    /// Where it goes; `None`: where it was, or last.
    position: Option<u64>,
    /// Of a mode: the guard that watches it from then on.
    guard: Option<u64>,
}

impl Edit {
    /// # Errors
    /// When the value has no JSON form.
    pub fn rule(rule: &Rule) -> Result<Self, RuleBookError> {
        Self::put(Kind::Rule, rule.id.clone(), rule)
    }

    /// # Errors
    /// When the value has no JSON form.
    pub fn route(route: &Route) -> Result<Self, RuleBookError> {
        Self::put(Kind::Route, route.name.clone(), route)
    }

    /// # Errors
    /// When the value has no JSON form.
    pub fn mode(setting: &ModeSetting) -> Result<Self, RuleBookError> {
        let key = mode_key(&setting.rule, &setting.route);
        Ok(Self {
            guard: setting.guard,
            ..Self::put(Kind::Mode, key, setting)?
        })
    }

    /// # Errors
    /// When the value has no JSON form.
    pub fn list(list: &NamedList) -> Result<Self, RuleBookError> {
        Self::put(Kind::List, list.name.clone(), list)
    }

    /// # Errors
    /// When the value has no JSON form.
    pub fn settings(settings: &Settings) -> Result<Self, RuleBookError> {
        Self::put(Kind::Settings, String::new(), settings)
    }

    #[must_use]
    pub fn end_rule(id: &str) -> Self {
        Self::end(Kind::Rule, id.to_owned())
    }

    #[must_use]
    pub fn end_route(name: &str) -> Self {
        Self::end(Kind::Route, name.to_owned())
    }

    #[must_use]
    pub fn end_list(name: &str) -> Self {
        Self::end(Kind::List, name.to_owned())
    }

    #[must_use]
    pub fn end_mode(rule: &str, route: &str) -> Self {
        Self::end(Kind::Mode, mode_key(rule, route))
    }

    /// At a place in the order of its kind, from 1.
    #[must_use]
    pub fn at(self, position: u64) -> Self {
        Self {
            position: Some(position),
            ..self
        }
    }

    /// Everything that a document says.
    pub(super) fn whole(book: &Rulebook) -> Result<Vec<Self>, RuleBookError> {
        let mut edits = vec![Self::settings(&book.settings)?];
        for route in &book.routes {
            edits.push(Self::route(route)?);
        }
        for rule in &book.rules {
            edits.push(Self::rule(rule)?);
        }
        for list in &book.lists {
            edits.push(Self::list(list)?);
        }
        for setting in &book.modes {
            edits.push(Self::mode(setting)?);
        }
        Ok(edits)
    }

    fn put<T: Serialize>(kind: Kind, key: String, value: &T) -> Result<Self, RuleBookError> {
        let body = Some(json(value, BODY)?);
        Ok(Self {
            kind,
            key,
            body,
            position: None,
            guard: None,
        })
    }

    fn end(kind: Kind, key: String) -> Self {
        Self {
            kind,
            key,
            body: None,
            position: None,
            guard: None,
        }
    }
}

/// Names have no space.
pub(super) fn mode_key(rule: &str, route: &str) -> String {
    format!("{rule} {route}")
}

/// Rule and route of a mode's key.
pub(super) fn split_mode_key(key: &str) -> Option<(&str, &str)> {
    key.split_once(' ')
}

impl<S: Sql> RuleBookStore<S> {
    /// Makes a change and answers its revision.
    ///
    /// # Errors
    /// When another revision was expected, or SQLite refuses; nothing was written then.
    pub fn change(&self, change: &Change<'_>, edits: &[Edit]) -> Result<u64, RuleBookError> {
        self.change_with(change, edits, || Ok(()))
    }

    /// Makes a change, and beside it what `also` writes, first: all of it or nothing.
    pub(crate) fn change_with(
        &self,
        change: &Change<'_>,
        edits: &[Edit],
        also: impl FnOnce() -> Result<(), RuleBookError>,
    ) -> Result<u64, RuleBookError> {
        self.sql.transaction(|| {
            let found = self.revision()?;
            if let Some(expected) = change.expected.filter(|expected| *expected != found) {
                return Err(RuleBookError::Revision { expected, found });
            }
            let revision = found + 1;
            also()?;
            for edit in edits {
                self.write(change, edit, revision)?;
            }
            self.log(change, revision)?;
            self.try_push_again()?;
            schema::set_revision(&self.sql, revision)?;
            Ok(revision)
        })
    }

    /// Writes the entry of what changes no rulebook, and beside it what `also` writes, first: both or neither.
    pub(crate) fn log_with(
        &self,
        change: &Change<'_>,
        also: impl FnOnce() -> Result<(), RuleBookError>,
    ) -> Result<(), RuleBookError> {
        self.sql.transaction(|| {
            let revision = self.revision()?;
            also()?;
            self.log(change, revision)
        })
    }

    /// Writes the entry of what changes no rulebook, unless one of its time or later is written; answers the revision.
    pub(crate) fn log_once(&self, change: &Change<'_>) -> Result<u64, RuleBookError> {
        self.sql.transaction(|| {
            let revision = self.revision()?;
            if change.now_ms > schema::told_ms(&self.sql)? {
                self.log(change, revision)?;
                schema::set_told_ms(&self.sql, change.now_ms)?;
            }
            Ok(revision)
        })
    }

    fn write(&self, change: &Change<'_>, edit: &Edit, revision: u64) -> Result<(), RuleBookError> {
        // Looked up before the entry ends: a new version keeps the place of the old one.
        let position = self.position(edit)?;
        if edit.kind == Kind::Mode {
            self.guard_turns(&edit.key, edit.guard, change.now_ms)?;
        }
        self.sql.run(
            "UPDATE entries SET until = ?1 WHERE kind = ?2 AND key = ?3 AND until = ?4",
            &[parameter(revision), edit.kind.into(), text(&edit.key), OPEN],
        )?;
        let Some(body) = &edit.body else {
            return Ok(());
        };
        self.sql.run(
            "INSERT INTO entries (kind, key, since, until, position, body, time_ms, actor, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                edit.kind.into(),
                text(&edit.key),
                parameter(revision),
                OPEN,
                parameter(position),
                body.clone(),
                parameter(change.now_ms),
                text(change.actor),
                change.reason.map_or(SqlValue::Null, text),
            ],
        )?;
        Ok(())
    }

    /// Where the edit says, or where the entry that is valid now stands, or after the last one.
    fn position(&self, edit: &Edit) -> Result<u64, RuleBookError> {
        if let Some(position) = edit.position {
            return Ok(position);
        }
        let rows = self.sql.run(
            "SELECT position FROM entries WHERE kind = ?1 AND key = ?2 AND until = ?3",
            &[edit.kind.into(), text(&edit.key), OPEN],
        )?;
        if let Some(found) = rows.first() {
            return Ok(found.integer(0, "entries.position")?);
        }
        let rows = self.sql.run(
            "SELECT coalesce(max(position), 0) + 1 FROM entries WHERE kind = ?1",
            &[edit.kind.into()],
        )?;
        let next = rows
            .first()
            .ok_or_else(|| StoreError::Corrupt("a position".to_owned()))?;
        Ok(next.integer(0, "entries.position")?)
    }

    fn log(&self, change: &Change<'_>, revision: u64) -> Result<(), RuleBookError> {
        let (seq, previous) = last_hash(&self.sql)?;
        let entry = AuditEntry {
            seq: seq + 1,
            time_ms: change.now_ms,
            actor: change.actor.to_owned(),
            action: change.action.to_owned(),
            target: change.target.to_owned(),
            before: change.before.clone(),
            after: change.after.clone(),
            reason: change.reason.map(str::to_owned),
            revision,
            previous,
            hash: String::new(),
        };
        insert(&self.sql, &entry)
    }
}
