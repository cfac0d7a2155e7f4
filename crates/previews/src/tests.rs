//! The replay against its oracles: an isolate that enforces, a record's own values, one slice instead of many.

mod addresses;
mod enforcement;
mod pauses;
mod slices;
mod splits;
mod volumes;

use std::collections::BTreeMap;

use super::*;
use crate::scheduler::Run;
use blobwatch_fire_log::FireLog;
use blobwatch_isolate::{Config, Isolate};
use blobwatch_pull::{Action, Mode, ObservedAnswer, Outcome, Record};
use blobwatch_records::{Flush, Reply, RulebookVersion};
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rule_book::preview_sample::{CANDIDATE, NOW, book, mode, plan, rule};
use blobwatch_rulebook::{Compiled, Plan as Decision, Program, Rule, Rulebook, Watched};
use blobwatch_sql::{Native, Slices, Unpaced, at_once};

/// An isolate that has learned a rulebook and the FireLogs that it flushes to.
struct Edge {
    isolate: Isolate,
    logs: BTreeMap<String, FireLog<Native>>,
    document: Rulebook,
}

impl Edge {
    fn new(document: Rulebook) -> Self {
        Self::numbered(7, document)
    }

    fn numbered(isolate: u64, document: Rulebook) -> Self {
        let isolate = format!("{isolate:012x}");
        let (config, _) = Config::read(&isolate, "secret", "", "https://origin.example", &[]).unwrap();
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
            held: RulebookVersion {
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
            Decision::Pass { origin, .. } => panic!("passed to {origin}"),
        }
    }

    /// One request and its answer; the record reaches its FireLog.
    fn pull(&mut self, facts: &str, said: &ObservedAnswer<'_>) -> Option<u16> {
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
        let logs = self.logs.iter().map(|(name, log)| (name.clone(), log.sql()));
        let (whole, scanned) = replayed(&logs.collect(), plan, budget);
        (report_of(plan, whole), scanned)
    }
}

fn report_of(plan: &PreviewPlan, whole: Partial) -> Report {
    at_once(Report::of(plan, whole, &Unpaced)).unwrap()
}

/// Every slice of these FireLogs, through the form that travels.
fn replayed(logs: &BTreeMap<String, &Native>, plan: &PreviewPlan, budget: u64) -> (Partial, u64) {
    let store = PreviewStore::open(Native::in_memory().unwrap()).unwrap();
    store.begin(plan, "ada", NOW).unwrap();
    let (preview, plan, _) = store.next().unwrap().unwrap();
    let mut run = Run::new(preview, plan, logs.keys().cloned().collect());
    while !run.is_over() {
        let asked = run.ask();
        assert!(
            !asked.is_empty(),
            "nothing is left to ask for, and it is not over"
        );
        let slices = asked
            .iter()
            .map(|(name, call)| Some(slice(logs[name], call, budget)));
        assert!(!at_once(run.take(slices.collect(), &Unpaced)).unwrap());
    }
    let scanned = run.progress().scanned;
    (run.whole(), scanned)
}

fn slice(sql: &Native, call: &SliceCall, budget: u64) -> Slice {
    let call: SliceCall = serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
    let mut replay = Replay::new(&call.plan).unwrap();
    let budget = Budget { records: budget };
    let slice = scan_slice(sql, &mut replay, &call, budget, &Unpaced);
    let slice = at_once(slice).unwrap().unwrap();
    let next_ms = slice.next_ms;
    assert!(next_ms.is_none_or(|next| next > call.from_ms), "no progress");
    serde_json::from_str(&serde_json::to_string(&slice).unwrap()).unwrap()
}

/// Every slice of one FireLog.
fn run(sql: &Native, plan: &PreviewPlan, budget: u64, whole: &mut Partial) -> u64 {
    let (part, scanned) = replayed(&BTreeMap::from([("fl1-iad-0".to_owned(), sql)]), plan, budget);
    at_once(whole.join(part, &Unpaced)).unwrap();
    scanned
}

fn said(time_ms: u64, status: u16) -> ObservedAnswer<'static> {
    ObservedAnswer {
        status,
        content_range: None,
        content_length: Some(1000),
        content_type: None,
        location: None,
        followed_to: None,
        cache: None,
        outcome: Outcome::NotObserved,
        time_ms,
    }
}

fn flushed(body: &[u8]) -> Vec<Record> {
    blobwatch_records::decode(&Flush::decode(body).unwrap().segment).unwrap()
}
