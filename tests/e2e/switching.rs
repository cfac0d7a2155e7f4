//! A rule is switched on one route, and nothing else changes: the main job, as an operator does it.

use std::net::SocketAddr;
use std::thread::scope;
use std::time::Duration;

use blobwatch_pull::ClientKey;
use blobwatch_records::fire_log_name;
use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::clients::{Containerd, Home, has_pulled, skopeo};
use crate::harness::clock::{eventually, pass};
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::Relay;
use crate::harness::stage::{OPERATOR, Stage, configured, front};
use crate::harness::workerd::Workerd;

/// A pull is flushed a second later (`FLUSH_AFTER_MS` in `src/data_plane/flusher.js`), and the answer confirms the rulebook for
/// `CONFIRMED_FOR_MS` more. An isolate that is pulled from less often than this has to ask.
const UNCONFIRMED: Duration = Duration::from_secs(6);

const RULE: &str = "no-skopeo";

fn put_rule(api: &Api<'_>) {
    let rule = json!({
        "description": "neither is welcome", "expression": "client.family in {\"skopeo\" \"containerd\"}", "action": "block",
    });
    api.put(&format!("/rules/{RULE}"), &rule);
}

#[track_caller]
fn switch(api: &Api<'_>, route: &str, mode: &str) -> Value {
    let body = json!({"mode": mode, "force": true, "reason": "the end-to-end test"});
    api.put(&format!("/rules/{RULE}/modes/{route}"), &body)
}

fn as_skopeo(stage: &Stage, repository: &str) -> Request {
    let target = format!("/v2/{repository}/blobs/{}", stage.registry.image.small().digest);
    Request::get(&target).header("User-Agent", "skopeo/1.9.3")
}

#[test]
fn only_the_route_in_enforce_refuses() {
    let stage = Stage::new();
    for repository in ["team-a/app", "team-b/app"] {
        stage.registry.publish(repository);
    }
    let (api, front) = (stage.api(), front(stage.edge.addr(), &Place::default()));
    api.put("/routes/team-a", &json!({"repository": "team-a/**"}));
    put_rule(&api);
    let fires = as_skopeo(&stage, "team-a/app").header("Blobwatch-Token", OPERATOR);
    let fired = stage.until(&fires, |a| {
        a.get("blobwatch-fired").is_some_and(|f| f.contains(RULE))
    });
    assert_eq!(
        fired.get("blobwatch-fired"),
        Some("no-skopeo;v=1;mode=monitor;would=block")
    );
    pulls(&stage, front.addr(), "team-a/app");
    pulls(&stage, front.addr(), "team-b/app");

    switch(&api, "team-a", "enforce");
    stage.until(&as_skopeo(&stage, "team-a/app"), |answer| answer.status() == 403);
    says_why(front.addr(), "team-a/app");
    pulls(&stage, front.addr(), "team-b/app");

    switch(&api, "team-a", "monitor");
    stage.until(&as_skopeo(&stage, "team-a/app"), |answer| answer.status() == 200);
    pulls(&stage, front.addr(), "team-a/app");
    applied_only_on_team_a(&stage);
}

#[track_caller]
fn pulls(stage: &Stage, front: SocketAddr, repository: &str) {
    let home = Home::new();
    skopeo(&home, front, repository).success();
    has_pulled(&home, &stage.registry.image);
}

/// skopeo prints the status only, containerd the OCI error of the answer too.
#[track_caller]
fn says_why(front: SocketAddr, repository: &str) {
    let refused = skopeo(&Home::new(), front, repository);
    assert!(
        !refused.status.success() && refused.stderr.contains("403"),
        "{refused:?}"
    );
    let refused = Containerd::start().pull(front, repository);
    let said = refused.stdout + &refused.stderr;
    assert!(!refused.status.success() && said.contains("denied"), "{said}");
}

#[track_caller]
fn applied_only_on_team_a(stage: &Stage) {
    let blobs = stage.registry.image.blobs().count();
    stage.records("route=default&family=skopeo", 2 * blobs);
    let fires = stage.api().items(&format!("/fires?rule={RULE}"));
    let routes = |applied: &str| -> Vec<&str> {
        let fires = fires
            .iter()
            .filter(|record| record["fired"][0]["applied"] == applied);
        let mut routes: Vec<_> = fires.map(|record| record["route"].as_str().unwrap()).collect();
        routes.sort_unstable();
        routes.dedup();
        routes
    };
    assert_eq!(routes("none"), ["default", "team-a"], "monitored on both");
    assert_eq!(routes("block"), ["team-a"], "enforced on one");
    let blocked = stage.api().items(&format!("/fires?rule={RULE}&verdict=block"));
    assert!(
        blocked
            .iter()
            .all(|record| record["status"] == 403 && record["route"] == "team-a")
    );
}

