//! What a timeline says of what rules did: each action apart, and what is only denied is what is not blocked.

use super::*;
use crate::tests::traffic::NOON;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey};

fn batch(minute: u64, counts: CellCounts) -> CellBatch {
    let key = CellKey {
        route: "hub".into(),
        colo: "FRA".to_owned(),
        country: "DE".to_owned(),
        asn: Some(3320),
        family: Family::Docker,
        os: "debian".to_owned(),
        fingerprint: "bw1-a".to_owned(),
        rules: Vec::new(),
    };
    CellBatch {
        source: "FRA-1".to_owned(),
        epoch: 1,
        seq: minute + 1,
        slot: NOON + minute * 6,
        cells: vec![Cell {
            counts,
            ..Cell::new(key)
        }],
        ..CellBatch::default()
    }
}

#[test]
fn a_timeline_says_what_each_action_did() {
    let mut detector = open();
    let first = CellCounts {
        requests: 40,
        starts: 40,
        denied: 7,
        blocked: 5,
        detoured: 4,
        tagged: 3,
        allowed: 6,
        ..CellCounts::default()
    };
    let second = CellCounts {
        requests: 10,
        starts: 10,
        allowed: 1,
        ..CellCounts::default()
    };
    let batches = [batch(0, first), batch(1, second), batch(2, CellCounts::default())];
    for batch in &batches {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[2]);
    let timeline = get(&detector, now, "timeline?since=-10m");
    let series = &timeline["series"][0];
    let sum = |action: &str| -> u64 {
        let counts = series["acted"][action].as_array().unwrap().iter();
        counts.map(|count| count.as_u64().unwrap()).sum()
    };
    let actions = ["block", "throttle", "detour", "tag", "allow"];
    assert_eq!(actions.map(sum), [5, 2, 4, 3, 7]);
}

/// A block by a CDN's rule, of which only the CDN tells, is no refusal by the origin.
#[test]
fn a_timeline_says_who_refused_a_start() {
    let mut detector = open();
    let refused = |many| CellCounts {
        requests: many,
        turned_away: many,
        ..CellCounts::default()
    };
    let mut upstream = batch(1, refused(5));
    for cell in &mut upstream.cells {
        cell.key.rules = vec!["waf:managed/100".into()];
    }
    let mut own = batch(2, refused(2));
    for cell in &mut own.cells {
        cell.key.rules = vec!["botnet-sig".into()];
    }
    let batches = [
        batch(0, refused(4)),
        upstream,
        own,
        batch(3, CellCounts::default()),
    ];
    for batch in &batches {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let timeline = get(&detector, arrival(&batches[3]), "timeline?since=-10m");
    let events = &timeline["series"][0]["events"];
    let sum = |name: &str| -> u64 {
        let counts = events[name].as_array().unwrap().iter();
        counts.map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!(
        ["start_refused", "start_refused_upstream"].map(sum),
        [11, 5],
        "in all, and upstream"
    );
}
