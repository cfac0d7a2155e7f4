//! `blobwatch tail` against FireLogs on databases of this process, and a collector that takes, refuses and fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use blobwatch_pull::{Action, Mode, Record, RecordId, sample};
use deployment::{Orders, ids, records, start};
use local_api::{Answer, Call, TOKEN, listen};
use local_records::now_ms;
use serde_json::{Value, json};

mod deployment;
mod local_api;
mod local_records;

/// A collector: what it is to answer next, else that it took everything, and what it was sent.
#[derive(Default)]
struct Collector {
    answers: Vec<Answer>,
    taken: Vec<Value>,
    calls: Vec<Call>,
}

impl Collector {
    fn answer(&mut self, call: &Call) -> Answer {
        self.calls.push(call.clone());
        let answer = self.answers.pop().unwrap_or_else(|| Answer::json(200, "{}"));
        if answer.status == 200 {
            let body: Value = serde_json::from_str(&call.body).unwrap();
            let resources = body["resourceLogs"].as_array().unwrap().iter();
            self.taken
                .extend(resources.map(|resource| resource["scopeLogs"][0]["logRecords"][0].clone()));
        }
        answer
    }

    fn ids(&self) -> Vec<String> {
        let id = |record: &Value| {
            assert_eq!(record["attributes"][0]["key"], "log.record.uid");
            record["attributes"][0]["value"]["stringValue"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        self.taken.iter().map(id).collect()
    }
}

struct Tail {
    state: PathBuf,
    url: String,
    collects: String,
    orders: Arc<Mutex<Orders>>,
    collector: Arc<Mutex<Collector>>,
}

impl Tail {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tail").join(name);
        let _ = fs::remove_dir_all(&folder);
        let orders = Arc::<Mutex<Orders>>::default();
        let collector = Arc::<Mutex<Collector>>::default();
        let told = Arc::clone(&collector);
        Self {
            state: folder.join("state.json"),
            url: start(&orders),
            collects: listen(move || move |call: &Call| told.lock().unwrap().answer(call)),
            orders,
            collector,
        }
    }

    fn arrive(&self, records: &[Record]) {
        self.orders.lock().unwrap().arrive(records);
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
        program
            .args(["tail", "--since", "-4d"])
            .args(arguments)
            .env("BLOBWATCH_URL", &self.url)
            .env("BLOBWATCH_TOKEN", TOKEN);
        program
    }

    /// To the collector, until there is nothing more.
    fn once(&self) -> Command {
        let mut program = self.program(&["--once", "--otlp", &self.collects, "--state"]);
        program.arg(&self.state);
        program
    }

    #[track_caller]
    fn run(&self, code: i32) -> String {
        said(self.once(), code)
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.state).unwrap()).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut kept = self.kept();
        change(&mut kept);
        fs::write(&self.state, kept.to_string()).unwrap();
    }

    /// Times are looked at again once they are twice as old as they were.
    fn grow_old(&self) {
        self.change(|kept| {
            for span in kept["spans"].as_array_mut().unwrap() {
                span["compared_ms"] = 0.into();
            }
        });
    }

    fn answers(&self, answers: Vec<Answer>) {
        self.collector.lock().unwrap().answers = answers;
    }

    /// What the collector has, sorted.
    fn has(&self) -> Vec<String> {
        let mut has = self.collector.lock().unwrap().ids();
        has.sort();
        has
    }
}

#[track_caller]
fn said(mut program: Command, code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = program.output().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert_eq!(status.code(), Some(code), "{text}");
    text
}

/// Every third is no fire.
fn some(count: u32) -> Vec<Record> {
    let fired = || sample::fired("botnet-sig", 3, Mode::Enforce, Action::Block, Action::Block);
    let of = |record: Record| Record {
        verdict: Action::Block,
        status: 403,
        fired: vec![fired(); usize::from(!record.id.counter().is_multiple_of(3))],
        ..record
    };
    records(count).into_iter().map(of).collect()
}

