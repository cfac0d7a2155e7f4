//! A registry's traffic, cell by cell: client builds in colos, with what is wrong with some of them.

use std::sync::Arc;

use blobwatch_detect::simulate::Random;

use crate::{Change, Engine, Outcome};
use blobwatch_pull::{ClientKey, Family, NetworkKey, RecordId};
use blobwatch_records::{Cell, CellBatch, CellKey, Event, Evidence, RouteBreadths};

pub(crate) const COLOS: [&str; 7] = ["IAD", "FRA", "NRT", "SIN", "LHR", "GRU", "SYD"];

/// Monday, 6 July 2020, 12:00 UTC.
pub(crate) const NOON: u64 = 1_594_036_800 / 10;

/// A key of one build, which its network tells apart.
pub(crate) fn key_of_network(asn: u32) -> CellKey {
    CellKey {
        route: "hub".into(),
        colo: "FRA".into(),
        country: "DE".into(),
        asn: Some(asn),
        family: Family::Docker,
        os: "debian".into(),
        fingerprint: "bw1-a".into(),
        rules: Vec::new(),
    }
}

/// A client build and its network.
#[derive(Clone, Copy)]
pub(crate) struct Build {
    pub(crate) family: Family,
    pub(crate) os: &'static str,
    pub(crate) asn: u32,
    pub(crate) fingerprint: &'static str,
    /// Starts a slot and colo.
    pub(crate) starts: u32,
}

pub(crate) const AMAZON: Build = Build {
    family: Family::Docker,
    os: "amzn2",
    asn: 16509,
    fingerprint: "bw1-a",
    starts: 12,
};

pub(crate) const BUILDS: [Build; 5] = [
    AMAZON,
    Build {
        family: Family::Docker,
        os: "debian",
        asn: 3320,
        fingerprint: "bw1-b",
        starts: 20,
    },
    Build {
        family: Family::Containerd,
        os: "",
        asn: 16509,
        fingerprint: "bw1-c",
        starts: 25,
    },
    Build {
        family: Family::Podman,
        os: "el8",
        asn: 7922,
        fingerprint: "bw1-d",
        starts: 8,
    },
    Build {
        family: Family::Containerd,
        os: "",
        asn: 15169,
        fingerprint: "bw1-c",
        starts: 15,
    },
];

/// What is wrong with one cell in a slot.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// Share of starts that are resumed.
    pub(crate) resumed: f64,
    /// Share of resumes that come back at the same offset.
    pub(crate) repeated: f64,
    /// How many clients and networks are behind it.
    pub(crate) clients: u64,
    pub(crate) networks: u64,
    /// Whether anybody is there at all.
    pub(crate) gone: bool,
}

pub(crate) const HEALTHY: Fault = Fault {
    resumed: 0.004,
    repeated: 0.01,
    clients: 4000,
    networks: 900,
    gone: false,
};

