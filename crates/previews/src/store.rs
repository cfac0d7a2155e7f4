//! What the Previews object keeps: each preview with what it asks, how it stands and what came of it.
//!
//! Guarantees: a preview that was accepted is run until it is done, failed or cancelled, also over the end of the process;
//! one that is done is kept whole or not at all.
//!
//! Counts in between are not kept: a preview that was interrupted begins anew, which costs a minute and no rows.

use serde::{Deserialize, Serialize};

use crate::Report;
use blobwatch_rule_book::{PreviewPlan, Stamp};
use blobwatch_rulebook::Rule;
use blobwatch_sql::{MAX_NUMBER, META, Row, Sql, Step, StoreError, json, migrate, number};

/// Previews that are kept, the newest: at some 10 KB each, 2 MB.
pub(crate) const MAX_KEPT: u64 = 200;

/// Previews that wait or run: they run one after the other, a minute each at worst.
pub(crate) const MAX_WAITING: usize = 8;

/// Times that a preview begins: after so many interruptions it is the cause of them.
pub(crate) const MAX_ATTEMPTS: u32 = 4;

/// How a preview stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PreviewStatus")
)]
pub enum Status {
    Running,
    Done,
    Failed,
    Cancelled,
}

/// One preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub id: String,
    pub status: Status,
    pub actor: String,
    pub created_ms: u64,
    /// The candidate.
    pub rule: Rule,
    pub is_stored: bool,
    pub route: String,
    pub since_ms: u64,
    pub until_ms: u64,
    pub revision: u64,
    pub relevant: String,
    /// Of a preview that is over.
    pub ended_ms: Option<u64>,
    /// Records that were read.
    pub scanned: u64,
    pub report: Option<Report>,
    /// FireLogs that did not answer.
    pub incomplete: Vec<String>,
    /// Why it failed, or is incomplete.
    pub error: Option<String>,
}

/// What comes of a preview.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Done {
        report: Box<Report>,
        incomplete: Vec<String>,
        /// Why, where that is known.
        error: Option<String>,
    },
    Failed {
        error: String,
    },
    Cancelled,
}

impl Preview {
    /// What the RuleBook keeps of it; none unless it is done.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let done_ms = self.ended_ms.filter(|_| self.status == Status::Done)?;
        Some(Stamp {
            id: self.id.clone(),
            rule: self.rule.id.clone(),
            version: self.rule.version,
            is_stored: self.is_stored,
            route: self.route.clone(),
            revision: self.revision,
            relevant: self.relevant.clone(),
            done_ms,
            incomplete: self.incomplete.clone(),
            healthy: self.report.as_ref().and_then(Report::healthy),
        })
    }
}

/// The Previews object's database.
#[derive(Debug)]
pub struct PreviewStore<S> {
    sql: S,
}

/// Before it had a version, a database had the tables of version 1, which the first step leaves as they are.
const STEPS: &[Step] = &[Step::Statements(&[META, TABLE, RUNNING])];

const PREVIEW: &str = "preview.preview";
const PLAN: &str = "preview.plan";

/// `plan` is empty once the preview is over.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS preview (seq INTEGER PRIMARY KEY, running INTEGER NOT NULL, \
     attempts INTEGER NOT NULL, preview TEXT NOT NULL, plan TEXT NOT NULL)";

const RUNNING: &str = "CREATE INDEX IF NOT EXISTS preview_running ON preview (seq) WHERE running = 1";

impl<S: Sql> PreviewStore<S> {
    /// Brings the database to this build's schema.
    ///
    /// # Errors
    /// When the database is a newer build's, or SQLite refuses; the latter so for all that follow, or when a row is not what was written.
    pub fn open(sql: S) -> Result<Self, StoreError> {
        migrate(&sql, STEPS)?;
        Ok(Self { sql })
    }

    /// Accepts a preview; `None` where too many previews are waiting.
    pub fn begin(&self, plan: &PreviewPlan, actor: &str, now_ms: u64) -> Result<Option<Preview>, StoreError> {
        let Some(rule) = plan.rule() else {
            return Err(StoreError::Corrupt("a plan".to_owned()));
        };
        self.sql.transaction(|| {
            let waiting = self.sql.run("SELECT seq FROM preview WHERE running = 1", &[])?;
            if waiting.len() >= MAX_WAITING {
                return Ok(None);
            }
            let last = self.sql.run("SELECT max(seq) FROM preview", &[])?;
            let last = last.first().map(|row| row.optional_integer(0, "preview.seq"));
            let seq = last.transpose()?.flatten().unwrap_or(0) + 1;
            let preview = Preview {
                id: format!("pv-{seq:06}"),
                status: Status::Running,
                actor: actor.to_owned(),
                created_ms: now_ms,
                rule: rule.clone(),
                is_stored: plan.is_stored,
                route: plan.route.clone(),
                since_ms: plan.since_ms,
                until_ms: plan.until_ms,
                revision: plan.revision,
                relevant: plan.relevant.clone(),
                ended_ms: None,
                scanned: 0,
                report: None,
                incomplete: Vec::new(),
                error: None,
            };
            self.sql.run(
                "INSERT INTO preview (seq, running, attempts, preview, plan) VALUES (?1, 1, 0, ?2, ?3)",
                &[number(seq), json(&preview, PREVIEW)?, json(plan, PLAN)?],
            )?;
            self.sql.run(
                "DELETE FROM preview WHERE running = 0 AND seq <= ?1",
                &[number(seq.saturating_sub(MAX_KEPT))],
            )?;
            Ok(Some(preview))
        })
    }

