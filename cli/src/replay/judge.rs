//! Judging and counting in a thread beside the one that reads lines, and testing in another: on two cores a log is read in
//! little more than half of the time that all of it takes.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use blobwatch_detector::{Anomaly, Note};
use blobwatch_records::{Breadth, CellBatch};
use blobwatch_rulebook::AnomalyBreadth;

use super::count::{CellCounts64, Counter};
use super::digests::Digests;
use super::names::Meanings;
use super::request::Request;
use super::rules::RuleTally;
use super::watch::Watch;

/// Batches that wait to be judged, each of a block of lines: some 4,000 requests of 220 bytes, or what had waited for its
/// order at most.
const BATCHES_AHEAD: usize = 4;

/// Slots that wait to be tested, each of at most 20 MB.
const SLOTS_AHEAD: usize = 2;

/// Requests in order: of each second, all that are due.
pub(super) type Batch = Vec<Vec<Request>>;

pub(super) struct Judge {
    batches: SyncSender<Batch>,
    thread: JoinHandle<Findings>,
}

/// What came of all requests.
pub(super) struct Findings {
    pub(super) anomalies: Vec<Anomaly>,
    pub(super) notes: Vec<Note>,
    pub(super) totals: CellCounts64,
    pub(super) rules: RuleTally,
    /// Times of the first and the last request.
    pub(super) span: Option<(u64, u64)>,
    /// Everybody in the logs.
    pub(super) senders: Breadth,
}

impl Judge {
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn begin(meanings: Meanings, digests: Digests, least: AnomalyBreadth) -> io::Result<Self> {
        let (slots, settled) = sync_channel(SLOTS_AHEAD);
        let watching = thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watch(Watch::new(least), &settled))?;
        let (batches, due) = sync_channel(BATCHES_AHEAD);
        let thread = thread::Builder::new()
            .name("judge".to_owned())
            .spawn(move || judge(Counter::new(meanings, digests), slots, watching, &due))?;
        Ok(Self { batches, thread })
    }

    pub(super) fn take(&self, batch: Batch) {
        // Nobody listens after a panic only, which `finish` passes on.
        if !batch.is_empty() {
            let _ = self.batches.send(batch);
        }
    }

    pub(super) fn finish(self) -> Findings {
        drop(self.batches);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn judge(
    mut counter: Counter,
    slots: SyncSender<CellBatch>,
    watching: JoinHandle<Watch>,
    due: &Receiver<Batch>,
) -> Findings {
    let mut span = None;
    let settle = |counter: &mut Counter, is_end: bool| {
        while let Some(batch) = counter.take(is_end) {
            // Nobody listens after a panic only, which is passed on below.
            let _ = slots.send(batch);
        }
    };
    for requests in due.iter().flatten() {
        for time_ms in requests.iter().map(|request| request.id.time_ms()) {
            let (first, last) = span.unwrap_or((time_ms, time_ms));
            span = Some((time_ms.min(first), time_ms.max(last)));
        }
        counter.judge(requests);
        settle(&mut counter, false);
    }
    settle(&mut counter, true);
    drop(slots);
    let watch = watching.join().unwrap_or_else(|panic| resume_unwind(panic));
    let senders = watch.senders.clone();
    let (anomalies, notes) = watch.finish();
    Findings {
        anomalies,
        notes,
        totals: counter.totals,
        rules: counter.rules,
        span,
        senders,
    }
}

fn watch(mut watch: Watch, settled: &Receiver<CellBatch>) -> Watch {
    settled.iter().for_each(|batch| watch.take(batch));
    watch
}
