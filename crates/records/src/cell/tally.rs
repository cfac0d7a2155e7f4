//! From records and what the history says of them to the batches of their slots.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{
    Bounds, Cell, CellBatch, CellCounts, CellKey, Event, Evidence, Further, LARGE_BYTES, MAX_CELLS,
    RouteBreadths, SampleKey, Sampler, Strata, UpstreamCells, UpstreamTally, note_blob, slot_of,
};
use crate::history::{Again, Classification, Pace};
use blobwatch_pull::{Action, ClientKey, Method, NetworkKey, Outcome, RangeKind, Record, RecordId};

/// Of resumes whose origin is not known, one in so many counts: a mirror that dies, or state that was lost, sends a
/// fleet to us in the middle of its pulls. Which one is decided by the record's id, so that it stays the same.
pub(crate) const UNKNOWN_ORIGIN_ONE_IN: u128 = 4;

/// Combinations that one client begins in a slot, and one network. A client is one build; behind a NAT are some dozens.
/// Beyond it, its system and its fingerprint are [`OTHER`].
pub(crate) const MAX_OF_CLIENT: u32 = 8;
pub(crate) const MAX_OF_NETWORK: u32 = 64;

/// Of a batch's cells, encoded: a row of the outbox holds 2 MB.
const MAX_CELLS_BYTES: usize = 1_650_000;

/// Of the samples of a batch's cells; 20 KB in practice.
const MAX_SAMPLE_BYTES: usize = 200_000;

/// What a system and a fingerprint are called that are one too many.
const OTHER: &str = "other";

/// Counts in the making, by slot.
#[derive(Debug, Default)]
pub struct Tally {
    slots: BTreeMap<u64, Slot>,
    upstream: UpstreamTally,
}

#[derive(Debug)]
struct Slot {
    cells: HashMap<CellKey, Cell>,
    /// Each with its texts: the record does not stay.
    sampler: Sampler<(CellKey, Further)>,
    /// How many of them each began.
    of_client: HashMap<ClientKey, u32>,
    of_network: HashMap<NetworkKey, u32>,
    routes: RouteBreadths,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            cells: HashMap::new(),
            sampler: Sampler::new(Bounds::BATCH),
            of_client: HashMap::new(),
            of_network: HashMap::new(),
            routes: RouteBreadths::default(),
        }
    }
}

impl Slot {
    /// The cell that a record belongs to; its sample takes the record in, as a part of these strata.
    fn cell(&mut self, record: &Record, time_ms: u64, strata: Strata) -> &mut Cell {
        let mut key = CellKey::of(record);
        if !self.cells.contains_key(&key) && !self.may_begin(record) {
            key.os = Arc::from(OTHER);
            key.fingerprint = Arc::clone(&key.os);
        }
        let asked = SampleKey {
            client: record.client,
            network: record.network,
            blob: record.blob_key(),
            slot: slot_of(time_ms),
        };
        self.sampler
            .offer(&asked, strata, || (key.clone(), record.into()));
        self.cells
            .entry(key)
            .or_insert_with_key(|key| Cell::new(key.clone()))
    }

    fn may_begin(&mut self, record: &Record) -> bool {
        let of_client = self.of_client.entry(record.client).or_default();
        let of_network = self.of_network.entry(record.network).or_default();
        let may_begin = *of_client < MAX_OF_CLIENT && *of_network < MAX_OF_NETWORK;
        *of_client += u32::from(may_begin);
        *of_network += u32::from(may_begin);
        may_begin
    }
}

impl Tally {
    /// Counts a record in the slot in which its request came.
    pub fn count(&mut self, record: &Record, judged: &Classification) {
        let time_ms = record.id.time_ms();
        let slot = self.slots.entry(slot_of(time_ms)).or_default();
        slot.routes.insert(&record.route, record.client, record.network);
        let cell = slot.cell(record, time_ms, Strata::of(record, judged));
        cell.counts.add(&CellCounts::of(record, judged));
        cell.networks.insert(record.network);
        cell.show(record, judged, &record.digest);
    }

    /// Counts a 401 that no success followed, in the slot in which that is known.
    pub fn count_unanswered(&mut self, record: &Record, due_ms: u64) {
        let slot = self.slots.entry(slot_of(due_ms)).or_default();
        slot.cell(record, due_ms, Strata::turned_away()).turn_away(record);
    }

