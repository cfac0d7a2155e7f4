//! A registry without a fault for months, as cells: everything that honest clients do and that looks like trouble.
//!
//! Groups of clients (one combination of attributes each) with a volume that follows their day, and shares of each
//! event that cluster. Counts of a slot are drawn for the whole group, not request by request. The traps of
//! docs/detection.md: client mix that moves, nights and weekends, bursts of cron on the hour and at 00:00 UTC, deploys,
//! fleets behind one address, roll-outs of a containerd that asks for chunks, an image of 3 GB.

#![expect(
    clippy::indexing_slicing,
    reason = "a seeded generator: all indices are of its own tables"
)]

use blobwatch_detect::simulate::Random;
use blobwatch_pull::{ClientKey, Family, NetworkKey};
use blobwatch_records::{Cell, CellBatch, CellKey, Event};
use std::sync::Arc;

/// Slots of a day.
pub(super) const DAY: u64 = 8640;

/// Monday, 6 January 2025, 00:00 UTC.
pub(super) const FIRST: u64 = 1_736_121_600 / 10;

/// Slots over which the retries of one cut come.
const RETRY_SLOTS: usize = 6;

const COLOS: [(&str, &str, i64); 8] = [
    ("IAD", "US", -5),
    ("SFO", "US", -8),
    ("FRA", "DE", 1),
    ("LHR", "GB", 0),
    ("GRU", "BR", -3),
    ("SIN", "SG", 8),
    ("NRT", "JP", 9),
    ("SYD", "AU", 10),
];

/// Family, OS, network, fingerprint, how it asks, and what it is run for.
const BUILDS: [(Family, &str, u32, &str, f64, Shape); 10] = [
    (Family::Docker, "amzn2", 16509, "bw1-a1", 0.0, Shape::Ci),
    (Family::Docker, "linuxkit", 7922, "bw1-a2", 0.0, Shape::Human),
    (Family::Docker, "debian", 24940, "bw1-a1", 0.0, Shape::Cron),
    (Family::Docker, "azure", 8075, "bw1-a3", 0.0, Shape::Ci),
    (Family::Containerd, "", 16509, "bw1-b1", 0.1, Shape::Steady),
    (Family::Containerd, "", 15169, "bw1-b1", 0.1, Shape::Steady),
    (Family::Containerd, "", 8075, "bw1-b2", 0.1, Shape::Steady),
    (Family::Podman, "el8", 3320, "bw1-c1", 0.02, Shape::Human),
    (Family::Buildkit, "debian", 14618, "bw1-d1", 0.05, Shape::Ci),
    (Family::Crane, "", 24940, "bw1-e1", 0.0, Shape::Cron),
];

/// When a group works.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// Days and evenings of the region, weekends at 55 %.
    Human,
    /// Working hours, a floor at night, weekends at 55 %.
    Ci,
    /// Clusters that scale all day.
    Steady,
    /// The first two minutes of each hour, and three times as much at 00:00 UTC.
    Cron,
    /// A fleet behind one address that works in jobs of five minutes.
    Nat,
}

/// What is wrong with a group, for the one fault at the end.
pub(super) type Fault = fn(&CellKey) -> f64;

struct Group {
    key: CellKey,
    shape: Shape,
    utc_offset: i64,
    /// Mean starts of a slot.
    starts: f64,
    cut: f64,
    stalled: f64,
    restarted: f64,
    refused: f64,
    aborted: f64,
    ranged: f64,
    clients: u64,
    networks: u64,
    /// Of the daily walk of its share.
    mix: f64,
    /// Slots in which it is there, and how long it takes to come and go.
    from: u64,
    until: u64,
    /// Cut rate of this minute.
    cut_now: f64,
    /// By slot: the clients whose transfers were cut and that come again then.
    retries: [Vec<u64>; RETRY_SLOTS],
}

pub(super) struct World {
    random: Random,
    groups: Vec<Group>,
    seq: u64,
    /// Group, slots left, starts a slot.
    deploys: Vec<(usize, u64, f64)>,
    image: Option<(Arc<str>, u64)>,
}

