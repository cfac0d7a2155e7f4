//! What the Detector is told: every acknowledged record once, whatever is killed.

use std::collections::BTreeMap;

use blobwatch_pull::RangeKind;
use blobwatch_records::{CellBatch, CellCounts, Event};
use serde_json::json;

use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

/// Batches by what makes them one: where they come from and their number.
#[derive(Default)]
pub(crate) struct ReceivedCells(BTreeMap<(String, u64, u64), CellBatch>);

impl ReceivedCells {
    pub(crate) fn hear(&mut self, stage: &Stage) {
        for batch in stage.edge.cells() {
            let key = (batch.source.clone(), batch.epoch, batch.seq);
            let known = self.0.insert(key, batch.clone());
            assert!(
                known.is_none_or(|known| known == batch),
                "a number is one batch's"
            );
        }
    }

    pub(crate) fn sum(&self) -> CellCounts {
        let mut sum = CellCounts::default();
        for batch in self.0.values() {
            batch.cells.iter().for_each(|cell| sum.add(&cell.counts));
            sum.add(&batch.other);
        }
        sum
    }
}

/// Clients of a network each begin a pull and go on with it.
#[track_caller]
fn pulls(stage: &Stage, network: u8, clients: u8) {
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    for client in 1..=clients {
        let place = Place::colo("IAD").address(&format!("198.51.{network}.{client}"));
        assert_eq!(stage.from(&place, &Request::get(&blob)).status(), 200);
        let rest = Request::get(&blob).header("Range", "bytes=100001-");
        assert_eq!(stage.from(&place, &rest).status(), 206);
    }
}

#[test]
fn a_kill_loses_no_acknowledged_count_and_doubles_none() {
    let mut stage = Stage::new();
    let mut told = ReceivedCells::default();
    let unheard = json!({"Detector": "unheard"});
    stage.edge.sabotage(&unheard);
    pulls(&stage, 1, 10);
    stage.records("colo=IAD", 20);
    told.hear(&stage);
    stage.edge.restart();

    stage.edge.sabotage(&unheard);
    pulls(&stage, 2, 10);
    stage.records("colo=IAD", 40);
    // Cells are sent, and their answer is not heard.
    eventually("cells are sent", || {
        (!stage.edge.cells().is_empty()).then_some(())
    });
    told.hear(&stage);
    stage.edge.restart();

    pulls(&stage, 3, 10);
    stage.records("colo=IAD", 60);
    eventually("every record is counted", || {
        told.hear(&stage);
        (told.sum().requests >= 60).then_some(())
    });
    let sum = told.sum();
    assert_eq!((sum.requests, sum.starts, sum.resumes), (60, 30, 30));
    assert_eq!((sum.kind(RangeKind::None), sum.kind(RangeKind::Resume)), (30, 30));
    let broad = told.0.values().flat_map(|batch| &batch.cells);
    let clients: u64 = broad
        .map(|cell| cell.affected.of(Event::Resume).count_clients())
        .sum();
    assert_eq!(clients, 30);
}
