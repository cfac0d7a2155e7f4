//! What this FireLog counts for guards, and who of its clients pulls cleanly.
//!
//! In scope: the rows and when they are written and reported. Counts are kept before they are reported, so that a
//! client counts once across restarts; what came since the last report is lost with the process, some seconds of it.

use std::sync::Arc;

use super::{FireLog, FireLogError};
use blobwatch_guard::{Guarded, Health, Pull, Report, WatchReport, Watches};
use blobwatch_pull::Record;
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, number};

/// A report waits this long for what comes with the first of its news.
const NEWS_MS: u64 = 1_000;

/// Between two reports until the RuleBook says otherwise, and after one that failed.
const AGAIN_MS: u64 = 5_000;

/// Who pulls cleanly is kept so often: one row of up to 1.4 MB, 144 rows a day. What came since is lost with the process:
/// a guard then tells a little less.
const KEEP_HEALTH_MS: u64 = 10 * 60_000;

/// The same while a guard watches.
const KEEP_HEALTH_WATCHED_MS: u64 = 60_000;

pub(super) const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS guard (rule TEXT NOT NULL, route TEXT NOT NULL, guard INTEGER NOT NULL, \
     counts BLOB NOT NULL, PRIMARY KEY (rule, route)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS health (one INTEGER PRIMARY KEY CHECK (one = 1), clients BLOB NOT NULL)",
];

/// In memory; the rows are read again when the object wakes.
#[derive(Debug, Clone, Default)]
pub(super) struct Guards {
    watches: Watches,
    health: Health,
    /// Counts as they were kept, until the rulebook says for which guards.
    kept: Vec<(Guarded, Vec<u8>)>,
    report_ms: Option<u64>,
    reported_ms: u64,
    again_ms: Option<u64>,
    kept_health_ms: u64,
}

impl Guards {
    /// # Errors
    /// When SQLite refuses. Health that cannot be read begins anew: it only says less.
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

    /// Counts for these guards from now on, going on with what was kept.
    pub(super) fn retune(&mut self, guarded: &[Guarded]) {
        self.watches.retune(guarded.to_vec());
        for (of, counts) in std::mem::take(&mut self.kept) {
            // Counts of a newer build begin anew.
            if self.watches.restore(&of, &counts).is_err() {
                continue;
            }
        }
    }

    /// Takes in settled records, their kinds refined.
    pub(super) fn observe(&mut self, records: &[Record], now_ms: u64) {
        for record in records {
            self.watches.observe(record, &self.health, now_ms);
            if let Some(pull) = Pull::of(record) {
                self.health.take(record.client, pull, now_ms);
            }
        }
        if self.report_ms.is_none() && self.watches.has_news() {
            self.report_ms = Some(self.next_report(now_ms));
        }
    }

    fn next_report(&self, now_ms: u64) -> u64 {
        let again = self.reported_ms + self.again_ms.unwrap_or(AGAIN_MS);
        again.max(now_ms + NEWS_MS)
    }

    /// When a report is to be made; `None` while there is nothing to say.
    pub(super) fn due_ms(&self) -> Option<u64> {
        self.report_ms
    }

    fn keep(&mut self, sql: &impl Sql, now_ms: u64) -> Result<(), FireLogError> {
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
        let every = if self.watches.is_empty() {
            KEEP_HEALTH_MS
        } else {
            KEEP_HEALTH_WATCHED_MS
        };
        if self.kept_health_ms + every > now_ms {
            return Ok(());
        }
        self.kept_health_ms = now_ms;
        if let Some(clients) = self.health.changed_bytes(now_ms) {
            sql.run(
                "INSERT OR REPLACE INTO health (one, clients) VALUES (1, ?)",
                &[SqlValue::Blob(clients)],
            )?;
        }
        Ok(())
    }
}

fn kept_counts(mut row: Row) -> Result<(Guarded, Vec<u8>), StoreError> {
    Ok((guarded(&row)?, row.take_blob(3, "guard.counts")?))
}

fn guarded(row: &Row) -> Result<Guarded, StoreError> {
    Ok(Guarded {
        rule: Arc::from(row.text(0, "guard.rule")?),
        route: Arc::from(row.text(1, "guard.route")?),
        guard: row.integer(2, "guard.guard")?,
    })
}