impl World {
    /// A registry of `groups` client groups with about `per_slot` starts a slot, for so many days.
    pub(super) fn new(seed: u64, groups: usize, per_slot: f64, days: u64) -> Self {
        let mut world = Self {
            random: Random::new(seed),
            groups: Vec::new(),
            seq: 0,
            deploys: Vec::new(),
            image: None,
        };
        let weights: Vec<f64> = (1..=groups).map(|rank| (rank as f64).powf(-1.1)).collect();
        let total: f64 = weights.iter().sum();
        for (at, weight) in weights.iter().enumerate() {
            let group = world.group(at, per_slot * weight / total);
            world.groups.push(group);
        }
        world.add_fleets(days);
        world.add_roll_outs(days);
        world
    }

    fn group(&mut self, at: usize, starts: f64) -> Group {
        let build = (at.wrapping_mul(7) + 4) % BUILDS.len();
        let (family, os, asn, fingerprint, ranged, shape) = BUILDS.get(build).copied().unwrap_or(BUILDS[0]);
        let (colo, country, utc_offset) = COLOS
            .get((at + at / 8) % COLOS.len())
            .copied()
            .unwrap_or(COLOS[0]);
        let far = if utc_offset.abs() >= 8 { 2.0 } else { 1.0 };
        let key = CellKey {
            route: Arc::from(if at.is_multiple_of(3) { "charts" } else { "hub" }),
            colo: colo.into(),
            country: country.into(),
            asn: Some(asn),
            family,
            os: os.into(),
            fingerprint: fingerprint.into(),
            rules: Vec::new(),
        };
        let mut around = |mean: f64, spread: f64| mean * (spread * self.random.normal()).exp();
        Group {
            key,
            shape,
            utc_offset,
            starts,
            cut: around(0.003 * far, 0.5),
            stalled: around(0.03, 0.3),
            restarted: around(0.01, 0.5),
            refused: around(0.001, 0.5),
            aborted: around(0.01, 0.4),
            ranged,
            clients: 20 + (starts * 400.0) as u64,
            networks: 8 + (starts * 60.0) as u64,
            mix: 1.0,
            from: 0,
            until: u64::MAX,
            cut_now: 0.0,
            retries: Default::default(),
        }
    }

    /// Fleets behind one address: one that was always there, and a new one every 45 days.
    fn add_fleets(&mut self, days: u64) {
        for (number, day) in (0..days).step_by(45).enumerate() {
            let mut fleet = self.group(3 + 10 * number, 60.0);
            fleet.shape = Shape::Nat;
            fleet.restarted = 0.4;
            fleet.aborted = 0.05;
            (fleet.clients, fleet.networks) = (2, 1);
            fleet.key.os = "ci".into();
            fleet.from = FIRST + day * DAY;
            self.groups.push(fleet);
        }
    }

    /// Every 40 days one containerd group moves, within three days, to a build that asks for chunks, whose first requests
    /// at an offset are sometimes taken for resumes.
    fn add_roll_outs(&mut self, days: u64) {
        let movable: Vec<usize> = (0..self.groups.len())
            .filter(|at| self.groups[*at].key.family == Family::Containerd)
            .collect();
        for (number, day) in (15..days).step_by(40).enumerate() {
            let Some(at) = movable.get(number % movable.len().max(1)).copied() else {
                return;
            };
            let slot = FIRST + day * DAY + 6 * 360;
            if self.groups[at].until != u64::MAX {
                continue;
            }
            let starts = self.groups[at].starts;
            let mut new = self.group(at, starts);
            let old = &mut self.groups[at];
            old.until = slot;
            new.key = CellKey {
                fingerprint: format!("bw1-f{number}").into(),
                ..old.key.clone()
            };
            (new.shape, new.utc_offset) = (old.shape, old.utc_offset);
            (new.stalled, new.restarted) = (old.stalled, old.restarted);
            (new.refused, new.aborted) = (old.refused, old.aborted);
            (new.cut, new.ranged) = (1.5 * old.cut, 0.9);
            new.from = slot;
            self.groups.push(new);
        }
    }

    /// The cells of a slot. `fault` is the share of large starts that are cut beyond what is normal.
    pub(super) fn slot(&mut self, slot: u64, fault: Option<Fault>) -> CellBatch {
        self.seq += 1;
        self.schedule(slot);
        let mut cells: Vec<Cell> = Vec::new();
        for at in 0..self.groups.len() {
            let extra = self.deploy(at);
            let image = matches!(&self.image, Some((route, _)) if *route == self.groups[at].key.route);
            let (group, random) = (&mut self.groups[at], &mut self.random);
            if let Some(mut cell) = group.slot(slot, random, extra, image, fault) {
                let networks = if group.shape == Shape::Nat { 1 } else { 3 };
                (0..networks).for_each(|network| cell.networks.insert(NetworkKey(network)));
                match cells.iter_mut().find(|known| known.key == cell.key) {
                    Some(known) => known.merge(&cell),
                    None => cells.push(cell),
                }
            }
        }
        CellBatch {
            source: "fl1-ALL-0".to_owned(),
            epoch: 1,
            seq: self.seq,
            slot,
            cells,
            ..CellBatch::default()
        }
    }