    /// The preview that has waited longest, and its plan. It counts as begun once more.
    pub fn next(&self) -> Result<Option<(Preview, PreviewPlan, u32)>, StoreError> {
        let rows = self.sql.run(
            "UPDATE preview SET attempts = attempts + 1 WHERE seq = \
             (SELECT seq FROM preview WHERE running = 1 ORDER BY seq LIMIT 1) RETURNING preview, plan, attempts",
            &[],
        )?;
        let begun = |row: &Row| {
            let attempts = row.integer(2, "preview.attempts")?;
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            Ok((row.json(0, PREVIEW)?, row.json(1, PLAN)?, attempts))
        };
        rows.first().map(begun).transpose()
    }

    /// Whether a preview waits or runs.
    pub fn has_running(&self) -> Result<bool, StoreError> {
        let rows = self
            .sql
            .run("SELECT seq FROM preview WHERE running = 1 LIMIT 1", &[])?;
        Ok(!rows.is_empty())
    }

    /// Ends a preview; one that is over stays as it is. Answers how it stands then; `None` for one that is not there.
    pub fn end(&self, id: &str, end: End, scanned: u64, now_ms: u64) -> Result<Option<Preview>, StoreError> {
        let Some(mut preview) = self.get(id)?.filter(|preview| preview.status == Status::Running) else {
            return self.get(id);
        };
        preview.ended_ms = Some(now_ms);
        preview.scanned = scanned;
        match end {
            End::Done {
                report,
                incomplete,
                error,
            } => {
                preview.status = Status::Done;
                preview.report = Some(*report);
                preview.incomplete = incomplete;
                preview.error = error;
            }
            End::Failed { error } => {
                preview.status = Status::Failed;
                preview.error = Some(error);
            }
            End::Cancelled => preview.status = Status::Cancelled,
        }
        self.sql.run(
            "UPDATE preview SET running = 0, preview = ?2, plan = '' WHERE seq = ?1",
            &[number(seq_of(id).unwrap_or(0)), json(&preview, PREVIEW)?],
        )?;
        Ok(Some(preview))
    }

    pub fn get(&self, id: &str) -> Result<Option<Preview>, StoreError> {
        let Some(seq) = seq_of(id) else { return Ok(None) };
        let rows = self
            .sql
            .run("SELECT preview FROM preview WHERE seq = ?1", &[number(seq)])?;
        rows.first().map(|row| row.json(0, PREVIEW)).transpose()
    }

    /// Newest first, those before `before` where it is given.
    pub fn list(&self, before: Option<u64>, limit: usize) -> Result<Vec<Preview>, StoreError> {
        let before = before.unwrap_or(MAX_NUMBER);
        let rows = self.sql.run(
            "SELECT preview FROM preview WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            &[number(before), number(limit as u64)],
        )?;
        rows.iter().map(|row| row.json(0, PREVIEW)).collect()
    }
}

