//! The replay against its oracles: an isolate that enforces, a record's own values, one slice instead of many.

mod enforcement;
mod slices;

use std::collections::BTreeMap;

use super::*;
use blobwatch_fire_log::FireLog;
use blobwatch_isolate::{Config, Isolate};
use blobwatch_pull::{Action, Mode, Outcome, Record, Said};
use blobwatch_records::{Flush, Held, Reply};
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rule_book::preview_sample::{CANDIDATE, NOW, book, mode, plan, rule};
use blobwatch_rulebook::{Compiled, Plan as Decision, Program, Rule, Rulebook, Watched};
use blobwatch_sql::Native;

/// An isolate that has learned a rulebook and the FireLogs that it flushes to.
struct Edge {
    isolate: Isolate,
    logs: BTreeMap<String, FireLog<Native>>,
    document: Rulebook,
}

impl Edge {
    fn new(document: Rulebook) -> Self {
        let (config, _) = Config::read("0123456789ab", "secret", "", "https://origin.example").unwrap();
        let mut edge = Self {
            isolate: Isolate::new(
                config,
                Compiled::build(book(Vec::new(), Vec::new())).unwrap().into(),
            ),
            logs: BTreeMap::new(),
            document,
        };
        edge.learn();
        edge
    }

    fn learn(&mut self) {
        let program = Program::from(Compiled::build(self.document.clone()).unwrap());
        let reply = Reply {
            held: Held {
                epoch: 0,
                revision: self.document.revision,
            },
            rulebook: Some(program.encode()),
            ..Reply::default()
        };
        assert!(self.isolate.learn("fl1-iad-0", &reply.encode(), NOW).unwrap());
    }

    fn decide(&mut self, facts: &str) -> Watched {
        match self.isolate.decide(facts, true).unwrap() {
            Decision::Watch(watched) => watched,
            Decision::Pass { origin } => panic!("passed to {origin}"),
        }
    }

    /// One request and its answer; the record reaches its FireLog.
    fn pull(&mut self, facts: &str, said: &Said<'_>) -> Option<u16> {
        let plan = self.decide(facts);
        self.isolate.settle(plan.id, said);
        self.flush(said.time_ms + 2_000);
        plan.refusal.map(|refusal| refusal.status)
    }

    fn flush(&mut self, now_ms: u64) {
        while let Some(outgoing) = self.isolate.next_flush(now_ms) {
            let log = self.logs.entry(outgoing.to.clone());
            let log = log.or_insert_with(|| FireLog::open(Native::in_memory().unwrap()).unwrap());
            let reply = log.accept(&outgoing.body, now_ms).unwrap();
            self.isolate.learn(&outgoing.to, &reply.encode(), now_ms).unwrap();
        }
    }

    fn preview(&self, plan: &PreviewPlan, budget: u64) -> (Report, u64) {
        let (mut whole, mut scanned) = (Partial::default(), 0);
        for log in self.logs.values() {
            scanned += run(log.sql(), plan, budget, &mut whole);
        }
        (Report::of(plan, whole), scanned)
    }
}

/// Every slice of one FireLog, through the form that travels.
fn run(sql: &Native, plan: &PreviewPlan, budget: u64, whole: &mut Partial) -> u64 {
    let plan: PreviewPlan = serde_json::from_str(&serde_json::to_string(plan).unwrap()).unwrap();
    let mut replay = Replay::new(&plan).unwrap();
    let (mut from_ms, mut scanned) = (Some(plan.since_ms), 0);
    let mut windows = Default::default();
    while let Some(from) = from_ms {
        let slice = scan_slice(sql, &mut replay, from, windows, Budget { records: budget }).unwrap();
        let slice: Slice = serde_json::from_str(&serde_json::to_string(&slice).unwrap()).unwrap();
        assert!(slice.next_ms.is_none_or(|next| next > from), "no progress");
        scanned += slice.scanned;
        from_ms = slice.next_ms;
        windows = slice.windows;
        whole.join(slice.part);
    }
    scanned
}

fn said(time_ms: u64, status: u16) -> Said<'static> {
    Said {
        status,
        content_range: None,
        content_length: Some(1000),
        content_type: None,
        outcome: Outcome::NotObserved,
        time_ms,
    }
}

fn flushed(body: &[u8]) -> Vec<Record> {
    blobwatch_records::decode(&Flush::decode(body).unwrap().segment).unwrap()
}
