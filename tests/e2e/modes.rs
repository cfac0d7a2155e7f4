//! What a rule does in each mode and with each action, as a client and the fire log see it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use blobwatch_wire::{parse_rfc3339, rfc3339};
use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Ended, Request};
use crate::harness::image::digest;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::{OPERATOR, Stage};

const RULE: &str = "probe";

/// Between two looks at what is over soon.
const GLANCE: Duration = Duration::from_millis(50);

fn put_rule(stage: &Stage, action: &str) {
    let rule =
        json!({"description": "", "expression": "http.user_agent contains \"probe/\"", "action": action});
    stage.api().put(&format!("/rules/{RULE}"), &rule);
}

fn set_mode(stage: &Stage, setting: Value) {
    let mut setting = setting;
    setting["reason"] = json!("the end-to-end test");
    stage.api().put(&format!("/rules/{RULE}/modes/default"), &setting);
}

fn probe(stage: &Stage) -> Request {
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "probe/1")
}

fn fired(answer: &Answer) -> &str {
    answer.get("blobwatch-fired").unwrap_or_default()
}

/// The record of this answer.
#[track_caller]
fn record(stage: &Stage, answer: &Answer) -> Value {
    let id = answer.get("blobwatch-id").unwrap();
    stage.records(&format!("id={id}"), 1).remove(0)
}

#[test]
fn block_answers_the_oci_error() {
    let stage = Stage::new();
    put_rule(&stage, "block");
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let answer = stage.until(&probe(&stage), |answer| answer.status() == 403);
    let id = answer.get("blobwatch-id").unwrap();
    assert_eq!(answer.get("content-type"), Some("application/json"));
    assert_eq!(
        answer.get("proxy-status"),
        Some("blobwatch;error=http_request_denied")
    );
    assert_eq!(answer.json()["errors"][0]["code"], "DENIED");
    assert!(
        answer.json()["errors"][0]["detail"].to_string().contains(id),
        "{}",
        answer.text()
    );
    let record = record(&stage, &answer);
    assert_eq!(
        (&record["status"], &record["verdict"]),
        (&json!(403), &json!("block"))
    );
    let fired =
        json!([{"rule": RULE, "version": 1, "mode": "enforce", "would": "block", "applied": "block"}]);
    assert_eq!(record["fired"], fired);
    let head =
        stage.through(&Request::new("HEAD", probe(&stage).head.target()).header("User-Agent", "probe/1"));
    assert_eq!(
        (head.status(), head.ended, head.body.len()),
        (403, Ended::Complete, 0)
    );
    let other = stage.through(&Request::get(probe(&stage).head.target()).header("User-Agent", "other/1"));
    assert!(
        other.body == stage.registry.image.small().bytes,
        "others are not touched"
    );
}

