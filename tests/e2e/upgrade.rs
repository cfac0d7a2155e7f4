//! From the release before to this one on the same data, and back, as docs/upgrade.md says.
//!
//! `tests/data/releases/0.1.0.tar.xz` is the release before: `build/bundle` of `cargo xtask build` at bb63300 and its sample configuration,
//! without the dashboard, and with the paths of the machine that built it overwritten.

use std::fs::create_dir_all;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::http::{Answer, Request};
use crate::harness::process::{command, run};
use crate::harness::registry::Registry;
use crate::harness::self_hosted::SelfHosted;
use crate::harness::stage::{OPERATOR, SECRET, tokens};
use crate::harness::workerd::ROOT;
use crate::serve::{Served, doctor, release};

const BEFORE: &str = "0.1.0";

/// The release before, unpacked.
fn before(folder: &Path) -> PathBuf {
    let installed = folder.join(BEFORE);
    create_dir_all(installed.join("build/dashboard")).unwrap();
    let mut tar = command("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(format!("{ROOT}/tests/data/releases/{BEFORE}.tar.xz"))
        .arg("--directory")
        .arg(&installed);
    run(tar).success();
    installed
}

/// One client that the rule of this test refuses, and one that it does not, of a version that no other stage has.
struct Clients {
    edge: SocketAddr,
    blob: String,
    version: &'static str,
}

impl Clients {
    fn new(edge: SocketAddr, registry: &Registry, version: &'static str) -> Self {
        let blob = format!("/v2/library/app/blobs/{}", registry.image.small().digest);
        Self { edge, blob, version }
    }

    fn status(&self, family: &str) -> u16 {
        let request = Request::get(&self.blob).header("User-Agent", &format!("{family}/{}", self.version));
        request.send(self.edge).unwrap().status()
    }

    /// The first pulls of an isolate may come before its rulebook.
    fn are_told_apart(&self) {
        eventually("the rule is in force", || {
            (self.status("wget") == 403).then_some(())
        });
        assert_eq!(self.status("skopeo"), 200);
    }

    /// All records, once there is one of each client.
    fn recorded(&self, api: Api<'_>) -> Vec<Value> {
        eventually("pulls are recorded", || {
            let records = records(api);
            let has = |family: &str, status: u64| {
                let is_it = |record: &&Value| record["family"] == family && record["version"] == self.version;
                records
                    .iter()
                    .filter(is_it)
                    .any(|record| record["status"] == status)
            };
            (has("wget", 403) && has("skopeo", 200)).then_some(records)
        })
    }
}

fn enforce(api: Api<'_>) {
    let rule = json!({"description": "", "expression": "client.family eq \"wget\"", "action": "block", "default_mode": "monitor"});
    api.put("/rules/own", &rule);
    let enforce = json!({"mode": "enforce", "force": true, "reason": "a test"});
    api.put("/rules/own/modes/default", &enforce);
}

fn records(api: Api<'_>) -> Vec<Value> {
    api.get("/requests")["items"].as_array().unwrap().clone()
}

fn health(edge: SocketAddr) -> Answer {
    Request::get("/_blobwatch/healthz").send(edge).unwrap()
}

fn stage(edge: SocketAddr, registry: &Registry, version: &'static str) -> (Api<'static>, Clients) {
    (Api::new(edge, OPERATOR), Clients::new(edge, registry, version))
}

/// Those whose roles the release before knows.
fn known_before() -> String {
    let mut known: Vec<Value> = serde_json::from_str(&tokens()).unwrap();
    known.retain(|token| token["role"] == "operator" || token["role"] == "viewer");
    json!(known).to_string()
}

#[test]
fn from_the_release_before_and_back() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::shared());
    let (path, data) = (folder.path(), folder.path().join("data"));
    let (old, origin) = (before(path), format!("http://{}", registry.addr()));
    release(path);
    let known = known_before();
    let secrets = [
        ("BLOBWATCH_TOKENS", known.as_str()),
        ("BLOBWATCH_CLIENT_SECRET", SECRET),
    ];
    let variables = [&secrets[..], &[("ORIGIN", origin.as_str())]].concat();

    // The release before, with a rule that is enforced and records.
    let edge = SelfHosted::serving(&old, &data, &variables);
    let (api, clients) = stage(edge.addr(), &registry, "1.1");
    enforce(api);
    clients.are_told_apart();
    let recorded = clients.recorded(api);
    drop(edge);

    // This release has the rule and the records, and makes its own.
    let served = Served::given(path, registry.addr(), &secrets);
    let (api, clients) = stage(served.addr(), &registry, "1.2");
    clients.are_told_apart();
    let now = clients.recorded(api);
    for record in &recorded {
        let same = now.iter().find(|other| other["id"] == record["id"]).unwrap();
        for field in ["time", "status", "client", "fingerprint", "digest"] {
            assert_eq!(same[field], record[field], "{field}");
        }
    }
    assert_eq!(api.get("/rules/own/modes/default")["mode"], "enforce");
    assert_eq!(api.get("/audit/verify")["ok"], true);
    assert_eq!(health(served.addr()).json()["status"], "ok");
    let found = doctor(path, &served, registry.addr(), &secrets);
    assert_eq!(found.status.code(), Some(0), "{found:?}");
    served.end();

    // The release before says whose the data is, and lets everybody through.
    let edge = SelfHosted::serving(&old, &data, &variables);
    let (api, clients) = stage(edge.addr(), &registry, "1.3");
    assert_eq!([clients.status("wget"), clients.status("skopeo")], [200, 200]);
    let requests = api.try_get("/requests");
    assert_eq!(requests.status(), 503, "{}", requests.text());
    assert!(requests.text().contains("newer-schema"), "{}", requests.text());
    // Whose rules it cannot read: its own question for its health is one of those that it cannot answer.
    let health = health(edge.addr());
    assert_eq!(health.status(), 503, "{}", health.text());
    assert!(health.text().contains("newer-schema"), "{}", health.text());
    assert_eq!([clients.status("wget"), clients.status("skopeo")], [200, 200]);
    drop(edge);

    // And this one again, as if nothing had been.
    let served = Served::given(path, registry.addr(), &secrets);
    let (api, clients) = stage(served.addr(), &registry, "1.4");
    clients.are_told_apart();
    let after = clients.recorded(api);
    let is_kept = |record: &Value| after.iter().any(|other| other["id"] == record["id"]);
    assert!(now.iter().all(is_kept));
    served.end();
}
