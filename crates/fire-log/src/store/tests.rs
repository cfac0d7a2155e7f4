//! The FireLog on SQLite in memory: what is kept, how often, in how many rows, and for how long.

mod addresses;
mod alarm;
mod batches;
mod cells;
mod exactly_once;
mod guards;
mod halves;
mod handover;
mod load;
mod pauses;
mod request_sums;
mod rulebook;
mod sampling;
mod schema;
mod segments;
mod upstream;
mod wake;

use std::collections::BTreeMap;

use super::FireLog;
use super::cut::CUT_AFTER_SLOT_MS;
use crate::query::{Budget, Filter, Page, scan_page};
use blobwatch_pull::{Action, Record, RecordId, sample};
use blobwatch_records::{Builder, CellBatch, Flush, RulebookVersion as HeldBook, SLOT_S};
use blobwatch_sql::{Native, Sql, Unpaced, at_once};

const NOW: u64 = sample::JULY_2020_MS;

fn open() -> FireLog<Native> {
    FireLog::open(Native::in_memory().unwrap()).unwrap()
}

fn block(records: &[Record]) -> Vec<u8> {
    let mut builder = Builder::default();
    records.iter().cloned().for_each(|record| builder.push(record));
    builder.encode()
}

fn flush(isolate: u64, seq: u64, records: &[Record]) -> Flush {
    let segment = if records.is_empty() {
        Vec::new()
    } else {
        block(records)
    };
    Flush {
        addresses: Vec::new(),
        isolate,
        seq,
        held: HeldBook::default(),
        losses: BTreeMap::new(),
        volumes: Vec::new(),
        segment,
    }
}

fn record(isolate: u64, counter: u32, time_ms: u64) -> Record {
    Record {
        id: RecordId::from_parts(time_ms, isolate, counter),
        ..sample::full()
    }
}

fn refused(isolate: u64, counter: u32) -> Record {
    Record {
        verdict: Action::Block,
        ..record(isolate, counter, NOW)
    }
}

fn all(log: &FireLog<Native>) -> Vec<RecordId> {
    let page = newest(log.sql(), 1_000_000);
    page.records.into_iter().map(|record| record.id).collect()
}

fn newest(sql: &Native, limit: usize) -> Page {
    let most = RecordId(u128::MAX);
    at_once(scan_page(
        sql,
        &Filter::default(),
        most,
        limit,
        Budget::default(),
        &Unpaced,
    ))
    .unwrap()
    .unwrap()
}

fn count(log: &FireLog<Native>, table: &str) -> u64 {
    let rows = log
        .sql()
        .run(&format!("SELECT count(*) FROM {table}"), &[])
        .unwrap();
    rows[0].integer(0, "count").unwrap()
}

fn merged(log: &mut FireLog<Native>, now_ms: u64) {
    while log.tend(now_ms).unwrap().more {}
    sent(log);
}

/// What the Detector gets, and acknowledges.
fn sent<S: Sql>(log: &mut FireLog<S>) -> Vec<CellBatch> {
    let mut batches = Vec::new();
    loop {
        let unsent = log.due_cells(u64::MAX).unwrap();
        let Some(last) = unsent.last() else { return batches };
        log.cells_acknowledged(last.seq);
        for unsent in unsent {
            let batch = CellBatch::decode(&unsent.body).unwrap();
            assert_eq!(batch.seq, unsent.seq);
            batches.push(batch);
        }
    }
}

/// Requests in a batch of cells.
fn requests(batch: &CellBatch) -> u64 {
    let cells = batch.cells.iter().map(|cell| &cell.counts);
    cells
        .chain([&batch.other])
        .map(|counts| u64::from(counts.requests))
        .sum()
}

/// When the cells of `NOW`'s slot are counted.
const CUT: u64 = NOW + SLOT_S * 1000 + CUT_AFTER_SLOT_MS;

fn held(epoch: u64, revision: u64) -> HeldBook {
    HeldBook { epoch, revision }
}
