//! FireLogs and a RuleBook on databases of this process, as an API on this machine.

use std::process::Child;
use std::sync::{Arc, Mutex};

use blobwatch_fire_log::{Export, Kind, Listing, Notes, Query, SummaryQuery, filter_warnings, summarise_all};
use blobwatch_pull::{Record, RecordId, sample};
use blobwatch_rule_book::{RuleBookStore, answer, export_audit, export_begin};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::{Native, at_once};
use rustix::process::{Pid, Signal, kill_process};

use crate::local_api::{Answer, Call, serve};
use crate::local_records::{LocalRecords, now_ms, pairs};

pub(crate) const HOUR_MS: u64 = 3_600_000;

/// What the deployment is told from outside.
#[derive(Default)]
pub(crate) struct Orders {
    /// Records that arrive before the next call.
    arriving: Vec<Record>,
    /// A FireLog that does not answer.
    pub(crate) silent: Option<String>,
    /// This process is killed at the call of that number, before it is answered.
    victim: Option<(usize, Pid)>,
    calls: usize,
}

impl Orders {
    pub(crate) fn arrive(&mut self, records: &[Record]) {
        self.arriving.extend_from_slice(records);
    }

    pub(crate) fn kill_at(&mut self, call: usize, child: &Child) {
        self.calls = 0;
        self.victim = Some((call, Pid::from_child(child)));
    }

    pub(crate) fn spare(&mut self) {
        self.victim = None;
    }
}

/// Starts one; where it is.
pub(crate) fn start(orders: &Arc<Mutex<Orders>>) -> String {
    let told = Arc::clone(orders);
    serve(move || {
        let deployment = Deployment::new(told);
        move |call: &Call| deployment.call(call)
    })
}

struct Deployment {
    records: LocalRecords,
    book: RuleBookStore<Native>,
    orders: Arc<Mutex<Orders>>,
}

impl Deployment {
    fn new(orders: Arc<Mutex<Orders>>) -> Self {
        let starter = r#"{"schema":1,"revision":0,"routes":[{"name":"default"}],"rules":[],"modes":[]}"#;
        let starter = Rulebook::from_json(starter).unwrap();
        Self {
            records: LocalRecords::default(),
            book: RuleBookStore::open(Native::in_memory().unwrap(), &starter, now_ms()).unwrap(),
            orders,
        }
    }

    fn call(&self, call: &Call) -> Answer {
        self.records.store(self.follow_orders());
        let (fire_logs, names) = (&self.records, self.records.names());
        let pairs = pairs(&call.query);
        match call.path.as_str() {
            "requests" | "fires" => {
                let kind = Kind::of_name(&call.path);
                let query = Query::parse(kind, &pairs, now_ms()).unwrap();
                let notes = Notes {
                    warnings: filter_warnings(&pairs),
                    ..Notes::default()
                };
                let is_export = call.query.contains("format=ndjson");
                let listing = Listing {
                    fire_logs,
                    names,
                    kind,
                    pairs,
                    query,
                    notes,
                };
                if is_export {
                    export(listing)
                } else {
                    let list = at_once(listing.list()).unwrap().unwrap();
                    Answer::json(200, serde_json::to_string(&list).unwrap())
                }
            }
            "requests/summary" | "fires/summary" => {
                let kind = Kind::of_name(call.path.trim_end_matches("/summary"));
                let query = SummaryQuery::parse(kind, &pairs, now_ms()).unwrap();
                let summary = summarise_all(&fire_logs, &names, kind, &pairs, &query, Notes::default());
                Answer::json(200, serde_json::to_string(&at_once(summary).unwrap()).unwrap())
            }
            // Of an object that is not here: one as docs/api.md shows it.
            "anomalies" => Answer::json(200, include_str!("../data/archive/anomalies.json")),
            "audit" => {
                let mut after = export_begin(&call.query).unwrap();
                let mut body = String::new();
                while let Some(from) = after {
                    let step = export_audit(&self.book, from).unwrap();
                    body.push_str(&step.lines);
                    after = step.after;
                }
                Answer::json(200, body)
            }
            _ => {
                let reply = answer(&self.book, &call.of_rule_book(now_ms())).unwrap();
                Answer::json(reply.status, reply.body)
            }
        }
    }

    fn follow_orders(&self) -> Vec<Record> {
        let mut orders = self.orders.lock().unwrap();
        orders.calls += 1;
        if let Some((at, victim)) = orders.victim
            && at == orders.calls
        {
            kill_process(victim, Signal::KILL).unwrap();
        }
        self.records.silent.replace(orders.silent.clone());
        std::mem::take(&mut orders.arriving)
    }
}

/// The worker breaks its answer off where a FireLog does not answer; here it is refused.
fn export(listing: Listing<&LocalRecords>) -> Answer {
    let mut export = Export::new(listing);
    let mut body = Vec::new();
    while let Some(lines) = at_once(export.lines()).unwrap() {
        match lines {
            Ok(lines) => body.extend(lines),
            Err(why) => return Answer::json(503, format!("{{\"title\":\"{why}\"}}")),
        }
    }
    Answer::json(200, String::from_utf8(body).unwrap())
}

/// Of several days, colos and records without one.
pub(crate) fn records(count: u32) -> Vec<Record> {
    let began_ms = now_ms() - 60 * HOUR_MS;
    let record = |counter: u32| Record {
        id: RecordId::from_parts(
            began_ms + u64::from(counter) * 59 * HOUR_MS / u64::from(count),
            1,
            counter,
        ),
        colo: ["FRA", "AMS", ""][counter as usize % 3].to_owned(),
        digest: format!("sha256:{counter:064x}"),
        ..sample::full()
    };
    (0..count).map(record).collect()
}

pub(crate) fn ids(records: &[Record]) -> Vec<String> {
    let mut ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    ids.sort();
    ids
}
