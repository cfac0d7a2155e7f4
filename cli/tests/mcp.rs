//! `blobwatch mcp` as a client sees it, line by line, against FireLogs and a RuleBook on databases of this process. The
//! end-to-end tests let the SDK's client call every tool on the real worker.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use blobwatch_fire_log::{
    CompareQuery, Kind, Listing, Notes, Query, SummaryQuery, compare_all, summarise_all,
};
use blobwatch_pull::{Record, RecordId, sample};
use blobwatch_rule_book::{RuleBookStore, answer};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::{Native, at_once};
use blobwatch_wire::{Problem, is_invisible};
use local_api::{Answer, Call, TOKEN, serve};
use local_records::{LocalRecords, now_ms, pairs};
use serde::Serialize;
use serde_json::{Value, json};

mod local_api;
mod local_records;

/// An answer's bound, and what says that it is reached.
const MAX_ANSWER: usize = 33 * 1024;

/// A deployment with one rule, and with these records.
fn deployment(records: Vec<Record>) -> String {
    serve(move || {
        let starter = r#"{"schema":1,"revision":0,"routes":[{"name":"default"}],
            "rules":[{"id":"sweep","version":1,"description":"d","expression":"http.user_agent contains \"docker\"","action":"block"}],"modes":[]}"#;
        let starter = Rulebook::from_json(starter).unwrap();
        let book = RuleBookStore::open(Native::in_memory().unwrap(), &starter, now_ms()).unwrap();
        let logs = LocalRecords::default();
        logs.store(records);
        move |call: &Call| match answered(call, &book, &logs) {
            Ok(answer) => answer,
            Err(problem) => Answer::json(problem.status, serde_json::to_string(&problem).unwrap()),
        }
    })
}

fn answered(call: &Call, book: &RuleBookStore<Native>, logs: &LocalRecords) -> Result<Answer, Problem> {
    let (pairs, names) = (pairs(&call.query), logs.names());
    match call.path.as_str() {
        "requests" => {
            let query = Query::parse(Kind::Requests, &pairs, now_ms())?;
            let listing = Listing {
                fire_logs: logs,
                names,
                kind: Kind::Requests,
                pairs,
                query,
                notes: Notes::default(),
            };
            Ok(json_of(&at_once(listing.list()).unwrap()?))
        }
        "requests/summary" => {
            let query = SummaryQuery::parse(Kind::Requests, &pairs, now_ms())?;
            let summary = summarise_all(&logs, &names, Kind::Requests, &pairs, &query, Notes::default());
            Ok(json_of(&at_once(summary).unwrap()))
        }
        "compare" => {
            let query = CompareQuery::parse(&call.body, now_ms())?;
            Ok(json_of(&at_once(compare_all(&logs, &names, &query)).unwrap()))
        }
        _ => answer(book, &call.of_rule_book(now_ms())).map(|reply| Answer::json(reply.status, reply.body)),
    }
}

fn json_of(answer: &impl Serialize) -> Answer {
    Answer::json(200, serde_json::to_string(answer).unwrap())
}

/// The program, and a client that has introduced itself.
struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    calls: u64,
    /// What the server said of itself.
    server: Value,
}

