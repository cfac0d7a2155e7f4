//! Whatever fails in the middle: acknowledged records are there, each once.

use std::collections::BTreeMap;

use bolero::TypeGenerator;

use super::{NOW, all, flush, merged, newest, open, record, requests};
use crate::store::FireLog;
use crate::store::merge::MERGE_AFTER_MS;
use blobwatch_pull::Record;
use blobwatch_records::CellBatch;
use blobwatch_sql::{Native, Sql, SqlError, SqlValue};

/// SQLite that refuses every so-and-so-many-th statement.
struct Flaky<'a> {
    sql: &'a Native,
    left: std::cell::Cell<u32>,
}

impl Sql for Flaky<'_> {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<blobwatch_sql::Row>, SqlError> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 {
            Err(SqlError("full".to_owned()))
        } else {
            self.sql.run(statement, parameters)
        }
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.sql.transaction(body)
    }

    fn size_bytes(&self) -> u64 {
        self.sql.size_bytes()
    }
}

#[derive(Debug, TypeGenerator)]
enum Event {
    Flush {
        isolate: bool,
        records: u8,
        fails_after: Option<u8>,
    },
    Repeat {
        which: u8,
    },
    Tend {
        fails_after: Option<u8>,
    },
    /// Cells go to the Detector; its answer may be lost.
    Send {
        heard: bool,
    },
}

/// What a Detector holds: batches by their number, each once.
#[derive(Default)]
struct RulebookVersion(BTreeMap<(u64, u64), CellBatch>);

impl RulebookVersion {
    fn take(&mut self, log: &mut FireLog<Flaky<'_>>, heard: bool) -> bool {
        let unsent = log.due_cells(u64::MAX).unwrap();
        for unsent in &unsent {
            let batch = CellBatch::decode(&unsent.body).unwrap();
            let key = (batch.epoch, batch.seq);
            let known = self.0.insert(key, batch.clone());
            assert!(
                known.is_none_or(|known| known == batch),
                "a number is one batch's"
            );
            if heard {
                log.cells_acknowledged(unsent.seq);
            }
        }
        !unsent.is_empty() && heard
    }
}

/// Whatever fails in the middle and whatever is sent again: acknowledged records are there, each once, and counted in
/// one cell.
#[test]
fn acknowledged_records_are_kept_exactly_once() {
    bolero::check!().with_type::<Vec<Event>>().for_each(|events| {
        let sql = Native::in_memory().unwrap();
        FireLog::open(Flaky {
            sql: &sql,
            left: u32::MAX.into(),
        })
        .unwrap();
        let (mut seqs, mut sent, mut kept) = ([0u64; 2], Vec::new(), Vec::new());
        let mut held = RulebookVersion::default();
        let mut now = NOW;
        for event in events.iter().take(40) {
            now += 61_000;
            match event {
                Event::Flush {
                    isolate,
                    records,
                    fails_after,
                } => {
                    let isolate = usize::from(*isolate);
                    seqs[isolate] += 1;
                    let seq = seqs[isolate];
                    let records: Vec<Record> = (0..u32::from(*records % 40))
                        .map(|n| record(isolate as u64, seq as u32 * 100 + n, now - u64::from(n % 7) * 900))
                        .collect();
                    let body = flush(isolate as u64, seq, &records).encode();
                    let mut log = flaky(&sql, *fails_after);
                    if log.accept(&body, now).is_err() {
                        // As the isolate does: the same again, before anything newer.
                        flaky(&sql, None).accept(&body, now).unwrap();
                    }
                    kept.extend(records.iter().map(|record| record.id));
                    sent.push(body);
                }
                Event::Repeat { which } => {
                    if let Some(body) = sent.get(usize::from(*which) % sent.len().max(1)) {
                        flaky(&sql, None).accept(body, now).unwrap();
                    }
                }
                Event::Tend { fails_after } => {
                    let _ = flaky(&sql, *fails_after).tend(now);
                }
                Event::Send { heard } => {
                    held.take(&mut flaky(&sql, None), *heard);
                }
            }
        }
        let mut log = flaky(&sql, None);
        while log.tend(now + 61_000).unwrap().more {}
        while held.take(&mut log, true) {}
        assert_eq!(held.0.values().map(requests).sum::<u64>(), kept.len() as u64);
        kept.sort_unstable_by(|a, b| b.cmp(a));
        let page = newest(&sql, 100_000);
        assert_eq!(
            page.records.iter().map(|record| record.id).collect::<Vec<_>>(),
            kept
        );
    });
}

fn flaky(sql: &Native, fails_after: Option<u8>) -> FireLog<Flaky<'_>> {
    let log = FireLog::open(Flaky {
        sql,
        left: u32::MAX.into(),
    })
    .unwrap();
    log.sql
        .left
        .set(fails_after.map_or(u32::MAX, |n| u32::from(n % 12)));
    log
}

#[test]
fn a_stored_batch_that_cannot_be_read_does_not_stop_the_others() {
    let mut log = open();
    for seq in 1..=2 {
        log.accept(&flush(7, seq, &[record(7, seq as u32, NOW)]).encode(), NOW)
            .unwrap();
    }
    log.sql()
        .run("UPDATE inbox SET back = x'00' WHERE seq = 1", &[])
        .unwrap();
    merged(&mut log, NOW + MERGE_AFTER_MS);
    assert_eq!(all(&log), vec![record(7, 2, NOW).id]);
    assert_eq!(log.losses().unwrap()[0].name, "records_unreadable");
}
