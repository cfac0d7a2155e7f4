//! One promotion: clients that a rule fires on, counted as a FireLog does, judged as the RuleBook does.

use blobwatch_guard::{CohortCounts, GuardedEnforcement, Health, Ledger, State, Watches};
use blobwatch_pull::{
    Action, ClientKey, Family, Fired, Method, Mode, NetworkKey, Outcome, PathShape, Profile, RangeKind,
    RangeRecord, Record, RecordId,
};
use blobwatch_rulebook::in_percent;

/// Percentage, and seconds.
pub(super) static STAGES: [(f64, u64); 3] = [(1.0, 600), (10.0, 1_800), (100.0, 600)];

const START_MS: u64 = 1_593_975_600_000;

/// Between two reports, and from a verdict until every isolate has it.
const REPORT_S: u64 = 5;

/// A step that waits for its guard is given up after so many times its length.
const PATIENCE: u64 = 3;

/// Requests of one pull: config, layers.
const BLOBS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Block,
    Detour,
}

/// Clients of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crowd {
    pub(super) count: usize,
    /// In one network.
    pub(super) of_network: usize,
    /// Share of them with a clean past.
    pub(super) clean: f64,
    /// Whether the others were seen before the rule was enforced.
    pub(super) is_seen: bool,
    /// Whether they pull images; the others only ask whether there are any.
    pub(super) pulls: bool,
    /// Seconds between two visits of one client, on average.
    pub(super) every_s: f64,
    /// Share of downloads that fail or get stuck, and where the rule acts on them.
    pub(super) bad: f64,
    pub(super) bad_enforced: f64,
    pub(super) family: Family,
}

impl Crowd {
    pub(super) const BOTS: Self = Self {
        count: 0,
        of_network: 4,
        clean: 0.0,
        is_seen: true,
        pulls: false,
        every_s: 120.0,
        bad: 0.0,
        bad_enforced: 0.0,
        family: Family::GoDefault,
    };

    /// A registry's clients: one pull in half an hour, one download in 200 goes wrong, a tenth was not seen before.
    pub(super) const CLIENTS: Self = Self {
        count: 0,
        of_network: 4,
        clean: 0.9,
        is_seen: false,
        pulls: true,
        every_s: 1_800.0,
        bad: 0.005,
        bad_enforced: 0.005,
        family: Family::Docker,
    };
}

/// How a promotion ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct End {
    pub(super) is_demoted: bool,
    /// That it came to.
    pub(super) percent: f64,
    /// Clients that pull cleanly and were denied, or sent where downloads break.
    pub(super) clean_denied: u32,
    /// Since the beginning.
    pub(super) after_s: f64,
}

pub(super) struct Promotion<'a> {
    random: fastrand::Rng,
    rule: Rule,
    crowds: &'a [Crowd],
    health: Health,
    watches: Watches,
    record: Record,
    /// First key of each crowd; the keys of a crowd follow.
    salt: u64,
    hit: std::collections::HashSet<u64>,
}

impl<'a> Promotion<'a> {
    pub(super) fn new(seed: u64, rule: Rule, crowds: &'a [Crowd]) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let salt = random.u64(..);
        let mut promotion = Self {
            random,
            rule,
            crowds,
            health: Health::default(),
            watches: Watches::default(),
            record: record(),
            salt,
            hit: std::collections::HashSet::new(),
        };
        promotion.past();
        promotion
    }

    /// What the clients with a past did an hour ago.
    fn past(&mut self) {
        let (now_ms, fired) = (START_MS - 3_600_000, std::mem::take(&mut self.record.fired));
        self.record.id = RecordId::from_parts(now_ms, 1, 1);
        for (at, crowd) in self.crowds.iter().enumerate() {
            for n in 0..crowd.count {
                let is_clean = self.random.f64() < crowd.clean;
                if is_clean || crowd.is_seen {
                    self.comes(at, crowd, n);
                    self.record.status = if is_clean { 200 } else { 404 };
                    (0..BLOBS).for_each(|_| self.health.take(&self.record, now_ms));
                }
            }
        }
        self.record.fired = fired;
    }

    fn comes(&mut self, at: usize, crowd: &Crowd, n: usize) {
        self.record.client = self.client(at, n);
        self.record.network = NetworkKey(self.client(at, n / crowd.of_network).0);
        self.record.family = crowd.family;
    }

