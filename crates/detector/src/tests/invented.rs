//! Somebody sends requests that look like ever other clients: what that does to how soon others' faults are found.

use super::stories::healthy;
use super::traffic::{AMAZON, Build, Fault, HEALTHY, World};
use blobwatch_pull::NetworkKey;
use blobwatch_records::{Cell, CellKey, FewNetworks};

const HOUR: u64 = 360;

/// Requests of one client: what its `n`th one looks like.
type Invent = fn(u64) -> (String, String);

struct Attack {
    a_slot: u64,
    slots: u64,
    invent: Invent,
    /// What FireLogs say of where the requests came from.
    networks: FewNetworks,
}

impl Attack {
    fn cells(&self, slot: u64) -> Vec<Cell> {
        let cell = |n: u64| {
            let (os, fingerprint) = (self.invent)(slot * self.a_slot + n);
            let mut cell = Cell::new(CellKey {
                route: "hub".into(),
                colo: "FRA".to_owned(),
                country: String::new(),
                asn: Some(3320),
                family: AMAZON.family,
                os,
                fingerprint,
                rules: Vec::new(),
            });
            (cell.counts.requests, cell.counts.starts, cell.counts.large_starts) = (1, 1, 1);
            cell.networks = self.networks.clone();
            cell
        };
        (0..self.a_slot).map(cell).collect()
    }
}

/// A registry before Amazon Linux pulls from it.
fn before(build: &Build, colo: &str, fired: bool) -> Fault {
    Fault {
        gone: build.os == AMAZON.os,
        ..healthy(build, colo, fired)
    }
}

/// An hour; the attack; an hour; an hour of a new build; then it hangs in two colos: slots until that is an anomaly.
fn delay(stuck: f64, attack: Option<&Attack>) -> u64 {
    let mut world = World::new(21);
    world.play(HOUR, before);
    for slot in 0..attack.map_or(60, |attack| attack.slots) {
        let mut batch = world.batch(&before);
        batch
            .cells
            .extend(attack.map(|attack| attack.cells(slot)).unwrap_or_default());
        world.take(batch);
    }
    world.play(HOUR, before);
    world.play(HOUR, healthy);
    for slot in 1..=HOUR {
        let changes = world.play(1, |build, colo, _| Fault {
            resumed: if build.os == AMAZON.os && matches!(colo, "IAD" | "FRA") {
                stuck
            } else {
                HEALTHY.resumed
            },
            ..HEALTHY
        });
        if !changes.changes.is_empty() {
            return slot;
        }
    }
    HOUR
}

#[track_caller]
fn case(attack: &Attack) {
    for stuck in [0.1, 0.3] {
        let alone = delay(stuck, None);
        assert!(alone < HOUR, "{stuck}: it is found");
        let attacked = delay(stuck, Some(attack));
        assert!(
            attacked <= alone + alone.div_ceil(4),
            "{stuck}: {attacked} slots instead of {alone}"
        );
    }
}

fn one_network() -> FewNetworks {
    let mut networks = FewNetworks::default();
    networks.insert(NetworkKey(7));
    networks
}

#[test]
fn a_client_that_looks_different_each_time_blinds_nobody() {
    case(&Attack {
        a_slot: 1_000,
        slots: 60,
        invent: |n| (format!("os{n}"), format!("bw1-{n}")),
        networks: one_network(),
    });
}

#[test]
fn nor_does_one_that_a_firelog_of_an_older_build_reports() {
    case(&Attack {
        a_slot: 1_000,
        slots: 60,
        invent: |n| (format!("os{n}"), format!("bw1-{n}")),
        networks: FewNetworks::default(),
    });
}

#[test]
fn nor_does_one_that_comes_back_with_each_of_its_looks() {
    case(&Attack {
        a_slot: 500,
        slots: 60,
        invent: |n| (format!("os{}", n % 1_500), format!("bw1-{}", n % 1_500)),
        networks: one_network(),
    });
}
