//! What calls answer that pause, while batches come and are merged in the pauses.

use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};

use super::*;
use blobwatch_sql::{Row, Slices, Sql, SqlError, SqlValue};

/// The database of a FireLog that does other things in between.
struct Shared<'a>(&'a RefCell<FireLog<Native>>);

impl Sql for Shared<'_> {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        self.0.borrow().sql().run(statement, parameters)
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.0.borrow().sql().transaction(body)
    }

    fn size_bytes(&self) -> u64 {
        self.0.borrow().sql().size_bytes()
    }
}

/// A FireLog that goes on: in each pause it may get a batch, or merge those that it has.
struct Busy<'a> {
    log: &'a RefCell<FireLog<Native>>,
    numbers: RefCell<Numbers>,
    pauses: Cell<u64>,
}

/// After all records that are asked for.
const LATER: u64 = NOW + 40_000_000;

impl Busy<'_> {
    fn pause(&self) -> Ready<()> {
        let pauses = self.pauses.get() + 1;
        self.pauses.set(pauses);
        let mut log = self.log.borrow_mut();
        match self.numbers.borrow_mut().below(4) {
            0 => {
                let record = Record {
                    id: RecordId::from_parts(LATER + pauses, 9, 0),
                    ..sample::full()
                };
                log.accept(&batch_of(1_000 + pauses, &[record]), LATER).unwrap();
            }
            1 => drop(log.tend(NOW + 50_000_000 + pauses * 11_000).unwrap()),
            _ => {}
        }
        ready(())
    }
}

/// Every page of a FireLog, read in slices.
fn paged(log: &RefCell<FireLog<Native>>, filter: &Filter, case: &Case) -> Vec<RecordId> {
    let busy = Busy {
        log,
        numbers: RefCell::new(Numbers(case.seed)),
        pauses: Cell::new(0),
    };
    let slices = Slices::of(usize::from(case.budget) / 8, || busy.pause());
    let (limit, budget) = (usize::from(case.limit) + 1, Budget::default());
    let (mut found, mut before) = (Vec::new(), RecordId::first_at(LATER));
    while before > RecordId(0) {
        let sql = Shared(log);
        let page = at_once(scan_page(&sql, filter, before, limit, budget, &slices))
            .unwrap()
            .unwrap();
        found.extend(page.records.iter().map(|record| record.id));
        before = page.floor;
    }
    found
}

fn summary(log: &RefCell<FireLog<Native>>, filter: &Filter, case: &Case) -> String {
    let busy = Busy {
        log,
        numbers: RefCell::new(Numbers(case.seed)),
        pauses: Cell::new(1_000),
    };
    let slices = Slices::of(usize::from(case.budget) / 8, || busy.pause());
    let budget = Budget {
        records: u32::from(case.limit) * 4,
    };
    let (mut summary, mut before) = (Summary::default(), Some(RecordId::first_at(LATER)));
    while let Some(at) = before {
        let sql = Shared(log);
        let part = at_once(summarise(&sql, filter, &BY, at, budget, &slices))
            .unwrap()
            .unwrap();
        before = part.before.as_ref().map(|id| id.parse().unwrap());
        summary.absorb(part);
    }
    serde_json::to_string(&summary.finish(&BY, 500)).unwrap()
}

const BY: [Dimension; 2] = [Dimension::Rule, Dimension::Os];

#[test]
fn slices_of_any_size_answer_as_one_does() {
    bolero::check!().with_type::<Case>().for_each(|case| {
        let mut numbers = Numbers(case.seed);
        let world = world(case.seed, numbers.below(400) as usize);
        let filter = some_filter(&mut numbers, &world.records);
        for log in world.logs {
            let expected = at_once(scan_page(
                log.sql(),
                &filter,
                START,
                usize::MAX,
                Budget::default(),
                &Unpaced,
            ));
            let expected: Vec<RecordId> = expected
                .unwrap()
                .unwrap()
                .records
                .iter()
                .map(|record| record.id)
                .collect();
            let mut counted = Summary::default();
            part(&log, &filter, &BY, u32::MAX)
                .into_iter()
                .for_each(|part| counted.absorb(part));
            let counted = serde_json::to_string(&counted.finish(&BY, 500)).unwrap();
            let log = RefCell::new(log);
            assert_eq!(paged(&log, &filter, case), expected, "{filter:?}");
            assert_eq!(summary(&log, &filter, case), counted, "{filter:?}");
        }
    });
}