    /// Keys as the keyed hash makes them: spread over all 64 bits.
    fn client(&self, crowd: usize, n: usize) -> ClientKey {
        let mut z = self
            .salt
            .wrapping_add((crowd as u64) << 40)
            .wrapping_add((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ClientKey(z ^ (z >> 31))
    }

    pub(super) fn run(mut self, stages: &[(f64, u64)]) -> End {
        let (mut now_s, mut end, mut before) = (0, End::default(), None);
        for (step, (percent, lasts_s)) in stages.iter().enumerate() {
            let guard = step as u64 + 2;
            end.percent = *percent;
            self.record.revision = guard;
            let ledger = Ledger::begin(guard, START_MS + now_s * 1_000, before.as_ref());
            let until_s = now_s + lasts_s;
            let is_last = step + 1 == stages.len();
            let (ledger, last_s) = self.step(ledger, *percent, (now_s, until_s), is_last);
            now_s = last_s;
            end.after_s = now_s as f64;
            end.is_demoted = ledger.state == State::Demoted;
            if ledger.state != State::Passed {
                break;
            }
            before = Some(ledger);
        }
        end.clean_denied = u32::try_from(self.hit.len()).unwrap_or(u32::MAX);
        end
    }

    /// One step, until its guard lets it pass, takes it back, or nobody waits any longer.
    fn step(
        &mut self,
        mut ledger: Ledger,
        percent: f64,
        (from_s, until_s): (u64, u64),
        is_last: bool,
    ) -> (Ledger, u64) {
        let (rule, route, guard) = ("sweep".into(), "default".into(), ledger.guard);
        self.watches.retune(vec![GuardedEnforcement {
            rule,
            route,
            guard,
            version: 1,
        }]);
        let mut known: Vec<CohortCounts> = Vec::new();
        let give_up_s = if is_last {
            until_s
        } else {
            from_s + PATIENCE * (until_s - from_s)
        };
        let mut now_s = from_s;
        while now_s < give_up_s {
            self.visits(percent, now_s);
            now_s += REPORT_S;
            let now_ms = START_MS + now_s * 1_000;
            self.watches.close(&self.health, now_ms);
            for report in self.watches.reports() {
                ledger.take(&report, &known);
                known.clone_from(&report.cohorts);
                self.watches.reported(std::slice::from_ref(&report));
            }
            let denies = self.rule == Rule::Block;
            ledger.settle(denies, Some(START_MS + until_s * 1_000), now_ms);
            if ledger.state == State::Demoted {
                // Isolates deny until they have heard of it.
                self.visits(percent, now_s);
                return (ledger, now_s + REPORT_S);
            }
            if ledger.state == State::Passed && now_s >= until_s {
                break;
            }
        }
        (ledger, now_s)
    }

    /// What comes until the next report.
    fn visits(&mut self, percent: f64, now_s: u64) {
        let crowds = self.crowds;
        for (at, crowd) in crowds.iter().enumerate() {
            let mean = crowd.count as f64 * REPORT_S as f64 / crowd.every_s;
            for _ in 0..self.poisson(mean) {
                let n = self.random.usize(..crowd.count);
                self.comes(at, crowd, n);
                self.visit(crowd, percent, now_s);
            }
        }
    }

    /// Of the client that the record is of.
    fn visit(&mut self, crowd: &Crowd, percent: f64, now_s: u64) {
        let client = self.record.client;
        let enforced = in_percent(client, "sweep", percent);
        let (would, acts) = match self.rule {
            Rule::Block => (Action::Block, Action::Block),
            Rule::Detour => (Action::Detour, Action::Detour),
        };
        let applied = if enforced { acts } else { Action::None };
        for _ in 0..if crowd.pulls { BLOBS } else { 1 } {
            let bad = if enforced { crowd.bad_enforced } else { crowd.bad };
            let is_bad = self.random.f64() < bad;
            let record = &mut self.record;
            record.verdict = applied;
            record.status = match (applied, crowd.pulls) {
                (Action::Block, _) => 403,
                (_, true) => 200,
                (_, false) => 404,
            };
            record.range.kind = if is_bad {
                RangeKind::Restart
            } else {
                RangeKind::None
            };
            for fired in &mut record.fired {
                (fired.would, fired.applied) = (would, applied);
            }
            let now_ms = START_MS + now_s * 1_000;
            self.record.id = RecordId::from_parts(now_ms, 1, 1);
            self.watches.observe(&self.record, &self.health, now_ms);
            self.health.take(&self.record, now_ms);
        }
        let is_harm = self.rule == Rule::Block || crowd.bad_enforced > crowd.bad;
        if enforced && crowd.pulls && is_harm {
            self.hit.insert(client.0);
        }
    }

    /// Knuth's for small means, the normal's for large ones.
    fn poisson(&mut self, mean: f64) -> usize {
        if mean > 50.0 {
            let normal: f64 = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
            return (mean + normal * mean.sqrt()).round().max(0.0) as usize;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.random.f64(), 0);
        while product > limit {
            product *= self.random.f64();
            count += 1;
        }
        count
    }
}

fn record() -> Record {
    let fired = Fired {
        rule: "sweep".into(),
        version: 1,
        mode: Mode::Enforce,
        would: Action::Block,
        applied: Action::None,
    };
    Record {
        id: RecordId::from_parts(START_MS, 1, 1),
        ray: String::new(),
        route: "default".into(),
        repository: "library/app".to_owned(),
        digest: String::new(),
        object: 0,
        shape: PathShape::Oci,
        joined: false,
        odd_path: false,
        method: Method::Get,
        status: 200,
        range: RangeRecord {
            kind: RangeKind::None,
            start: None,
            end: None,
            honoured: None,
        },
        size: None,
        promised: None,
        outcome: Outcome::NotObserved,
        duration_ms: 10,
        sent_to: String::new(),
        sent_object: 0,
        served_by: "origin:origin.example".to_owned(),
        cache: None,
        client: ClientKey(0),
        network: NetworkKey(0),
        asn: None,
        country: String::new(),
        colo: "FRA".to_owned(),
        cloud: String::new(),
        cloud_region: String::new(),
        ip_version: None,
        protocol: String::new(),
        rtt_ms: None,
        delivery_rate: None,
        family: Family::Docker,
        version: String::new(),
        os: String::new(),
        arch: String::new(),
        fingerprint: String::new(),
        ja4: String::new(),
        tcp: String::new(),
        fired: vec![fired],
        verdict: Action::None,
        revision: 2,
        degraded: false,
        weight: 1,
        seen: true,
        profile: Profile::default(),
    }
}
