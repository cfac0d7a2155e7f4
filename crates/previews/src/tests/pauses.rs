//! Joining and telling a full count in slices: how much is done between two pauses, and that the slices change nothing.

use std::cell::Cell;

use super::*;
use crate::cells::MAX_CELLS;
use crate::partial::ANSWERED;
use crate::sample::{MAX_PAIRS, Sighting};
use crate::work::{CELLS, PAIRS, WHOLE_SLICE};
use blobwatch_sql::Pace;

/// What was done between two chances to pause, at most, and in all.
#[derive(Default)]
struct Ledger {
    most: Cell<usize>,
    all: Cell<usize>,
}

impl Pace for Ledger {
    async fn spent(&self, records: usize) {
        self.most.set(self.most.get().max(records));
        self.all.set(self.all.get() + records);
    }
}

/// As many cells and clients as a part may have; every seventh cell matches.
fn full(from: usize) -> Partial {
    let mut part = Partial::default();
    let seen = Sighting {
        flags: ANSWERED,
        weight: 1,
    };
    let mut places = Vec::new();
    for number in 0..MAX_CELLS {
        let values = [
            "docker",
            ["amzn2", "el8", "debian"][number % 3],
            &format!("C{}", number % 60),
            ["DE", "US"][number % 2],
            &format!("{}", number % 600),
            &format!("20.{}", number % 7),
            &format!("bw1-{number}"),
        ];
        let (place, _) = part.cell(&values.map(str::to_owned));
        let cell = part.cells.get_mut(place).unwrap();
        cell.requests += 2;
        cell.matched += u64::from(number % 7 == 0);
        places.push(place);
    }
    for number in 0..MAX_PAIRS {
        let (key, cell) = ((from + number) as u64, places[number % MAX_CELLS]);
        part.health.insert(key, cell, seen);
        part.fared(key, seen);
        if number % 7 == 0 {
            part.clients.insert(key, cell, seen);
            part.networks.insert(key / 4, cell, seen);
            part.pulls.insert(key, cell, seen);
        }
    }
    (part.requests, part.matched) = (2 * MAX_CELLS as u64, MAX_CELLS as u64 / 7);
    part
}

/// A pause may come wherever about a slice's work was done, whoever adds a pass over cells or clients.
#[test]
fn no_slice_of_joining_or_telling_is_long() {
    let (joining, telling) = (Ledger::default(), Ledger::default());
    let mut whole = full(0);
    at_once(whole.join(full(MAX_PAIRS / 2), &joining)).unwrap();
    let plan = plan(
        &book(vec![rule(CANDIDATE, "ssl", Action::Block)], Vec::new()),
        CANDIDATE,
        "default",
    );
    let report = at_once(Report::of(&plan, whole, &telling)).unwrap();
    assert!(!report.cohorts.is_empty());
    for (ledger, passes_over_cells, passes_over_pairs) in [(&joining, 1, 2), (&telling, 12, 4)] {
        assert!(ledger.most.get() <= WHOLE_SLICE, "{}", ledger.most.get());
        let least = passes_over_cells * MAX_CELLS / CELLS + passes_over_pairs * MAX_PAIRS / PAIRS;
        assert!(ledger.all.get() >= least, "{} < {least}", ledger.all.get());
    }
}

#[test]
fn slices_of_any_size_tell_the_same() {
    let plan = plan(
        &book(vec![rule(CANDIDATE, "ssl", Action::Block)], Vec::new()),
        CANDIDATE,
        "default",
    );
    let told = |pace: &Slices<_>| {
        let mut whole = full(0);
        at_once(whole.join(full(MAX_PAIRS / 2), pace)).unwrap();
        at_once(Report::of(&plan, whole, pace)).unwrap()
    };
    let pauses = Cell::new(0);
    let pause = || {
        pauses.set(pauses.get() + 1);
        std::future::ready(())
    };
    let whole = told(&Slices::of(usize::MAX, &pause));
    assert_eq!(pauses.get(), 0);
    assert_eq!(told(&Slices::of(100, &pause)), whole);
    assert!(pauses.get() > 100, "{}", pauses.get());
}
