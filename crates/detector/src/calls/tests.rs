mod acted;
mod acts;
mod cohorts;
mod marginals;
mod pauses;
mod reports;
mod shares;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Rates, Report, ReportFacts, acts as act_calls, answer, is_act, report_facts, wanted_evidence};
use crate::AnomalyKind;
use crate::packets::tests as packets;
use crate::store::Detector;
use crate::store::tests::{accept, arrival, denial, hook, keep_all_sums, open, reopened, story, written};
use crate::tests::stories::healthy;
use crate::tests::traffic::World;
use crate::webhook::AllowedAddresses;
use blobwatch_guard::{Against, HarmNotice};
use blobwatch_pull::{Family, Method, PathShape, Profile, RangeKind, RangeRecord, Record, sample};
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_sql::{Native, Unpaced, at_once};
use blobwatch_upstream::{IngestReport, PacketOutcome, PacketRow, UpstreamWindow};
use blobwatch_wire::{ApiReply, ApiRequest, CALLS, Handler, Object, Problem, parse_rfc3339, rfc3339};

/// The night of July 2020 five minutes after its onset.
fn night() -> (Detector<Native>, u64) {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..390] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[389]) + 5_000;
    detector.tick(now).unwrap();
    detector.change(&written(1, now - 60_000), now).unwrap();
    (detector, now)
}

fn ask(
    store: &Detector<Native>,
    now_ms: u64,
    method: &str,
    path: &str,
    body: &str,
) -> Result<ApiReply, Problem> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let call = ApiRequest {
        method,
        path,
        query,
        body,
        actor: "olga",
        now_ms,
        if_match: None,
    };
    // Whether it is done is a matter of `store::acts`.
    if is_act(&call) {
        if path.contains("/shares/") {
            return ApiReply::json(200, &());
        }
        return act_calls::read(&call).and_then(|_| ApiReply::json(200, &()));
    }
    at_once(answer(store, &call, AllowedAddresses::Public, &Unpaced)).unwrap()
}

#[track_caller]
fn get(store: &Detector<Native>, now_ms: u64, path: &str) -> Value {
    let reply = ask(store, now_ms, "GET", path, "").unwrap();
    assert_eq!(reply.status, 200);
    serde_json::from_str(&reply.body).unwrap()
}

#[track_caller]
fn refused(store: &Detector<Native>, now_ms: u64, path: &str, status: u16, place: &str) {
    let problem = ask(store, now_ms, "GET", path, "").unwrap_err();
    let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!((problem.status, places), (status, vec![place]), "{path}");
}