    /// Six deploys a day, one image of 3 GB each 50 days or so for two days, and the mix of each day.
    fn schedule(&mut self, slot: u64) {
        if self.random.uniform() < 6.0 / DAY as f64 {
            let at = (self.random.next_u64() % self.groups.len() as u64) as usize;
            let group = &self.groups[at];
            if group.shape != Shape::Nat && group.from <= slot && slot < group.until {
                self.deploys.push((
                    at,
                    3 + self.random.next_u64() % 4,
                    100.0 + 200.0 * self.random.uniform(),
                ));
            }
        }
        match &self.image {
            Some((_, until)) if slot >= *until => self.image = None,
            None if self.random.uniform() < 1.0 / (50.0 * DAY as f64) => {
                self.image = Some((Arc::from("hub"), slot + 2 * DAY));
            }
            _ => {}
        }
        if slot.is_multiple_of(DAY) {
            for group in &mut self.groups {
                group.mix = (group.mix.ln() * 0.8 + 0.25 * self.random.normal()).exp();
            }
        }
    }

    /// Starts that deploys add to a group in this slot.
    fn deploy(&mut self, at: usize) -> f64 {
        let mut starts = 0.0;
        for (of, left, more) in &mut self.deploys {
            if *of == at {
                *left -= 1;
                starts += *more;
            }
        }
        self.deploys.retain(|(_, left, _)| *left > 0);
        starts
    }
}

impl Group {
    fn slot(
        &mut self,
        slot: u64,
        random: &mut Random,
        deploy: f64,
        image: bool,
        fault: Option<Fault>,
    ) -> Option<Cell> {
        if slot.is_multiple_of(6) || self.cut_now <= 0.0 {
            let congested = if deploy > 0.0 { 2.0 } else { 1.0 };
            let large = if image { 0.001 } else { 0.0 };
            self.cut_now = random.rate(self.cut * congested + large, 0.002);
        }
        let mean = self.mean(slot, random) + deploy;
        let starts = random.poisson(mean);
        let now = (slot % RETRY_SLOTS as u64) as usize;
        let resuming = std::mem::take(self.retries.get_mut(now)?);
        let resumes = resuming.len() as u64;
        if starts == 0 && resumes == 0 {
            return None;
        }
        let mut cell = Cell::new(self.key.clone());
        let large = part(random, starts, 0.35);
        let faulty = fault.map_or(0.0, |fault| fault(&self.key));
        let cut = random.binomial(large, (self.cut_now + faulty).min(0.95));
        self.retry(random, now, cut);
        let known = part(random, starts, 0.7);
        let ranged = part(random, starts, self.ranged) + resumes;
        let observed = part(random, starts, 0.1);
        let (redirected, paced) = (part(random, starts, 0.2), part(random, large, 0.1));
        let events = [
            (Event::Resume, resumes),
            (Event::Repeat, random.binomial(resumes, self.stalled)),
            (Event::Restart, random.binomial(known, self.restarted)),
            (Event::Refused, random.binomial(ranged, self.refused)),
            (
                Event::Aborted,
                random.binomial(observed, (self.aborted + faulty).min(0.95)),
            ),
            // What healthy registries have of these: a server that is restarted, tokens that expire, tags that moved.
            (
                Event::Failed,
                random.binomial(starts, (0.25 * self.cut_now).min(0.95)),
            ),
            (Event::TurnedAway, random.binomial(starts, 0.004)),
            (Event::Unreached, random.binomial(redirected, 0.01)),
            (Event::Looped, random.binomial(starts, 0.000_2)),
            (
                Event::Slow,
                random.binomial(paced, (0.02 + self.cut_now).min(0.95)),
            ),
            (Event::Suspect, 0),
        ];
        let counts = &mut cell.counts;
        counts.requests = small(starts + resumes);
        (counts.starts, counts.large_starts, counts.known_starts) =
            (small(starts), small(large), small(known));
        (counts.ranged, counts.observed) = (small(ranged), small(observed));
        (counts.redirected, counts.paced, counts.fetched) =
            (small(redirected), small(paced), small(observed));
        (counts.resumes, counts.large_resumes) = (small(resumes), small(resumes));
        for (event, times) in events {
            match event {
                Event::Resume => {}
                Event::Repeat => counts.repeats = small(times),
                Event::Restart => counts.restarts = small(times),
                Event::Refused => counts.refused = small(times),
                Event::Aborted => counts.aborted = small(times),
                Event::Failed => counts.failed = small(times),
                Event::TurnedAway => counts.turned_away = small(times),
                Event::Unreached => counts.unreached = small(times),
                Event::Looped => (counts.looped, counts.behind) = (small(times), small(times)),
                Event::Slow => counts.slow = small(times),
                Event::Suspect => counts.suspect = small(times),
            }
            for nth in 0..times.min(64) as usize {
                let resuming = matches!(event, Event::Resume | Event::Repeat).then(|| resuming.get(nth));
                let client = match resuming.flatten() {
                    Some(client) => *client,
                    None => self.anybody(random),
                };
                let (client, network) = (
                    self.member(client),
                    self.member((1 << 40) | (client % self.networks)),
                );
                cell.affected
                    .insert(event, ClientKey(client), NetworkKey(network));
            }
        }
        Some(cell)
    }

