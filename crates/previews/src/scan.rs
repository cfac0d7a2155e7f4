//! One slice: the records of one FireLog from a time on, oldest first, as many as one call may read.
//!
//! Slices meet at milliseconds, so that each record is counted once, also while segments are merged between the calls, and
//! within one: a call pauses ([`Pace`]), and what it counts was read as it was found.

use blobwatch_wire::{FNV_START, fnv1a, splitmix};
use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use super::FxHashMap;
use serde::{Deserialize, Serialize};

use super::cells::values_of;
use super::judge::{Judge, RowJudgement};
use super::partial::{ANSWERED, HIT, Partial, TROUBLED};
use super::reads::{Key, Reads};
use super::sample::Sighting;
use super::volume::Matches;
use blobwatch_fire_log::{
    FireLogError, FrontAndBack, OPENING, Span, address_of, block_as_found, oldest_first, undisturbed,
};
use blobwatch_pull::{Action, Method, Outcome, RangeKind};
use blobwatch_records::{Block, Client, Digest, Row, Treatment, digest_key};
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rulebook::{DocumentError, HotKeys, Subject, VolumeKey, decide, volume_key};
use blobwatch_rules::Scratch;
use blobwatch_sql::{Pace, Sql};

/// How much one call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Records of the blocks that are opened: some 0.1 s natively, several times that in Wasm; flushes wait meanwhile.
    pub records: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { records: 250_000 }
    }
}

/// Records that are looked at for matches, over all FireLogs of a colo: their matches are in memory together, and are
/// 2.6 MB at most when they travel.
const MAX_MATCHED: u64 = 65_536;

/// What a FireLog is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceCall {
    pub plan: PreviewPlan,
    /// Where the slice begins.
    pub from_ms: u64,
    pub task: SliceTask,
}

/// What is asked of a slice. A rule with a volume takes two: which matches fire is known only once those of all FireLogs
/// of the colo are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceTask {
    /// To count it. Each match fires.
    Count,
    /// To tell the matches, to one of so many FireLogs of the colo.
    Match { fire_logs: u64 },
    /// To count it, up to a time, with the matches that fire.
    CountFires { until_ms: u64, fires: Matches },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slice {
    pub part: Partial,
    /// Records that were looked at.
    pub scanned: u64,
    /// Records of the blocks that follow, about: a block may overlap two slices.
    pub left: u64,
    /// Where the next slice begins; none at the end.
    pub next_ms: Option<u64>,
    /// Where they were asked for; nothing else is counted then.
    pub matches: Matches,
}

/// A plan that is ready to run, slice after slice.
#[derive(Debug)]
pub struct Replay {
    judge: Judge,
    scratch: Scratch,
    since_ms: u64,
    until_ms: u64,
    at_ms: u64,
}

impl Replay {
    /// # Errors
    /// When the plan's rulebook does not compile: it was made by another build.
    pub fn new(plan: &PreviewPlan) -> Result<Self, DocumentError> {
        let judge = Judge::new(plan)?;
        Ok(Self {
            scratch: Scratch::new(&judge.compiled.engine),
            judge,
            since_ms: plan.since_ms,
            until_ms: plan.until_ms,
            at_ms: plan.at_ms,
        })
    }
}