#[test]
fn throttle_says_when_to_come_back() {
    let stage = Stage::new();
    put_rule(&stage, "throttle");
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let answer = stage.until(&probe(&stage), |answer| answer.status() == 429);
    assert!(answer.get("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(answer.json()["errors"][0]["code"], "TOOMANYREQUESTS");
    assert_eq!(record(&stage, &answer)["verdict"], "throttle");
}

#[test]
fn detour_goes_to_the_second_origin() {
    let stage = Stage::new();
    let bucket = Relay::before(stage.registry.addr());
    stage
        .api()
        .put("/routes/default", &json!({"detour": bucket.url()}));
    put_rule(&stage, "detour");
    let answer = stage.until(&probe(&stage).header("Blobwatch-Token", OPERATOR), |a| {
        fired(a).contains(RULE)
    });
    assert!(bucket.seen().is_empty(), "not in monitor: {:?}", answer.head);
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let answer = stage.until(&probe(&stage), |_| !bucket.seen().is_empty());
    assert!(answer.body == stage.registry.image.small().bytes);
    assert_eq!(record(&stage, &answer)["verdict"], "detour");
}

#[test]
fn tag_only_says_so() {
    let stage = Stage::new();
    put_rule(&stage, "tag");
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let asked = probe(&stage).header("Blobwatch-Token", OPERATOR);
    let answer = stage.until(&asked, |answer| fired(answer).contains("enforce"));
    assert!(answer.body == stage.registry.image.small().bytes);
    assert_eq!(record(&stage, &answer)["verdict"], "tag");
}

#[test]
fn off_leaves_no_trace() {
    let stage = Stage::new();
    put_rule(&stage, "block");
    let asked = probe(&stage).header("Blobwatch-Token", OPERATOR);
    stage.until(&asked, |answer| fired(answer).contains(RULE));
    set_mode(&stage, json!({"mode": "off"}));
    let answer = stage.until(&asked, |answer| !fired(answer).contains(RULE));
    assert_eq!(record(&stage, &answer)["fired"], json!([]));
}

#[test]
fn every_rule_that_matched_is_recorded_after_the_one_that_blocked() {
    let stage = Stage::new();
    put_rule(&stage, "block");
    let second =
        json!({"description": "", "expression": "http.request.method eq \"GET\"", "action": "throttle"});
    stage.api().put("/rules/second", &second);
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let answer = stage.until(&probe(&stage), |answer| answer.status() == 403);
    let record = eventually("both rules", || {
        let record = record(&stage, &answer);
        (record["fired"].as_array().unwrap().len() == 2).then_some(record)
    });
    let names = ["rule", "mode", "would", "applied"].map(|name| record["fired"][1][name].clone());
    assert_eq!(names.to_vec(), ["second", "monitor", "throttle", "none"]);
}

#[test]
fn percentage_holds_the_same_clients_each_time() {
    let stage = Stage::new();
    put_rule(&stage, "block");
    set_mode(&stage, json!({"mode": "enforce", "force": true, "percent": 50}));
    let statuses = || -> Vec<u16> {
        let client = |n: u8| Place::default().address(&format!("198.51.100.{n}"));
        (0..60)
            .map(|n| stage.from(&client(n), &probe(&stage)).status())
            .collect()
    };
    eventually("someone is refused", || statuses().contains(&403).then_some(()));
    let first = statuses();
    let refused = first.iter().filter(|status| **status == 403).count();
    // 60 fair coins are outside of 12 to 48 once in a million.
    assert!((12..=48).contains(&refused), "{refused} of 60");
    assert_eq!(statuses(), first);
}

/// An enforcement that holds for a time, and an answer that it refused. On a machine that is too busy to see it before it
/// is over it is set again, for longer.
fn refused_until(stage: &Stage) -> (u64, Answer) {
    let mut lasting_ms = 4_000;
    eventually("a pull is refused before the setting expires", || {
        lasting_ms *= 2;
        let expires_ms = unix_ms() + lasting_ms;
        let setting = json!({"mode": "enforce", "force": true, "expires": rfc3339(expires_ms)});
        set_mode(stage, setting);
        while unix_ms() < expires_ms {
            let answer = stage.through(&probe(stage));
            if answer.status() == 403 {
                return Some((expires_ms, answer));
            }
            pass(GLANCE);
        }
        None
    })
}

#[test]
fn setting_that_expires_gives_way_to_the_default() {
    let stage = Stage::new();
    put_rule(&stage, "block");
    let (expires_ms, mut refused) = refused_until(&stage);
    let passed = eventually("it gives way", || {
        let answer = stage.through(&probe(&stage));
        if answer.status() == 200 {
            return Some(answer);
        }
        refused = answer;
        None
    });
    // By the worker's own clock: the last that was refused came before, the first that passed came then.
    let time_ms = |answer: &Answer| {
        let record = record(&stage, answer);
        parse_rfc3339(record["time"].as_str().unwrap()).unwrap()
    };
    let (last, first) = (time_ms(&refused), time_ms(&passed));
    assert!(
        last < expires_ms && expires_ms <= first,
        "{last} {expires_ms} {first}"
    );
}

#[test]
fn follow_fetches_what_the_origin_redirects_to() {
    let stage = Stage::new();
    let storage = Relay::before(stage.registry.addr());
    let target = probe(&stage).head.target().to_owned();
    stage
        .origin
        .arm(Fault::redirect(&format!("{}{target}", storage.url())), |_| true);
    stage
        .api()
        .put("/routes/default", &json!({"redirects": "follow"}));
    let asked = probe(&stage)
        .header("Range", "bytes=1000-")
        .header("Authorization", "Bearer of-the-registry")
        .header("Blobwatch-Token", OPERATOR);
    let answer = stage.until(&asked, |answer| answer.status() != 307);
    assert_eq!(answer.status(), 206);
    assert_eq!(
        digest(&answer.body),
        digest(&stage.registry.image.small().bytes[1000..])
    );
    for request in storage.seen() {
        assert_eq!(
            request.get("authorization"),
            None,
            "another host is not to have the registry's token"
        );
        assert_eq!(request.get("blobwatch-token"), None);
    }
}

/// workerd has no cache: what is asked of it is refused by none, and changes nothing else.
#[test]
fn what_a_route_asks_of_caches_changes_no_answer() {
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.var("PLATFORM", "cloudflare")
    });
    let ask = || {
        let answer = stage.through(&probe(&stage).header("Range", "bytes=1000-"));
        let seen = stage.origin.seen().pop().unwrap();
        (answer, seen)
    };
    let (straight, _) = ask();
    assert_eq!(
        straight.get("cache-control"),
        Some("max-age=31536000, no-transform"),
        "what the registry says of it stays"
    );
    for cache in ["off", "immutable"] {
        let change = stage.api().put("/routes/default", &json!({"cache": cache}));
        stage.api().pushed(&change);
        let (answer, seen) = eventually(cache, || {
            Some(ask()).filter(|(answer, _)| record(&stage, answer)["revision"] == change["revision"])
        });
        assert_eq!((answer.status(), answer.body.len()), (206, straight.body.len()));
        assert_eq!(digest(&answer.body), digest(&straight.body));
        assert_eq!(seen.get("range"), Some("bytes=1000-"));
    }
}

