//! Tending in slices: what comes in the pauses, and what a pause may show of the work that is half done.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Ready, pending, ready};

use super::{CUT, NOW, count, flush, newest, open, requests, sent};
use crate::store::RuleFires;
use crate::store::retain::MaintenanceResult;
use crate::store::{FireLog, FireLogError, tend};
use blobwatch_pull::sample::{Numbers, traffic};
use blobwatch_pull::{Record, RecordId};
use blobwatch_sql::{Native, Pace, Shared, Slices, at_once};

/// A FireLog whose every pause is somebody else's turn.
struct Busy {
    log: RefCell<FireLog<Native>>,
    /// Accepted by now, each once.
    accepted: RefCell<Vec<RecordId>>,
    batches: RefCell<Vec<Vec<Record>>>,
    seq: Cell<u64>,
    pauses: Cell<u64>,
}

impl Shared<FireLog<Native>, FireLogError> for Busy {
    type Error = FireLogError;

    fn with<T>(
        &self,
        body: impl FnOnce(&mut FireLog<Native>) -> Result<T, FireLogError>,
    ) -> Result<T, FireLogError> {
        body(&mut self.log.borrow_mut())
    }
}

impl Busy {
    /// With batches that come, the first of them here already.
    fn with_batches(records: &[Record], size: usize, here: usize) -> Self {
        let mut batches: Vec<Vec<Record>> = records.chunks(size).map(<[Record]>::to_vec).collect();
        batches.reverse();
        let busy = Self {
            log: RefCell::new(open()),
            accepted: RefCell::default(),
            batches: RefCell::new(batches),
            seq: Cell::new(0),
            pauses: Cell::new(0),
        };
        (0..here).for_each(|_| busy.accept(NOW));
        busy
    }

    fn accept(&self, now_ms: u64) {
        let Some(batch) = self.batches.borrow_mut().pop() else {
            return;
        };
        self.seq.set(self.seq.get() + 1);
        let flush = flush(self.seq.get() % 3, self.seq.get(), &batch);
        self.log.borrow_mut().accept(&flush.encode(), now_ms).unwrap();
        self.accepted
            .borrow_mut()
            .extend(batch.iter().map(|record| record.id));
    }

    fn pause(&self) -> Ready<()> {
        self.pauses.set(self.pauses.get() + 1);
        ready(())
    }

    /// Every record that was accepted is found, once.
    #[track_caller]
    fn assert_whole(&self) {
        let page = newest(self.log.borrow().sql(), usize::MAX);
        let mut found: Vec<RecordId> = page.records.iter().map(|record| record.id).collect();
        let mut accepted = self.accepted.borrow().clone();
        found.sort();
        accepted.sort();
        assert!(found == accepted, "{} found of {}", found.len(), accepted.len());
    }

    /// In each pause a batch comes, and somebody reads all records.
    fn tend_while_others_work(&self, now_ms: u64, slice: usize) -> MaintenanceResult {
        let slices = Slices::of(slice, || {
            self.accept(CUT);
            self.assert_whole();
            self.pause()
        });
        at_once(tend(self, now_ms, &slices)).unwrap().unwrap()
    }

    fn tend(&self, now_ms: u64, slice: usize) -> MaintenanceResult {
        let slices = Slices::of(slice, || self.pause());
        at_once(tend(self, now_ms, &slices)).unwrap().unwrap()
    }

    /// Opened anew, as after a death; no more batches come.
    fn reopened(self) -> Self {
        Self {
            log: RefCell::new(FireLog::open(self.log.into_inner().sql).unwrap()),
            accepted: self.accepted,
            ..Self::with_batches(&[], 1, 0)
        }
    }
}

/// Slices of which nothing comes back from a pause after so many.
fn ending_after(pauses: u64) -> impl Pace {
    let paused = Cell::new(0);
    Slices::of(256, move || {
        paused.set(paused.get() + 1);
        let ends = paused.get() > pauses;
        async move {
            if ends {
                pending::<()>().await;
            }
        }
    })
}

/// Records of the slot that [`CUT`] cuts.
fn records(seed: u64, count: usize) -> Vec<Record> {
    let mut records = traffic(seed, count);
    for (counter, record) in (0..).zip(&mut records) {
        record.id = RecordId::from_parts(NOW + u64::from(counter) % 5_000, 7, counter);
        record.weight = 1;
    }
    records
}

#[test]
fn a_pause_shows_all_records_once_and_all_are_counted_once() {
    bolero::check!()
        .with_type::<(u64, u8)>()
        .for_each(|(seed, size)| {
            let mut numbers = Numbers(*seed);
            let slice = 1 + numbers.below(60) as usize;
            let all = records(*seed, 1 + numbers.below(80) as usize);
            let busy = Busy::with_batches(&all, 1 + usize::from(*size) / 8, numbers.below(12) as usize);
            for step in 0..8 {
                busy.tend_while_others_work(CUT + step * 20_000, slice);
            }
            while !busy.batches.borrow().is_empty() {
                busy.accept(CUT + 2_000_000);
            }
            while busy.tend(CUT + 4_000_000, slice).more {}
            busy.assert_whole();
            let mut log = busy.log.borrow_mut();
            let counted: u64 = sent(&mut log).iter().map(requests).sum();
            assert_eq!((counted, count(&log, "inbox")), (all.len() as u64, 0));
        });
}