    /// Takes in what other parties' rules did; it travels with the newest slot, and with that of `now_ms` where there is none.
    pub fn take_upstream(&mut self, upstream: UpstreamTally, now_ms: u64) {
        if !upstream.is_empty() && self.slots.is_empty() {
            self.slots.insert(slot_of(now_ms), Slot::default());
        }
        self.upstream = upstream;
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// One batch a slot, oldest first, numbered from `seq` on.
    #[must_use]
    pub fn into_batches(self, source: &str, epoch: u64, seq: u64) -> Vec<CellBatch> {
        let mut upstream = self.upstream.into_cells();
        let newest = self.slots.last_key_value().map(|(slot, _)| *slot);
        let batch = |((slot, counted), seq): ((u64, Slot), u64)| {
            let (mut sample, cuts) = counted.sampler.by_key(MAX_SAMPLE_BYTES, |source| source);
            let cells = counted.cells.into_iter().map(|(key, cell)| Cell {
                sample: sample.remove(&key).unwrap_or_default(),
                ..cell
            });
            let (cells, other) = fit(cells.collect());
            CellBatch {
                source: source.to_owned(),
                epoch,
                seq,
                slot,
                cells,
                other,
                cuts,
                routes: counted.routes.into_list(),
                upstream: if Some(slot) == newest {
                    std::mem::take(&mut upstream)
                } else {
                    UpstreamCells::default()
                },
            }
        };
        self.slots.into_iter().zip(seq..).map(batch).collect()
    }
}

/// The cells that say most, by key, and the sum of the others: of several networks before those of one, which one client
/// can make as many of as it likes; then those with events.
pub(super) fn fit(mut cells: Vec<Cell>) -> (Vec<Cell>, CellCounts) {
    let mut other = CellCounts::default();
    let bytes: usize = cells.iter().map(Cell::most_bytes).sum();
    if cells.len() > MAX_CELLS || bytes > MAX_CELLS_BYTES {
        let is_broad = |cell: &Cell| cell.networks.count() > 1;
        let weight = |cell: &Cell| (is_broad(cell), cell.evidence.len(), cell.counts.requests);
        cells.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.key.cmp(&b.key)));
        let mut bytes = 0;
        let mut fits = |cell: &Cell| {
            bytes += cell.most_bytes();
            bytes <= MAX_CELLS_BYTES
        };
        let fitting = cells.iter().take(MAX_CELLS).take_while(|cell| fits(cell)).count();
        for cell in cells.drain(fitting..) {
            other.add(&cell.counts);
        }
    }
    cells.sort_by(|a, b| a.key.cmp(&b.key));
    (cells, other)
}

impl Cell {
    /// Keeps who is behind what a record shows, and the record as an example.
    pub fn show(&mut self, record: &Record, judged: &Classification, digest: &str) {
        let shown = |event: &Event| event.is_shown(record, judged);
        for event in Event::ALL.into_iter().filter(shown) {
            self.affected.insert(event, record.client, record.network);
            self.note(Evidence { event, id: record.id });
            if event == Event::Suspect {
                note_blob(&mut self.blobs, digest, record.weight);
            }
        }
    }

    /// Counts a 401 that no success followed.
    pub fn turn_away(&mut self, record: &Record) {
        self.counts.add(&CellCounts {
            turned_away: record.weight,
            unauthorized: record.weight,
            ..CellCounts::default()
        });
        let event = Event::TurnedAway;
        self.affected.insert(event, record.client, record.network);
        self.note(Evidence { event, id: record.id });
    }
}

impl CellCounts {
    /// What one record counts.
    #[must_use]
    pub fn of(record: &Record, judged: &Classification) -> Self {
        let large = is_large(record);
        let times = |yes: bool| if yes { record.weight } else { 0 };
        let shows = |event: Event| event.is_shown(record, judged);
        let fetched = is_fetched(record, judged);
        let mut counts = Self {
            requests: record.weight,
            starts: times(judged.start),
            large_starts: times(judged.start && large),
            resumes: times(shows(Event::Resume)),
            large_resumes: times(shows(Event::Resume) && large),
            repeats: times(shows(Event::Repeat)),
            known_starts: times(judged.start && judged.known_client),
            restarts: times(shows(Event::Restart)),
            ranged: times(is_ranged(record)),
            refused: times(shows(Event::Refused)),
            observed: times(is_observed(record, judged)),
            aborted: times(shows(Event::Aborted)),
            denied: times(is_denied(record)),
            begun_again: times(judged.start && judged.begun_again),
            failed: times(shows(Event::Failed)),
            turned_away: times(shows(Event::TurnedAway)),
            redirected: times(judged.start && is_redirected(record)),
            unreached: times(shows(Event::Unreached)),
            behind: times(judged.behind && is_behind(record)),
            looped: times(shows(Event::Looped)),
            paced: times(judged.pace != Pace::Unknown),
            pace_sum: record.weight.saturating_mul(u32::from(judged.pace.octaves())),
            slow: times(shows(Event::Slow)),
            fetched: times(fetched),
            suspect: times(shows(Event::Suspect)),
            multi_refused: times(shows(Event::Refused) && is_multi(record)),
            again_cut: times(judged.again == Again::AfterACut),
            again_whole: times(judged.again == Again::AfterAWhole),
            blocked: times(record.verdict == Action::Block),
            detoured: times(record.verdict == Action::Detour),
            tagged: times(record.verdict == Action::Tag),
            allowed: times(record.verdict == Action::Allow),
            limited: times(is_turned_away(record) && record.status == 429),
            forbidden: times(is_turned_away(record) && record.status == 403),
            silent: times(is_failed(record) && record.status == 0),
            ..Self::default()
        };
        counts.count_kind(judged.kind, record.weight);
        counts.count_answer(record.status, record.weight);
        counts
    }
}

