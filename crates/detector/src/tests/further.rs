//! Faults of which only an attribute that cells do not have says whom they hit: records in, names out.

use std::sync::Arc;

use blobwatch_detect::simulate::Random;

use super::traffic::NOON;
use crate::cohort::Literal;
use crate::{AnomalyKind, Engine, Moment};
use blobwatch_pull::{ClientKey, Family, Method, NetworkKey, Outcome, Record, RecordId, sample};
use blobwatch_records::{CellBatch, Classification, SLOT_S, Tally};

/// Requests of a slot, and slots of health before the fault.
const REQUESTS: u64 = 40;
const HEALTHY_SLOTS: u64 = 120;

/// Signatures of TCP handshakes.
const LINUX_TCP: &str = "4:64:0:*:64240,7:mss,sok,ts,nop,ws:df:0";
const ODD_TCP: &str = "4:255:0:1460:26883,0:mss:df:0";

pub(crate) struct Registry {
    engine: Engine,
    random: Random,
    slot: u64,
}

impl Registry {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            engine: Engine::default(),
            random: Random::new(seed),
            slot: NOON,
        }
    }

    /// One of so many, the first ones most often.
    fn often(&mut self, of: u64) -> u64 {
        let uniform = self.random.uniform();
        (of as f64 * uniform * uniform) as u64
    }

    fn record(&mut self, n: u64) -> Record {
        let client = self.random.next_u64() % 3_000;
        let blob = self.often(40);
        let family = match client % 5 {
            0 | 1 => Family::Docker,
            2 | 3 => Family::Containerd,
            _ => Family::Podman,
        };
        let version = if client % 7 < 3 { "2.1.3" } else { "1.7.12" };
        let sizes = [90_000, 5 << 20, 200 << 20, 2 << 30];
        let mut record = Record {
            id: RecordId::from_parts(self.slot * SLOT_S * 1000 + n * 100, 1, n as u32),
            route: Arc::from("hub"),
            repository: format!("team/{}", self.often(8)),
            digest: format!("sha256:{blob:064x}"),
            method: Method::Get,
            status: 200,
            size: sizes.get(blob as usize % 4).copied(),
            outcome: Outcome::NotObserved,
            served_by: ["origin:a.example", "origin:b.example"][usize::from(client % 9 < 4)].to_owned(),
            client: ClientKey(mixed(client)),
            network: NetworkKey(mixed(client / 3)),
            asn: Some(16_509 + (client % 4) as u32),
            colo: ["IAD", "FRA", "NRT"][client as usize % 3].to_owned(),
            family,
            version: version.to_owned(),
            ..sample::sparse()
        };
        record.protocol = if client % 11 < 3 { "HTTP/3" } else { "HTTP/2" }.to_owned();
        record.tcp = if client % 13 < 3 { ODD_TCP } else { LINUX_TCP }.to_owned();
        record
    }

    /// What is told of the next slot; what the fault hits is answered with a status.
    pub(crate) fn next(
        &mut self,
        status: u16,
        mut is_hit: impl FnMut(&Record, f64) -> bool,
    ) -> Vec<CellBatch> {
        self.slot += 1;
        let mut tally = Tally::default();
        for n in 0..REQUESTS {
            let mut record = self.record(n);
            let chance = self.random.uniform();
            if is_hit(&record, chance) {
                record.status = status;
            }
            let judged = Classification {
                start: record.status == 200,
                ..Classification::alone(&record)
            };
            tally.count(&record, &judged);
        }
        tally.into_batches("fl1-ALL-0", 1, self.slot)
    }

    fn play(&mut self, slots: u64, status: u16, is_hit: impl Fn(&Record, f64) -> bool) -> Vec<Moment> {
        let mut moments = Vec::new();
        for _ in 0..slots {
            for batch in self.next(status, &is_hit) {
                self.engine.add(batch, self.slot);
            }
            let outcome = self.engine.tick(self.slot);
            moments.extend(outcome.changes.iter().map(|change| change.moment));
        }
        moments
    }
}

