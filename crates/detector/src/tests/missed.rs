//! Requests that are missed, and what looks like it: one slot of each minute, over weeks.

use std::sync::Arc;

use blobwatch_detect::simulate::Random;

use super::traffic::{NOON, story};
use crate::cliff::Cliff;
use crate::window::Row;
use crate::{AnomalyKind, Change, Contrast, Engine, Intervention};
use blobwatch_pull::Family;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, UpstreamCells, UpstreamCount, UpstreamRule};

const DAY: u64 = 1440;
const WEEK: u64 = 7 * DAY;

/// Operating system, network, and requests a minute from each colo.
const BUILDS: [(&str, u32, f64); 2] = [("debian", 3320, 40.0), ("el8", 3320, 25.0)];

const COLOS: [&str; 6] = ["IAD", "FRA", "NRT", "SIN", "LHR", "GRU"];

/// A fleet of jobs: one build on one network in one colo.
const FLEET: (&str, u32) = ("ci", 8075);

/// Minutes one after the other; who sends how many requests in each is up to the test.
struct Traffic {
    random: Random,
    minute: u64,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            minute: NOON / 6,
        }
    }

    /// The next minute's cells: `share` of its usual requests from each build and colo, and the fleet's.
    fn minute(&mut self, share: &impl Fn(u64, &str, &str) -> f64, fleet: &impl Fn(u64) -> f64) -> Vec<Cell> {
        self.minute += 1;
        let mut cells = Vec::new();
        for (os, asn, requests) in BUILDS {
            for colo in COLOS {
                let mean = requests * share(self.minute, os, colo);
                cells.extend(self.cell(os, asn, colo, mean));
            }
        }
        cells.extend(self.cell(FLEET.0, FLEET.1, "SIN", fleet(self.minute)));
        cells
    }

    fn cell(&mut self, os: &str, asn: u32, colo: &str, mean: f64) -> Option<Cell> {
        let requests = u32::try_from(self.random.poisson(mean)).unwrap();
        let mut cell = Cell::new(CellKey {
            route: Arc::from("hub"),
            colo: colo.into(),
            country: "".into(),
            asn: Some(asn),
            family: Family::Docker,
            os: os.into(),
            fingerprint: format!("bw1-{os}").into(),
            rules: Vec::new(),
        });
        cell.counts.requests = requests;
        (requests > 0).then_some(cell)
    }
}

/// What the tests alone find; whether many are behind it is the engine's to say.
fn falls(
    cliff: &mut Cliff,
    traffic: &mut Traffic,
    minutes: u64,
    share: impl Fn(u64, &str, &str) -> f64,
    fleet: impl Fn(u64) -> f64,
) -> Vec<u64> {
    let mut found = Vec::new();
    for _ in 0..minutes {
        let cells = traffic.minute(&share, &fleet);
        let rows: Vec<(CellKey, Row)> = cells
            .into_iter()
            .map(|cell| {
                let row = Row {
                    counts: cell.counts,
                    ..Row::default()
                };
                (cell.key, row)
            })
            .collect();
        let rows = rows.iter().map(|(key, row)| (key, row));
        found.extend(cliff.observe(traffic.minute, rows).map(|fall| fall.minute));
    }
    found
}

fn play(
    engine: &mut Engine,
    traffic: &mut Traffic,
    minutes: u64,
    share: impl Fn(u64, &str, &str) -> f64,
    fleet: impl Fn(u64) -> f64,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for _ in 0..minutes {
        let cells = traffic.minute(&share, &fleet);
        let slot = 6 * traffic.minute;
        let batch = CellBatch {
            source: "fl1-ALL-0".to_owned(),
            epoch: 1,
            seq: traffic.minute,
            slot,
            cells,
            ..CellBatch::default()
        };
        engine.add(batch, slot);
        changes.extend(engine.tick(slot).changes);
    }
    changes
}

fn usual(_: u64, _: &str, _: &str) -> f64 {
    1.0
}

fn no_fleet(_: u64) -> f64 {
    0.0
}

/// A fleet that works in jobs of five minutes, for a share of the time.
fn jobs(share: f64) -> impl Fn(u64) -> f64 {
    move |minute| {
        let works = Random::new(minute / 5).uniform() < share;
        if works { 1500.0 } else { 0.0 }
    }
}

