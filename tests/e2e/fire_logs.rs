//! The FireLogs of a data centre become more, and fewer, while clients pull: nothing is lost, and nothing is counted twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

/// Clients that a guarded rule denies, each in a network of its own.
const CLIENTS: u64 = 24;

/// Matches of one network's clients that a volume allows.
const VOLUME: u64 = 60;

struct Run {
    stage: Stage,
    ids: BTreeSet<String>,
}

impl Run {
    fn ask(&mut self, agent: &str, address: &str, asn: u64) -> Answer {
        let target = format!(
            "/v2/{REPOSITORY}/blobs/{}",
            self.stage.registry.image.small().digest
        );
        let place = Place::colo("AMS").address(address).with("asn", asn);
        let answer = self
            .stage
            .from(&place, &Request::get(&target).header("User-Agent", agent));
        self.ids.insert(answer.get("blobwatch-id").unwrap().to_owned());
        answer
    }

    /// One pull of each client that the guarded rule is about.
    fn scan(&mut self, clients: u64) -> Vec<u16> {
        let scan = |client| self.ask("scan/1", &format!("198.51.{client}.1"), 64_496).status();
        (0..clients).map(scan).collect()
    }

    /// Pulls of so many machines of one network, which a volume counts.
    fn sweep(&mut self, machines: u64, first: u64) -> Vec<u16> {
        let sweep = |n: u64| {
            self.ask("skopeo/1.9.3", &format!("203.0.113.{}", first + n), 64_511)
                .status()
        };
        (0..machines).map(sweep).collect()
    }

    /// Everything that was asked is stored, each once.
    fn all_are_kept(&self) {
        let kept = eventually("every record is kept", || {
            let items = self.stage.api().items("/requests?limit=1000");
            (items.len() >= self.ids.len()).then_some(items)
        });
        let ids: Vec<String> = kept
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), self.ids.len());
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), self.ids);
    }

    /// Sets the number of FireLogs and waits until the isolate goes by it.
    fn fire_logs(&mut self, count: &Value) {
        let set = self
            .stage
            .api()
            .put("/settings", &json!({"fire_logs": {"AMS": count}}));
        let revision = set["revision"].as_u64().unwrap();
        self.is_in_force(revision);
    }

    fn is_in_force(&mut self, revision: u64) {
        eventually("the rulebook is in force", || {
            self.ask("curl/8", "192.0.2.7", 64_500);
            let kept = self.stage.api().items("/requests?limit=100");
            let decides = |item: &Value| item["revision"].as_u64() >= Some(revision);
            kept.iter().any(decides).then_some(())
        });
    }

    fn put_rule(&mut self, id: &str, rule: &Value, mode: &Value) {
        self.stage.api().put(&format!("/rules/{id}"), rule);
        let set = self.stage.api().put(&format!("/rules/{id}/modes/default"), mode);
        self.is_in_force(set["revision"].as_u64().unwrap());
    }

    fn loads(&self) -> Vec<String> {
        let loads = self.stage.api().get("/fire-logs/load");
        let items = loads["items"].as_array().unwrap();
        let of_ams = items.iter().filter(|item| item["colo"] == "AMS");
        of_ams
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }

    fn denied(&self) -> Value {
        self.stage.api().get("/rules/scans/modes/default")["guard"]["denied_clients"].clone()
    }
}

#[test]
fn nothing_is_lost_or_counted_twice_while_fire_logs_split_and_join() {
    let mut run = Run {
        stage: Stage::new(),
        ids: BTreeSet::new(),
    };
    let enforce = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    let volume = json!({"by": "asn", "requests": VOLUME, "seconds": 3600});
    let sweeps = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "throttle", "volume": volume});
    run.put_rule("sweeps", &sweeps, &enforce);
    let scans =
        json!({"description": "", "expression": "http.user_agent contains \"scan/\"", "action": "block"});
    run.put_rule("scans", &scans, &enforce);

    // One FireLog, then four, then one again.
    assert!(run.scan(CLIENTS / 2).iter().all(|status| *status == 403));
    assert!(run.sweep(VOLUME / 2, 1).iter().all(|status| *status == 200));
    run.all_are_kept();
    assert_eq!(run.loads(), ["fl1-ams-0"]);
    run.fire_logs(&json!(4));
    run.scan(CLIENTS);
    assert!(run.sweep(VOLUME / 2, 101).iter().all(|status| *status == 200));
    run.all_are_kept();
    assert_eq!(run.loads(), ["fl1-ams-0", "fl1-ams-1", "fl1-ams-2", "fl1-ams-3"]);
    // What was counted before the split counts: a few more are too many.
    let mut more = 0;
    eventually("the volume is exceeded", || {
        more += 1;
        let status = run.sweep(1, 200)[0];
        run.all_are_kept();
        (status == 429).then_some(())
    });
    assert!(more < VOLUME / 2, "{more}");
    run.fire_logs(&json!({"least": 1, "most": 1}));
    run.scan(CLIENTS);
    assert_eq!(run.sweep(1, 201), [429], "the volume is exceeded still");
    run.all_are_kept();

    // Each client counts once for the guard, in whichever FireLogs it was denied.
    eventually("the guard has counted everybody", || {
        (run.denied() == CLIENTS).then_some(())
    });
    run.scan(CLIENTS);
    run.all_are_kept();
    assert_eq!(run.denied(), CLIENTS);

    // A preview sees the records of all FireLogs, and each client once.
    let post = Request::new("POST", "/_blobwatch/api/v1/previews");
    let body = json!({"rule": {"id": "scans"}, "route": "default"});
    let begun = run
        .stage
        .api()
        .send(post.body("application/json", body.to_string()))
        .json();
    let path = format!("/previews/{}", begun["id"].as_str().unwrap());
    let item = eventually("the preview ends", || {
        Some(run.stage.api().get(&path)).filter(|item| item["status"] != "running")
    });
    assert_eq!(
        (&item["status"], &item["incomplete"]),
        (&json!("done"), &json!([]))
    );
    assert_eq!(item["matched_clients"], CLIENTS, "{item:#}");
    let by_agent = run.stage.api().get("/requests/summary?by=family&since=-1h");
    assert_eq!(by_agent["requests"], run.ids.len());

    // What the Detector counts is what was asked.
    eventually("every request is in a cell", || {
        let page = run.stage.api().send(Request::get("/_blobwatch/metrics")).text();
        let requests = page
            .lines()
            .find_map(|line| line.strip_prefix("blobwatch_requests_total{route=\"default\"} "));
        (requests? == run.ids.len().to_string()).then_some(())
    });
    let losses = run.stage.api().items("/losses");
    assert!(
        losses.iter().all(|loss| loss["name"] != "handover_failed"),
        "{losses:?}"
    );
}
