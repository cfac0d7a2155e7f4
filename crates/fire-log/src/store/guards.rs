//! What this FireLog counts for guards, and who of its clients pulls cleanly.
//!
//! In scope: the rows and when they are written and reported. Nothing of it is lost with an object that sleeps or a process
//! that is killed: a row says up to which batch it counted, is written before that batch is merged, and when the object wakes
//! the batches after it are read from the inbox again. The one exception is in [`KEEP_PASTS_MS`].

use super::{FireLog, FireLogError, losses};
use blobwatch_guard::{GuardedEnforcement, Health, Report, WatchReport, Watches};
use blobwatch_pull::Record;
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};

/// A report waits this long for what comes with the first of its news.
pub(super) const NEWS_MS: u64 = 1_000;

/// Between two reports until the RuleBook says otherwise, and after one that failed.
pub(super) const AGAIN_MS: u64 = 5_000;

/// Pasts are one row of up to 1.8 MB, kept when batches are merged, but not more often than this. A FireLog that merges
/// sooner keeps them when the time has come; only what a process that is killed in between had merged is lost.
pub(super) const KEEP_PASTS_MS: u64 = 60_000;

pub(super) const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS guard (rule TEXT NOT NULL, route TEXT NOT NULL, guard INTEGER NOT NULL, \
     counts BLOB NOT NULL, PRIMARY KEY (rule, route)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS health (one INTEGER PRIMARY KEY CHECK (one = 1), clients BLOB NOT NULL)",
];

/// A row of counts, until the rulebook says for which guards.
#[derive(Debug, Clone)]
struct StoredCounts {
    rule: String,
    route: String,
    guard: u64,
    counts: Vec<u8>,
}

/// In memory; the rows are read again when the object wakes.
#[derive(Debug, Clone, Default)]
pub(super) struct Guards {
    pub(super) watches: Watches,
    pub(super) health: Health,
    kept: Vec<StoredCounts>,
    report_ms: Option<u64>,
    reported_ms: u64,
    again_ms: Option<u64>,
    kept_pasts_ms: u64,
    /// Batches were merged since the pasts were last kept.
    owes_pasts: bool,
    /// Pasts for which there was no room, since the losses were told.
    evicted: u32,
}