/// Counts one slice, or tells its matches.
///
/// # Errors
/// When SQLite refuses or a stored block cannot be read.
pub async fn scan_slice(
    sql: &impl Sql,
    replay: &mut Replay,
    call: &SliceCall,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Slice, FireLogError> {
    let (mut slice, mut weights) = (Slice::default(), FxHashMap::default());
    let (mut at_ms, mut opened) = (call.from_ms.max(replay.since_ms), 0);
    loop {
        let band = undisturbed(pace, async |pace| {
            let (within, left) = (at_ms..replay.until_ms, budget.records - opened);
            load(sql, &call.task, within, left, &pace).await
        })
        .await?;
        opened += band.records;
        slice.left = band.left;
        slice.next_ms = band.next_ms;
        let mut run = Run {
            judge: &replay.judge,
            scratch: &mut replay.scratch,
            at_ms: replay.at_ms,
            within: at_ms..band.next_ms.unwrap_or(replay.until_ms),
            fires: match &call.task {
                SliceTask::CountFires { fires, .. } => Some(fires),
                SliceTask::Count | SliceTask::Match { .. } => None,
            },
        };
        for (front, back) in &band.blocks {
            let block = Block::open(front, back)?;
            pace.spent(block.rows().len() / OPENING).await;
            let addresses = kept_addresses(sql, run.judge, &block)?;
            if let SliceTask::Match { .. } = call.task {
                run.matches(&block, addresses, &mut weights, pace).await;
            } else {
                slice.scanned += run.count(&block, addresses, &mut slice.part, pace).await;
            }
        }
        match (&call.task, band.next_ms) {
            (SliceTask::Count, Some(next_ms)) if opened < budget.records => at_ms = next_ms,
            _ => break,
        }
    }
    slice.matches = Matches::of(weights);
    Ok(slice)
}

/// What is kept of the addresses of a block's clients, where the candidate asks for them.
fn kept_addresses(sql: &impl Sql, judge: &Judge, block: &Block) -> Result<Vec<Option<IpAddr>>, FireLogError> {
    if !judge.needs_addresses() {
        return Ok(Vec::new());
    }
    let clients = block.clients().iter();
    let kept = clients.map(|client| {
        let kept = address_of(sql, client.client)?;
        Ok(kept.and_then(|kept| kept.address.parse().ok()))
    });
    kept.collect()
}

/// Records of the blocks that are in memory together, about: 2.6 MB.
const MAX_LOADED: u64 = 65_536;

/// The blocks of one stretch of time, and what follows.
struct Band {
    blocks: Vec<FrontAndBack>,
    records: u64,
    left: u64,
    next_ms: Option<u64>,
}

/// Reads the first blocks of a time; `None` where one is not as it was found.
async fn load(
    sql: &impl Sql,
    task: &SliceTask,
    within: Range<u64>,
    budget: u64,
    pace: &impl Pace,
) -> Result<Option<Band>, FireLogError> {
    let spans = oldest_first(sql, within.start, within.end)?;
    let (taken, next_ms) = match task {
        SliceTask::Count => take(&spans, within.start, budget.min(MAX_LOADED)),
        SliceTask::Match { fire_logs } => {
            let share = MAX_MATCHED / fire_logs.max(&1);
            take(&spans, within.start, budget.min(share))
        }
        SliceTask::CountFires { until_ms, .. } => take_until(&spans, *until_ms, within.end),
    };
    let (now, later) = spans.split_at_checked(taken).unwrap_or((&spans, &[]));
    let (mut blocks, mut records) = (Vec::new(), 0);
    for span in now {
        let Some(block) = block_as_found(sql, span)? else {
            return Ok(None);
        };
        blocks.push(block);
        records += span.records;
        pace.spent(span.records as usize / OPENING).await;
    }
    Ok(Some(Band {
        blocks,
        records,
        left: later.iter().map(|span| span.records).sum(),
        next_ms,
    }))
}

/// How many blocks are opened now, and from when on nothing of the others is counted: all that begin before then are
/// among them. A call always gets further than the one before it.
fn take(spans: &[Span], from_ms: u64, budget: u64) -> (usize, Option<u64>) {
    let mut records = 0;
    for (at, span) in spans.iter().enumerate() {
        if records >= budget && span.first_ms > from_ms {
            return (at, Some(span.first_ms));
        }
        records += span.records;
    }
    (spans.len(), None)
}

/// The same up to a time.
fn take_until(spans: &[Span], until_ms: u64, end_ms: u64) -> (usize, Option<u64>) {
    let taken = spans.partition_point(|span| span.first_ms < until_ms);
    (taken, (until_ms < end_ms).then_some(until_ms))
}

struct Run<'a> {
    judge: &'a Judge,
    scratch: &'a mut Scratch,
    at_ms: u64,
    within: Range<u64>,
    /// Matches that fire; `None` for a rule without a volume, which fires on all.
    fires: Option<&'a Matches>,
}

/// A block, and what its rows have in common, worked out once.
struct Memory<'b> {
    block: &'b Block,
    reads: Reads<'b>,
    judged: FxHashMap<Key, RowJudgement>,
    /// By profile and blob.
    on_route: FxHashMap<(u32, u32), bool>,
    /// By agent and place.
    cells: FxHashMap<(u32, u32), u32>,
    /// By digest.
    digests: Vec<u64>,
}

