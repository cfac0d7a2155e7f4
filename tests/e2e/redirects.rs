//! A registry whose blobs are elsewhere, with Blobwatch before both hosts: each half of a pull is recorded, and they are joined.
//!
//! The hosts are told apart by name: the registry is 127.0.0.1, the storage is localhost. Both are one worker.

use serde_json::{Value, json};

use crate::harness::clients::{Home, has_pulled, skopeo};
use crate::harness::clock::eventually;
use crate::harness::process::{command, run};
use crate::harness::registry::REPOSITORY;
use crate::harness::relay::{Fault, Relay};
use crate::harness::stage::Stage;

/// Of each signed address: nobody but the client may know it.
const SIGNATURE: &str = "s3cr3ts1gnature";

/// A stage whose registry redirects every blob to its storage.
struct Pair {
    stage: Stage,
    storage: Relay,
}

impl Pair {
    fn new() -> Self {
        let stage = Stage::new();
        let storage = Relay::editing(stage.registry.addr(), |request| {
            request.start = of_registry(&request.start);
        });
        let route = json!({"host": "localhost", "origin": storage.url(), "observe": 1});
        stage.api().put("/routes/storage", &route);
        let port = stage.edge.addr().port();
        for blob in stage.registry.image.blobs() {
            let to = format!(
                "http://localhost:{port}{}?X-Amz-Credential=AKID&X-Amz-Signature={SIGNATURE}",
                stored(&blob.digest)
            );
            let digest = blob.digest.clone();
            stage.origin.arm(Fault::redirect(&to), move |request| {
                request.target().ends_with(&digest)
            });
        }
        let pair = Self { stage, storage };
        let probe = crate::harness::http::Request::get(&stored(&pair.digest())).header("Host", "localhost");
        pair.stage.until(&probe, |answer| answer.status() == 200);
        pair
    }

    fn digest(&self) -> String {
        self.stage.registry.image.small().digest.clone()
    }

    /// Of the small blob, by real clients, oldest first: those of the registry, and those of the storage.
    fn halves(&self, family: &str, each: usize) -> (Vec<Value>, Vec<Value>) {
        let of = |route: &str| {
            let query = format!("family={family}&route={route}&digest={}", self.digest());
            let mut records = self.stage.records(&query, each);
            records.reverse();
            records
        };
        (of("default"), of("storage"))
    }

    fn explained(&self, record: &Value) -> Value {
        let id = record["id"].as_str().unwrap();
        self.stage.api().get(&format!("/requests/{id}"))
    }

    fn curl(&self, arguments: &[&str]) -> i32 {
        let mut curl = command("curl");
        curl.args(["--silent", "--location", "--output", "/dev/null"])
            .args(arguments)
            .arg(format!(
                "http://{}/v2/{REPOSITORY}/blobs/{}",
                self.stage.edge.addr(),
                self.digest()
            ));
        run(curl).status.code().unwrap()
    }
}

/// Where distribution stores a blob.
pub(crate) fn stored(digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])
}

/// What the registry is asked for a path of its storage.
pub(crate) fn of_registry(start: &str) -> String {
    let parts: Vec<&str> = start.split([' ', '/', '?']).collect();
    let hex = parts.iter().find(|part| part.len() == 64);
    let target = format!("/v2/{REPOSITORY}/blobs/sha256:{}", hex.unwrap_or(&"0"));
    format!("{} {target} HTTP/1.1", parts[0])
}