pub(crate) struct World {
    pub(crate) engine: Engine,
    random: Random,
    pub(crate) slot: u64,
    seq: u64,
    rule: Option<fn(&Build) -> bool>,
    /// Clients and networks that send anything, and who of them does.
    crowd: (u64, u64),
    who: Random,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            engine: Engine::default(),
            random: Random::new(seed),
            slot: NOON,
            seq: 0,
            rule: None,
            crowd: (HEALTHY.clients, HEALTHY.networks),
            who: Random::new(seed),
        }
    }

    /// Of so many clients in so many networks.
    pub(crate) fn crowd(mut self, clients: u64, networks: u64) -> Self {
        self.crowd = (clients, networks);
        self
    }

    /// A rule that fires on half of the requests of some builds.
    pub(crate) fn rule(mut self, fires: fn(&Build) -> bool) -> Self {
        self.rule = Some(fires);
        self
    }

    /// Plays slots; what is wrong may depend on build, colo and whether the rule fired.
    pub(crate) fn play(&mut self, slots: u64, fault: impl Fn(&Build, &str, bool) -> Fault) -> Outcome {
        let mut all = Outcome::default();
        for _ in 0..slots {
            let batch = self.batch(&fault);
            let outcome = self.take(batch);
            all.changes.extend(outcome.changes);
            all.minutes.extend(outcome.minutes);
            all.notes.extend(outcome.notes);
        }
        all
    }

    /// Takes in the batch of this slot.
    pub(crate) fn take(&mut self, batch: CellBatch) -> Outcome {
        self.engine.add(batch, self.slot);
        self.engine.tick(self.slot)
    }

    /// The next slot's cells of a registry that nobody resumes from; so many ranges are asked for, of which so many are
    /// refused, by one client each.
    pub(crate) fn ranged(&mut self, asked: u32, refused: u32) -> CellBatch {
        let mut batch = self.batch(&|_, _, _| Fault {
            resumed: 0.0,
            ..HEALTHY
        });
        let cells = batch.cells.len() as u64;
        for at in 0..asked {
            let place = usize::try_from(self.random.next_u64() % cells).unwrap();
            let cell = &mut batch.cells[place];
            cell.counts.requests += 1;
            cell.counts.ranged += 1;
            if at < refused {
                cell.counts.refused += 1;
                let client = self.random.next_u64();
                let keys = (ClientKey(client), NetworkKey(hash(client)));
                cell.affected.insert(Event::Refused, keys.0, keys.1);
            }
        }
        batch
    }

    /// The next slot's cells.
    pub(crate) fn batch(&mut self, fault: &impl Fn(&Build, &str, bool) -> Fault) -> CellBatch {
        self.slot += 1;
        self.seq += 1;
        let mut batch = CellBatch {
            source: "fl1-ALL-0".to_owned(),
            epoch: 1,
            seq: self.seq,
            slot: self.slot,
            routes: self.senders().into_list(),
            ..CellBatch::default()
        };
        for colo in COLOS {
            for build in BUILDS {
                for fired in [false, true] {
                    let fault = fault(&build, colo, fired);
                    if !fault.gone {
                        batch.cells.push(self.cell(&build, colo, fired, fault));
                    }
                }
            }
        }
        batch
    }

    fn senders(&mut self) -> RouteBreadths {
        let (clients, networks) = self.crowd;
        let mut routes = RouteBreadths::default();
        for _ in 0..50 {
            let client = self.who.next_u64() % clients;
            let network = NetworkKey(hash(client % networks));
            routes.insert(&Arc::from("hub"), ClientKey(hash(client)), network);
        }
        routes
    }

    /// Half of a build's requests; half of the starts are of large blobs.
    fn cell(&mut self, build: &Build, colo: &str, fired: bool, fault: Fault) -> Cell {
        let fires = fired && self.rule.is_some_and(|rule| rule(build));
        let key = CellKey {
            route: Arc::from("hub"),
            colo: colo.into(),
            country: "".into(),
            asn: Some(build.asn),
            family: build.family,
            os: build.os.into(),
            fingerprint: build.fingerprint.into(),
            rules: if fires {
                vec![Arc::from("botnet-sig")]
            } else {
                Vec::new()
            },
        };
        let mut cell = Cell::new(key);
        let counts = &mut cell.counts;
        counts.starts = build.starts / 2;
        counts.large_starts = build.starts / 4;
        counts.known_starts = build.starts / 4;
        for _ in 0..counts.large_starts {
            if chance(&mut self.random, fault.resumed) {
                cell.counts.resumes += 1;
                cell.counts.large_resumes += 1;
                let client = self.random.next_u64() % fault.clients;
                let network = client % fault.networks;
                cell.affected.insert(
                    Event::Resume,
                    ClientKey(hash(client)),
                    NetworkKey(hash(network ^ 1 << 40)),
                );
                cell.note(Evidence {
                    event: Event::Resume,
                    id: RecordId::from_parts(self.slot * 10_000, 7, cell.counts.resumes),
                });
                if chance(&mut self.random, fault.repeated) {
                    cell.counts.repeats += 1;
                    cell.affected.insert(
                        Event::Repeat,
                        ClientKey(hash(client)),
                        NetworkKey(hash(network ^ 1 << 40)),
                    );
                }
            }
        }
        cell.counts.requests = cell.counts.starts + cell.counts.resumes;
        cell.counts.ranged = cell.counts.resumes;
        cell
    }
}

fn chance(random: &mut Random, share: f64) -> bool {
    random.uniform() < share
}

fn hash(key: u64) -> u64 {
    let mixed = (key ^ key >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// "opened an-000001", in order.
pub(crate) fn story(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| format!("{} {}", change.moment.as_str(), change.anomaly.name()))
        .collect()
}
