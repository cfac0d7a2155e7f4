//! Marginals against the combinations that they are sums of.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::night;
use crate::calls::counts::{CountsQuery, FILTERS};
use crate::store::tests::{START_MS, accept, keep_all_sums, open, reopened};
use crate::store::{Detector, is_upstream};
use crate::tests::traffic::NOON;
use crate::{ATTRIBUTES, Rollup, value};
use blobwatch_detect::simulate::Random;
use blobwatch_pull::Family;
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey};
use blobwatch_sql::{Native, Sql, Unpaced, at_once};
use blobwatch_wire::Parameters;

/// By minute, value, and whether another party's rule fired; what has no attributes by minute.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    of_values: BTreeMap<(u64, String, bool), CellCounts>,
    other: BTreeMap<u64, CellCounts>,
}

impl Counted {
    fn take(&mut self, asked: &CountsQuery, by: Option<&str>, part: &Rollup) {
        self.other.entry(part.minute).or_default().add(&part.other);
        for (key, counts) in asked.of(part) {
            let name = by.and_then(|by| value(key, by)).unwrap_or_default();
            let place = (part.minute, name.into_owned(), is_upstream(key));
            self.of_values.entry(place).or_default().add(counts);
        }
    }
}

/// What a timeline reads, and what all combinations say; and how many rows of counts each of them was.
fn both(
    detector: &Detector<Native>,
    query: &str,
    by: Option<&'static str>,
    now_ms: u64,
) -> ([Counted; 2], [usize; 2]) {
    let parameters = Parameters::parse(query, &FILTERS).unwrap();
    let asked = CountsQuery::read(&parameters, now_ms, 0).unwrap();
    let (counted, read) = (
        RefCell::new([Counted::default(), Counted::default()]),
        RefCell::new([0; 2]),
    );
    let take = |place: usize, part: &Rollup| {
        counted.borrow_mut()[place].take(&asked, by, part);
        read.borrow_mut()[place] += part.cells.len();
    };
    at_once(asked.each_marginal(by, detector, &Unpaced, |part| take(0, part)))
        .unwrap()
        .unwrap();
    at_once(asked.each_part(detector, &Unpaced, |part| take(1, part)))
        .unwrap()
        .unwrap();
    (counted.into_inner(), read.into_inner())
}

fn one_of<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[random.next_u64() as usize % values.len()]
}

fn cell(random: &mut Random) -> Cell {
    let rules: &[&[&str]] = &[
        &[],
        &[],
        &["sweep"],
        &["cloudflare:r9"],
        &["cloudflare:r7", "sweep"],
    ];
    let rules = one_of(random, rules);
    let mut count = |most: u64| (random.next_u64() % most) as u32;
    let counts = CellCounts {
        requests: 1 + count(900),
        starts: count(500),
        turned_away: count(3),
        denied: count(9),
        answers: [count(4), count(4), count(4), count(4)],
        pace_sum: count(90_000),
        ..CellCounts::default()
    };
    Cell {
        counts,
        ..Cell::new(CellKey {
            route: one_of(random, &["hub", "charts"]).into(),
            colo: one_of(random, &["FRA", "IAD", ""]).into(),
            country: one_of(random, &["DE", "US", ""]).into(),
            asn: one_of(random, &[None, Some(1), Some(64_500)]),
            family: one_of(random, &[Family::Docker, Family::Curl, Family::Unknown]),
            os: one_of(random, &["", "amzn2", "debian"]).into(),
            fingerprint: one_of(random, &["bw1-a", "bw1-b"]).into(),
            rules: rules.iter().map(|rule| (*rule).into()).collect(),
        })
    }
}

/// One of two FireLogs that have a colo's clients by turns; some of what they send is late.
fn batch(random: &mut Random, seq: u64, slot: u64) -> CellBatch {
    let mut cells: Vec<Cell> = (0..random.next_u64() % 24).map(|_| cell(random)).collect();
    cells.sort_by(|a, b| a.key.cmp(&b.key));
    cells.dedup_by(|a, b| a.key == b.key);
    CellBatch {
        source: one_of(random, &["fl1-FRA-0", "fl1-FRA-1", "fl1-IAD-0"]).to_owned(),
        epoch: 1,
        seq,
        slot: slot - random.next_u64() % 12,
        cells,
        other: CellCounts {
            requests: (random.next_u64() % 3) as u32,
            ..CellCounts::default()
        },
        ..CellBatch::default()
    }
}

/// Three hours of a Detector that is restarted now and then, and whose alarm comes when it comes.
fn hours(seed: u64) -> (Detector<Native>, u64) {
    let mut random = Random::new(seed);
    let mut detector = open();
    let mut now_ms = START_MS;
    for seq in 0..600 {
        now_ms = START_MS + seq * 18_000 + 120_000;
        let batch = batch(&mut random, seq + 1, NOON + 12 + seq * 18 / 10);
        for _ in 0..1 + random.next_u64() % 2 {
            accept(&mut detector, &batch, now_ms).unwrap();
        }
        match random.next_u64() % 40 {
            0 => detector = reopened(detector, now_ms),
            1 => detector.tick(now_ms).unwrap(),
            2..5 => keep_all_sums(&mut detector, now_ms),
            _ => {}
        }
    }
    (detector, now_ms)
}

#[test]
fn marginals_say_what_the_combinations_say() {
    for seed in 1..5 {
        let (detector, now_ms) = hours(seed);
        for by in [None].into_iter().chain(ATTRIBUTES.map(Some)) {
            let own = match by {
                Some("asn") => "&asn=64500,unknown",
                Some("os") => "&os=unknown&route=hub",
                Some("colo") => "&colo=FRA,IAD",
                _ => "&country=DE",
            };
            for filter in ["", "&route=hub", own] {
                for span in ["since=-2h", "since=-40h"] {
                    let ([marginals, cells], _) = both(&detector, &format!("{span}{filter}"), by, now_ms);
                    assert!(cells.of_values.len() > 100, "{seed} {by:?} {filter} {span}");
                    assert_eq!(marginals, cells, "{seed} {by:?} {filter} {span}");
                }
            }
        }
    }
}

#[test]
fn a_timeline_of_one_attribute_reads_few_counts() {
    let (detector, now) = night();
    let case = |query: &str, by: Option<&'static str>, is_few: bool| {
        let (_, [marginals, cells]) = both(&detector, query, by, now);
        assert!(marginals > 0);
        assert_eq!(
            3 * marginals < cells,
            is_few,
            "{query} {by:?}: {marginals} of {cells}"
        );
    };
    case("since=-1h", None, true);
    case("since=-1h", Some("os"), true);
    case("since=-1h&route=hub", Some("os"), true);
    case("since=-1h&os=amzn2", Some("os"), true);
    case("since=-1h&os=amzn2", None, true);
    case("since=-1h&os=amzn2", Some("colo"), false);
    case("since=-1h&os=amzn2&colo=FRA", None, false);
}

/// They are made once, by whoever asks first.
#[test]
fn what_an_older_build_kept_has_marginals_once_somebody_asks() {
    let (detector, now) = night();
    let made = || {
        let rows = detector.sql().run("SELECT count(*) FROM minute_marginal", &[]);
        rows.unwrap()[0].integer(0, "count").unwrap()
    };
    let before = both(&detector, "since=-1h", Some("colo"), now);
    let all = made();
    assert!(all > 50);
    detector.sql().run("DELETE FROM minute_marginal", &[]).unwrap();
    assert_eq!(both(&detector, "since=-1h", Some("colo"), now), before);
    assert_eq!(made(), all);
}