impl Guards {
    /// # Errors
    /// When SQLite refuses. Pasts that cannot be read begin anew: their clients are unknown.
    pub(super) fn open(sql: &impl Sql) -> Result<Self, FireLogError> {
        let mut rows = sql.run("SELECT clients FROM health WHERE one = 1", &[])?;
        let health = rows.first_mut().map(|row| row.take_blob(0, "health.clients"));
        let clients = StoreError::readable(health.transpose())?.flatten();
        let kept = sql.run("SELECT rule, route, guard, counts FROM guard", &[])?;
        Ok(Self {
            health: clients
                .and_then(|clients| Health::decode(&clients).ok())
                .unwrap_or_default(),
            kept: kept.into_iter().map(kept_counts).collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// Up to which batch everything was taken in.
    pub(super) fn taken_ms(&self) -> u64 {
        self.health.taken_ms().min(self.watches.taken_ms())
    }

    /// Counts for these guards from now on, going on with what was kept.
    pub(super) fn retune(&mut self, guarded: &[GuardedEnforcement]) {
        self.watches.retune(guarded.to_vec());
        for StoredCounts {
            rule,
            route,
            guard,
            counts,
        } in std::mem::take(&mut self.kept)
        {
            // Counts of a newer build begin anew.
            if self.watches.restore(&rule, &route, guard, &counts).is_err() {
                continue;
            }
        }
    }

    /// Takes in the settled records of a batch, their kinds refined.
    pub(super) fn observe(&mut self, records: &[Record], arrived_ms: u64) {
        let is_new = self.health.taken_ms() < arrived_ms;
        // What others told of went past our rules.
        for record in records.iter().filter(|record| record.seen) {
            self.watches.observe(record, &self.health, arrived_ms);
            if is_new {
                self.health.take(record, arrived_ms);
            }
        }
        self.health.taken(arrived_ms);
        self.watches.taken(arrived_ms);
        let evicted = self.health.evicted();
        self.evicted = self.evicted.saturating_add(evicted);
        self.watches.evicted(evicted);
        if self.report_ms.is_none() && self.watches.has_news() {
            self.report_ms = Some(self.next_report(arrived_ms));
        }
    }

    fn next_report(&self, now_ms: u64) -> u64 {
        let again = self.reported_ms + self.again_ms.unwrap_or(AGAIN_MS);
        again.max(now_ms + NEWS_MS)
    }

    /// When something is to be reported or kept; `None` while there is nothing.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let keep_ms = self.owes_pasts.then(|| self.kept_pasts_ms + KEEP_PASTS_MS);
        self.report_ms.into_iter().chain(keep_ms).min()
    }

    /// Keeps what the batches told that are about to be merged; inside of that transaction.
    pub(super) fn keep_before_merge(&mut self, sql: &impl Sql, now_ms: u64) -> Result<(), FireLogError> {
        self.keep_counts(sql)?;
        self.owes_pasts = true;
        self.keep_pasts(sql, now_ms)
    }

    fn keep_counts(&mut self, sql: &impl Sql) -> Result<(), FireLogError> {
        for (of, counts) in self.watches.changed_bytes() {
            sql.run(
                "INSERT OR REPLACE INTO guard (rule, route, guard, counts) VALUES (?, ?, ?, ?)",
                &[
                    SqlValue::Text(of.rule.to_string()),
                    SqlValue::Text(of.route.to_string()),
                    number(of.guard),
                    SqlValue::Blob(counts),
                ],
            )?;
        }
        Ok(())
    }

    fn keep_pasts(&mut self, sql: &impl Sql, now_ms: u64) -> Result<(), FireLogError> {
        if !self.owes_pasts || self.kept_pasts_ms + KEEP_PASTS_MS > now_ms {
            return Ok(());
        }
        (self.owes_pasts, self.kept_pasts_ms) = (false, now_ms);
        let Some(pasts) = self.health.changed_bytes() else {
            return Ok(());
        };
        sql.run(
            "INSERT OR REPLACE INTO health (one, clients) VALUES (1, ?)",
            &[SqlValue::Blob(pasts)],
        )?;
        match std::mem::take(&mut self.evicted) {
            0 => Ok(()),
            evicted => losses::add(sql, &[("guard_pasts_evicted".to_owned(), evicted)].into(), now_ms),
        }
    }
}

fn kept_counts(mut row: Row) -> Result<StoredCounts, StoreError> {
    Ok(StoredCounts {
        rule: row.text(0, "guard.rule")?.to_owned(),
        route: row.text(1, "guard.route")?.to_owned(),
        guard: row.integer(2, "guard.guard")?,
        counts: row.take_blob(3, "guard.counts")?,
    })
}

/// Deletes what was kept for enforcements that are over; in the transaction of the rulebook that ends them. What the step
/// before counted is written over by the next one, which goes on from when the enforcement began.
pub(super) fn forget_others(sql: &impl Sql, known: &[GuardedEnforcement]) -> Result<(), FireLogError> {
    for row in sql.run("SELECT rule, route FROM guard", &[])? {
        let (rule, route) = (row.text(0, "guard.rule")?, row.text(1, "guard.route")?);
        if !known.iter().any(|of| of.is_of(rule, route)) {
            sql.run(
                "DELETE FROM guard WHERE rule = ? AND route = ?",
                &[SqlValue::Text(rule.to_owned()), SqlValue::Text(route.to_owned())],
            )?;
        }
    }
    Ok(())
}

impl<S: Sql> FireLog<S> {
    /// What the RuleBook is to be told of guards now, kept first; `None` while nothing is due.
    ///
    /// # Errors
    /// When SQLite refuses; nothing is to be reported then.
    pub fn guard_report(&mut self, now_ms: u64) -> Result<Option<Report>, FireLogError> {
        self.wake_at_once()?;
        let guards = &mut self.guards;
        guards.watches.close(&guards.health, now_ms);
        guards.keep_counts(&self.sql)?;
        guards.keep_pasts(&self.sql, now_ms)?;
        if guards.report_ms.is_none_or(|at| at > now_ms) {
            return Ok(None);
        }
        guards.reported_ms = now_ms;
        guards.report_ms = guards.watches.has_news().then(|| guards.next_report(now_ms));
        let watches = guards.watches.reports();
        let source = self.outbox.source().to_owned();
        Ok((!watches.is_empty()).then_some(Report { source, watches }))
    }

    /// The RuleBook has this report, and wants the next one after `again_ms`.
    pub fn guard_reported(&mut self, watches: &[WatchReport], again_ms: u64, now_ms: u64) {
        let guards = &mut self.guards;
        guards.watches.reported(watches);
        guards.again_ms = Some(again_ms);
        guards.report_ms = guards.watches.has_news().then(|| guards.next_report(now_ms));
    }
}
