//! Backups as docs/backup.md says: a copy of one moment while it serves, and an archive while it is stopped. What is restored has all
//! that was there then, and goes on from it.

use std::fs::{create_dir, rename};
use std::path::Path;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::process::{command, run};
use crate::harness::registry::{REPOSITORY, Registry};
use crate::serve::{Served, databases, release};

fn set_mode(api: Api<'_>, mode: &str) {
    let body = json!({"mode": mode, "force": true, "reason": "the end-to-end test"});
    api.put("/rules/own/modes/default", &body);
}

struct Registered<'a> {
    served: Served,
    token: &'a str,
    blob: String,
}

impl Registered<'_> {
    fn api(&self) -> Api<'_> {
        Api::new(self.served.addr(), self.token)
    }

    fn status(&self, family: &str, version: &str) -> u16 {
        let request = Request::get(&self.blob).header("User-Agent", &format!("{family}/{version}"));
        request.send(self.served.addr()).unwrap().status()
    }

    /// Pulls until the rule acts so, and waits for the record.
    #[track_caller]
    fn pulls(&self, version: &str, wget: u16) -> Value {
        eventually("the rule acts", || {
            (self.status("wget", version) == wget).then_some(())
        });
        eventually("it is recorded", || {
            self.records(version)
                .into_iter()
                .find(|record| record["status"] == wget)
        })
    }

    fn records(&self, version: &str) -> Vec<Value> {
        let mut records = self.api().items("/requests");
        records.retain(|record| record["version"] == version);
        records
    }
}

/// The frozen process writes nothing: what is copied is of one moment, as a snapshot of the file system is.
fn snapshot(served: &Served, data: &Path, to: &Path) {
    kill_process(served.workerd(), Signal::STOP).unwrap();
    let mut copy = command("cp");
    copy.arg("--archive").arg(data).arg(to);
    let copied = run(copy);
    kill_process(served.workerd(), Signal::CONT).unwrap();
    copied.success();
}

fn tar(arguments: &[&str], archive: &Path, folder: &Path) {
    let mut tar = command("tar");
    tar.args(arguments).arg("--file").arg(archive);
    tar.arg("--directory").arg(folder);
    if arguments.contains(&"--create") {
        tar.arg(".");
    }
    run(tar).success();
}

#[test]
fn what_is_restored_is_all_there_and_goes_on() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::shared());
    let path = folder.path();
    release(path);
    let (data, moment, archive) = (
        path.join("data"),
        path.join("moment"),
        path.join("stopped.tar.gz"),
    );
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", registry.image.small().digest);
    let served = Served::start(path, registry.addr(), &[]);
    let token = served.word("token ");
    let start = |served| Registered {
        served,
        token: &token,
        blob: blob.clone(),
    };
    let again = || start(Served::start(path, registry.addr(), &[]));

    let first = start(served);
    let rule = json!({"description": "", "expression": "client.family eq \"wget\"", "action": "block"});
    first.api().put("/rules/own", &rule);
    set_mode(first.api(), "enforce");
    let before = first.pulls("1.0", 403);
    let revision = first.api().get("/rulebook")["revision"].clone();
    snapshot(&first.served, &data, &moment);

    // What comes after the snapshot is in the archive only.
    set_mode(first.api(), "monitor");
    let after = first.pulls("2.0", 200);
    first.served.end();
    tar(&["--create", "--gzip"], &archive, &data);

    rename(&data, path.join("lost")).unwrap();
    rename(&moment, &data).unwrap();
    assert!(databases(path).starts_with("ok"), "{}", databases(path));
    let restored = again();
    assert_eq!(restored.api().get("/rulebook")["revision"], revision);
    let kept = restored.records("1.0");
    assert!(kept.iter().any(|record| record["id"] == before["id"]), "{kept:?}");
    assert_eq!(restored.records("2.0"), [] as [Value; 0]);
    assert_eq!(restored.api().get("/audit/verify")["ok"], true);
    // It goes on: with the rule as it was then, and the client under its key.
    let now = restored.pulls("3.0", 403);
    assert_eq!(now["client"], before["client"]);
    restored.served.end();

    rename(&data, path.join("before")).unwrap();
    create_dir(&data).unwrap();
    tar(&["--extract"], &archive, &data);
    assert!(databases(path).starts_with("ok"), "{}", databases(path));
    let restored = again();
    for record in [&before, &after] {
        let version = record["version"].as_str().unwrap();
        let kept = restored.records(version);
        assert!(
            kept.iter().any(|other| other["id"] == record["id"]),
            "{version}: {kept:?}"
        );
    }
    assert_eq!(restored.api().get("/rules/own/modes/default")["mode"], "monitor");
    assert_eq!(restored.api().get("/audit/verify")["ok"], true);
    restored.pulls("4.0", 200);
    restored.served.end();
}
