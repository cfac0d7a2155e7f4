//! A harm that the guard found is told to the Detector whatever stops the process in between, and once; and an explanation
//! says where the guard stood when a request came.

use serde_json::{Value, json};

use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

/// The download of a machine.
fn ask(stage: &Stage, agent: &str, machine: u8, blob: usize) -> Answer {
    let blob = stage.registry.image.blobs().nth(blob).unwrap();
    let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    // Of a network of its own: harm is counted in networks.
    let place = Place::default().address(&format!("203.0.{machine}.1"));
    stage.from(&place, &Request::get(&target).header("User-Agent", agent))
}

fn probe(stage: &Stage, machine: u8) -> Answer {
    ask(stage, "probe/1", machine, 0)
}

/// A rule that denies machines that have pulled cleanly, before anybody was denied.
fn enforced(stage: &Stage) {
    let rule =
        json!({"description": "", "expression": "http.user_agent contains \"probe/\"", "action": "block"});
    stage.api().put("/rules/probes", &rule);
    for machine in 1..=12 {
        (0..3).for_each(|blob| assert_eq!(ask(stage, "probe/1", machine, blob).status(), 200));
    }
    let enforce = json!({"mode": "enforce", "force": true, "reason": "nobody uses it"});
    stage.api().put("/rules/probes/modes/default", &enforce);
    eventually("it is enforced", || {
        (probe(stage, 99).status() == 403).then_some(())
    });
}

/// The guard may have seen enough before all of them came.
fn healthy_machines_are_denied(stage: &Stage) {
    let statuses: Vec<u16> = (1..=12).map(|machine| probe(stage, machine).status()).collect();
    let denied = statuses.iter().take_while(|status| **status == 403).count();
    assert!(
        denied > 0 && statuses[denied..].iter().all(|status| *status == 200),
        "{statuses:?}"
    );
}

fn mode(stage: &Stage) -> Option<Value> {
    let answer = stage.api().try_get("/rules/probes/modes/default");
    (answer.status() == 200).then(|| answer.json())
}

fn until_taken_back(stage: &Stage) {
    eventually("the guard takes it back", || {
        mode(stage).filter(|mode| mode["mode"] == "monitor")
    });
}

fn harms(stage: &Stage) -> Vec<Value> {
    let anomalies = stage.api().items("/anomalies");
    let is_harm = |anomaly: &Value| anomaly["kind"] == "rule_harm";
    anomalies.into_iter().filter(is_harm).collect()
}

fn told(stage: &Stage) -> u64 {
    stage.edge.calls()["Detector POST /harm"].as_u64().unwrap_or(0)
}

#[test]
fn a_harm_that_a_kill_kept_from_the_detector_is_told_by_the_next_process() {
    let mut stage = Stage::new();
    enforced(&stage);
    // On its way until the process is dead.
    stage.edge.sabotage(&json!({"Detector": "hold"}));
    healthy_machines_are_denied(&stage);
    until_taken_back(&stage);
    eventually("the harm is on its way", || (told(&stage) > 0).then_some(()));
    stage.edge.restart();
    let harm = eventually("the harm is told", || harms(&stage).pop());
    let sentence = harm["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("caused by probes, which the guard put back to monitor"),
        "{sentence}"
    );
    stage.edge.restart();
    probe(&stage, 1);
    eventually("the rulebook is there", || mode(&stage));
    // What the first alarm has to tell is told when the second has pushed.
    for mode in ["off", "monitor"] {
        let change = json!({"mode": mode, "reason": "to be pushed"});
        stage
            .api()
            .pushed(&stage.api().put("/rules/probes/modes/default", &change));
    }
    assert_eq!((harms(&stage).len(), told(&stage)), (1, 0), "once");
}

#[test]
fn a_harm_whose_answer_is_lost_is_told_again_and_counts_once() {
    let stage = Stage::new();
    enforced(&stage);
    let refused = probe(&stage, 1);
    assert_eq!(refused.status(), 403);
    let passed = ask(&stage, "containerd/1.7", 50, 0);
    assert_eq!(passed.status(), 200);
    stage.edge.sabotage(&json!({"Detector": "unheard"}));
    healthy_machines_are_denied(&stage);
    until_taken_back(&stage);
    eventually("it is told again", || (told(&stage) >= 3).then_some(()));
    stage.edge.sabotage(&json!({}));
    let last = told(&stage);
    eventually("it is told at last", || (told(&stage) > last).then_some(()));
    let found = harms(&stage);
    assert_eq!(found.len(), 1, "{found:#?}");

    let open = eventually("it is open again", || {
        Some(probe(&stage, 1)).filter(|answer| answer.status() == 200)
    });
    for (answer, fired, state) in [
        (&refused, true, "watching"),
        (&passed, false, "watching"),
        (&open, true, "demoted"),
    ] {
        let id = answer.get("blobwatch-id").unwrap();
        stage.records(&format!("id={id}"), 1);
        let explained = stage.api().get(&format!("/requests/{id}"));
        let rules = explained["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["rule"] == "probes").unwrap();
        assert_eq!(
            (&rule["fired"], &rule["mode"]["guard"]["state"]),
            (&json!(fired), &json!(state)),
            "{rule:#}"
        );
        let text = rule["mode"]["guard"]["text"].as_str().unwrap_or_default();
        assert_eq!(text.contains("pull cleanly"), state == "demoted", "{rule:#}");
    }
}

/// Somebody looks at it while the RuleBook takes no entry, and the process dies: the entry is written all the same, once.
#[test]
fn who_acknowledged_a_harm_is_in_the_audit_log_once() {
    let mut stage = Stage::new();
    enforced(&stage);
    healthy_machines_are_denied(&stage);
    until_taken_back(&stage);
    let harm = eventually("the harm is told", || harms(&stage).pop());
    assert_eq!(harm["status"], "open", "{harm}");
    let path = format!(
        "/_blobwatch/api/v1/anomalies/{}/acknowledge",
        harm["id"].as_str().unwrap()
    );
    let acknowledge = || Request::new("POST", &path).body("application/json", "{}");
    stage.edge.sabotage(&json!({"RuleBook": "unheard"}));
    // It is kept, and the entry waits; or it was not kept, and is done again.
    drop(stage.api().try_send(acknowledge()));
    stage.edge.restart();
    eventually("somebody looks at it", || {
        let answer = stage.api().try_send(acknowledge())?;
        let harm = stage.api().get(&format!("/anomalies/{}", harm["id"].as_str()?));
        (matches!(answer.status(), 200 | 409) && harm["status"] == "closed").then_some(())
    });
    let written = || {
        let entries = stage.api().items("/audit");
        let of = |entry: &Value| entry["action"] == "anomaly.acknowledge";
        entries.into_iter().filter(of).count()
    };
    eventually("the audit log has it", || (written() > 0).then_some(()));
    assert_eq!(written(), 1);
    assert_eq!(stage.api().get("/audit/verify")["ok"], true);
}
