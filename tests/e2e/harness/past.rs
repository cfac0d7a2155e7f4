//! A past: what the Detector has learnt of a deployment's clients before a test begins.

use std::collections::BTreeSet;
use std::fs::read_dir;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blobwatch_detector::Detector;
use blobwatch_pull::Family;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, SLOT_S};
use blobwatch_sql::{Native, Sql, SqlValue};
use serde_json::Value;

use super::clock::{eventually, unix_ms};
use super::stage::Stage;

/// The object's file, which is there once the first cells are on their way: nothing need be in it yet.
#[track_caller]
fn database(stage: &Stage) -> PathBuf {
    let is_object = |file: &PathBuf| {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        file.extension().is_some_and(|e| e == "sqlite") && stem.chars().all(|c| c.is_ascii_hexdigit())
    };
    eventually("there is one Detector", || {
        let files = read_dir(stage.edge.objects("Detector")).ok()?;
        let mut files = files.map(|file| file.unwrap().path()).filter(is_object);
        files.next().filter(|_| files.next().is_none())
    })
}

/// What fired, in any mode.
fn rules(record: &Value) -> Vec<Arc<str>> {
    let mut rules: Vec<Arc<str>> = record["fired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fired| fired["rule"].as_str().unwrap().into())
        .collect();
    rules.sort();
    rules
}

/// What the Detector was sent so far, with when it came, oldest first. The database forgets it, and what follows from it:
/// time goes one way, and an hour that comes after what is ticked already would be counted in one slot.
fn taken_back(file: &Path) -> Vec<(u64, Vec<u8>)> {
    // The runtime may have ended when it had made the file and no table: opening makes them.
    let detector = Detector::open(Native::open(file).unwrap(), unix_ms()).unwrap();
    let database = detector.sql();
    let rows = database
        .run("SELECT arrived_ms, bytes FROM batch ORDER BY id", &[])
        .unwrap();
    let sent = rows.into_iter().map(|row| match row.as_slice() {
        [SqlValue::Integer(arrived_ms), SqlValue::Blob(bytes)] => {
            (u64::try_from(*arrived_ms).unwrap(), bytes.clone())
        }
        other => panic!("a batch is a time and bytes, not {other:?}"),
    });
    let sent = sent.collect();
    for forget in [
        "DELETE FROM batch",
        "DELETE FROM state",
        "DELETE FROM minute",
        "DELETE FROM meta WHERE key IN ('state', 'ticked')",
    ] {
        database.run(forget, &[]).unwrap();
    }
    sent
}

/// An hour of healthy traffic of the clients whose records these are, put into the Detector's database by the same code
/// that runs in the object, while the runtime does not run: before what it was sent by them. Returns the requests.
pub(crate) fn an_hour_of_health(stage: &mut Stage, records: &[Value]) -> u64 {
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let mut keys: Vec<CellKey> = records
        .iter()
        .map(|record| CellKey {
            route: text(record, "route").into(),
            colo: text(record, "colo").into(),
            country: text(record, "country").into(),
            asn: record["asn"].as_u64().map(|asn| u32::try_from(asn).unwrap()),
            family: serde_json::from_value::<Family>(record["family"].clone()).unwrap(),
            os: text(record, "os").into(),
            fingerprint: text(record, "fingerprint").into(),
            rules: rules(record),
        })
        .collect();
    // Those whose starts are redirects.
    let redirected: BTreeSet<CellKey> = (records.iter().zip(&keys))
        .filter(|(record, _)| !record["sent_to"].is_null())
        .map(|(_, key)| key.clone())
        .collect();
    keys.sort();
    keys.dedup();
    let file = database(stage);
    stage.edge.kill();
    let sent = taken_back(&file);
    let until_ms = sent.first().map_or_else(unix_ms, |(arrived_ms, _)| *arrived_ms);
    let newest = until_ms / 1000 / SLOT_S - 2;
    let mut detector = Detector::open(Native::open(&file).unwrap(), until_ms - 3_600_000).unwrap();
    let mut requests = 0;
    for (seq, slot) in (1..).zip(newest - 360..=newest) {
        let cell = |key: &CellKey| Cell {
            counts: CellCounts {
                requests: 20,
                starts: 20,
                large_starts: 20,
                redirected: if redirected.contains(key) { 20 } else { 0 },
                ..CellCounts::default()
            },
            ..Cell::new(key.clone())
        };
        let batch = CellBatch {
            source: "an hour before".to_owned(),
            epoch: 1,
            seq,
            slot,
            cells: keys.iter().map(cell).collect(),
            ..CellBatch::default()
        };
        requests += 20 * keys.len() as u64;
        let arrived = (slot + 1) * SLOT_S * 1000 + 1_000;
        detector.accept(&batch.encode(), batch, arrived).unwrap();
    }
    for (arrived_ms, bytes) in &sent {
        let batch = CellBatch::decode(bytes).unwrap();
        detector.accept(bytes, batch, *arrived_ms).unwrap();
    }
    let first = detector.engine().window().first();
    assert!(
        first.is_some_and(|first| first <= newest - 300),
        "an hour is known, slot by slot: {first:?}"
    );
    drop(detector);
    stage.edge.restart();
    requests
}

#[test]
fn a_detector_whose_file_was_only_made_was_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0f.sqlite");
    std::fs::write(&file, "").unwrap();
    assert_eq!(taken_back(&file), []);
}
