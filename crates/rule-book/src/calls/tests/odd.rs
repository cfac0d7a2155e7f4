//! Odd calls, made from the table of calls: each is taken whole, or refused with its place and changes nothing.

use blobwatch_sql::Native;
use blobwatch_wire::{ApiRequest, CALLS, Handler, Object, Problem};
use serde_json::{Map, Value, json};

use super::{NOW, store};
use crate::calls::answer;
use crate::store::RuleBookStore;

/// `BLOBWATCH_TEST_SEED` repeats a run.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = std::env::var("BLOBWATCH_TEST_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(20_200_705);
        println!("BLOBWATCH_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const METHODS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "get", ""];

/// What stands for `{id}` and its like.
const NAMES: [&str; 12] = [
    "sweep", "around", "new", "default", "library", "", ".", "..", "%2f", "a%20b", "\u{0}", "SWEEP",
];

const QUERIES: [&str; 18] = [
    "",
    "reason=r",
    "reason=",
    "reason=a&reason=b",
    "reason=%00%ff",
    "limit=0",
    "limit=-1",
    "limit=99999999999999999999",
    "limit=1&limit=2",
    "limit=x",
    "cursor=",
    "cursor=nonsense",
    "cursor=%00",
    "unknown=1",
    "dry_run=maybe",
    "revision=99999999999999999999",
    "&&&",
    "=x",
];

const IF_MATCH: [Option<&str>; 5] = [
    None,
    Some("\"0\""),
    Some("0"),
    Some("*"),
    Some("\"99999999999999999999\""),
];

fn sample(request: &str) -> Value {
    match request {
        "RuleBody" => {
            json!({"description": "d", "expression": "ssl", "action": "block", "default_mode": "monitor",
            "volume": {"by": "client", "requests": 5, "seconds": 10}, "force": true})
        }
        "ModeBody" => {
            json!({"mode": "enforce", "percent": 10, "reason": "r", "expires": "2020-07-06T00:00:00Z",
            "stages": [{"percent": 1, "minutes": 1}, {"percent": 100}], "preview": "pv-000001", "force": true,
            "guard": "off"})
        }
        "RouteBody" => json!({"host": "a.example", "repository": "a/**", "origin": "https://o.example",
            "detour": "https://d.example", "redirects": "follow", "observe": 0.5, "disclose": "all"}),
        "ExplainBody" => {
            json!({"curl": "curl https://a.example/v2/a/blobs/sha256:00", "facts": {"ip.src": "192.0.2.1"},
            "rule": {"expression": "ssl", "action": "block"}})
        }
        "ListBody" => json!({"description": "d", "kind": "number", "items": [1, "2..3"]}),
        "ItemsBody" => json!({"add": ["a"], "remove": [1]}),
        "PanicBody" => json!({"route": "default", "reason": "r"}),
        "Settings" => json!({"fire_logs": {"FRA": 2}, "retry_after_s": 30, "retention_hours": 24,
            "retention_bytes": 1_000_000_000, "anomaly_breadth": {"clients": 20, "networks": 5}, "keep_addresses": "full"}),
        "Rulebook" => {
            json!({"schema": 1, "revision": 0, "routes": [{"name": "default"}], "settings": {"fire_logs": {}},
            "rules": [{"id": "a", "version": 1, "expression": "ssl", "action": "tag",
                "volume": {"by": "client", "requests": 5, "seconds": 10}}],
            "modes": [{"rule": "a", "route": "default", "mode": "monitor"},
                {"rule": "a", "route": "b", "mode": "enforce", "stages": [{"percent": 1, "minutes": 1}]},
                {"rule": "a", "route": "c", "mode": "enforce", "stages":
                    {"index": 0, "steps": [{"percent": 1.0, "lasts_ms": 60000}], "until_ms": 9}}],
            "lists": [{"name": "a", "version": 1, "kind": "string", "items": ["a", 1]}]})
        }
        _ => json!({"a": 1}),
    }
}

/// Bodies that are no JSON, or none that anything is made of.
fn texts() -> Vec<String> {
    let fixed = [
        "",
        " ",
        "not json",
        "null",
        "true",
        "7",
        "\"text\"",
        "[]",
        "{}",
        "{",
        "{}{}",
        "\u{feff}{}",
        "[1e999]",
        "{\"a\":1,\"a\":2}",
    ];
    let deep = ["[", "{\"a\":", "[{\"rules\":"].map(|open| open.repeat(5_000));
    fixed.map(str::to_owned).into_iter().chain(deep).collect()
}

/// Stands for a number that `Value` cannot hold.
const HUGE: &str = "@huge@";

fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(0.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!([null]),
        json!({"": {"": []}}),
        json!(HUGE),
    ]
}

fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut below = |key: String, value: &Value| {
        let pointer = format!("{at}/{key}");
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key.clone(), value)),
        Value::Array(items) => (0..)
            .zip(items)
            .for_each(|(at, value): (usize, _)| below(at.to_string(), value)),
        _ => {}
    }
}

/// A sample with each field odd in each way, missing, and with an unknown one beside it.
fn bodies(request: &str) -> Vec<String> {
    let sample = sample(request);
    let mut all = Vec::new();
    pointers(&sample, "", &mut all);
    let mut bodies = texts();
    bodies.push(sample.to_string());
    for pointer in &all {
        for odd in odd_values() {
            let mut body = sample.clone();
            *body.pointer_mut(pointer).unwrap() = odd;
            let text = body.to_string();
            bodies.extend(
                ["1e400", "99999999999999999999999999"]
                    .map(|huge| text.replace(&json!(HUGE).to_string(), huge)),
            );
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut body = sample.clone();
        if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
            let kept: Map<_, _> = std::mem::take(fields)
                .into_iter()
                .filter(|(name, _)| name != key)
                .collect();
            *fields = kept;
            bodies.push(body.to_string());
            if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
                fields.insert("unknown".to_owned(), json!(1));
            }
            bodies.push(body.to_string());
        }
    }
    bodies
}

fn path(pattern: &str, random: &mut Random) -> String {
    let segment = |segment: &str, random: &mut Random| match segment.starts_with('{') {
        true => random.one_of(&NAMES).to_owned(),
        false => segment.to_owned(),
    };
    let segments: Vec<String> = pattern.split('/').map(|part| segment(part, random)).collect();
    segments.join("/")
}

fn kept(store: &RuleBookStore<Native>) -> (u64, usize, String) {
    let document = serde_json::to_string(&store.document().unwrap()).unwrap();
    (
        store.revision().unwrap(),
        store.audit(None, 1_000).unwrap().len(),
        document,
    )
}

#[track_caller]
fn is_a_refusal(problem: &Problem, call: &ApiRequest<'_>) {
    assert!((400..500).contains(&problem.status), "{problem:?}: {call:?}");
    assert!(
        problem.kind.starts_with("urn:blobwatch:problem:"),
        "{problem:?}: {call:?}"
    );
    let needs_place = matches!(problem.status, 400 | 422);
    assert!(
        !needs_place || !problem.errors.is_empty(),
        "{problem:?}: {call:?}"
    );
    let is_placed = problem
        .errors
        .iter()
        .all(|error| !error.place.is_empty() && !error.message.is_empty());
    assert!(is_placed, "{problem:?}: {call:?}");
}

/// Makes the call; the store is made anew after one that was taken.
#[track_caller]
fn made(store: &mut RuleBookStore<Native>, call: &ApiRequest<'_>) {
    let before = kept(store);
    match answer(store, call) {
        Ok(reply) => {
            assert!(matches!(reply.status, 200 | 201), "{reply:?}: {call:?}");
            serde_json::from_str::<Value>(&reply.body).unwrap();
            let after = kept(store);
            assert!(call.method != "GET" || after == before, "{call:?}");
            assert!(after.0 == before.0 || after.0 == before.0 + 1, "{call:?}");
            if after != before {
                *store = self::store();
            }
        }
        Err(problem) => {
            is_a_refusal(&problem, call);
            assert_eq!(kept(store), before, "{call:?}");
        }
    }
}

