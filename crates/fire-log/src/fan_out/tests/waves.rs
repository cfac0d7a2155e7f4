//! Many FireLogs: how many are asked at a time, for how much, and who was not asked in time.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::fan_out::WAVE;

/// FireLogs of a large deployment, each with one record in a millisecond of its own; how many records they were asked for.
struct Many {
    logs: Logs,
    /// Calls that were sent, that wait at a time, and the most of those.
    sent: Cell<usize>,
    waiting: Cell<usize>,
    most: Cell<usize>,
    records: Cell<usize>,
    /// So many calls are made before it is too late.
    patience: usize,
}

impl FireLogs for &Many {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Result<C::Reply, Problem> {
        self.sent.set(self.sent.get() + 1);
        self.waiting.set(self.waiting.get() + 1);
        self.most.set(self.most.get().max(self.waiting.get()));
        // The others' turn.
        Turn(false).await;
        self.waiting.set(self.waiting.get() - 1);
        let (kind, query) = call
            .path()
            .split_once("?of=")
            .map(|(_, query)| query.split_once('&').unwrap_or((query, "")))
            .map(|(kind, query)| (kind.to_owned(), query.to_owned()))
            .unwrap();
        if C::PATH == PageCall::PATH {
            let pairs: Pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let query = Query::parse(Kind::of_name(&kind), &pairs, NOW)?;
            let page = scan_page(
                self.logs.logs[name].sql(),
                &query.filter,
                query.before,
                query.limit,
                Budget::default(),
                &Unpaced,
            );
            self.records
                .set(self.records.get() + at_once(page).unwrap().unwrap().records.len());
        }
        self.logs.ask(name, call).await
    }

    fn patience(&self) -> impl Fn() -> bool {
        || self.sent.get() >= self.patience
    }
}

/// Lets whoever else is asked go on first.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

impl Many {
    fn of(count: u64, each: u64) -> Self {
        let log = |n: u64| {
            let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
            let mut block = Builder::default();
            for at in 0..each {
                block.push(Record {
                    id: RecordId::from_parts(NOW - 1_000_000 + at * count + n, 7, n as u32),
                    ..sample::full()
                });
            }
            let flush = Flush {
                addresses: Vec::new(),
                isolate: 7,
                seq: 1,
                held: RulebookVersion::default(),
                losses: BTreeMap::new(),
                volumes: Vec::new(),
                segment: block.encode(),
            };
            log.accept(&flush.encode(), NOW).unwrap();
            (format!("fl1-a-{n:03}"), log)
        };
        Self {
            logs: Logs {
                logs: (0..count).map(log).collect(),
                answers: RefCell::default(),
                budget: Budget::default(),
            },
            sent: Cell::default(),
            waiting: Cell::default(),
            most: Cell::default(),
            records: Cell::default(),
            patience: usize::MAX,
        }
    }

    fn listing(&self, limit: &str) -> Listing<&Self> {
        let pairs = pairs(&[("limit", limit)]);
        Listing {
            fire_logs: self,
            names: self.logs.names(),
            kind: Kind::Requests,
            query: Query::parse(Kind::Requests, &pairs, NOW).unwrap(),
            notes: Notes::default(),
            pairs,
        }
    }
}

#[test]
fn once_a_page_is_full_the_others_look_at_nothing_older() {
    let many = Many::of(60, 40);
    let list = run(many.listing("20").list()).unwrap();
    let ids: Vec<RecordId> = list.items.iter().map(|record| record.id).collect();
    let newest = (0..20).map(|n| NOW - 1_000_000 + 40 * 60 - 1 - n);
    assert_eq!(
        ids.iter().map(|id| id.time_ms()).collect::<Vec<_>>(),
        newest.collect::<Vec<_>>()
    );
    assert!(list.next_cursor.is_some());
    assert_eq!((many.sent.get(), many.most.get()), (60, WAVE));
    // Six have no reason yet to look at less than a page; then a page spans some milliseconds of each.
    assert!(many.records.get() < 7 * 20 + 54 * 4, "{}", many.records.get());
}

/// Also where pages are cut at what one FireLog could search.
#[test]
fn pages_of_many_fire_logs_have_each_record_once() {
    let mut many = Many::of(20, 30);
    many.logs.budget = Budget { records: 10 };
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let given: Vec<(&str, &str)> = cursor
            .iter()
            .map(|cursor: &String| ("cursor", cursor.as_str()))
            .collect();
        let mut listing = many.listing("70");
        let given = pairs(&[&[("limit", "70")], given.as_slice()].concat());
        listing.query = Query::parse(Kind::Requests, &given, NOW).unwrap();
        let list = run(listing.list()).unwrap();
        found.extend(list.items.iter().map(|record| record.id.time_ms()));
        match list.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let all: Vec<u64> = (0..600).map(|n| NOW - 1_000_000 + 599 - n).collect();
    assert_eq!(found, all);
}

#[test]
fn who_was_not_asked_in_time_is_named() {
    let mut many = Many::of(20, 2);
    many.patience = 12;
    let list = run(many.listing("10").list()).unwrap();
    assert_eq!(list.incomplete, many.logs.names()[12..]);
    many.sent.set(0);
    let given = pairs(&[("by", "route")]);
    let query = SummaryQuery::parse(Kind::Requests, &given, NOW).unwrap();
    let names = many.logs.names();
    let asked = &many;
    let summary = run(summarise_all(
        &asked,
        &names,
        Kind::Requests,
        &given,
        &query,
        Notes::default(),
    ));
    let summary = serde_json::to_value(summary).unwrap();
    assert_eq!(summary["incomplete"], json!(names[12..]));
    assert_eq!(
        summary["requests"],
        json!(12 * 2 * u64::from(sample::full().weight))
    );
}