/// None for what is no id of a preview.
pub(crate) fn seq_of(id: &str) -> Option<u64> {
    let seq = id.strip_prefix("pv-")?.parse().ok()?;
    (format!("pv-{seq:06}") == id && seq < MAX_NUMBER).then_some(seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Partial;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::{Native, Unpaced, at_once};

    const NOW: u64 = 1_593_975_600_000;

    fn store() -> PreviewStore<Native> {
        PreviewStore::open(Native::in_memory().unwrap()).unwrap()
    }

    fn plan() -> PreviewPlan {
        let book = starter().unwrap();
        PreviewPlan::new(&book, book.rules[0].clone(), "default", NOW)
    }

    fn done() -> End {
        End::Done {
            report: Box::new(at_once(Report::of(&plan(), Partial::default(), &Unpaced)).unwrap()),
            incomplete: vec!["fl1-iad-0".to_owned()],
            error: None,
        }
    }

    #[test]
    fn previews_run_in_the_order_in_which_they_came() {
        let store = store();
        for id in ["pv-000001", "pv-000002"] {
            assert_eq!(store.begin(&plan(), "ada", NOW).unwrap().unwrap().id, id);
        }
        let (first, kept, attempts) = store.next().unwrap().unwrap();
        assert_eq!((first.id.as_str(), attempts), ("pv-000001", 1));
        assert_eq!(kept, plan());
        assert_eq!(
            store.next().unwrap().unwrap().2,
            2,
            "interrupted, and begun again"
        );
        store.end("pv-000001", done(), 7, NOW + 5).unwrap();
        assert_eq!(store.next().unwrap().unwrap().0.id, "pv-000002");
        store.end("pv-000002", End::Cancelled, 0, NOW).unwrap();
        assert_eq!(store.next().unwrap(), None);
        assert!(!store.has_running().unwrap());
    }

    #[test]
    fn what_is_over_stays_as_it_ended() {
        let store = store();
        store.begin(&plan(), "ada", NOW).unwrap();
        let ended = store.end("pv-000001", done(), 7, NOW + 5).unwrap().unwrap();
        assert_eq!((ended.status, ended.ended_ms), (Status::Done, Some(NOW + 5)));
        assert_eq!(ended.stamp().unwrap().incomplete, ["fl1-iad-0"]);
        let again = store
            .end("pv-000001", End::Cancelled, 0, NOW + 9)
            .unwrap()
            .unwrap();
        assert_eq!(again, ended);
        assert_eq!(store.get("pv-000001").unwrap(), Some(ended));
        for unknown in ["pv-000002", "pv-1", "x", "pv-99999999999999999999"] {
            assert_eq!(store.get(unknown).unwrap(), None);
            assert_eq!(store.end(unknown, End::Cancelled, 0, NOW).unwrap(), None);
        }
    }

    #[test]
    fn waiting_and_kept_previews_are_bounded() {
        let store = store();
        for _ in 0..MAX_WAITING {
            assert!(store.begin(&plan(), "ada", NOW).unwrap().is_some());
        }
        assert_eq!(store.begin(&plan(), "ada", NOW).unwrap(), None);
        for seq in 1..=MAX_KEPT + 20 {
            let id = format!("pv-{seq:06}");
            store
                .end(
                    &id,
                    End::Failed {
                        error: "e".to_owned(),
                    },
                    0,
                    NOW,
                )
                .unwrap();
            store.begin(&plan(), "ada", NOW).unwrap();
        }
        let listed = store.list(None, 1_000).unwrap();
        assert_eq!(listed.len() as u64, MAX_KEPT);
        assert_eq!(listed[0].id, "pv-000228");
        let page = store.list(Some(228), 2).unwrap();
        assert_eq!(
            page.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
            ["pv-000227", "pv-000226"]
        );
    }

    /// A database from before it had a version: one preview that is done, and one that begins again.
    const WITHOUT_VERSION: &str = include_str!("../tests/data/previews-v0.sql");

    /// As version 1 writes it.
    const VERSION_1: &str = include_str!("../tests/data/previews-v1.sql");

    fn tables(sql: &Native) -> Vec<Row> {
        sql.run("SELECT name, sql FROM sqlite_master ORDER BY name", &[])
            .unwrap()
    }

    #[track_caller]
    fn opens(script: &str) {
        let old = Native::in_memory().unwrap();
        old.script(script).unwrap();
        let store = PreviewStore::open(old).unwrap();
        assert_eq!(tables(&store.sql), tables(&self::store().sql));
        let ended = store.get("pv-000001").unwrap().unwrap();
        assert_eq!(ended.stamp().unwrap().incomplete, ["fl1-iad-0"]);
        let (next, kept, attempts) = store.next().unwrap().unwrap();
        assert_eq!((next.id.as_str(), attempts), ("pv-000002", 2));
        assert_eq!((kept.since_ms, kept.rule()), (next.since_ms, Some(&next.rule)));
        let begun = store.begin(&plan(), "ada", NOW + 9).unwrap().unwrap();
        assert_eq!(begun.id, "pv-000003");
    }

    #[test]
    fn older_databases_keep_their_previews() {
        opens(WITHOUT_VERSION);
        opens(VERSION_1);
    }

    /// A version without a sample has no test that it opens.
    #[test]
    fn every_version_has_a_sample() {
        let number = |script| {
            let sql = Native::in_memory().unwrap();
            sql.script(script).unwrap();
            let rows = sql.run("SELECT value FROM meta WHERE key = 'schema'", &[]).ok()?;
            Some(rows[0].integer(0, "meta.value").unwrap())
        };
        let numbers = [WITHOUT_VERSION, VERSION_1].map(number);
        assert_eq!((numbers, STEPS.len()), ([None, Some(1)], 1));
    }

    #[test]
    fn a_newer_database_is_refused() {
        let sql = store().sql;
        sql.run("UPDATE meta SET value = 2 WHERE key = 'schema'", &[])
            .unwrap();
        let refused = PreviewStore::open(sql).unwrap_err();
        assert_eq!(refused, StoreError::NewerSchema { found: 2, known: 1 });
    }
}
