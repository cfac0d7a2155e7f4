//! SIGKILL in the middle of a change: nothing is half-applied, the chain holds, and what was acknowledged is there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::scope;
use std::time::Duration;

use blobwatch_wire::parse_rfc3339;
use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::http::Request;
use crate::harness::stage::{OPERATOR, Stage};

/// A rulebook whose parts all say the same number.
fn numbered(number: u32) -> Value {
    let rule = |n: u32| {
        json!({"id": format!("r{n}"), "description": format!("push {number}"),
            "expression": format!("http.host eq \"{number}.example\""), "action": "tag"})
    };
    let rules: Vec<Value> = (0..40).map(rule).collect();
    let modes: Vec<Value> = (0..40)
        .map(|n| json!({"rule": format!("r{n}"), "route": "default", "mode": if number.is_multiple_of(2) { "off" } else { "monitor" }}))
        .collect();
    json!({"routes": [{"name": "default"}], "rules": rules, "modes": modes})
}

fn push(api: &Api<'_>, number: u32, revision: u64) -> Option<u64> {
    let target = format!("/_blobwatch/api/v1/rulebook?reason=push+{number}");
    let put = Request::new("PUT", &target)
        .header("If-Match", &format!("\"{revision}\""))
        .body("application/json", numbered(number).to_string());
    let answer = api.try_send(put)?;
    (answer.status() == 200).then(|| answer.json()["revision"].as_u64().unwrap())
}

/// The number that every part of the rulebook says.
#[track_caller]
fn number_of(book: &Value) -> u32 {
    let rules = book["rules"].as_array().unwrap();
    let numbers: Vec<&str> = rules
        .iter()
        .map(|rule| rule["description"].as_str().unwrap())
        .collect();
    assert_eq!(numbers.len(), 40);
    assert!(
        numbers.iter().all(|number| *number == numbers[0]),
        "half of a push: {numbers:?}"
    );
    let number: u32 = numbers[0].trim_start_matches("push ").parse().unwrap();
    let expected = if number.is_multiple_of(2) {
        "off"
    } else {
        "monitor"
    };
    assert!(
        book["modes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|mode| mode["mode"] == expected)
    );
    number
}

#[test]
fn a_push_is_whole_or_not_at_all_and_what_was_acknowledged_stays() {
    let mut stage = Stage::new();
    let first = stage.api().get("/rulebook")["revision"].as_u64().unwrap();
    let mut acknowledged = (0, push(&stage.api(), 0, first).unwrap());
    for round in 1..=6 {
        let (number, revision) = acknowledged;
        let addr = stage.edge.addr();
        let mut last = acknowledged;
        let newest = &AtomicU32::new(number);
        scope(|scope| {
            let pushes = scope.spawn(move || {
                let api = Api::new(addr, OPERATOR);
                let mut at = (number, revision);
                while let Some(revision) = push(&api, at.0 + 1, at.1) {
                    at = (at.0 + 1, revision);
                    newest.store(at.0, Ordering::Relaxed);
                }
                at
            });
            eventually("a push is acknowledged", || {
                (newest.load(Ordering::Relaxed) > number).then_some(())
            });
            // Then in the middle of another, each time further on.
            pass(Duration::from_millis(7 * round));
            stage.edge.kill();
            last = pushes.join().unwrap();
        });
        stage.edge.restart();
        let book = eventually("the rulebook is read", || {
            let answer = stage.api().try_get("/rulebook");
            (answer.status() == 200).then(|| answer.json())
        });
        let (found, revision) = (number_of(&book), book["revision"].as_u64().unwrap());
        let is_one_of = (found, revision) == last || (found, revision) == (last.0 + 1, last.1 + 1);
        assert!(is_one_of, "acknowledged {last:?}, found {found} at {revision}");
        let verified = stage.api().get("/audit/verify");
        assert_eq!(verified["entries"], json!(revision), "{verified}");
        acknowledged = (found, revision);
    }
}

#[test]
fn a_schedule_goes_on_after_the_process_was_killed() {
    let mut stage = Stage::new();
    let rule =
        json!({"description": "", "expression": "http.user_agent contains \"scan/\"", "action": "block"});
    stage.api().put("/rules/scans", &rule);
    let staged = json!({"mode": "enforce", "force": true, "guard": "off", "reason": "r",
        "stages": [{"percent": 1, "minutes": 0.1}, {"percent": 10, "minutes": 0.1}, {"percent": 100}]});
    let set = stage.api().put("/rules/scans/modes/default", &staged);
    let due_ms = parse_rfc3339(set["stage"]["next"].as_str().unwrap()).unwrap();
    stage.edge.kill();
    eventually("the second step is due", || (unix_ms() > due_ms).then_some(()));
    stage.edge.restart();
    let percent = |stage: &Stage| stage.api().get("/rules/scans/modes/default")["percent"].as_f64();
    eventually("the second step", || {
        (percent(&stage) >= Some(10.0)).then_some(())
    });
    stage.edge.restart();
    eventually("the last step", || (percent(&stage) == Some(100.0)).then_some(()));
    let audit = stage.api().items("/audit");
    let steps = audit
        .iter()
        .filter(|entry| entry["action"] == "mode.stage")
        .count();
    assert_eq!(steps, 2, "each step once");
    assert!(audit.iter().filter(|entry| entry["actor"] == "schedule").count() == 2);
}