#[test]
fn volume_fires_while_it_is_exceeded() {
    let stage = Stage::new();
    let rule = json!({
        "description": "", "expression": "http.user_agent contains \"probe/\"", "action": "throttle",
        // So long a window that a slow machine exceeds it, too.
        "volume": {"by": "client", "requests": 20, "seconds": 600},
    });
    stage.api().put(&format!("/rules/{RULE}"), &rule);
    set_mode(&stage, json!({"mode": "enforce", "force": true}));
    let quiet = Place::default().address("198.51.100.200");
    stage.until(&probe(&stage), |answer| answer.status() == 429);
    assert_eq!(
        stage.from(&quiet, &probe(&stage)).status(),
        200,
        "another client is not hot"
    );
}

/// Whatever a client writes into its credential, and whichever address of its own /64 it takes.
#[test]
fn a_volume_is_not_evaded_by_names_and_addresses_that_cost_nothing() {
    #[track_caller]
    fn case(by: &str, ask: impl Fn(&Stage, u32) -> Answer, bystander: &str) {
        let stage = Stage::new();
        let rule = json!({
            "description": "", "expression": "http.user_agent contains \"probe/\"", "action": "throttle",
            "volume": {"by": by, "requests": 20, "seconds": 600},
        });
        stage.api().put(&format!("/rules/{RULE}"), &rule);
        set_mode(&stage, json!({"mode": "enforce", "force": true}));
        let mut asked = 0;
        eventually(by, || {
            asked += 1;
            (ask(&stage, asked).status() == 429).then_some(())
        });
        let quiet = Place::default().address(bystander);
        assert_eq!(stage.from(&quiet, &probe(&stage)).status(), 200, "{by}");
    }
    let with =
        |stage: &Stage, credential: String| stage.through(&probe(stage).header("Authorization", &credential));
    let basic = |n: u32| format!("Basic {}", BASE64_STANDARD.encode(format!("u{n}:x")));
    let bearer = |n: u32| {
        let claims = BASE64_STANDARD_NO_PAD.encode(format!("{{\"sub\":\"u{n}\"}}"));
        format!("Bearer eyJhbGciOiJub25lIn0.{claims}.x")
    };
    let at = |stage: &Stage, address: String| stage.from(&Place::default().address(&address), &probe(stage));
    case("client", |stage, n| with(stage, basic(n)), "198.51.100.200");
    case("client", |stage, n| with(stage, bearer(n)), "198.51.100.200");
    case(
        "client",
        |stage, n| at(stage, format!("2001:db8::{n:x}")),
        "2001:db8:0:1::1",
    );
    case(
        "network",
        |stage, n| at(stage, format!("192.0.2.{}", n % 250)),
        "192.0.3.1",
    );
    case(
        "network",
        |stage, n| at(stage, format!("2001:db8::{n:x}:0:0:0:1")),
        "2001:db8:1::1",
    );
}

/// No platform takes an alarm so late: the object that waits for it goes on with what is due before.
#[test]
fn a_setting_may_expire_in_the_year_9999() {
    let mut stage = Stage::new();
    put_rule(&stage, "block");
    set_mode(
        &stage,
        json!({"mode": "enforce", "force": true, "expires": "9999-12-31T23:59:59Z"}),
    );
    stage.until(&probe(&stage), |answer| answer.status() == 403);
    stage.edge.restart();
    // The first call wakes the RuleBook, which sets its alarm.
    eventually("the RuleBook answers", || {
        (stage.health("").status() == 200).then_some(())
    });
    let log = stage.edge.log();
    assert!(!log.contains("failed to set"), "{log}");
}