#[test]
fn segments_are_the_same_in_slices_of_any_size() {
    let all = records(3, 12_000);
    let segments = |slice: usize| {
        let busy = Busy::with_batches(&all, 250, 48);
        while busy.tend(CUT + 100_000, slice).more {}
        let pauses = busy.pauses.get();
        let mut log = busy.log.into_inner();
        let cells: Vec<u64> = sent(&mut log).iter().map(requests).collect();
        let statement = "SELECT id, first_ms, last_ms, records, bytes, header, front, back FROM segment";
        let rows = blobwatch_sql::Sql::run(log.sql(), statement, &[]).unwrap();
        (format!("{rows:?}"), cells, pauses)
    };
    let (whole, cells, pauses) = segments(usize::MAX);
    assert_eq!(pauses, 0);
    for slice in [512, 4_096] {
        let (sliced, counted, pauses) = segments(slice);
        assert!(sliced == whole && counted == cells, "in slices of {slice}");
        assert!(pauses as usize > all.len() / slice, "{pauses} pauses of {slice}");
    }
}

/// Where the process ends in a pause, or the FireLog is opened anew after somebody else's error.
#[test]
fn what_a_pause_cuts_off_was_never_done() {
    let all = records(5, 3_000);
    for paused_at in [0, 1, 5, 12, 20] {
        let busy = Busy::with_batches(&all, 250, 12);
        assert!(
            at_once(tend(&busy, CUT + 100_000, &ending_after(paused_at))).is_none(),
            "{paused_at}"
        );
        let busy = busy.reopened();
        busy.assert_whole();
        while busy.tend(CUT + 200_000, 512).more {}
        busy.assert_whole();
        let mut log = busy.log.borrow_mut();
        let counted: u64 = sent(&mut log).iter().map(requests).sum();
        assert_eq!((counted, count(&log, "inbox")), (3_000, 0), "{paused_at}");
    }
}

/// No slice does more than a slice's work and one piece that cannot be cut.
#[test]
fn every_batch_and_section_may_be_followed_by_a_pause() {
    let all = records(9, 2_000);
    let busy = Busy::with_batches(&all, 250, 8);
    busy.tend(CUT + 100_000, 1);
    // Read to be counted, counted 64 at a time, read and appended by batch; written by section.
    assert!(busy.pauses.get() >= 8 * (1 + 4 + 1) + 16, "{}", busy.pauses.get());
}

/// What our rules did, and the programs that asked, by route. A kind that was corrected in memory is what it was after a death.
fn counted(log: &FireLog<Native>) -> (Vec<RuleFires>, Vec<BTreeMap<String, u64>>) {
    let requests = log.request_sums().unwrap().into_values();
    let families = requests.map(|sums| sums.families).collect();
    (log.rule_fires().unwrap(), families)
}

/// Each segment takes the place of its own batches: one that was written stays, and what was counted of it is not counted again.
#[test]
fn a_process_that_dies_between_two_segments_merges_the_rest() {
    let all = records(13, 9_000);
    let steady = Busy::with_batches(&all, 250, 36);
    while steady.tend(CUT + 100_000, 256).more {}
    let expected = counted(&steady.log.borrow());
    let pauses = steady.pauses.get();
    let segments = Cell::new([false; 3]);
    for dies_at in (pauses * 2 / 3..pauses).step_by(4).chain([pauses - 1]) {
        let busy = Busy::with_batches(&all, 250, 36);
        if at_once(tend(&busy, CUT + 100_000, &ending_after(dies_at))).is_some() {
            continue;
        }
        let busy = busy.reopened();
        busy.assert_whole();
        let mut seen = segments.get();
        seen[count(&busy.log.borrow(), "segment") as usize] = true;
        segments.set(seen);
        while busy.tend(CUT + 200_000, 512).more {}
        busy.assert_whole();
        let log = busy.log.borrow();
        assert_eq!(counted(&log), expected, "{dies_at}");
        assert_eq!(
            (count(&log, "inbox"), count(&log, "segment")),
            (0, 2),
            "{dies_at}"
        );
    }
    assert_eq!(
        segments.get(),
        [true, true, true],
        "before the first, between the two, and after both"
    );
}

#[test]
fn who_tends_what_somebody_else_tended_meanwhile_does_nothing() {
    let all = records(11, 1_000);
    for paused_at in 0..12 {
        let busy = Busy::with_batches(&all, 250, 4);
        let slices = Slices::of(1, || {
            if busy.pauses.get() == paused_at {
                while busy.log.borrow_mut().tend(CUT + 100_000).unwrap().more {}
            }
            busy.pause()
        });
        assert!(
            at_once(tend(&busy, CUT + 100_000, &slices)).unwrap().is_err(),
            "{paused_at}"
        );
        busy.assert_whole();
        let mut log = busy.log.borrow_mut();
        let counted: u64 = sent(&mut log).iter().map(requests).sum();
        assert_eq!((counted, count(&log, "inbox")), (1_000, 0), "{paused_at}");
    }
}