impl<'a> Run<'a> {
    fn memory<'b>(&self, block: &'b Block, addresses: Vec<Option<IpAddr>>) -> Memory<'b>
    where
        'a: 'b,
    {
        Memory {
            block,
            reads: Reads::new(block, &self.judge.route_name, &self.judge.needs, addresses),
            judged: FxHashMap::default(),
            on_route: FxHashMap::default(),
            cells: FxHashMap::default(),
            digests: block.digests().iter().map(digest_number).collect(),
        }
    }

    /// The matches of a rule with a volume: weights by millisecond and key.
    async fn matches(
        &mut self,
        block: &Block,
        addresses: Vec<Option<IpAddr>>,
        weights: &mut FxHashMap<(u64, u64), u64>,
        pace: &impl Pace,
    ) {
        let mut memory = self.memory(block, addresses);
        for row in block.rows() {
            pace.spent(1).await;
            let Some(treatment) = self.treatment(block, row) else {
                continue;
            };
            if treatment.told
                || !self.is_on_route(row, &mut memory)
                || self.judged(row, treatment, &mut memory).candidate != Some(true)
            {
                continue;
            }
            if let Some(key) = self.volume_key(block, row) {
                *weights.entry((row.id.time_ms(), key)).or_default() += self.in_volume(treatment);
            }
        }
    }

    /// What a record adds to its key's volume. A client that is kept is kept whole, and stands for others that have keys of their
    /// own.
    fn in_volume(&self, treatment: &Treatment) -> u64 {
        match self.judge.volume.as_ref().map(|volume| volume.by) {
            Some(VolumeKey::Client) => 1,
            _ => u64::from(treatment.weight),
        }
    }

    fn volume_key(&self, block: &Block, row: &Row) -> Option<u64> {
        let volume = self.judge.volume.as_ref()?;
        volume_key(self.judge.policy(), &self.subject(block, row), volume.by)
    }

    /// Whether a match is one that fires.
    fn fires(&self, block: &Block, row: &Row) -> bool {
        self.fires.is_none_or(|fires| {
            self.volume_key(block, row)
                .is_some_and(|key| fires.has(row.id.time_ms(), key))
        })
    }

    /// Counts a block's rows; answers how many were looked at.
    async fn count(
        &mut self,
        block: &Block,
        addresses: Vec<Option<IpAddr>>,
        part: &mut Partial,
        pace: &impl Pace,
    ) -> u64 {
        let mut memory = self.memory(block, addresses);
        let mut scanned = 0;
        for row in block.rows() {
            pace.spent(1).await;
            let Some(treatment) = self.treatment(block, row) else {
                continue;
            };
            let is_on_route = self.is_on_route(row, &mut memory);
            // No rule of ours can act on a request that only another party saw.
            if treatment.told {
                part.told += if is_on_route {
                    u64::from(treatment.weight)
                } else {
                    0
                };
                continue;
            }
            scanned += 1;
            if is_on_route {
                self.row(row, treatment, &mut memory, part);
            }
        }
        scanned
    }

    /// Of a row that is in the slice.
    fn treatment<'b>(&self, block: &'b Block, row: &Row) -> Option<&'b Treatment> {
        let is_within = self.within.contains(&row.id.time_ms());
        block.treatment(row).filter(|_| is_within)
    }

    /// By the routes of the plan: those of the record's time may have been others.
    fn is_on_route(&self, row: &Row, memory: &mut Memory<'_>) -> bool {
        let block = memory.block;
        let profile = block.agent(row).map_or(u32::MAX, |agent| agent.profile);
        *memory.on_route.entry((profile, row.blob)).or_insert_with(|| {
            let host = block.agent(row).and_then(|agent| block.profile(agent));
            let host = host.map_or("", |profile| profile.host.as_str());
            let repository = block.blob(row).map(|blob| blob.repository.as_str());
            self.judge.compiled.routes.best(host, repository) == self.judge.route
        })
    }

    fn judged<'m>(
        &mut self,
        row: &Row,
        treatment: &Treatment,
        memory: &'m mut Memory<'_>,
    ) -> Cow<'m, RowJudgement> {
        let (judge, reads) = (self.judge, &memory.reads);
        match judge.needs.key(memory.block, row) {
            None => Cow::Owned(judge.judge(self.scratch, reads, row, treatment)),
            Some(key) => Cow::Borrowed(
                memory
                    .judged
                    .entry(key)
                    .or_insert_with(|| judge.judge(self.scratch, reads, row, treatment)),
            ),
        }
    }

    fn row(&mut self, row: &Row, treatment: &Treatment, memory: &mut Memory<'_>, part: &mut Partial) {
        let (block, weight) = (memory.block, u64::from(treatment.weight));
        let Some((client, pull)) = identity(row, memory) else {
            return;
        };
        let cell = self.cell(row, memory, part);
        part.requests += weight;
        part.weighted += u64::from(treatment.weight != 1);
        if let Some(cell) = part.cells.get_mut(cell) {
            cell.requests += weight;
        }
        let seen = |flags| Sighting {
            flags,
            weight: treatment.weight,
        };
        if let Some(flags) = health(treatment) {
            part.health.insert(pull, cell, seen(flags));
            part.fared(client.client.0, seen(flags));
        }
        let judged = self.judged(row, treatment, memory);
        match judged.candidate {
            Some(true) if self.fires(block, row) => {}
            None => {
                part.not_judged += weight;
                judged
                    .unknown
                    .iter()
                    .for_each(|field| part.add_unknown(field.name()));
                return;
            }
            Some(_) => return,
        }
        let (decided, denied) = self.verdict(block, row, &judged.others);
        part.matched += weight;
        part.decided += if decided { weight } else { 0 };
        part.denied += if denied { weight } else { 0 };
        part.bytes += weight * block.promised(row).unwrap_or(0);
        if let Some(cell) = part.cells.get_mut(cell) {
            cell.matched += weight;
        }
        part.fared(client.client.0, seen(HIT));
        part.clients.insert(client.client.0, cell, seen(0));
        // Its other clients may be kept too: whom it stands for is not known.
        let network = Sighting { flags: 0, weight: 1 };
        part.networks.insert(client.network.0, cell, network);
        if treatment.method == Method::Get {
            part.pulls.insert(pull, cell, seen(0));
        }
        part.add_evidence(row.id);
    }

    /// The cell of the row's client. Once a part has told attributes less finely, numbers of cells are others.
    fn cell(&self, row: &Row, memory: &mut Memory<'_>, part: &mut Partial) -> u32 {
        let codes = (row.agent, row.place);
        if let Some(cell) = memory.cells.get(&codes) {
            return *cell;
        }
        let block = memory.block;
        let (Some(agent), Some(place)) = (block.agent(row), block.place(row)) else {
            return u32::MAX;
        };
        let (cell, has_changed) = part.cell(&values_of(agent, place));
        if has_changed {
            memory.cells.clear();
        }
        memory.cells.insert(codes, cell);
        cell
    }

    /// Whether the candidate would decide about the request, and whether the other rules alone refuse it.
    fn verdict(&self, block: &Block, row: &Row, others: &[usize]) -> (bool, bool) {
        let (judge, policy) = (self.judge, self.judge.policy());
        let subject = self.subject(block, row);
        let hot = HotKeys::default();
        let alone = decide(policy, &subject, others.iter().copied(), &hot);
        let mut all = others.to_vec();
        all.insert(all.partition_point(|at| *at < judge.candidate), judge.candidate);
        let verdict = decide(policy, &subject, all, &hot);
        let own = policy.rule(judge.candidate).map(|rule| &rule.id);
        let applied = verdict.fired.iter().find(|fired| Some(&fired.rule) == own);
        (
            applied.is_some_and(|fired| fired.applied != Action::None),
            matches!(alone.action, Action::Block | Action::Throttle),
        )
    }

    fn subject<'b>(&self, block: &'b Block, row: &Row) -> Subject<'b> {
        let client = block.client(row);
        Subject {
            route: self.judge.route,
            client: client.map(|client| client.client).unwrap_or_default(),
            network: client.map(|client| client.network).unwrap_or_default(),
            fingerprint: block.agent(row).map_or("", |agent| agent.fingerprint.as_str()),
            asn: block.place(row).and_then(|place| place.asn),
            now_ms: self.at_ms,
            degraded: false,
        }
    }
}

