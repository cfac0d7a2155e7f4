//! Somebody sends requests that look like ever other clients: what that does to how soon others' faults are found.

use super::stories::healthy;
use super::traffic::{AMAZON, Build, Fault, HEALTHY, World};
use blobwatch_pull::NetworkKey;
use blobwatch_records::{Cell, CellKey, FewNetworks};

const HOUR: u64 = 360;

/// How long a fault is looked for.
const MOST: u64 = 2 * HOUR;

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
                colo: "FRA".into(),
                country: "".into(),
                asn: Some(3320),
                family: AMAZON.family,
                os: os.into(),
                fingerprint: fingerprint.into(),
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
    for slot in 1..=MOST {
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
    MOST
}

fn one_network() -> FewNetworks {
    let mut networks = FewNetworks::default();
    networks.insert(NetworkKey(7));
    networks
}

fn each_another(n: u64) -> (String, String) {
    (format!("os{n}"), format!("bw1-{n}"))
}

fn again_and_again(n: u64) -> (String, String) {
    each_another(n % 1_500)
}

/// Ten times the requests that once blinded the Detector; the same as a FireLog of an older build reports them; and a
/// client that comes back with each of its looks.
#[test]
fn a_client_that_invents_others_delays_nothing_by_more_than_a_quarter() {
    let attacks = [
        attack(1_000, each_another, one_network()),
        attack(1_000, each_another, FewNetworks::default()),
        attack(500, again_and_again, one_network()),
    ];
    for stuck in [0.1, 0.3] {
        delays_little(stuck, &attacks);
    }
}

/// Faults that take up to hours to be found by themselves.
#[test]
fn nor_are_faults_missed_that_are_hard_to_find() {
    let attacks = [attack(1_000, each_another, one_network())];
    for stuck in [0.04, 0.06] {
        delays_little(stuck, &attacks);
    }
}

fn attack(a_slot: u64, invent: Invent, networks: FewNetworks) -> Attack {
    Attack {
        a_slot,
        slots: 60,
        invent,
        networks,
    }
}

#[track_caller]
fn delays_little(stuck: f64, attacks: &[Attack]) {
    let alone = delay(stuck, None);
    assert!(alone < MOST, "{stuck}: it is found");
    for (at, attack) in attacks.iter().enumerate() {
        let attacked = delay(stuck, Some(attack));
        println!("attack {at}, {stuck} stuck: {attacked} slots, {alone} without");
        let most = alone + alone.div_ceil(4);
        assert!(
            attacked <= most,
            "attack {at}, {stuck} stuck: {attacked} slots instead of {alone}"
        );
    }
}