/// Half of the requests come with the day; weekends at 55 %.
fn season(minute: u64, _: &str, _: &str) -> f64 {
    let hour = (minute % DAY) as f64 / 60.0;
    let wave = 0.5 - 0.5 * (std::f64::consts::TAU * (hour - 3.0) / 24.0).cos();
    let weekday = (minute / DAY + 4) % 7;
    (0.2 + 1.6 * wave) * if weekday == 0 || weekday == 6 { 0.55 } else { 1.0 }
}

#[test]
fn requests_that_vanish_are_a_cliff_once_the_week_is_known() {
    let (mut engine, mut traffic) = (Engine::default(), Traffic::new(10));
    let gone = |_: u64, os: &str, _: &str| if os == "debian" { 0.0 } else { 1.0 };
    assert_eq!(play(&mut engine, &mut traffic, DAY / 2, usual, no_fleet), []);
    let fallen = play(&mut engine, &mut traffic, 30, gone, no_fleet);
    assert_eq!(fallen, [], "the first week only learns");
    assert_eq!(play(&mut engine, &mut traffic, WEEK, usual, no_fleet), []);
    let fallen = play(&mut engine, &mut traffic, 5, gone, no_fleet);
    assert_eq!(story(&fallen), ["opened an-000001"]);
    let anomaly = &fallen[0].anomaly;
    assert_eq!(anomaly.kinds, [AnomalyKind::TrafficCliff]);
    let sentence = anomaly.sentence();
    assert!(
        sentence.contains("debian: requests fell to 0 % of normal"),
        "{sentence}"
    );
    // The CDN says that it stopped them, two minutes late.
    let stopped = stopped(&mut traffic, "debian");
    engine.add(stopped, 6 * traffic.minute);
    let told = play(&mut engine, &mut traffic, 2, gone, no_fleet);
    assert_eq!(story(&told), ["note an-000001"]);
    let suspect = &told[0].anomaly.rules[0];
    assert_eq!(
        (&*suspect.rule, suspect.contrast),
        ("cloudflare:ddos", Contrast::Reach)
    );
    let back = play(&mut engine, &mut traffic, 20, usual, no_fleet);
    assert_eq!(story(&back), ["closed an-000001"]);
}

/// What a FireLog tells of a rule that stopped all requests of a system.
fn stopped(traffic: &mut Traffic, os: &str) -> CellBatch {
    let rule: Arc<str> = "cloudflare:ddos".into();
    let first = traffic.minute - 4;
    let of_it = traffic
        .minute(&usual, &no_fleet)
        .into_iter()
        .filter(|cell| &*cell.key.os == os);
    let count = |cell: Cell| UpstreamCount {
        minute: first,
        key: cell.key,
        rule: Arc::clone(&rule),
        acted: cell.counts.requests,
        logged: 0,
        counts: CellCounts::default(),
    };
    CellBatch {
        slot: 6 * traffic.minute,
        upstream: UpstreamCells {
            counts: of_it.map(count).collect(),
            rules: vec![UpstreamRule {
                id: Arc::clone(&rule),
                system: "l4ddos".to_owned(),
                description: String::new(),
                action: "drop".to_owned(),
                acts: true,
                host: String::new(),
                first_ms: first * 60_000,
                last_ms: first * 60_000,
            }],
            dropped: 0,
        },
        ..CellBatch::default()
    }
}

/// What a route does not take any more is not missed; what others lose at that time is.
#[test]
fn requests_that_a_route_does_not_watch_any_more_are_no_cliff() {
    for (route, expected) in [("hub", 0), ("edge", 1)] {
        let (mut engine, mut traffic) = (Engine::default(), Traffic::new(18));
        play(&mut engine, &mut traffic, WEEK + DAY / 4, usual, no_fleet);
        engine.intervened([Intervention {
            time_ms: (traffic.minute * 60 + 30) * 1000,
            actor: "olga".to_owned(),
            text: format!("route {route}: blobs default to oci, by olga"),
            rules: Vec::new(),
            routes: vec![route.to_owned()],
            enforces: false,
            is_version: false,
            rewatches: true,
        }]);
        let gone = |_: u64, os: &str, _: &str| if os == "debian" { 0.0 } else { 1.0 };
        let fallen = play(&mut engine, &mut traffic, 60, gone, no_fleet);
        assert_eq!(story(&fallen).len(), expected, "{route}: {fallen:?}");
    }
}

