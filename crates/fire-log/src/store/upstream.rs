//! What other parties tell of requests: joined to the records of those requests, or a record of its own.
//!
//! An event is joined by its ray: the rule is added to the record, whose other values stay as they are. Where no record of the
//! request is there, the event waits until our own batches of that time must have come, and then stands as a record. Whatever
//! is told again is found by its ray or its id, and changes nothing.
//!
//! Counts of what was joined go to the Detector by themselves: the records were counted before.

mod lookup;
mod standing;
mod event;
mod waiting;

use std::collections::{BTreeMap, HashMap};

use super::accept::Arrival;
use super::{FireLog, FireLogError, Source, losses, refine};
use blobwatch_pull::{Fired, RecordId};
use blobwatch_records::{Block, Builder, CellCounts, Flush, Tally, UpstreamTally};
use blobwatch_sql::{Sql, number};
use blobwatch_upstream::{UpstreamAnswer, UpstreamBatch, UpstreamRule};
use event::{UpstreamEvent, read, together};
use lookup::MatchedRecord;
pub(super) use standing::Standing;
pub(super) use waiting::{TABLE, due_ms};

/// The number of an isolate under which records that others told of are kept. An isolate draws it once in 2^48.
const TOLD: u64 = 0;

/// Of one record at most: its texts.
const ONE_RECORD_BYTES: usize = 20_000;

/// What became of what was told.
#[derive(Default)]
struct UpstreamOutcome {
    answer: UpstreamAnswer,
    changed: Vec<(Source, Arrival, Vec<RecordId>)>,
    tally: UpstreamTally,
    stand: Vec<UpstreamEvent>,
    wait: Vec<UpstreamEvent>,
}

impl<S: Sql> FireLog<S> {
    /// Takes in what another party told; it is stored when this returns.
    ///
    /// # Errors
    /// When it cannot be read or stored; then it may be sent again as a whole.
    pub fn accept_upstream(&mut self, body: &[u8], now_ms: u64) -> Result<UpstreamAnswer, FireLogError> {
        self.wake_at_once()?;
        let batch = UpstreamBatch::decode(body)?;
        let mut told = read(&batch.requests, true)?;
        told.extend(read(&batch.fires, false)?);
        self.settle(told, &batch.rules, now_ms)
    }

    /// When something that waits is to be looked at again.
    pub(super) fn upstream_due_ms(&self) -> Option<u64> {
        self.told_due_ms
    }

    /// Looks at what waits.
    pub(super) fn tend_upstream(&mut self, now_ms: u64) -> Result<(), FireLogError> {
        self.settle(Vec::new(), &[], now_ms).map(drop)
    }

    fn settle(
        &mut self,
        new: Vec<UpstreamEvent>,
        rules: &[UpstreamRule],
        now_ms: u64,
    ) -> Result<UpstreamAnswer, FireLogError> {
        let mut settled = UpstreamOutcome::default();
        rules.iter().for_each(|rule| settled.tally.rule(rule));
        let told = together(waiting::read(&self.sql)?, new, &mut settled.answer);
        // A block that is being merged is not written meanwhile: everything waits.
        let found = if self.is_merging {
            HashMap::new()
        } else {
            lookup::find(&self.sql, &told)?
        };
        self.join(&told, &found, &mut settled)?;
        let sample = self.sample();
        for (place, one) in told.into_iter().enumerate() {
            if found.contains_key(&place) {
                continue;
            }
            settled.answer.new += u64::from(!one.waits);
            if !self.is_merging && one.stands_ms(now_ms) <= now_ms {
                if one.is_of_left_out(&sample) {
                    settled.tally.count(&one.record, &one.record.fired, None);
                } else {
                    settled.stand.push(one);
                }
            } else {
                settled.wait.push(one);
            }
        }
        self.stand(&mut settled, now_ms)?;
        self.store(settled, now_ms)
    }