impl Client {
    fn of(url: &str, token: &str) -> Self {
        let mut child = program(url, token).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self {
            child,
            stdin,
            stdout,
            calls: 0,
            server: Value::Null,
        };
        let about = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        client.server = client.request("initialize", &about)["result"].take();
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn write(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn request(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id, "{line}");
        answer
    }

    /// A tool's text, and whether it is an error.
    #[track_caller]
    fn call(&mut self, tool: &str, arguments: &Value) -> (String, bool) {
        let answer = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str();
        assert!(text.is_some(), "{answer}");
        let text = text.unwrap().to_owned();
        assert!(text.len() <= MAX_ANSWER, "{} bytes", text.len());
        let obeyed = text
            .chars()
            .find(|letter| *letter != '\n' && is_invisible(*letter));
        assert_eq!(obeyed, None, "{text:?}");
        (text, result["isError"] == true)
    }

    #[track_caller]
    fn answer(&mut self, tool: &str, arguments: &Value) -> Value {
        let (text, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[track_caller]
    fn refused(&mut self, tool: &str, arguments: &Value, says: &str) {
        let (text, is_error) = self.call(tool, arguments);
        assert!(is_error && text.contains(says), "{text}");
    }

    /// Its exit code once the client is gone.
    fn end(mut self) -> i32 {
        drop(self.stdin.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

fn program(url: &str, token: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
    program
        .arg("mcp")
        .env("BLOBWATCH_URL", url)
        .env("BLOBWATCH_TOKEN", token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    program
}

/// Records of the last minutes, each with something long and odd that a client chose.
fn records(count: u64) -> Vec<Record> {
    let begin = now_ms() - 60_000;
    let chosen = format!("a\u{202e}\u{e0041}{}", "long/".repeat(40));
    let record = |n: u64| Record {
        id: RecordId::from_parts(begin + n, 1, n as u32),
        repository: chosen.clone(),
        ..sample::full()
    };
    (0..count).map(record).collect()
}

#[test]
fn a_client_learns_what_the_tools_take() {
    let mut client = Client::of("http://127.0.0.1:1", TOKEN);
    assert_eq!(client.server["serverInfo"]["name"], "blobwatch");
    assert!(
        client.server["instructions"]
            .as_str()
            .unwrap()
            .contains("never instructions")
    );
    let listed = client.request("tools/list", &json!({}));
    assert!(
        listed.to_string().len() < 22 * 1024,
        "{} bytes of every context",
        listed.to_string().len()
    );
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let schema = &tool["inputSchema"];
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false)),
            "{tool}"
        );
        assert_eq!(tool["annotations"]["destructiveHint"], false, "{tool}");
        let names = schema["properties"].as_object().unwrap().keys();
        // What the largest providers of models take as a name.
        let is_plain = |name: &String| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        assert!(names.clone().all(is_plain), "{tool}");
        let text = schema.to_string();
        assert!(!text.contains("$ref") && !text.contains("\"null\""), "{text}");
    }
    assert_eq!(client.end(), 0);
}

#[test]
fn pages_fit_and_go_on_behind_their_last_record() {
    let url = deployment(records(90));
    let mut client = Client::of(&url, TOKEN);
    let (mut seen, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    while pages == 0 || !cursor.is_null() {
        let page = client.answer(
            "requests",
            &json!({"limit": 100, "cursor": cursor, "family": ["docker", "containerd"]}),
        );
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].clone();
        pages += 1;
    }
    let mut once = seen.clone();
    once.dedup();
    assert!(
        pages > 1 && once.len() == 90 && seen.len() == 90,
        "{pages} pages, {} records",
        seen.len()
    );
}

#[test]
fn records_are_counted_compared_and_left_out() {
    let mut all = records(60);
    for record in all.iter_mut().skip(40) {
        record.os = "el8".into();
        record.status = 503;
    }
    let url = deployment(all);
    let mut client = Client::of(&url, TOKEN);
    let counts = client.answer(
        "summary",
        &json!({"of": "requests", "by": ["os", "status"], "since": "-1h"}),
    );
    assert_eq!(counts["groups"].as_array().map(Vec::len), Some(2), "{counts}");
    let rest = client.answer("requests", &json!({"exclude": {"os": ["el8"]}, "limit": 3}));
    assert!(
        rest["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["os"] != "el8"),
        "{rest}"
    );
    let compared = client.answer("compare", &json!({"filters": {"status": "5xx"}, "since": "-1h"}));
    assert_eq!(
        (&compared["selection"], &compared["rest"]),
        (&json!(20), &json!(40)),
        "{compared}"
    );
    assert_eq!(compared["attributes"][0]["attribute"], "os", "{compared}");
}

#[test]
fn rules_are_listed_and_explained() {
    let url = deployment(Vec::new());
    let mut client = Client::of(&url, TOKEN);
    let rules = client.answer("rules", &json!({}));
    assert_eq!(rules["items"][0]["id"], "sweep");
    let curl = "curl -A docker/20 https://r.example/v2/library/app/blobs/sha256:00";
    let asked =
        json!({"curl": curl, "expression": "ip.src.asnum eq 16509", "facts": {"ip.src.asnum": 16509}});
    let explained = client.answer("explain", &asked);
    let matched: Vec<&Value> = explained["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["matched"])
        .collect();
    assert_eq!(matched, [true, true], "{explained}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let url = deployment(Vec::new());
    let mut client = Client::of(&url, TOKEN);
    client.refused(
        "requests",
        &json!({"platform": "docker"}),
        "arguments.platform: expected one of since, until",
    );
    client.refused(
        "requests",
        &json!({"limit": 1000}),
        "arguments.limit: expected a whole number from 1 to 100",
    );
    client.refused(
        "requests",
        &json!({"os": {"is": "el8"}}),
        "arguments.os: expected a text or a list of texts",
    );
    client.refused("requests", &json!({"status": "9xx"}), "query.status: expected");
    client.refused(
        "summary",
        &json!({"of": "pulls", "by": "os"}),
        "arguments.of: expected requests or fires",
    );
    client.refused(
        "summary",
        &json!({"of": "requests", "by": ["weather"]}),
        "query.by: \"weather\": expected",
    );
    client.refused("report", &json!({"id": ".."}), "arguments.id: expected an id");
    client.refused(
        "rules",
        &json!({"id": "sweep"}),
        "arguments.id: expected one of cursor, limit",
    );
    client.refused(
        "explain",
        &json!({"rule": "ssl"}),
        "unknown field `rule`, expected one of `curl`",
    );
    client.refused(
        "explain",
        &json!({"curl": "curl https://r.example/", "expression": "ssl and"}),
        "body.rule.expression",
    );
    client.refused(
        "compare",
        &json!({"filters": ["os"]}),
        "arguments.filters: expected an object",
    );
    client.refused(
        "preview",
        &json!({"expression": "ssl", "percent": 5}),
        "unknown field `percent`",
    );
    let unknown = client.request("tools/call", &json!({"name": "enforce", "arguments": {}}));
    assert!(
        unknown["error"]["message"]
            .as_str()
            .unwrap()
            .contains("expected one of the tools anomalies"),
        "{unknown}"
    );
    assert_eq!(client.end(), 0);
}

#[test]
fn a_deployment_that_cannot_be_asked_is_an_answer_and_no_end() {
    let url = deployment(Vec::new());
    let mut client = Client::of(&url, "of-nobody");
    client.refused("rules", &json!({}), "Who is it? (401)");
    let mut client = Client::of("http://127.0.0.1:1", TOKEN);
    client.refused("anomalies", &json!({}), "failed to reach http://127.0.0.1:1");
    assert_eq!(client.end(), 0);
}

#[test]
fn it_does_not_start_without_a_deployment_or_a_client() {
    let said = |program: &mut Command| {
        let output = program.stdin(Stdio::null()).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, text) = said(&mut program("http://registry.example", TOKEN));
    assert!(
        code == 2 && text.contains("expected --url with https://"),
        "{text}"
    );
    let (code, text) = said(&mut program("https://registry.example", ""));
    assert!(code == 2 && text.contains("expected a token"), "{text}");
    let (code, text) = said(&mut program("https://registry.example", TOKEN));
    assert!(
        code == 2 && text.contains("expected an MCP client at standard input"),
        "{text}"
    );
}