fn fires(records: &[Record]) -> Vec<Record> {
    let fired = |record: &&Record| !record.fired.is_empty();
    records.iter().filter(fired).cloned().collect()
}

#[test]
fn a_collector_has_every_fire_once_and_oldest_first() {
    let tail = Tail::new("once");
    let all = some(90);
    let (late, in_time): (Vec<_>, Vec<_>) = all
        .iter()
        .cloned()
        .partition(|record| record.id.counter() % 7 == 0);
    tail.arrive(&in_time);
    let told = tail.run(0);
    assert!(told.contains("(0 of them late), 0 rejected, 0 missed"), "{told}");
    assert_eq!(tail.collector.lock().unwrap().ids(), ids(&fires(&in_time)));
    tail.grow_old();
    tail.arrive(&late);
    let told = tail.run(0);
    let expected = format!("({} of them late)", fires(&late).len());
    assert!(told.contains(&expected), "{told}");
    assert_eq!(tail.has(), ids(&fires(&all)));
    let one = &tail.collector.lock().unwrap().taken[0];
    assert_eq!(one["eventName"], "blobwatch.fire");
    assert_eq!(one["severityText"], "WARN");
}

#[test]
fn a_kill_loses_nothing() {
    let tail = Tail::new("killed");
    let all = some(30);
    tail.arrive(&all);
    let mut call = 1;
    loop {
        let mut orders = tail.orders.lock().unwrap();
        let mut child = tail.once().stderr(Stdio::null()).spawn().unwrap();
        orders.kill_at(call, &child);
        drop(orders);
        let has_ended = child.wait().unwrap().success();
        tail.orders.lock().unwrap().spare();
        if has_ended {
            break;
        }
        call += 1;
        assert!(call < 200, "it never ends");
    }
    assert!(call > 2, "it was killed {call} times");
    let mut has = tail.has();
    has.dedup();
    assert_eq!(has, ids(&fires(&all)));
}

#[test]
fn what_a_collector_does_not_take_yet_is_sent_again() {
    let tail = Tail::new("later");
    let all = some(9);
    tail.arrive(&all);
    tail.answers(vec![Answer::json(429, "{}"), Answer::json(503, "")]);
    let told = tail.run(0);
    assert!(
        told.contains("answered 503") && told.contains("trying again"),
        "{told}"
    );
    assert_eq!(tail.has(), ids(&fires(&all)));
}

