//! What a timeline says of what rules did: each action apart, and what is only denied is what is not blocked.

use super::*;
use crate::tests::traffic::NOON;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey};

const DAY_SLOTS: u64 = 8_640;

fn batch(minute: u64, counts: CellCounts) -> CellBatch {
    let key = CellKey {
        route: "hub".into(),
        colo: "FRA".into(),
        country: "DE".into(),
        asn: Some(3320),
        family: Family::Docker,
        os: "debian".into(),
        fingerprint: "bw1-a".into(),
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

/// What other parties' rules did is told late, by their own events; a block that never came to us is in a cell as well, and counts once.
#[test]
fn a_timeline_says_what_upstream_rules_did() {
    let mut detector = open();
    let minute = |batch: &CellBatch| batch.slot * 10 / 60;
    let stopped = CellCounts {
        requests: 5,
        turned_away: 5,
        answers: [0, 0, 5, 0],
        ..CellCounts::default()
    };
    let mut cells = batch(1, stopped);
    let key = cells.cells[0].key.clone();
    for cell in &mut cells.cells {
        cell.key.rules = vec!["waf:managed/100".into()];
    }
    let mut told = batch(3, CellCounts::default());
    let count = |at, acted, logged| blobwatch_records::UpstreamCount {
        minute: at,
        key: key.clone(),
        rule: "waf:managed/100".into(),
        acted,
        logged,
        counts: CellCounts::default(),
    };
    told.upstream.counts = vec![count(minute(&cells), 5, 0), count(minute(&cells) + 1, 0, 9)];
    let batches = [
        batch(0, CellCounts::default()),
        cells,
        told,
        batch(4, CellCounts::default()),
    ];
    for batch in &batches {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[3]);
    let told = |query: &str| {
        let timeline = get(&detector, now, query);
        let upstream = &timeline["series"][0]["upstream"];
        let sum = |name: &str| -> u64 {
            let counts = upstream[name].as_array().map_or(&[][..], |counts| counts);
            counts.iter().map(|count| count.as_u64().unwrap()).sum()
        };
        assert_eq!(timeline["upstream_since"], timeline["since"]);
        ["acted", "logged"].map(sum)
    };
    assert_eq!(told("timeline?since=-10m"), [5, 9]);
    assert_eq!(told("timeline?since=-10m&by=colo"), [5, 9]);
    assert_eq!(told("timeline?since=-10m&colo=IAD"), [0, 0]);
}

/// Events are remembered for two hours: of what came before there are the cells of requests that were stopped.
#[test]
fn a_timeline_says_from_when_on_it_has_all_that_was_told() {
    let mut detector = open();
    let mut stopped = batch(
        0,
        CellCounts {
            requests: 7,
            answers: [1, 0, 4, 0],
            ..CellCounts::default()
        },
    );
    for cell in &mut stopped.cells {
        cell.key.rules = vec!["waf:managed/100".into()];
    }
    let later: Vec<CellBatch> = (1..200)
        .map(|minute| batch(minute, CellCounts::default()))
        .collect();
    for batch in [&stopped].into_iter().chain(&later) {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let timeline = get(&detector, arrival(&later[198]), "timeline?since=-6h");
    let upstream = &timeline["series"][0]["upstream"];
    let sum = |name: &str| -> u64 {
        let counts = upstream[name].as_array().unwrap().iter();
        counts.map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!(["acted", "logged"].map(sum), [5, 2]);
    assert!(timeline["upstream_since"].as_str() > timeline["since"].as_str());
}

/// Of the same hour of the days before, the median: an incident on one of them is not usual.
#[test]
fn what_is_usual_is_said_once_three_days_are_known() {
    let mut detector = open();
    let next_day = |day: u64| (NOON + (day + 1) * DAY_SLOTS) * 10_000;
    let now = next_day(8);
    assert_eq!(get(&detector, now, "usual")["learning"], true);
    for (day, requests) in [(6, 500), (7, 7_000), (8, 700)] {
        let counts = CellCounts {
            requests,
            starts: requests,
            ..CellCounts::default()
        };
        let mut one = batch(5, counts);
        one.seq = 2 * day;
        one.slot += day * DAY_SLOTS;
        one.cells[0].key.rules = vec!["botnet-sig".into()];
        let mut after = batch(70, CellCounts::default());
        (after.seq, after.slot) = (2 * day + 1, after.slot + day * DAY_SLOTS);
        for batch in [one, after] {
            accept(&mut detector, &batch, arrival(&batch)).unwrap();
            keep_all_sums(&mut detector, arrival(&batch) + 3_600_000);
        }
        let usual = get(&detector, next_day(day) + 3_600_000, "usual");
        assert_eq!(usual["learning"], day < 8, "{usual}");
    }
    let usual = get(&detector, now + 3_600_000, "usual?by=route");
    assert_eq!(
        (&usual["days"], &usual["series"][0]["requests"]),
        (&json!(3), &json!([700]))
    );
    assert_eq!(usual["series"][0]["by"], json!({"route": "hub"}));
    assert_eq!(
        usual["fires"],
        json!([{"rule": "botnet-sig", "route": "hub", "requests": 700}])
    );
    let half = get(&detector, now + 5_400_000, "usual");
    assert_eq!(half["series"][0]["requests"], json!([350]), "half of the hour");
    let other = get(&detector, now + 3_600_000, "usual?colo=IAD");
    assert_eq!((&other["series"], &other["fires"]), (&json!([]), &json!([])));
}