/// Deletes what was kept for guards that are over; in the transaction of the rulebook that ends them.
pub(super) fn forget_others(sql: &impl Sql, known: &[Guarded]) -> Result<(), FireLogError> {
    for row in sql.run("SELECT rule, route, guard FROM guard", &[])? {
        let of = guarded(&row)?;
        if !known.contains(&of) {
            sql.run(
                "DELETE FROM guard WHERE rule = ? AND route = ?",
                &[
                    SqlValue::Text(of.rule.to_string()),
                    SqlValue::Text(of.route.to_string()),
                ],
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
        let guards = &mut self.guards;
        guards.watches.close(&guards.health, now_ms);
        guards.keep(&self.sql, now_ms)?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use blobwatch_guard::WINDOW_MS;
    use blobwatch_pull::{Action, ClientKey, Mode, Outcome, RangeKind, RecordId, sample};
    use blobwatch_records::{Builder, Flush, Held};
    use blobwatch_sql::Native;

    const NOW: u64 = sample::JULY_2020_MS;

    fn log() -> FireLog<Native> {
        let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
        log.be_named("fl1-IAD-0").unwrap();
        guarded(&mut log, 5);
        log
    }

    fn guarded(log: &mut FireLog<Native>, revision: u64) {
        let document = format!(
            r#"{{"schema":2,"revision":{revision},"rules":[],"modes":[
                {{"rule":"sweep","route":"library","mode":"enforce","percent":1.0,"guard":{revision}}},
                {{"rule":"other","route":"library","mode":"monitor"}}]}}"#
        );
        log.keep_rulebook(0, &document).unwrap();
    }

    /// A download that went through, or was denied by the guarded rule.
    fn record(at: u32, client: u64, denied: bool) -> Record {
        let mut record = sample::full();
        record.id = RecordId::from_parts(NOW, 7, at);
        record.client = ClientKey(client);
        record.digest = format!("sha256:{:064x}", at);
        record.range.kind = RangeKind::None;
        (record.range.start, record.range.end, record.range.honoured) = (None, None, None);
        record.outcome = Outcome::NotObserved;
        let (status, verdict) = if denied {
            (403, Action::Block)
        } else {
            (200, Action::None)
        };
        (record.status, record.verdict) = (status, verdict);
        record.fired = vec![sample::fired("sweep", 1, Mode::Enforce, Action::Block, verdict)];
        record
    }

    fn accept(log: &mut FireLog<Native>, seq: u64, records: Vec<Record>, now_ms: u64) {
        let mut builder = Builder::default();
        records.into_iter().for_each(|record| builder.push(record));
        let flush = Flush {
            isolate: 7,
            seq,
            held: Held {
                epoch: 0,
                revision: 5,
            },
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            segment: builder.encode(),
        };
        log.accept(&flush.encode(), now_ms).unwrap();
    }

    #[track_caller]
    fn arms(report: &Report) -> (u32, u32, u32, u32) {
        let counts = report.watches[0].cohorts[0].counts;
        (
            counts.enforced.clients,
            counts.enforced.healthy,
            counts.held_out.clients,
            counts.held_out.healthy,
        )
    }

    #[test]
    fn what_was_counted_is_reported_soon_and_again_until_it_is_heard() {
        let mut log = log();
        assert_eq!(log.guard_report(NOW).unwrap(), None, "nothing came");
        accept(&mut log, 1, vec![record(0, 1, false), record(1, 1, false)], NOW);
        accept(
            &mut log,
            2,
            vec![record(2, 2, true), record(3, 3, true), record(4, 3, true)],
            NOW,
        );
        assert_eq!(log.guard_report(NOW).unwrap(), None);
        assert!(log.next_alarm_ms(NOW) <= NOW + NEWS_MS);
        let first = log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
        assert_eq!((first.source.as_str(), arms(&first)), ("fl1-IAD-0", (2, 0, 0, 0)));
        let again = log.guard_report(NOW + NEWS_MS + AGAIN_MS).unwrap().unwrap();
        assert_eq!(again, first, "nobody said that it was heard");
        let heard = NOW + NEWS_MS + AGAIN_MS;
        log.guard_reported(&again.watches, 10_000, heard);
        accept(&mut log, 3, vec![record(5, 4, true)], heard);
        assert_eq!(log.guard_report(heard + 9_999).unwrap(), None);
        let next = log.guard_report(NOW + WINDOW_MS + 10_000).unwrap().unwrap();
        assert_eq!(
            arms(&next),
            (3, 0, 1, 1),
            "and who was let through, after its first minute"
        );
    }

    #[test]
    fn counts_and_health_survive_a_restart() {
        let mut log = log();
        accept(
            &mut log,
            1,
            vec![record(0, 1, false), record(1, 1, false), record(2, 2, true)],
            NOW,
        );
        log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
        let FireLog { sql, .. } = log;
        let mut log = FireLog::open(sql).unwrap();
        accept(
            &mut log,
            2,
            vec![record(3, 2, true), record(4, 1, true)],
            NOW + 2_000,
        );
        let report = log.guard_report(NOW + WINDOW_MS + 10_000).unwrap().unwrap();
        assert_eq!(
            arms(&report),
            (1, 0, 1, 1),
            "each client once, in the arm that it was seen in first"
        );
        guarded(&mut log, 6);
        let mut denied = record(5, 1, true);
        denied.revision = 6;
        accept(&mut log, 3, vec![denied], NOW + WINDOW_MS + 20_000);
        let report = log.guard_report(NOW + WINDOW_MS + 30_000).unwrap().unwrap();
        assert_eq!(
            arms(&report),
            (1, 1, 0, 0),
            "the next guard counts anew, and knows who pulls cleanly"
        );
        assert_eq!(report.watches[0].evidence.len(), 1);
    }

    #[test]
    fn counts_of_a_guard_that_is_over_are_deleted() {
        let mut log = log();
        accept(&mut log, 1, vec![record(0, 1, true)], NOW);
        log.guard_report(NOW + NEWS_MS).unwrap().unwrap();
        let guards = |log: &FireLog<Native>| -> Vec<u64> {
            let rows = log.sql().run("SELECT guard FROM guard", &[]).unwrap();
            rows.iter().map(|row| row.integer(0, "guard").unwrap()).collect()
        };
        assert_eq!(guards(&log), [5]);
        guarded(&mut log, 6);
        assert_eq!(guards(&log), [0; 0]);
    }

    #[test]
    fn a_report_costs_a_row() {
        let mut log = log();
        accept(&mut log, 1, vec![record(0, 1, true)], NOW);
        log.guard_report(NOW + NEWS_MS).unwrap();
        accept(&mut log, 2, vec![record(1, 2, true)], NOW + 2_000);
        let before = log.sql().rows_written();
        log.guard_report(NOW + 10_000).unwrap().unwrap();
        assert_eq!(log.sql().rows_written() - before, 1);
        log.guard_report(NOW + 20_000).unwrap();
        assert_eq!(log.sql().rows_written() - before, 1, "nothing new");
    }
}