#[test]
fn what_a_collector_does_not_keep_is_counted() {
    let tail = Tail::new("rejected");
    tail.arrive(&some(9));
    tail.answers(vec![Answer::json(400, r#"{"message":"no such field"}"#)]);
    let told = tail.run(0);
    assert!(
        told.contains("no such field") && told.contains("sent 0 records (0 of them late), 6 rejected"),
        "{told}"
    );
    let partial = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}"#;
    tail.answers(vec![Answer::json(200, partial)]);
    let more = Record {
        id: RecordId::from_parts(now_ms() - 1, 2, 1),
        ..some(2).remove(1)
    };
    tail.arrive(&[more]);
    tail.change(|kept| {
        let spans = kept["spans"].as_array_mut().unwrap();
        spans.clear();
        kept["until_ms"] = (now_ms() - 60_000).into();
    });
    let told = tail.run(0);
    assert!(
        told.contains("rejected 1 records: too old")
            && told.contains("sent 0 records (0 of them late), 7 rejected"),
        "{told}"
    );
}

/// A wrong key or a wrong address gets no better, and what was not sent stays to be sent.
#[test]
fn a_collector_that_refuses_whoever_sends_ends_it() {
    let tail = Tail::new("refused");
    let all = some(9);
    tail.arrive(&all);
    tail.answers(vec![Answer::json(401, "who is it?")]);
    let told = tail.run(2);
    assert!(told.contains("/v1/logs answered 401 who is it?"), "{told}");
    let mut program = tail.once();
    program.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20eA==");
    said(program, 0);
    assert_eq!(tail.has(), ids(&fires(&all)));
    let calls = &tail.collector.lock().unwrap().calls;
    assert_eq!(calls[0].path, "/v1/logs");
    assert_eq!(calls[1].authorization, "Basic eA==");
}

#[test]
fn a_secret_is_not_sent_in_the_clear() {
    let tail = Tail::new("clear");
    let mut program = tail.program(&["--once", "--otlp", "http://collector.example:4318"]);
    program.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=x");
    let told = said(program, 2);
    assert!(told.contains("expected --otlp with https://"), "{told}");
}

/// Ids are forgotten where there are too many: what comes late then is counted, and said.
#[test]
fn late_records_of_a_forgotten_time_are_counted() {
    let tail = Tail::new("missed");
    let all = some(30);
    tail.arrive(&all[..20]);
    tail.run(0);
    tail.grow_old();
    tail.change(|kept| {
        for span in kept["spans"].as_array_mut().unwrap() {
            span["ids"] = Value::Null;
        }
    });
    tail.arrive(&all[20..]);
    let told = tail.run(0);
    let missed = fires(&all[20..]).len();
    assert!(told.contains(&format!("{missed} missed")), "{told}");
    assert!(told.contains("came late and were not sent"), "{told}");
    assert!(!tail.run(0).contains("not sent"), "said once");
}

#[test]
fn a_fire_log_that_does_not_answer_is_waited_for() {
    let tail = Tail::new("silent");
    let all = some(30);
    tail.arrive(&all);
    tail.orders.lock().unwrap().silent = Some("fl1-AMS-0".to_owned());
    let told = tail.run(2);
    assert!(told.contains("fl1-AMS-0 did not answer"), "{told}");
    tail.orders.lock().unwrap().silent = None;
    tail.run(0);
    assert_eq!(tail.has(), ids(&fires(&all)));
}

#[test]
fn lines_come_as_records_do() {
    let tail = Tail::new("lines");
    let all = some(9);
    tail.arrive(&all);
    let mut program = tail.program(&["requests", "--every", "1", "--schema", "ocsf"]);
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut read = |count: usize| -> Vec<String> {
        let line = |line: std::io::Result<String>| -> Value { serde_json::from_str(&line.unwrap()).unwrap() };
        let uid = |line: Value| line["metadata"]["uid"].as_str().unwrap().to_owned();
        lines.by_ref().take(count).map(line).map(uid).collect()
    };
    assert_eq!(read(9), ids(&all));
    let now = Record {
        id: RecordId::from_parts(now_ms(), 2, 1),
        ..sample::full()
    };
    tail.arrive(std::slice::from_ref(&now));
    assert_eq!(read(1), [now.id.to_string()]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_state_is_of_one_thing() {
    let tail = Tail::new("state");
    tail.run(0);
    let mut program = tail.once();
    program.args(["--where", "rule=sweep"]);
    let told = said(program, 2);
    assert!(
        told.contains("expected what was sent of fires&rule=sweep, found fires"),
        "{told}"
    );
    let lock = fs::File::open(tail.state.with_added_extension("lock")).unwrap();
    lock.lock().unwrap();
    let told = tail.run(2);
    assert!(told.contains("another process continues"), "{told}");
    drop(lock);
    fs::write(&tail.state, json!({"version": 2}).to_string()).unwrap();
    let told = tail.run(2);
    assert!(told.contains("expected version 1 or older, found 2"), "{told}");
}

#[test]
fn what_was_deleted_meanwhile_is_said() {
    let tail = Tail::new("gap");
    tail.run(0);
    tail.change(|kept| kept["until_ms"] = 1_593_975_600_000_u64.into());
    let told = tail.run(0);
    assert!(
        told.contains("from 2020-07-05T19:00:00.000Z to ") && told.contains("deleted before it was sent"),
        "{told}"
    );
    assert!(!tail.run(0).contains("deleted"));
}