/// Who asked, and which pull it belongs to: a pull is one client's of one digest.
fn identity<'b>(row: &Row, memory: &Memory<'b>) -> Option<(&'b Client, u64)> {
    let client = memory.block.client(row)?;
    let digest = memory.digests.get(memory.block.blob(row)?.digest as usize)?;
    Some((client, splitmix(client.client.0) ^ *digest))
}

fn digest_number(digest: &Digest) -> u64 {
    fnv1a(FNV_START, digest_key(digest))
}

/// What a request says about its pull; nothing where it was a HEAD, was refused by us, or was asked to sign in.
fn health(treatment: &Treatment) -> Option<u8> {
    let is_ours = matches!(treatment.verdict, Action::Block | Action::Throttle);
    if treatment.method == Method::Head || is_ours || treatment.status == 401 {
        return None;
    }
    let is_again = matches!(
        treatment.range,
        RangeKind::Resume | RangeKind::Repeat | RangeKind::Restart
    );
    let is_cut = matches!(treatment.outcome, Outcome::ClientClosed | Outcome::OriginFailed);
    let is_answered = matches!(treatment.status, 200..=399);
    let troubled = if is_again || is_cut || !is_answered {
        TROUBLED
    } else {
        0
    };
    Some(troubled | if is_answered { ANSWERED } else { 0 })
}