#[test]
fn the_calls_tell_what_the_detector_knows() {
    let (store, now) = night();
    let list = get(
        &store,
        now,
        "anomalies?status=open&kind=resume_surge&route=hub&since=-1h",
    );
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["next_cursor"], Value::Null);
    let item = &list["items"][0];
    assert_eq!(
        (&item["id"], &item["status"]),
        (&json!("an-000001"), &json!("open"))
    );
    assert_eq!(&get(&store, now, "anomalies/an-000001"), item);
    for nothing in ["status=closed", "kind=abort_surge", "until=-1h"] {
        let list = get(&store, now, &format!("anomalies?{nothing}"));
        assert_eq!(list["items"], json!([]), "{nothing}");
    }

    let timeline = get(&store, now, "timeline?since=-30m&by=colo");
    let points = timeline["times"].as_array().unwrap().len();
    assert!((30..=32).contains(&points), "{points}");
    assert_eq!(timeline["step_s"], 60);
    let series = timeline["series"].as_array().unwrap();
    assert_eq!(series.len(), 7);
    for one in series {
        assert_eq!(one["requests"].as_array().unwrap().len(), points);
        assert!(one["by"]["colo"].is_string());
    }
    let types: Vec<&str> = timeline["marks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mark| mark["type"].as_str().unwrap())
        .collect();
    assert!(
        types.contains(&"anomaly_opened") && types.contains(&"rule_change"),
        "{types:?}"
    );
    let sum = get(&store, now, "timeline?since=-30m&step=300&os=amzn2&colo=FRA");
    assert_eq!(
        (&sum["series"][0]["by"], &sum["step_s"]),
        (&json!({}), &json!(300))
    );

    let both = get(&store, now, "timeline?since=-30m&by=colo&colo=FRA,LHR");
    assert_eq!(
        both["series"].as_array().unwrap().len(),
        2,
        "several values match any"
    );

    let cohorts = get(&store, now, "cohorts?kind=resume_surge&x=colo&y=os&since=-4m");
    assert_eq!(cohorts["y"]["values"][0], "amzn2");
    assert_eq!(cohorts["x"]["values"].as_array().unwrap().len(), 7);
    let os = &cohorts["attributes"][5];
    assert_eq!(
        (&os["attribute"], &os["values"][0]["value"]),
        (&json!("os"), &json!("amzn2"))
    );
    assert!(os["values"][0]["ratio"].as_f64().unwrap() > 5.0, "{os}");

    // In the anomaly's own window, which is what its page links to, they say what it says.
    let own = get(
        &store,
        now,
        &format!(
            "cohorts?kind=resume_surge&x=colo&y=os&since={}",
            item["onset"].as_str().unwrap()
        ),
    );
    let amazon = &own["attributes"][5]["values"][0];
    let share = |name: &str| amazon[name].as_f64().unwrap() / amazon["trials"].as_f64().unwrap();
    let figure = |name: &str| item[name].as_f64().unwrap();
    assert_eq!(amazon["value"], "amzn2");
    // IAD, which is fine, is in it too.
    assert!(
        (0.6..=1.1).contains(&(share("events") / figure("observed"))),
        "{amazon} {item}"
    );
    assert!(
        (0.5..=2.0).contains(&(share("expected") / figure("baseline"))),
        "{amazon} {item}"
    );

    // From before the deployment began: nothing was learned before the window, and what was expected is learned in it.
    let young = get(&store, now, "cohorts?kind=resume_surge&x=colo&y=os&since=-3h");
    let systems = young["attributes"][5]["values"].as_array().unwrap();
    let amazon = systems.iter().find(|os| os["value"] == "amzn2").unwrap();
    assert!(amazon["ratio"].as_f64().unwrap() > 2.0, "{amazon}");

    let coverage = &list["coverage"];
    assert_eq!(coverage["state"], "watching");
    assert_eq!(coverage["anomaly_breadth"], json!({"clients": 10, "networks": 5}));
    let limits = coverage["limits"].as_array().unwrap();
    assert!(
        limits[0]
            .as_str()
            .unwrap()
            .starts_with("Requests that vanish are not missed before 2020-07-13 "),
        "{limits:?}"
    );

    let metrics = ask(&store, now, "GET", "metrics", "").unwrap().body;
    for line in [
        "blobwatch_detector_state{state=\"watching\"} 1",
        "blobwatch_detector_state{state=\"learning\"} 0",
        "blobwatch_detector_route_watched{route=\"hub\"} 1",
        "blobwatch_detector_anomaly_clients_min 10",
        "blobwatch_anomalies_open{kind=\"resume_surge\"} 1",
        "blobwatch_detector_sources 1",
        "# TYPE blobwatch_requests_total counter",
        "blobwatch_requests_total{route=\"hub\"} ",
        "blobwatch_webhook_deliveries{state=\"pending\"} 0",
        "blobwatch_detector_cohorts_max 20000",
        "blobwatch_detector_cohorts_evicted_total 0",
        "blobwatch_detector_values{attribute=\"os\",breadth=\"broad\"} 3",
        "blobwatch_detector_values_max{breadth=\"broad\"} 3500",
        "blobwatch_detector_values_other_requests_total{attribute=\"fingerprint\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn what_is_unknown_is_refused_with_its_place() {
    let (store, now) = (open(), crate::store::tests::START_MS);
    refused(&store, now, "anomalies?state=open", 400, "query.state");
    refused(&store, now, "anomalies?status=new", 400, "query.status");
    refused(&store, now, "anomalies?kind=surge", 400, "query.kind");
    refused(&store, now, "anomalies?cursor=7", 400, "query.cursor");
    refused(&store, now, "anomalies?limit=0", 400, "query.limit");
    refused(&store, now, "anomalies/12", 400, "path.id");
    refused(&store, now, "timeline?by=client", 400, "query.by");
    refused(&store, now, "timeline?since=-30d&until=-31d", 400, "query.since");
    refused(&store, now, "timeline?since=yesterday", 400, "query.since");
    refused(&store, now, "cohorts?kind=traffic_cliff", 400, "query.kind");
    refused(&store, now, "cohorts?x=rule", 400, "query.x");
    assert_eq!(
        ask(&store, now, "GET", "anomalies/an-000007", "")
            .unwrap_err()
            .status,
        404
    );
    assert_eq!(ask(&store, now, "POST", "anomalies", "").unwrap_err().status, 405);
}

#[test]
fn every_call_of_the_table_is_known_here() {
    let (store, now) = (open(), crate::store::tests::START_MS);
    let ours = [Handler::Object(Object::Detector), Handler::WebhookChange];
    for call in CALLS.iter().filter(|call| ours.contains(&call.handler)) {
        let path = call.path.replace("{id}", "an-000001");
        if let Err(problem) = ask(&store, now, call.method.name(), &path, "{}") {
            assert_ne!(problem.detail, Problem::no_such_call().detail, "{call:?}");
            assert_ne!(problem.status, 405, "{call:?}");
        }
    }
}

#[test]
fn a_list_is_no_webhook_and_no_object_is_an_event() {
    let (store, now, hook) = (open(), crate::store::tests::START_MS, hook());
    let refused = |body: serde_json::Value| {
        let problem = ask(&store, now, "PUT", "webhooks/chat", &body.to_string()).unwrap_err();
        let places = problem.errors.iter().map(|error| error.place.clone());
        (problem.status, places.collect::<Vec<_>>())
    };
    let at = |place: &str| (400, vec![place.to_owned()]);
    assert_eq!(refused(json!([])), at("body"));
    assert_eq!(refused(json!([hook.url, hook.secret, null])), at("body"));
    let event = json!({"url": hook.url, "secret": hook.secret, "events": [{"anomaly.opened": null}]});
    assert_eq!(refused(event), at("body.events[0]"));
}

/// Whatever the method, the parameters and the body: an answer, or a refusal with its place that changes nothing.
#[test]
fn odd_calls_are_refused_with_their_place() {
    let (store, now) = (open(), crate::store::tests::START_MS);
    let queries = [
        "",
        "=",
        "%ff=%00",
        "unknown=1",
        "since=never",
        "since=-1h&since=-2h",
        "until=99999999999999999999",
        "limit=-1",
        "limit=99999999999999999999",
        "cursor=%00",
        "cursor=an-99999999999999999999",
        "step=0",
        "step=1e9",
        "by=",
        "kind=",
        "x=colo&y=colo",
        "colo=,,,",
        "asn=-1",
        "since=0001-01-01T00:00:00Z",
        "since=9999-12-31T23:59:59Z",
        "event=x",
    ];
    let (url, secret) = (hook().url, hook().secret);
    let deep = "[".repeat(5_000);
    let bodies = [
        String::new(),
        "not json".to_owned(),
        "null".to_owned(),
        deep.clone(),
        format!("{{\"url\":{deep}"),
        json!([url, secret, []]).to_string(),
        json!({"url": url, "secret": secret, "unknown": 1}).to_string(),
        json!({"url": 7, "secret": secret}).to_string(),
        json!({"url": "x".repeat(5_000), "secret": secret}).to_string(),
        json!({"url": url, "secret": [secret]}).to_string(),
        json!({"url": url, "secret": "short"}).to_string(),
        json!({"url": url, "secret": secret, "events": {}}).to_string(),
        json!({"url": url, "secret": secret, "events": ["a", 1e308]}).to_string(),
    ];
    let ours = [Handler::Object(Object::Detector), Handler::WebhookChange];
    for call in CALLS.iter().filter(|call| ours.contains(&call.handler)) {
        for name in [
            "chat",
            "",
            ".",
            "%2f",
            "an-000001",
            "an-99999999999999999999",
            "A B",
        ] {
            for method in ["GET", "PUT", "POST", "DELETE", "HEAD", "get"] {
                let takes_body = matches!(method, "PUT" | "POST");
                for query in queries {
                    for body in bodies.iter().take(if takes_body { bodies.len() } else { 1 }) {
                        let path = format!("{}?{query}", call.path.replace("{id}", name));
                        let what = format!("{method} {path} {}", body.get(..40).unwrap_or(body));
                        let Err(problem) = ask(&store, now, method, &path, body) else {
                            continue;
                        };
                        assert!((400..500).contains(&problem.status), "{what}: {problem:?}");
                        let needs_place = matches!(problem.status, 400 | 422);
                        assert!(!needs_place || !problem.errors.is_empty(), "{what}: {problem:?}");
                    }
                }
            }
        }
    }
    assert_eq!(store.webhooks().unwrap(), [], "none of these bodies is a webhook");
}

#[test]
fn webhooks_are_set_listed_tried_and_removed() {
    let (store, now) = (open(), crate::store::tests::START_MS);
    let body = json!({"url": hook().url, "secret": hook().secret}).to_string();
    assert_eq!(
        ask(&store, now, "PUT", "webhooks/chat", &body).unwrap().status,
        201
    );
    assert_eq!(
        ask(&store, now, "PUT", "webhooks/chat", &body).unwrap().status,
        200
    );
    let list = get(&store, now, "webhooks");
    assert_eq!(list["items"][0]["id"], "chat");
    assert!(!list.to_string().contains(&hook().secret));
    let queued = ask(&store, now, "POST", "webhooks/chat/test", "").unwrap();
    assert_eq!(
        (queued.status, queued.body.as_str()),
        (202, "{\"id\":\"dl-000001\"}")
    );
    let deliveries = get(&store, now, "webhooks/deliveries");
    assert_eq!(deliveries["items"][0]["status"], "pending");
    assert_eq!(
        ask(&store, now, "DELETE", "webhooks/chat", "").unwrap().status,
        200
    );
    assert_eq!(
        ask(&store, now, "DELETE", "webhooks/chat", "")
            .unwrap_err()
            .status,
        404
    );
    let private = json!({"url": "https://169.254.169.254/", "secret": hook().secret}).to_string();
    assert_eq!(
        ask(&store, now, "PUT", "webhooks/chat", &private)
            .unwrap_err()
            .status,
        422
    );
}

#[test]
fn no_anomaly_is_not_taken_for_health() {
    let empty = open();
    let said = |store: &Detector<Native>, now_ms: u64| {
        let list = get(store, now_ms, "anomalies?status=open");
        list["coverage"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        said(&empty, 1_594_036_800_000),
        "No blob request has come yet, so there is nothing to judge."
    );
    let mut detector = open();
    let mut world = World::new(7).crowd(3, 1);
    let play = |detector: &mut Detector<Native>, world: &mut World, slots: u64| {
        for _ in 0..slots {
            let batch = world.batch(&healthy);
            accept(detector, &batch, arrival(&batch)).unwrap();
        }
        world.slot * 10_000 + 8_000
    };
    let now = play(&mut detector, &mut world, 6);
    assert_eq!(
        said(&detector, now),
        "Still learning what is normal, until 12:05 UTC: until then no fault is found."
    );
    let now = play(&mut detector, &mut world, 54);
    let few = "Too few clients to judge: 3 clients in 1 network in the last hour, and an anomaly needs at least 10 in 5. If a fleet \
               pulls through one proxy or NAT, lower the setting anomaly_breadth to what can be told apart here.";
    assert_eq!(said(&detector, now), few);
    assert_eq!(
        said(&detector, now + 7_200_000),
        "No blob request in the last hour, so there is nothing to judge. Check whether pulls reach Blobwatch."
    );
    let settings = json!({"id": "1", "revision": 2, "time_ms": now, "actor": "olga", "cause": "operator", "action": "settings.put",
        "target": "settings", "parts": [{"part": "settings", "before": {}, "after": {"anomaly_breadth": {"clients": 3, "networks": 1}}}]});
    detector
        .change(&serde_json::from_value(settings).unwrap(), now)
        .unwrap();
    assert_eq!(
        said(&detector, now),
        "Watching 3 clients in 1 network in the last hour."
    );
    let marks = detector.change_marks(0, now + 1, 9).unwrap();
    assert_eq!(
        marks[0].text,
        "settings: an anomaly needs 3 clients in 1 network, before 10 clients in 5 networks, by olga"
    );
    let reopened = reopened(detector, now);
    assert_eq!(
        said(&reopened, now),
        "Watching 3 clients in 1 network in the last hour."
    );
}
