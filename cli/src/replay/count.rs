//! Requests in order of time to the batches of their slots: what each is beside what its client did before, counted.

use std::collections::{BTreeMap, HashMap};

use blobwatch_pull::{Action, BlobKey, RangeKind, Record, SizeClass};
use blobwatch_records::{
    Bounds, Cell, CellBatch, CellCounts, CellKey, Challenges, Classification, Cuts, Further, History,
    LARGE_BYTES, RouteBreadths, SLOT_S, SampleKey, Sampler, Strata, UpstreamCells, slot_of,
};
use rustc_hash::FxBuildHasher;

use super::digests::Digests;
use super::names::Meanings;
use super::request::{Cohort, Request};
use super::rules::RuleTally;
use super::shown::resolve;
use super::sizes::Sizes;

/// How long a request waits to be counted after it was judged: the first starts of a parallel fetch look like resumes
/// until the third comes, within a second or two.
const SETTLE_MS: u64 = 15_000;

/// Cells of a slot; what is beyond is counted as other. At some 1 KB each 20 MB.
const MAX_CELLS: usize = 20_000;

/// Requests of a slot that are sampled: a log may be of all colos, and its slots are in memory only.
const MAX_SAMPLED: Bounds = Bounds {
    with_event: 48,
    trials: 96,
};
const MAX_SAMPLE_BYTES: usize = 1 << 20;

/// Judged requests that wait to be counted, at some 260 bytes 260 MB; beyond it slots are counted early.
const MAX_WAITING: usize = 1_000_000;

/// Asks that are remembered: at 48 bytes and a place in a map each some 300 MB at most. It is 8 times what a FireLog
/// has for one colo: a log may be of all of them.
const MAX_ASKS: usize = 1 << 20;

pub(super) struct Counter {
    history: History,
    challenges: Challenges<Request>,
    digests: Digests,
    sizes: Sizes,
    meanings: Meanings,
    /// One record for all requests: the history reads of it what requests have.
    record: Record,
    waiting: BTreeMap<u64, Vec<(Request, Classification)>>,
    waits: usize,
    seq: u64,
    /// Newest time that was judged.
    now_ms: u64,
    /// Whether any length was seen: without them nothing tells a large blob from a small one, and all count as large.
    knows_sizes: bool,
    pub(super) totals: CellCounts64,
    /// By the rules that fired.
    pub(super) rules: RuleTally,
}

/// Sums over the whole log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CellCounts64 {
    pub(super) requests: u64,
    pub(super) starts: u64,
    pub(super) resumes: u64,
    pub(super) repeats: u64,
    pub(super) restarts: u64,
    pub(super) refused: u64,
    pub(super) aborted: u64,
    pub(super) observed: u64,
    pub(super) failed: u64,
    pub(super) turned_away: u64,
    pub(super) unreached: u64,
    pub(super) looped: u64,
    pub(super) paced: u64,
    pub(super) slow: u64,
    pub(super) suspect: u64,
}

impl Counter {
    pub(super) fn new(meanings: Meanings, digests: Digests) -> Self {
        Self {
            meanings,
            history: History::with_room(MAX_ASKS),
            challenges: Challenges::default(),
            digests,
            sizes: Sizes::default(),
            record: blank(),
            waiting: BTreeMap::new(),
            waits: 0,
            seq: 0,
            now_ms: 0,
            knows_sizes: false,
            totals: CellCounts64::default(),
            rules: RuleTally::default(),
        }
    }

    /// Judges requests of one second, in order.
    pub(super) fn judge(&mut self, requests: Vec<Request>) {
        for mut request in requests {
            resolve(&mut request, &mut self.sizes);
            self.knows_sizes |= request.size.is_some();
            fill(&mut self.record, &request);
            let judged = self.history.take(&self.record);
            self.challenges.see(&self.record, || request);
            self.now_ms = self.now_ms.max(request.id.time_ms());
            // One that came too late counts in the oldest slot that is still open.
            let slot = slot_of(request.id.time_ms());
            let oldest = self.waiting.first_key_value().map_or(slot, |(oldest, _)| *oldest);
            self.waiting
                .entry(slot.max(oldest))
                .or_default()
                .push((request, judged));
            self.waits += 1;
        }
        for correction in self.history.corrections() {
            let slot = slot_of(correction.id.time_ms());
            let waiting = self.waiting.get_mut(&slot).into_iter().flatten();
            for (_, judged) in waiting.filter(|(request, _)| request.id == correction.id) {
                judged.kind = correction.kind;
                judged.start &= correction.kind != RangeKind::Chunk;
                judged.parallel |= correction.kind == RangeKind::Chunk;
            }
        }
    }