/// The rule is fetched by the first look at a timeline, and told of as well; the switch after it is told of. Each shows once.
#[test]
fn a_switch_is_a_mark_of_the_timeline() {
    let stage = Stage::new();
    let api = stage.api();
    put_rule(&api);
    let marks = || -> Vec<Value> {
        let timeline = api.get("/timeline?since=-5m");
        let changes = timeline["marks"].as_array().unwrap().iter();
        changes
            .filter(|mark| mark["type"] == "rule_change")
            .cloned()
            .collect()
    };
    assert_eq!(marks().len(), 1);
    switch(&api, "default", "enforce");
    let marks = eventually("the mark of the switch", || {
        Some(marks()).filter(|marks| marks.len() > 1)
    });
    let [rule, mode]: [Value; 2] = marks.try_into().unwrap();
    assert_eq!(rule["id"], format!("rules/{RULE}"));
    assert_eq!(mode["id"], format!("rules/{RULE}/modes/default"));
    let text = mode["text"].as_str().unwrap();
    assert!(
        text.starts_with("no-skopeo on default: set to enforce, by "),
        "{text}"
    );
    assert_eq!(api.get("/losses")["items"], json!([]));
}

/// An isolate and the FireLog of its colo.
struct Site<'a> {
    edge: &'a Workerd,
    isolate: usize,
    colo: &'static str,
    request: Request,
}

impl Site<'_> {
    fn fire_log(&self) -> String {
        fire_log_name(self.colo, ClientKey::default(), 1)
    }

    fn pull(&self) -> u16 {
        let request = Place::colo(self.colo).ask(&self.request);
        request.send(self.edge.isolate(self.isolate)).unwrap().status()
    }

    #[track_caller]
    fn until(&self, status: u16) {
        let what = format!("{status} at {}", self.colo);
        eventually(&what, || (self.pull() == status).then_some(()));
    }

    /// The isolate says in each flush which rulebook it holds. The answer to the first that comes when the FireLog has the
    /// revision brings it: the next one, which is sent when that was heard, says so.
    #[track_caller]
    fn hears_with_a_flush(&self, revision: u64) {
        let past = self.edge.flushes(&self.fire_log()).len();
        let what = format!("a flush after the next at {}", self.colo);
        let later = eventually(&what, || {
            self.pull();
            let flushes = self.edge.flushes(&self.fire_log()).split_off(past);
            let first = flushes.first()?.seq;
            flushes.into_iter().find(|flush| flush.seq > first)
        });
        assert!(later.held.revision >= revision, "{}: {:?}", self.colo, later.held);
    }

    /// Times that the isolate asked for the rulebook beside its flushes.
    fn asked(&self) -> u64 {
        let call = format!("FireLog GET /{}/rulebook", self.fire_log());
        self.edge.calls()[call].as_u64().unwrap_or(0)
    }

    /// Nobody flushes for it: before it decides it asks.
    #[track_caller]
    fn asks_when_it_was_idle(&self) {
        let before = self.asked();
        eventually(&format!("{} asks", self.colo), || {
            pass(UNCONFIRMED);
            self.pull();
            (self.asked() > before).then_some(())
        });
    }
}

/// Every isolate has its own memory and every colo its own FireLog; each must come to know. How soon: `bench promises`.
#[test]
fn change_is_everywhere_with_the_next_flush_and_where_nobody_flushed() {
    let registry = crate::harness::registry::Registry::shared();
    let origin = Relay::before(registry.addr());
    let colos = ["AMS", "NRT", "IAD"];
    let edge = configured(Bundle::Release, &origin.url())
        .isolates(colos.len())
        .start();
    let api = Api::new(edge.addr(), OPERATOR);
    let target = format!("/v2/{REPOSITORY}/blobs/{}", registry.image.layers[0].digest);
    let site = |(isolate, colo)| Site {
        edge: &edge,
        isolate,
        colo,
        request: Request::get(&target).header("User-Agent", "skopeo/1.9.3"),
    };
    let sites: Vec<_> = colos.into_iter().enumerate().map(site).collect();
    put_rule(&api);
    sites.iter().for_each(|site| site.until(200));
    for (mode, status, is_idle) in [
        ("enforce", 403, false),
        ("monitor", 200, false),
        ("enforce", 403, true),
        ("monitor", 200, true),
    ] {
        let revision = api.pushed(&switch(&api, "default", mode));
        scope(|scope| {
            for site in &sites {
                scope.spawn(move || {
                    if is_idle {
                        site.asks_when_it_was_idle();
                    } else {
                        site.hears_with_a_flush(revision);
                    }
                    site.until(status);
                });
            }
        });
    }
}