#[test]
fn odd_calls_are_taken_whole_or_refused_with_their_place() {
    let mut random = Random::seeded();
    let mut store = store();
    let own = |handler| matches!(handler, Handler::Object(Object::RuleBook) | Handler::AuditLog);
    for call in CALLS.iter().filter(|call| own(call.handler)) {
        let all = match call.request {
            "" => texts(),
            request => bodies(request),
        };
        for body in &all {
            for odd in [false, true] {
                let path = path(call.path, &mut random);
                let request = ApiRequest {
                    method: if odd {
                        random.one_of(&METHODS)
                    } else {
                        call.method.name()
                    },
                    path: &path,
                    query: if odd { random.one_of(&QUERIES) } else { "" },
                    body,
                    actor: "ops",
                    if_match: if odd {
                        IF_MATCH[random.below(IF_MATCH.len())]
                    } else {
                        None
                    },
                    now_ms: NOW + 60_000,
                };
                made(&mut store, &request);
            }
        }
        for query in QUERIES {
            for method in METHODS {
                let path = path(call.path, &mut random);
                let request = ApiRequest {
                    method,
                    path: &path,
                    query,
                    body: "",
                    actor: "ops",
                    if_match: None,
                    now_ms: NOW + 60_000,
                };
                made(&mut store, &request);
            }
        }
    }
}

/// Places of all objects, with their pointers.
fn objects(value: &Value, pointer: &str, place: &str, all: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            all.push((pointer.to_owned(), place.to_owned()));
            for (name, value) in fields {
                objects(
                    value,
                    &format!("{pointer}/{name}"),
                    &format!("{place}.{name}"),
                    all,
                );
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                objects(value, &format!("{pointer}/{at}"), &format!("{place}[{at}]"), all);
            }
        }
        _ => {}
    }
}

/// An empty list, and the values of an object.
fn lists_for(object: &Value) -> [Value; 2] {
    let values = object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, value)| value.clone());
    [json!([]), values.collect()]
}

#[test]
fn a_list_is_no_object_at_any_depth_of_any_body() {
    let revision = format!("\"{}\"", store().revision().unwrap());
    let mut tried = 0;
    for call in CALLS
        .iter()
        .filter(|call| call.handler == Handler::Object(Object::RuleBook) && !call.request.is_empty())
    {
        // A call that changes nothing takes no reason.
        let changes = !matches!(call.path, "explain" | "rules/check" | "archives");
        let mut all = Vec::new();
        objects(&sample(call.request), "", "body", &mut all);
        for (pointer, place) in all {
            // The stages of a document may be those of `PUT rules/{id}/modes/{route}` too, where they are a list.
            if pointer.ends_with("/2/stages") {
                continue;
            }
            for odd in lists_for(sample(call.request).pointer(&pointer).unwrap()) {
                let mut body = sample(call.request);
                *body.pointer_mut(&pointer).unwrap() = odd;
                let request = ApiRequest {
                    method: call.method.name(),
                    path: &call
                        .path
                        .replace("{id}", "sweep")
                        .replace("{route}", "default")
                        .replace("{name}", "new"),
                    query: if changes { "reason=r" } else { "" },
                    body: &body.to_string(),
                    actor: "ops",
                    if_match: Some(&revision),
                    now_ms: NOW + 60_000,
                };
                let problem = answer(&store(), &request).unwrap_err();
                let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
                // What else is wrong with the sample is told behind it.
                assert_eq!(
                    (problem.status, places.first()),
                    (400, Some(&place.as_str())),
                    "{body}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "{tried}");
}