#[test]
fn what_falls_to_a_part_is_no_cliff() {
    for (left, expected) in [(0.35, 0), (0.1, 1)] {
        let (mut engine, mut traffic) = (Engine::default(), Traffic::new(17));
        play(&mut engine, &mut traffic, WEEK + DAY / 4, usual, no_fleet);
        let less = |_: u64, os: &str, _: &str| if os == "debian" { left } else { 1.0 };
        let fallen = play(&mut engine, &mut traffic, 60, less, no_fleet);
        assert_eq!(story(&fallen).len(), expected, "to {left}: {fallen:?}");
    }
}

#[test]
fn one_fleet_that_stops_for_good_is_no_cliff() {
    let (mut engine, mut traffic) = (Engine::default(), Traffic::new(16));
    assert_eq!(
        play(&mut engine, &mut traffic, WEEK + DAY / 4, usual, |_| 1500.0),
        []
    );
    assert_eq!(play(&mut engine, &mut traffic, 120, usual, no_fleet), []);
}

#[test]
fn a_build_that_vanishes_in_the_night_is_a_cliff() {
    let (mut cliff, mut traffic) = (Cliff::default(), Traffic::new(11));
    let quiet = falls(&mut cliff, &mut traffic, WEEK + DAY / 2, season, no_fleet);
    assert_eq!(quiet, [] as [u64; 0]);
    let gone = |minute: u64, os: &str, colo: &str| {
        if os == "debian" {
            0.0
        } else {
            season(minute, os, colo)
        }
    };
    let began = traffic.minute;
    let fallen = falls(&mut cliff, &mut traffic, 5, gone, no_fleet);
    assert_eq!(fallen.first(), Some(&(began + 1)));
}

#[test]
fn nights_weekends_and_a_holiday_are_no_cliff() {
    let (mut cliff, mut traffic) = (Cliff::default(), Traffic::new(12));
    let day_off = traffic.minute / DAY + 9;
    let holiday = |minute: u64, os: &str, colo: &str| {
        let share = if minute / DAY == day_off { 0.5 } else { 1.0 };
        share * season(minute, os, colo)
    };
    let found = falls(&mut cliff, &mut traffic, WEEK + 4 * DAY, holiday, no_fleet);
    assert_eq!(found, [] as [u64; 0]);
}

#[test]
fn an_office_that_closes_is_no_cliff() {
    let (mut cliff, mut traffic) = (Cliff::default(), Traffic::new(13));
    let office = |minute: u64, os: &str, _: &str| match (os, minute % DAY) {
        ("el8", 480..1080) => 4.0,
        ("el8", _) => 0.1,
        _ => 1.0,
    };
    let found = falls(&mut cliff, &mut traffic, WEEK + 3 * DAY, office, no_fleet);
    assert_eq!(found, [] as [u64; 0]);
}

#[test]
fn a_build_that_is_retired_within_days_is_no_cliff() {
    let (mut cliff, mut traffic) = (Cliff::default(), Traffic::new(14));
    let since = traffic.minute + WEEK;
    let retired = |minute: u64, os: &str, colo: &str| {
        let gone = minute.saturating_sub(since) as f64 / (3 * DAY) as f64;
        season(minute, os, colo) * if os == "debian" { 1.0 - gone.min(1.0) } else { 1.0 }
    };
    let found = falls(&mut cliff, &mut traffic, WEEK + 3 * DAY, retired, no_fleet);
    assert_eq!(found, [] as [u64; 0]);
}

#[test]
fn a_fleet_that_works_in_jobs_is_no_cliff() {
    let (mut cliff, mut traffic) = (Cliff::default(), Traffic::new(15));
    let rare = falls(&mut cliff, &mut traffic, WEEK + 2 * DAY, usual, jobs(0.25));
    assert_eq!(rare, [] as [u64; 0]);
    let often = falls(&mut cliff, &mut traffic, 2 * DAY, usual, jobs(0.6));
    assert_eq!(often, [] as [u64; 0], "it works more than it did");
}
