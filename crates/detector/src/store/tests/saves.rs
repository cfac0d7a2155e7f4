//! Saving in slices: what comes in the pauses, and what is left where the process dies in one.

use std::cell::Cell;
use std::future::{Future, pending, ready};

use super::*;
use blobwatch_sql::Slices;
use serde::Serialize;

/// All that is saved, at once.
#[derive(Serialize)]
struct Whole<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    admission: &'a crate::Admission,
    traffic: &'a crate::coverage::RecentTraffic,
    upstream: &'a crate::upstream::UpstreamFires,
    mutes: &'a [crate::handling::Mute],
    waiting: std::collections::BTreeMap<u64, &'a [Vec<u8>]>,
}

fn whole(detector: &Detector<Native>) -> Vec<u8> {
    let engine: &Engine = &detector.engine;
    postcard::to_allocvec(&Whole {
        engine,
        sources: &detector.sources,
        admission: engine.admission(),
        traffic: engine.traffic(),
        upstream: engine.upstream(),
        mutes: engine.mutes(),
        waiting: engine.waiting(),
    })
    .unwrap()
}

/// The parts that the head names, in their order.
fn saved(detector: &Detector<Native>) -> Vec<u8> {
    let rows = "SELECT bytes FROM state, meta WHERE key = 'state' AND part >= value ->> 'first' \
                AND part < (value ->> 'first') + (value ->> 'parts') ORDER BY part";
    let mut rows = detector.sql.run(rows, &[]).unwrap();
    let parts = rows
        .iter_mut()
        .map(|row| row.take_blob(0, "state.bytes").unwrap());
    parts.collect::<Vec<_>>().concat()
}

/// After so many batches of the story; the last of them wait.
fn after(batches: usize) -> Detector<Native> {
    let mut detector = open();
    for batch in &story()[..batches] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    detector
}

/// Saves in pieces, with a pause after each.
fn save_with<F: Future<Output = ()>>(
    detector: &RefCell<Detector<Native>>,
    pause: impl Fn() -> F,
) -> Option<Result<(), StoreError>> {
    at_once(save::save(&Lent(detector), START_MS, &Slices::of(1, pause)))
}

/// Others have it in the pauses.
struct Lent<'a>(&'a RefCell<Detector<Native>>);

impl blobwatch_sql::Shared<Detector<Native>, StoreError> for Lent<'_> {
    type Error = StoreError;

    fn with<T>(
        &self,
        body: impl FnOnce(&mut Detector<Native>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        body(&mut self.0.borrow_mut())
    }
}

#[test]
fn what_is_saved_in_pieces_is_what_is_saved_at_once() {
    for batches in [1, 24, 385] {
        let mut detector = after(batches);
        assert!(!detector.engine.waiting().is_empty());
        save(&mut detector, START_MS);
        assert!(saved(&detector) == whole(&detector), "{batches}");
    }
}

/// Whatever is tracked, what is written between two pauses is little of it.
#[test]
fn every_piece_may_be_followed_by_a_pause() {
    let detector = RefCell::new(after(385));
    let pauses = Cell::new(0);
    save_with(&detector, || {
        pauses.set(pauses.get() + 1);
        ready(())
    })
    .unwrap()
    .unwrap();
    let detector = detector.into_inner();
    let tests = crate::AnomalyKind::RATES.len();
    let buckets = detector.engine.window().buckets().count();
    let least = tests + 2 * buckets + 385 / 16;
    assert!(pauses.get() >= least, "{} < {least}", pauses.get());
}

#[test]
fn a_process_that_dies_in_any_pause_goes_on_where_it_was() {
    let all = Cell::new(0);
    let count_all = || {
        all.set(all.get() + 1);
        ready(())
    };
    let detector = RefCell::new(after(40));
    save_with(&detector, count_all).unwrap().unwrap();
    for dies_at in (0..all.get()).step_by(7).chain(all.get() - 4..all.get()) {
        let mut detector = after(20);
        save(&mut detector, START_MS);
        for batch in &story()[20..40] {
            accept(&mut detector, batch, arrival(batch)).unwrap();
        }
        let before = whole(&detector);
        let detector = RefCell::new(detector);
        let paused = Cell::new(0);
        let died = save_with(&detector, || {
            paused.set(paused.get() + 1);
            let dies = paused.get() > dies_at;
            async move {
                if dies {
                    pending::<()>().await;
                }
            }
        });
        assert!(died.is_none(), "{dies_at}");
        let mut detector = reopened(detector.into_inner(), START_MS);
        assert!(whole(&detector) == before, "{dies_at}");
        save(&mut detector, START_MS);
        assert!(saved(&detector) == before, "{dies_at}");
        assert_eq!(count(&detector.sql, "SELECT count(*) FROM state", &[]), Ok(1));
        assert_eq!(count(&detector.sql, "SELECT count(*) FROM batch", &[]), Ok(1));
    }
}

/// Batches that come in the pauses are counted, saved whole with what they are part of, and read in the meantime.
#[test]
fn what_comes_in_a_pause_is_in_the_state_or_in_the_log() {
    for every in [1, 5, 40, 300] {
        let batches = RefCell::new(story().into_iter().skip(40).take(6));
        let detector = RefCell::new(after(40));
        let paused = Cell::new(0);
        save_with(&detector, || {
            paused.set(paused.get() + 1);
            if paused.get() % every == 0
                && let Some(batch) = batches.borrow_mut().next()
            {
                accept(&mut detector.borrow_mut(), &batch, arrival(&batch)).unwrap();
            }
            ready(())
        })
        .unwrap()
        .unwrap();
        let detector = detector.into_inner();
        let before = whole(&detector);
        let detector = reopened(detector, START_MS);
        assert!(whole(&detector) == before, "every {every}");
    }
}

/// An alarm that hung where the clock was set back, and the next one: the older gives up.
#[test]
fn of_two_saves_the_newer_one_counts() {
    let detector = RefCell::new(after(40));
    let is_first = Cell::new(true);
    save_with(&detector, || {
        if is_first.replace(false) {
            at_once(save::save(&Lent(&detector), START_MS, &Unpaced))
                .unwrap()
                .unwrap();
        }
        ready(())
    })
    .unwrap()
    .unwrap();
    let detector = detector.into_inner();
    assert!(saved(&detector) == whole(&detector));
    assert_eq!(count(&detector.sql, "SELECT count(*) FROM state", &[]), Ok(1));
}