#[test]
fn both_halves_of_a_pull_are_recorded_and_joined() {
    let pair = Pair::new();
    let home = Home::new();
    skopeo(&home, pair.stage.edge.addr(), REPOSITORY).success();
    has_pulled(&home, &pair.stage.registry.image);

    let (registry, storage) = pair.halves("skopeo", 1);
    let (redirect, fetch) = (&registry[0], &storage[0]);
    assert_eq!(
        (&redirect["status"], &redirect["sent_to"]),
        (&json!(307), &json!("localhost"))
    );
    assert_eq!(redirect["served_by"], "origin:127.0.0.1");
    assert_eq!(
        (&fetch["status"], &fetch["repository"]),
        (&json!(200), &json!(REPOSITORY))
    );
    assert_eq!(
        (&fetch["sent_to"], &fetch["object"]),
        (&Value::Null, &Value::Null)
    );
    let blobs = pair.stage.registry.image.blobs().count();
    let redirects = pair
        .stage
        .records("sent_to=localhost&served_by=origin:127.0.0.1", blobs);
    assert_eq!(redirects.len(), blobs);

    let explained = pair.explained(redirect);
    let followed = json!({"id": fetch["id"], "status": 200, "outcome": fetch["outcome"]});
    assert_eq!(explained["followed"], followed);
    assert_eq!(explained["facts"]["oci.repository"], REPOSITORY);
    let other = pair.explained(fetch);
    assert_eq!(
        other["facts"]["oci.repository"],
        Value::Null,
        "the path did not say it"
    );
    assert_eq!(other.get("followed"), None);

    let export = pair.stage.api().try_get("/requests?format=ndjson").text();
    for shown in [
        export,
        explained.to_string(),
        other.to_string(),
        pair.stage.edge.log(),
    ] {
        assert!(!shown.contains(SIGNATURE) && !shown.contains("AKID"), "{shown}");
    }
}

#[test]
fn a_rule_on_the_storages_route_refuses_there() {
    let pair = Pair::new();
    let rule = json!({"description": "", "expression": "client.family eq \"skopeo\"", "action": "block"});
    pair.stage.api().put("/rules/no-skopeo", &rule);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    pair.stage.api().put("/rules/no-skopeo/modes/storage", &mode);
    let home = Home::new();
    let refused = eventually("the block is in force", || {
        let pulled = skopeo(&home, pair.stage.edge.addr(), REPOSITORY);
        (!pulled.status.success()).then_some(pulled)
    });
    assert!(refused.stderr.contains("403"), "{}", refused.stderr);
    let blocked = pair.stage.records("route=storage&verdict=block", 1);
    assert_eq!(
        (&blocked[0]["status"], &blocked[0]["served_by"]),
        (&json!(403), &Value::Null)
    );
    let redirects = pair.stage.records("route=default&status=307&verdict=none", 1);
    assert!(
        redirects
            .iter()
            .all(|record| record["fired"][0]["applied"] != "block")
    );
}

#[test]
fn a_range_that_is_resumed_at_the_storage_is_a_resume() {
    let pair = Pair::new();
    let digest = pair.digest();
    let hex = digest.trim_start_matches("sha256:").to_owned();
    pair.storage.arm(Fault::Cut(1_000), move |request| {
        request.target().contains(&hex) && request.get("range").is_none()
    });
    assert_ne!(pair.curl(&[]), 0, "the body was cut");
    assert_eq!(pair.curl(&["--range", "1000-"]), 0);
    let (registry, storage) = pair.halves("curl", 2);
    let kinds = |records: &[Value]| -> Vec<Value> {
        let kind = |record: &Value| record["range"]["kind"].clone();
        records.iter().map(kind).collect()
    };
    assert_eq!(kinds(&registry), ["none", "resume"]);
    assert_eq!(kinds(&storage), ["none", "resume"]);
    assert_eq!(storage[1]["range"]["honoured"], true);
    assert_eq!(pair.explained(&registry[1])["followed"]["id"], storage[1]["id"]);
    // Asked for again, it is a restart, once: at the registry.
    assert_eq!(pair.curl(&["--range", "0-"]), 0);
    let (registry, storage) = pair.halves("curl", 3);
    assert_eq!(
        (&registry[2]["range"]["kind"], &storage[2]["range"]["kind"]),
        (&json!("restart"), &json!("whole"))
    );
}
