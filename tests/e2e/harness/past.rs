//! A past: what the Detector has learnt of a deployment's clients before a test begins.

use std::fs::read_dir;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use blobwatch_core::cell::{Affected, Cell, CellBatch, CellCounts, CellKey, SLOT_S};
use blobwatch_core::store::Native;
use blobwatch_core::store::detector::Detector;
use blobwatch_core::user_agent::Family;
use serde_json::Value;

use super::clock::{PATIENCE, eventually};
use super::stage::Stage;

#[expect(
    clippy::disallowed_methods,
    reason = "tests run natively, where the clock exists"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// The object's file, which is there once the first cells came.
#[track_caller]
fn database(stage: &Stage) -> PathBuf {
    let is_object = |file: &PathBuf| {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        file.extension().is_some_and(|e| e == "sqlite") && stem.chars().all(|c| c.is_ascii_hexdigit())
    };
    eventually("there is one Detector", PATIENCE, || {
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

/// An hour of healthy traffic of the clients whose records these are, put into the Detector's database by the same code
/// that runs in the object, while the runtime does not run. Returns the requests.
pub(crate) fn an_hour_of_health(stage: &mut Stage, records: &[Value]) -> u64 {
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let mut keys: Vec<CellKey> = records
        .iter()
        .map(|record| CellKey {
            route: text(record, "route").into(),
            colo: text(record, "colo"),
            country: text(record, "country"),
            asn: record["asn"].as_u64().map(|asn| u32::try_from(asn).unwrap()),
            family: serde_json::from_value::<Family>(record["family"].clone()).unwrap(),
            os: text(record, "os"),
            fingerprint: text(record, "fingerprint"),
            rules: rules(record),
        })
        .collect();
    keys.sort();
    keys.dedup();
    let file = database(stage);
    stage.edge.kill();
    let now_ms = unix_ms();
    let database = Native::open(&file).unwrap();
    let mut detector = Detector::open(database, now_ms - 3_600_000).unwrap();
    let mut requests = 0;
    let newest = now_ms / 1000 / SLOT_S - 1;
    for (seq, slot) in (1..).zip(newest - 360..=newest) {
        let cell = |key: &CellKey| Cell {
            key: key.clone(),
            counts: CellCounts {
                requests: 20,
                starts: 20,
                large_starts: 20,
                ..CellCounts::default()
            },
            affected: Affected::default(),
            evidence: Vec::new(),
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
    drop(detector);
    stage.edge.restart();
    requests
}