/// A redirect does not say how large the blob is to which it leads, and a resume of a small one hardly ever comes. The body
/// behind it, whose size may be known, counts with it.
pub(super) fn is_large(record: &Record) -> bool {
    record
        .size
        .map_or_else(|| is_redirected(record), |size| size >= LARGE_BYTES)
}

impl Event {
    /// Whether a record counts as this event.
    #[must_use]
    pub fn is_shown(self, record: &Record, judged: &Classification) -> bool {
        match self {
            Self::Resume | Self::Repeat if !is_resume(record, judged) => false,
            Self::Resume => true,
            Self::Repeat => judged.kind == RangeKind::Repeat,
            Self::Restart => judged.kind == RangeKind::Restart && judged.stuck && judged.start,
            Self::Refused => is_ranged(record) && record.range.honoured == Some(false),
            Self::Aborted => is_observed(record, judged) && record.outcome == Outcome::ClientClosed,
            Self::Failed => is_failed(record),
            Self::TurnedAway => is_turned_away(record),
            Self::Unreached => judged.unreached && judged.start,
            Self::Looped => judged.looped && is_behind(record),
            Self::Slow => matches!(judged.pace, Pace::Slow(_)),
            Self::Suspect => judged.suspect && is_fetched(record, judged),
        }
    }
}

/// The blob was asked for from its first byte, and what answered is what is behind us: not a rule of ours.
fn is_asked(record: &Record) -> bool {
    let is_first = match record.range.without_history(record.size) {
        RangeKind::None | RangeKind::Whole => true,
        RangeKind::Tile => record.range.start == Some(0),
        _ => false,
    };
    is_first && record.method == Method::Get && !is_denied(record)
}

fn is_failed(record: &Record) -> bool {
    (record.status == 0 || record.status >= 500) && is_asked(record)
}

/// A 401 is what a client asks for its token by: whether it stays is known a minute later. 404 is what scanners and
/// clients with an old tag get, 416 says that the blob is empty, and 499 that the client went (nginx).
fn is_turned_away(record: &Record) -> bool {
    let is_refusal = matches!(record.status, 400..500) && !matches!(record.status, 401 | 404 | 416 | 499);
    is_refusal && is_asked(record)
}

pub(super) fn is_redirected(record: &Record) -> bool {
    matches!(record.status, 301 | 302 | 303 | 307 | 308)
}

/// 416 to a range that begins where the blob ends, or behind: its client has all of it, and does not know.
pub(crate) fn is_behind(record: &Record) -> bool {
    let is_from_end = match (record.range.start, record.size) {
        (Some(start), Some(size)) => start > 0 && start >= size,
        (Some(start), None) => start > 0 && record.range.honoured != Some(false),
        (None, _) => false,
    };
    record.status == 416 && record.method == Method::Get && is_from_end
}

/// All of the blob was asked for, and is known to have arrived.
pub(super) fn is_fetched(record: &Record, judged: &Classification) -> bool {
    let is_full = matches!(
        judged.kind,
        RangeKind::None | RangeKind::Whole | RangeKind::Restart
    );
    let has_body = record.method == Method::Get && matches!(record.status, 200 | 206);
    is_full && has_body && record.outcome == Outcome::Completed
}

fn is_multi(record: &Record) -> bool {
    record.range.without_history(record.size) == RangeKind::Multi
}

/// The rest was asked for, and answered by the origin: with it, with where it is, or with a refusal to give it.
fn is_resume(record: &Record, judged: &Classification) -> bool {
    let is_answered = matches!(record.status, 200 | 206 | 301 | 302 | 303 | 307 | 308)
        || record.range.honoured == Some(false) && record.status != 404;
    let is_asked = match judged.kind {
        RangeKind::Repeat => true,
        RangeKind::Resume => judged.origin_known || is_chosen(record.id),
        _ => false,
    };
    is_asked && is_answered && !judged.second_half && record.method == Method::Get && !is_denied(record)
}

fn is_chosen(id: RecordId) -> bool {
    // The isolate's counter and its random number.
    let mixed = (id.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    u128::from(mixed).is_multiple_of(UNKNOWN_ORIGIN_ONE_IN)
}

/// 200 to `bytes=0-` is the right body.
pub(super) fn is_ranged(record: &Record) -> bool {
    record.range.honoured.is_some() && record.range.without_history(record.size) != RangeKind::Whole
}

/// A body that its client takes with others at a time is one that it may end itself, unless the range says where it ends.
pub(super) fn is_observed(record: &Record, judged: &Classification) -> bool {
    let is_kind = matches!(
        judged.kind,
        RangeKind::None
            | RangeKind::Whole
            | RangeKind::Restart
            | RangeKind::Resume
            | RangeKind::Repeat
            | RangeKind::Tile
            | RangeKind::Scatter
    );
    let has_body = record.method == Method::Get && matches!(record.status, 200 | 206);
    is_kind && has_body && !judged.parallel && record.outcome != Outcome::NotObserved
}

fn is_denied(record: &Record) -> bool {
    matches!(record.verdict, Action::Block | Action::Throttle)
}
