//! FireLogs and a RuleBook on databases of this process, as an API on this machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use blobwatch_fire_log::{
    BEFORE, Budget, Export, FireLog, FireLogs, KIND, Kind, Listing, PageCall, Query, SummaryCall,
    SummaryQuery, scan_page, summarise, summarise_all,
};
use blobwatch_pull::{Record, RecordId, sample};
use blobwatch_records::{Builder, Flush, RulebookVersion};
use blobwatch_rule_book::{RuleBookStore, answer, export_audit, export_begin};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::{Native, Unpaced, at_once};
use blobwatch_wire::{ApiRequest, Body, Nothing, ObjectCall, Payload, Problem};
use rustix::process::{Pid, Signal, kill_process};

use crate::local_api::{Answer, Call, serve};

pub(crate) const HOUR_MS: u64 = 3_600_000;

#[expect(clippy::disallowed_methods, reason = "the program has the machine's clock")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}

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
    logs: RefCell<BTreeMap<String, FireLog<Native>>>,
    book: RuleBookStore<Native>,
    orders: Arc<Mutex<Orders>>,
    batches: RefCell<u64>,
}

type Pairs = Vec<(String, String)>;

impl FireLogs for &Deployment {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Result<C::Reply, Problem> {
        if self.orders.lock().unwrap().silent.as_deref() == Some(name) {
            return Err(Problem::not_found(name));
        }
        let path = call.path();
        let (what, query) = path.split_once('?').unwrap();
        let bytes = match self.answer(name, what, pairs(query))? {
            Payload::Nothing => Vec::new(),
            Payload::Text(text) => text.into_bytes(),
            Payload::Bytes(bytes) => bytes,
        };
        Ok(C::Reply::from_bytes(&bytes).unwrap())
    }
}

fn pairs(query: &str) -> Pairs {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

impl Deployment {
    fn new(orders: Arc<Mutex<Orders>>) -> Self {
        let starter = r#"{"schema":1,"revision":0,"routes":[{"name":"default"}],"rules":[],"modes":[]}"#;
        let starter = Rulebook::from_json(starter).unwrap();
        Self {
            logs: RefCell::default(),
            book: RuleBookStore::open(Native::in_memory().unwrap(), &starter, now_ms()).unwrap(),
            orders,
            batches: RefCell::new(0),
        }
    }

    /// As `src/control_plane/fire_log_queries.rs` does.
    fn answer(&self, name: &str, call: &str, mut pairs: Pairs) -> Result<Payload, Problem> {
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(known, _)| known == name)?;
            Some(pairs.swap_remove(at).1)
        };
        let kind = Kind::of_name(&take(KIND).unwrap_or_default());
        let before = take(BEFORE).map_or(RecordId(u128::MAX), |id| id.parse().unwrap());
        let (logs, budget) = (self.logs.borrow(), Budget::default());
        let sql = logs[name].sql();
        if call == PageCall::PATH {
            let query = Query::parse(kind, &pairs, now_ms())?;
            let page = scan_page(sql, &query.filter, query.before, query.limit, budget, &Unpaced);
            Ok(at_once(page).unwrap().unwrap().into_payload().unwrap())
        } else {
            assert_eq!(call, SummaryCall::PATH);
            let query = SummaryQuery::parse(kind, &pairs, now_ms())?;
            let part = summarise(sql, &query.filter, &query.by, before, budget, &Unpaced);
            Ok(at_once(part).unwrap().unwrap().into_payload().unwrap())
        }
    }

    /// Each record at the FireLog of its colo.
    fn store(&self, records: Vec<Record>) {
        for record in records {
            let mut logs = self.logs.borrow_mut();
            let log = logs
                .entry(format!("fl1-{}-0", record.colo))
                .or_insert_with(|| FireLog::open(Native::in_memory().unwrap()).unwrap());
            let mut block = Builder::default();
            block.push(record);
            *self.batches.borrow_mut() += 1;
            let flush = Flush {
                addresses: Vec::new(),
                isolate: 1,
                seq: *self.batches.borrow(),
                held: RulebookVersion::default(),
                losses: BTreeMap::new(),
                volumes: Vec::new(),
                segment: block.encode(),
            };
            log.accept(&flush.encode(), now_ms()).unwrap();
        }
    }

    fn call(&self, call: &Call) -> Answer {
        self.store(self.follow_orders());
        let names = self.logs.borrow().keys().cloned().collect::<Vec<_>>();
        let pairs = pairs(&call.query);
        match call.path.as_str() {
            "requests" | "fires" => {
                let kind = Kind::of_name(&call.path);
                let query = Query::parse(kind, &pairs, now_ms()).unwrap();
                export(Listing {
                    fire_logs: self,
                    names,
                    kind,
                    pairs,
                    query,
                })
            }
            "requests/summary" | "fires/summary" => {
                let kind = Kind::of_name(call.path.trim_end_matches("/summary"));
                let query = SummaryQuery::parse(kind, &pairs, now_ms()).unwrap();
                let summary = summarise_all(&self, &names, kind, &pairs, &query);
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
            path => {
                let request = ApiRequest {
                    method: &call.method,
                    path,
                    query: &call.query,
                    body: &call.body,
                    if_match: call.if_match.as_deref(),
                    actor: "ada",
                    now_ms: now_ms(),
                };
                let reply = answer(&self.book, &request).unwrap();
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
        std::mem::take(&mut orders.arriving)
    }
}

/// The worker breaks its answer off where a FireLog does not answer; here it is refused.
fn export(listing: Listing<&Deployment>) -> Answer {
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