    /// The batch of the oldest slot that has settled; of any slot at the end.
    pub(super) fn take(&mut self, is_end: bool) -> Option<CellBatch> {
        let slot = *self.waiting.first_key_value()?.0;
        let settled_ms = (slot + 1) * SLOT_S * 1000 + SETTLE_MS;
        if self.now_ms < settled_ms && self.waits <= MAX_WAITING && !is_end {
            return None;
        }
        let (_, judged) = self.waiting.pop_first()?;
        self.waits -= judged.len();
        self.seq += 1;
        let mut routes = RouteBreadths::default();
        for (request, _) in &judged {
            let route = self.meanings.routes.text(request.cohort.route);
            routes.insert(&route, request.client, request.network);
        }
        let (cells, other, cuts) = self.cells(slot, &judged);
        Some(CellBatch {
            source: "replay".to_owned(),
            epoch: 1,
            seq: self.seq,
            slot,
            cells,
            other,
            cuts,
            routes: routes.into_list(),
            upstream: UpstreamCells::default(),
        })
    }

    fn cells(&mut self, slot: u64, judged: &[(Request, Classification)]) -> (Vec<Cell>, CellCounts, Cuts) {
        let mut cells: HashMap<Cohort, Cell, FxBuildHasher> = HashMap::default();
        let mut other = CellCounts::default();
        let mut sampler = Sampler::new(MAX_SAMPLED);
        for (request, judged) in judged {
            fill(&mut self.record, request);
            if !self.knows_sizes {
                self.record.size = Some(LARGE_BYTES);
            }
            let counted = CellCounts::of(&self.record, judged);
            self.totals.add(&counted);
            self.rules.add(request, &counted);
            let is_full = cells.len() >= MAX_CELLS;
            if is_full && !cells.contains_key(&request.cohort) {
                other.add(&counted);
                continue;
            }
            let cell = cells
                .entry(request.cohort)
                .or_insert_with(|| Cell::new(key(request.cohort, &self.meanings)));
            cell.counts.add(&counted);
            cell.networks.insert(request.network);
            let digest = if judged.suspect {
                self.digests.text(request.digest)
            } else {
                None
            };
            cell.show(&self.record, judged, digest.as_deref().unwrap_or(UNKNOWN));
            offer(&mut sampler, slot, *request, Strata::of(&self.record, judged));
        }
        // What became known by the end of this slot; slots without a request have none to tell of it.
        let until_ms = (slot + 1) * SLOT_S * 1000 - 1;
        let mut unanswered = Vec::new();
        for (_, request) in self.challenges.unanswered(0, until_ms) {
            fill(&mut self.record, request);
            let cell = cells
                .entry(request.cohort)
                .or_insert_with(|| Cell::new(key(request.cohort, &self.meanings)));
            let before = cell.counts.turned_away;
            cell.turn_away(&self.record);
            let counted = CellCounts {
                turned_away: cell.counts.turned_away - before,
                ..CellCounts::default()
            };
            self.totals.add(&counted);
            self.rules.add(request, &counted);
            unanswered.push(*request);
        }
        for request in &unanswered {
            offer(&mut sampler, slot, *request, Strata::turned_away());
        }
        self.challenges.forget(until_ms);
        let written = |request: Request| (request.cohort, self.further(&request));
        let (mut sample, cuts) = sampler.by_key(MAX_SAMPLE_BYTES, written);
        for (cohort, cell) in &mut cells {
            cell.sample = sample.remove(cohort).unwrap_or_default();
        }
        let mut cells: Vec<Cell> = cells.into_values().collect();
        cells.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        (cells, other, cuts)
    }

    fn further(&self, request: &Request) -> Further {
        let (of, names) = (request.further, &self.meanings);
        Further {
            version: names.versions.known(of.version),
            served_by: names.servers.known(of.served_by),
            protocol: names.protocols.known(of.protocol),
            ip_version: of
                .is_ipv6
                .map_or("", |is_ipv6| if is_ipv6 { "6" } else { "4" })
                .into(),
            repository: names.repositories.known(of.repository),
            digest: self.digests.text(request.digest).unwrap_or_default().into(),
            size: request
                .size
                .map_or("", |size| SizeClass::of(size).as_str())
                .into(),
            ..Further::default()
        }
    }
}