    /// Adds rules to the records that were found, in memory.
    fn join(
        &self,
        told: &[UpstreamEvent],
        found: &HashMap<usize, MatchedRecord>,
        settled: &mut UpstreamOutcome,
    ) -> Result<(), FireLogError> {
        let mut by_source: HashMap<Source, Vec<(&UpstreamEvent, &MatchedRecord)>> = HashMap::new();
        for (place, found) in found {
            if let Some(told) = told.get(*place) {
                by_source.entry(found.source).or_default().push((told, found));
            }
        }
        for (source, of_source) in by_source {
            let mut fires: HashMap<RecordId, Vec<Fired>> = HashMap::new();
            for (told, found) in of_source {
                let is_new = |fired: &&Fired| !found.record.fired.contains(fired);
                let new: Vec<Fired> = told.record.fired.iter().filter(is_new).cloned().collect();
                if new.is_empty() {
                    settled.answer.repeats += u64::from(!told.waits);
                    continue;
                }
                settled.answer.joined += u64::from(!told.waits);
                let counts = CellCounts::of(&found.record, &self.past.history.recall(&found.record));
                settled.tally.count(&found.record, &new, Some(&counts));
                fires.entry(found.record.id).or_default().extend(new);
            }
            match self.with_fires(source, &fires) {
                Ok(changed) => settled
                    .changed
                    .extend(changed.map(|(arrival, ids)| (source, arrival, ids))),
                Err(FireLogError::TooLarge { .. }) => settled.answer.dropped += fires.len() as u64,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The block with these rules added; `None` where nothing changes.
    fn with_fires(
        &self,
        source: Source,
        fires: &HashMap<RecordId, Vec<Fired>>,
    ) -> Result<Option<(Arrival, Vec<RecordId>)>, FireLogError> {
        let Some(mut block) = refine::block(&self.sql, source)? else {
            return Ok(None);
        };
        let ids = block.add_fires(fires);
        if ids.is_empty() {
            return Ok(None);
        }
        Ok(Some((rewritten(block)?, ids)))
    }

    /// Makes records of what stands alone. Should the process die before the rest is stored, they are found by their ids.
    fn stand(&mut self, settled: &mut UpstreamOutcome, now_ms: u64) -> Result<(), FireLogError> {
        let mut builder = Builder::default();
        for told in std::mem::take(&mut settled.stand) {
            settled.tally.count(&told.record, &told.record.fired, None);
            self.standing.add(&told.record, now_ms);
            builder.push(told.record);
            if !builder.has_room_for(1, ONE_RECORD_BYTES) {
                self.keep_told(std::mem::take(&mut builder), now_ms)?;
            }
        }
        if builder.is_empty() {
            return Ok(());
        }
        self.keep_told(builder, now_ms)
    }

    fn keep_told(&mut self, builder: Builder, now_ms: u64) -> Result<(), FireLogError> {
        let flush = Flush {
            addresses: Vec::new(),
            isolate: TOLD,
            seq: super::accept::newest_seq(&self.sql, TOLD)? + 1,
            held: blobwatch_records::RulebookVersion::default(),
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            segment: builder.encode(),
        };
        let block = super::accept::open(&flush.segment)?;
        self.keep(&flush, block, now_ms)
    }

    fn store(&mut self, settled: UpstreamOutcome, now_ms: u64) -> Result<UpstreamAnswer, FireLogError> {
        let UpstreamOutcome {
            mut answer,
            changed,
            tally,
            wait,
            ..
        } = settled;
        let (rows, due_ms, dropped) = waiting::rows(wait, now_ms);
        answer.dropped += dropped;
        let losses = loss(&answer, &tally);
        let mut cells = Tally::default();
        cells.take_upstream(tally, now_ms);
        let (sql, outbox) = (&self.sql, &mut self.outbox);
        sql.transaction(|| -> Result<(), FireLogError> {
            for (source, arrival, ids) in &changed {
                write(sql, *source, arrival)?;
                super::enforced::replace(sql, &arrival.block, ids)?;
            }
            waiting::write(sql, &rows)?;
            losses::add(sql, &losses, now_ms)?;
            let cut_ms = outbox.cut_ms();
            outbox.put(sql, cells, cut_ms, now_ms)
        })?;
        self.told_due_ms = due_ms;
        Ok(answer)
    }

    /// Gives records of ours the rules of what others told and what had to stand alone before they came; whether any was given
    /// some. Such a request has two records.
    pub(super) fn take_over(&mut self, block: &mut Block) -> bool {
        if self.standing.is_empty() {
            return false;
        }
        let mut fires = HashMap::new();
        for row in block.rows() {
            let is_seen = block.treatment(row).is_some_and(|treatment| !treatment.told);
            let ray = block.ray_key(row).filter(|_| is_seen);
            if let Some(fired) = ray.and_then(|ray| self.standing.take(&ray)) {
                fires.insert(row.id, fired);
            }
        }
        !block.add_fires(&fires).is_empty()
    }
}

fn loss(answer: &UpstreamAnswer, tally: &UpstreamTally) -> BTreeMap<String, u32> {
    let dropped = u32::try_from(answer.dropped).unwrap_or(u32::MAX);
    [
        ("upstream_dropped", dropped),
        ("upstream_counts_dropped", tally.dropped()),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(name, count)| (name.to_owned(), count))
    .collect()
}

/// A block as it is stored.
fn rewritten(block: Block) -> Result<Arrival, FireLogError> {
    let bytes = refine::encode(block);
    let (front, back) = blobwatch_records::split(&bytes)?;
    Arrival::of(Block::open(front, back)?, &bytes)
}

fn write(sql: &impl Sql, source: Source, arrival: &Arrival) -> Result<(), FireLogError> {
    let [header, front, back] = arrival.blobs();
    match source {
        Source::Inbox { isolate, seq } => sql.run(
            "UPDATE inbox SET header = ?, front = ?, back = ? WHERE isolate = ? AND seq = ?",
            &[header, front, back, number(isolate), number(seq)],
        )?,
        Source::Segment { id } => {
            let bytes = number(arrival.bytes() as u64);
            sql.run(
                "UPDATE segment SET bytes = ?, header = ?, front = ?, back = ? WHERE id = ?",
                &[bytes, header, front, back, number(id)],
            )?
        }
    };
    Ok(())
}
