//! Waking in slices: what is known then is what one go reads, whatever comes in the pauses.

use std::cell::{Cell, RefCell};
use std::future::ready;

use super::*;
use crate::store::wake::wake;
use blobwatch_pull::sample::traffic;
use blobwatch_sql::Slices;

/// A FireLog that slept.
type Sleeper<'a> = RefCell<&'a mut FireLog<Native>>;

/// Some batches are merged, the others wait.
fn slept(seed: u64, merged_batches: usize) -> Native {
    let mut log = open();
    let mut records = traffic(seed, 360);
    for (counter, record) in (0..).zip(&mut records) {
        record.id = RecordId::from_parts(NOW + u64::from(counter) * 70, 7, counter);
    }
    for (seq, batch) in (1..).zip(records.chunks(30)) {
        let now_ms = NOW + seq * 2_000;
        log.accept(&flush(seq % 3, seq, batch).encode(), now_ms).unwrap();
        if seq as usize == merged_batches {
            merged(&mut log, now_ms + 100_000);
        }
    }
    log.sql
}

fn woken(sql: Native, slice: usize, pause: impl Fn(&Sleeper<'_>)) -> (FireLog<Native>, usize) {
    let mut sleeper = FireLog::open_asleep(sql).unwrap();
    assert!(!sleeper.is_awake);
    let log = RefCell::new(&mut sleeper);
    let pauses = Cell::new(0);
    let slices = Slices::of(slice, || {
        pauses.set(pauses.get() + 1);
        pause(&log);
        ready(())
    });
    at_once(wake(&log, &slices)).unwrap().unwrap();
    assert!(sleeper.is_awake);
    (sleeper, pauses.get())
}

/// What is in memory only: what it says of every record, what waits, and up to where guards counted.
fn past(log: &FireLog<Native>) -> String {
    let records = newest(log.sql(), usize::MAX).records;
    let kinds: Vec<_> = records
        .iter()
        .map(|record| (record.id, log.past.history.recall(record).kind))
        .collect();
    let challenged: Vec<_> = log.past.challenges.unanswered(0, u64::MAX - 1).collect();
    let mut late = records.clone();
    late.retain(|record| {
        let mut block = Builder::default();
        block.push(record.clone());
        let bytes = block.encode();
        let (front, back) = blobwatch_records::split(&bytes).unwrap();
        log.past
            .late
            .apply(&mut blobwatch_records::Block::open(front, back).unwrap())
    });
    let late: Vec<RecordId> = late.into_iter().map(|record| record.id).collect();
    format!("{kinds:?} {challenged:?} {late:?} {}", log.guards.taken_ms())
}

#[test]
fn slices_of_any_size_wake_it_to_the_same() {
    for (seed, merged_batches) in [(1, 0), (2, 5), (3, 12)] {
        let (whole, pauses) = woken(slept(seed, merged_batches), usize::MAX, |_| ());
        assert_eq!(pauses, 0);
        for slice in [1, 64] {
            let (sliced, pauses) = woken(slept(seed, merged_batches), slice, |_| ());
            assert!(past(&sliced) == past(&whole), "{seed} in slices of {slice}");
            assert!(pauses > 360 / slice, "{pauses} pauses of {slice}");
        }
    }
}

/// A batch, a rulebook or an alarm that comes before it is awake finds all that is known, and wakes it.
#[test]
fn what_comes_in_a_pause_is_not_forgotten_again() {
    let late = [refused(40, 1), refused(40, 2)];
    for paused_at in [0, 3, 9, 20] {
        let pauses = Cell::new(0);
        let (mut log, _) = woken(slept(4, 6), 50, |log| {
            pauses.set(pauses.get() + 1);
            if pauses.get() == paused_at + 1 {
                let batch = flush(9, 1, &late);
                log.borrow_mut().accept(&batch.encode(), NOW + 60_000).unwrap();
            }
        });
        let mut whole = FireLog::open(slept(4, 6)).unwrap();
        whole.accept(&flush(9, 1, &late).encode(), NOW + 60_000).unwrap();
        assert!(past(&log) == past(&whole), "{paused_at}");
        assert_eq!(log.arrived_ms, whole.arrived_ms);
        let counted = |log: &mut FireLog<Native>| {
            merged(log, NOW + 200_000);
            all(log)
        };
        assert_eq!(counted(&mut log), counted(&mut whole), "{paused_at}");
    }
}

#[test]
fn a_rulebook_is_handed_out_while_it_sleeps() {
    let mut log = FireLog::open_asleep(slept(5, 3)).unwrap();
    log.keep_rulebook(7, r#"{"revision":3}"#).unwrap();
    assert_eq!(log.reply(HeldBook::default(), NOW).held, held(7, 3));
    assert!(!log.is_awake);
}