impl CellCounts64 {
    pub(super) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.starts += other.starts;
        self.resumes += other.resumes;
        self.repeats += other.repeats;
        self.restarts += other.restarts;
        self.refused += other.refused;
        self.aborted += other.aborted;
        self.observed += other.observed;
        self.failed += other.failed;
        self.turned_away += other.turned_away;
        self.unreached += other.unreached;
        self.looped += other.looped;
        self.paced += other.paced;
        self.slow += other.slow;
        self.suspect += other.suspect;
    }

    pub(super) fn add(&mut self, counts: &CellCounts) {
        self.requests += u64::from(counts.requests);
        self.starts += u64::from(counts.starts);
        self.resumes += u64::from(counts.resumes);
        self.repeats += u64::from(counts.repeats);
        self.restarts += u64::from(counts.restarts);
        self.refused += u64::from(counts.refused);
        self.aborted += u64::from(counts.aborted);
        self.observed += u64::from(counts.observed);
        self.failed += u64::from(counts.failed);
        self.turned_away += u64::from(counts.turned_away);
        self.unreached += u64::from(counts.unreached);
        self.looped += u64::from(counts.looped);
        self.paced += u64::from(counts.paced);
        self.slow += u64::from(counts.slow);
        self.suspect += u64::from(counts.suspect);
    }
}

fn offer(sampler: &mut Sampler<Request>, slot: u64, request: Request, strata: Strata) {
    let asked = SampleKey {
        client: request.client,
        network: request.network,
        blob: BlobKey::Object(request.digest),
        slot,
    };
    sampler.offer(&asked, strata, || request);
}

/// The digest of a blob whose place in the table was taken.
const UNKNOWN: &str = "unknown";

fn key(cohort: Cohort, names: &Meanings) -> CellKey {
    CellKey {
        route: names.routes.text(cohort.route),
        colo: names.colos.text(cohort.colo),
        country: names.countries.text(cohort.country),
        asn: cohort.asn,
        family: cohort.family,
        os: names.systems.text(cohort.os),
        fingerprint: names.fingerprints.text(cohort.fingerprint),
        rules: names.rules(cohort.rules),
    }
}

/// Writes a request into a record, as far as history and counts read it. A blob is known by the hash of its digest.
fn fill(record: &mut Record, request: &Request) {
    record.id = request.id;
    record.method = request.method;
    record.status = request.status;
    record.object = request.digest;
    record.range = request.range;
    record.size = request.size;
    record.outcome = request.outcome;
    record.duration_ms = request.duration_ms;
    record.client = request.client;
    record.network = request.network;
    record.asn = request.cohort.asn;
    record.family = request.cohort.family;
    record.promised = request.lengths.promised;
    record.verdict = if request.is_denied {
        Action::Block
    } else {
        Action::None
    };
    record.weight = request.weight;
}

fn blank() -> Record {
    use blobwatch_pull::{
        ClientKey, Family, Method, NetworkKey, Outcome, PathShape, Profile, RangeRecord, RecordId,
    };
    Record {
        id: RecordId(0),
        ray: String::new(),
        route: "".into(),
        repository: String::new(),
        digest: String::new(),
        object: 0,
        shape: PathShape::Oci,
        joined: false,
        odd_path: false,
        method: Method::Get,
        status: 0,
        range: RangeRecord {
            kind: RangeKind::None,
            start: None,
            end: None,
            honoured: None,
        },
        size: None,
        promised: None,
        outcome: Outcome::NotObserved,
        duration_ms: 0,
        sent_to: String::new(),
        sent_object: 0,
        served_by: String::new(),
        cache: None,
        client: ClientKey(0),
        network: NetworkKey(0),
        asn: None,
        country: String::new(),
        colo: String::new(),
        cloud: String::new(),
        cloud_region: String::new(),
        ip_version: None,
        protocol: String::new(),
        rtt_ms: None,
        delivery_rate: None,
        family: Family::Unknown,
        version: String::new(),
        os: String::new(),
        arch: String::new(),
        fingerprint: String::new(),
        ja4: String::new(),
        tcp: String::new(),
        fired: Vec::new(),
        verdict: Action::None,
        revision: 0,
        degraded: false,
        weight: 1,
        seen: true,
        profile: Profile::default(),
    }
}