    /// A client: the busiest have the most events.
    fn anybody(&self, random: &mut Random) -> u64 {
        (random.uniform().powi(2) * self.clients as f64) as u64
    }

    /// A cut transfer is resumed within a minute, by whoever had it; one in seven resumes is cut again.
    fn retry(&mut self, random: &mut Random, now: usize, cut: u64) {
        for _ in 0..cut {
            let client = self.anybody(random);
            loop {
                let later = now + 1 + (random.next_u64() % (RETRY_SLOTS as u64 - 1)) as usize;
                if let Some(retries) = self.retries.get_mut(later % RETRY_SLOTS) {
                    retries.push(client);
                }
                if random.uniform() > 1.0 / 7.0 {
                    break;
                }
            }
        }
    }

    /// A client or network of this group, as a hash.
    fn member(&self, number: u64) -> u64 {
        let colo = self
            .key
            .colo
            .bytes()
            .fold(0, |sum, byte| sum * 31 + u64::from(byte));
        Random::new(number ^ colo << 44 ^ u64::from(self.key.asn.unwrap_or(0)) << 20).next_u64()
    }

    /// Mean starts of this slot.
    fn mean(&self, slot: u64, random: &mut Random) -> f64 {
        let seconds = slot * 10;
        let local = (seconds as i64 + self.utc_offset * 3600) as f64 / 3600.0;
        let weekday = (seconds / 86_400 + 4) % 7;
        let weekend = if weekday == 0 || weekday == 6 { 0.55 } else { 1.0 };
        let wave = 0.5 - 0.5 * (std::f64::consts::TAU * (local - 3.0) / 24.0).cos();
        let shape = match self.shape {
            Shape::Human => weekend * (0.2 + 1.6 * wave),
            Shape::Ci => weekend * (0.4 + 1.2 * wave * wave),
            Shape::Steady => 0.8 + 0.4 * wave,
            Shape::Cron => cron(seconds),
            // One job in four slots of five minutes; which, a hash tells.
            Shape::Nat => {
                let job = Random::new((seconds / 300) ^ u64::from(self.key.asn.unwrap_or(0))).uniform();
                if job < 0.25 * weekend {
                    1.0 + random.uniform()
                } else {
                    0.0
                }
            }
        };
        self.starts * self.mix * shape * self.presence(slot)
    }

    /// From 0 to 1: it comes and goes within three days.
    fn presence(&self, slot: u64) -> f64 {
        let days = |from: u64| (slot.saturating_sub(from)) as f64 / (3.0 * DAY as f64);
        let come = if self.from == 0 {
            1.0
        } else {
            days(self.from).min(1.0)
        };
        let here = if slot < self.from { 0.0 } else { come };
        if slot < self.until {
            here
        } else {
            (1.0 - days(self.until)).max(0.0)
        }
    }
}

fn cron(seconds: u64) -> f64 {
    match seconds % 3600 {
        0..120 if seconds % 86_400 < 120 => 45.0,
        0..120 => 15.0,
        _ => 0.4,
    }
}

/// A share of a number, rounded at random.
fn part(random: &mut Random, of: u64, share: f64) -> u64 {
    (of as f64 * share + random.uniform()) as u64
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