fn mixed(value: u64) -> u64 {
    let mixed = (value ^ value >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn literal(attribute: &str, values: &[&str]) -> Literal {
    Literal {
        attribute: attribute.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        not: false,
        among: values.len(),
    }
}

/// Who the one anomaly of a fault is about, three minutes after it began; nothing where it is named by cells.
#[track_caller]
fn case(seed: u64, is_hit: impl Fn(&Record, f64) -> bool, expected: &[Literal]) {
    let mut registry = Registry::new(seed);
    registry.play(HEALTHY_SLOTS, 503, |_, chance| chance < 0.002);
    registry.play(18, 503, |record, chance| is_hit(record, chance) || chance < 0.002);
    let open: Vec<_> = registry.engine.open().collect();
    let said: Vec<String> = open.iter().map(|anomaly| anomaly.sentence()).collect();
    assert_eq!(open.len(), 1, "{said:?}");
    assert_eq!(open[0].kind(), AnomalyKind::StartFailed);
    let named = open[0].named.as_ref().map_or(&[][..], |named| &named.0);
    assert_eq!(named, expected, "{said:?}");
}

#[test]
fn what_carries_all_events_is_the_cohort_alone() {
    let blob = format!("sha256:{:064x}", 3);
    case(
        1,
        |record, _| record.repository == "team/3",
        &[literal("repository", &["team/3"])],
    );
    case(
        2,
        |record, _| record.digest.ends_with("03"),
        &[literal("digest", &[&blob])],
    );
    case(
        3,
        |record, chance| record.size > Some(1 << 30) && chance < 0.7,
        &[literal("size", &["over 1 GiB"])],
    );
    case(
        4,
        |record, _| record.family == Family::Containerd && record.version == "2.1.3",
        &[literal("version", &["containerd/2.1.3"])],
    );
    case(
        5,
        |record, chance| record.protocol == "HTTP/3" && chance < 0.5,
        &[literal("protocol", &["HTTP/3"])],
    );
    case(
        6,
        |record, chance| record.served_by == "origin:b.example" && chance < 0.5,
        &[literal("served_by", &["origin:b.example"])],
    );
    case(
        7,
        |record, _| record.tcp == ODD_TCP,
        &[literal("tcp", &[ODD_TCP])],
    );
    case(
        8,
        |record, chance| record.tcp == ODD_TCP && chance < 0.5,
        &[literal("tcp", &[ODD_TCP])],
    );
}

#[test]
fn several_values_and_two_attributes_are_named() {
    case(
        11,
        |record, _| matches!(&*record.repository, "team/2" | "team/5"),
        &[literal("repository", &["team/2", "team/5"])],
    );
    case(
        12,
        |record, _| record.repository == "team/1" && record.family == Family::Podman,
        &[literal("repository", &["team/1"]), literal("family", &["podman"])],
    );
    case(
        13,
        |record, _| record.repository == "team/1" && record.protocol == "HTTP/3",
        &[
            literal("protocol", &["HTTP/3"]),
            literal("repository", &["team/1"]),
        ],
    );
}

/// Faults of two repositories at once, in the second one later or of fewer pulls.
#[test]
fn two_repositories_at_fault_are_both_named() {
    #[track_caller]
    fn case(seed: u64, slots_alone: u64, share: f64) {
        let mut registry = Registry::new(seed);
        let noise = |_: &Record, chance: f64| chance < 0.002;
        registry.play(HEALTHY_SLOTS, 503, noise);
        registry.play(slots_alone, 503, |record, chance| {
            record.repository == "team/2" || noise(record, chance)
        });
        registry.play(30, 503, |record, chance| {
            record.repository == "team/2"
                || record.repository == "team/5" && chance < share
                || noise(record, chance)
        });
        let names: Vec<String> = registry.engine.open().map(|anomaly| anomaly.sentence()).collect();
        for repository in ["team/2", "team/5"] {
            assert!(names.iter().any(|name| name.contains(repository)), "{names:?}");
        }
    }
    case(51, 0, 1.0);
    case(53, 30, 1.0);
    case(55, 12, 0.5);
}

#[test]
fn what_cells_say_is_said_by_cells() {
    case(21, |_, chance| chance < 0.4, &[]);
    case(
        22,
        |record, chance| record.family == Family::Podman && chance < 0.5,
        &[],
    );
    case(23, |record, chance| record.colo == "FRA" && chance < 0.3, &[]);
    case(24, |record, _| record.asn == Some(16_510), &[]);
}

/// In the words of an anomaly, and after the state was saved and read.
#[test]
fn a_signature_of_tcp_handshakes_is_said() {
    let mut registry = Registry::new(9);
    registry.play(HEALTHY_SLOTS, 503, |_, chance| chance < 0.002);
    registry.play(9, 503, |record, _| record.tcp == ODD_TCP);
    let saved = postcard::to_allocvec(&registry.engine).unwrap();
    registry.engine = postcard::from_bytes(&saved).unwrap();
    registry.play(9, 503, |record, _| record.tcp == ODD_TCP);
    let said: Vec<String> = registry.engine.open().map(|anomaly| anomaly.sentence()).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let words = format!("TCP signature {ODD_TCP}: blob starts failed with 5xx");
    assert!(said[0].starts_with(&words), "{said:?}");
}

#[test]
fn a_name_stays_and_the_anomaly_closes_when_it_is_over() {
    let mut registry = Registry::new(31);
    let noise = |_: &Record, chance: f64| chance < 0.002;
    registry.play(HEALTHY_SLOTS, 503, noise);
    let during = registry.play(60, 503, |record, chance| {
        record.repository == "team/3" || noise(record, chance)
    });
    assert_eq!(during, [Moment::Opened]);
    let after = registry.play(60, 503, noise);
    assert_eq!(after, [Moment::Closed]);
}

/// One client fails in one repository a hundred times for each failure of the others, which share a system.
#[test]
fn a_loud_client_names_nothing() {
    let loud = ClientKey(mixed(1));
    let mut registry = Registry::new(41);
    registry.play(HEALTHY_SLOTS, 503, |_, chance| chance < 0.002);
    for _ in 0..18 {
        registry.play(1, 503, |record, _| record.family == Family::Podman);
        let mut tally = Tally::default();
        for n in 0..200 {
            let mut record = registry.record(n);
            (record.repository, record.client) = ("team/7".to_owned(), loud);
            (record.network, record.status) = (NetworkKey(1), 503);
            tally.count(&record, &Classification::alone(&record));
        }
        for batch in tally.into_batches("fl1-ALL-1", 1, registry.slot) {
            registry.engine.add(batch, registry.slot + 1);
        }
    }
    let names: Vec<String> = registry.engine.open().map(|anomaly| anomaly.sentence()).collect();
    assert!(
        !names.is_empty() && names.iter().all(|name| !name.contains("team/7")),
        "{names:?}"
    );
}
