//! `blobwatch archive` against FireLogs and a RuleBook on databases of this process: every record once, whatever happens
//! meanwhile. The end-to-end tests run it against the real worker, and read the files with DuckDB.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use blobwatch_pull::{Record, RecordId, sample};
use deployment::{Orders, ids, records, start};
use local_api::TOKEN;
use local_records::now_ms;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

mod deployment;
mod local_api;
mod local_records;

/// A deployment, and an archive of it.
struct Archive {
    folder: PathBuf,
    url: String,
    orders: Arc<Mutex<Orders>>,
}

impl Archive {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archive").join(name);
        let _ = fs::remove_dir_all(&folder);
        let orders = Arc::<Mutex<Orders>>::default();
        let url = start(&orders);
        Self { folder, url, orders }
    }

    fn arrive(&self, records: &[Record]) {
        self.orders.lock().unwrap().arrive(records);
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
        program
            .args(["archive", "--until", "-0s", "--to"])
            .arg(&self.folder)
            .env("BLOBWATCH_URL", &self.url)
            .env("BLOBWATCH_TOKEN", TOKEN);
        program
    }

    /// What it says.
    #[track_caller]
    fn run(&self, code: i32) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.program().output().unwrap();
        let text = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(code), "{text}");
        text
    }

    /// Runs it, killed before the call of that number is answered; whether it ended before.
    fn run_killed_at(&self, call: usize) -> bool {
        let mut orders = self.orders.lock().unwrap();
        let mut child = self.program().stdout(Stdio::null()).spawn().unwrap();
        orders.kill_at(call, &child);
        drop(orders);
        let has_ended = child.wait().unwrap().success();
        self.orders.lock().unwrap().spare();
        has_ended
    }

    /// Files of the archive whose names begin so.
    fn files(&self, of: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.join(of)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "parquet") {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// All ids in it, as often as they are in it.
    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .files("records")
            .iter()
            .flat_map(|file| first_column(file))
            .collect();
        ids.sort();
        ids
    }
}

fn first_column(file: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(fs::File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_string(0).unwrap().clone())
        .collect()
}

#[test]
fn every_record_is_archived_once_by_day_and_colo() {
    let archive = Archive::new("once");
    let all = records(90);
    archive.arrive(&all);
    let said = archive.run(0);
    assert!(said.starts_with("archived 90 records up to "), "{said}");
    assert_eq!(archive.ids(), ids(&all));
    for record in &all {
        let (day, colo) = (blobwatch_wire::rfc3339(record.id.time_ms()), &record.colo);
        let colo = if colo.is_empty() {
            "__HIVE_DEFAULT_PARTITION__"
        } else {
            colo
        };
        let folder = format!("records/day={}/colo={colo}", &day[..10]);
        let files = archive.files(&folder);
        assert!(
            files
                .iter()
                .flat_map(|file| first_column(file))
                .any(|id| id == record.id.to_string()),
            "{folder} has no {}",
            record.id
        );
    }
    let said = archive.run(0);
    assert!(said.starts_with("archived 0 records"), "{said}");
    assert_eq!(archive.ids(), ids(&all));
}

#[test]
fn a_record_that_comes_late_is_added_and_nothing_is_written_again() {
    let archive = Archive::new("late");
    let all = records(60);
    let (late, in_time): (Vec<_>, Vec<_>) = all
        .iter()
        .cloned()
        .partition(|record| record.id.counter() % 7 == 0);
    archive.arrive(&in_time);
    archive.run(0);
    let before = archive.files("records");
    // Spans are looked at again once they are twice as old as they were: the oldest of them are two days old.
    let manifest = archive.folder.join("manifest.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    for span in kept["spans"].as_array_mut().unwrap() {
        span["compared"] = span["until"].clone();
    }
    fs::write(&manifest, kept.to_string()).unwrap();
    archive.arrive(&late);
    let said = archive.run(0);
    assert!(said.contains(&format!(" {} late ones", late.len())), "{said}");
    assert_eq!(archive.ids(), ids(&all));
    let after = archive.files("records");
    assert!(before.iter().all(|file| after.contains(file)));
}

#[test]
fn a_kill_loses_nothing_and_doubles_nothing() {
    let archive = Archive::new("killed");
    let mut all = records(30);
    archive.arrive(&all);
    let mut call = 1;
    while !archive.run_killed_at(call) {
        call += 1;
        assert!(call < 200, "it never ends");
        // The next run finds other records than the killed one did.
        let more = Record {
            id: RecordId::from_parts(now_ms(), 2, call as u32),
            colo: "FRA".to_owned(),
            ..sample::full()
        };
        archive.arrive(std::slice::from_ref(&more));
        all.push(more);
    }
    assert!(call > 5, "it was killed {call} times");
    archive.run(0);
    assert_eq!(archive.ids(), ids(&all));
}

#[test]
fn files_of_a_run_that_ended_among_them_are_written_anew() {
    let archive = Archive::new("half");
    let mut all = records(1);
    all[0].colo = "AMS".to_owned();
    let other = Record {
        id: RecordId::from_parts(all[0].id.time_ms() + 1, 1, 9),
        colo: "FRA".to_owned(),
        ..sample::full()
    };
    let day = blobwatch_wire::rfc3339(other.id.time_ms())[..10].to_owned();
    // A folder where the second file is to be begun.
    let id = other.id;
    let obstacle = format!("records/day={day}/colo=FRA/part-{id}-{id}.parquet.unfinished");
    fs::create_dir_all(archive.folder.join(&obstacle)).unwrap();
    all.push(other.clone());
    archive.arrive(&all);
    let said = archive.run(2);
    assert!(said.contains("colo=FRA"), "{said}");
    assert_eq!(archive.files("records").len(), 1);
    fs::remove_dir(archive.folder.join(obstacle)).unwrap();
    let more = Record {
        id: RecordId::from_parts(other.id.time_ms() - 1, 1, 10),
        colo: "AMS".to_owned(),
        ..sample::full()
    };
    archive.arrive(std::slice::from_ref(&more));
    all.push(more);
    archive.run(0);
    assert_eq!(archive.ids(), ids(&all));
}

#[test]
fn a_fire_log_that_does_not_answer_is_waited_for() {
    let archive = Archive::new("silent");
    let all = records(30);
    archive.arrive(&all);
    archive.orders.lock().unwrap().silent = Some("fl1-AMS-0".to_owned());
    let said = archive.run(2);
    assert!(said.contains("fl1-AMS-0 did not answer"), "{said}");
    assert_eq!(archive.files("records"), Vec::<PathBuf>::new());
    archive.orders.lock().unwrap().silent = None;
    archive.run(0);
    assert_eq!(archive.ids(), ids(&all));
}

#[test]
fn a_run_that_comes_too_late_says_what_is_missing() {
    let archive = Archive::new("gap");
    archive.run(0);
    let manifest = archive.folder.join("manifest.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    kept["until"] = "2020-07-05T19:00:00.000Z".into();
    fs::write(&manifest, kept.to_string()).unwrap();
    let said = archive.run(0);
    assert!(
        said.contains("records from 2020-07-05T19:00:00.000Z to ") && said.contains("were deleted"),
        "{said}"
    );
    assert!(!archive.run(0).contains("deleted"));
}

#[test]
fn anomalies_and_audit_are_archived_when_they_change() {
    let archive = Archive::new("others");
    let said = archive.run(0);
    assert!(said.contains("1 anomalies, 1 audit entries"), "{said}");
    let anomaly = archive.folder.join("anomalies/day=2020-07-05/an-000012.parquet");
    assert_eq!(first_column(&anomaly), ["an-000012"]);
    let audit = archive.files("audit");
    assert!(audit[0].ends_with("part-1-1.parquet"), "{audit:?}");
    let said = archive.run(0);
    assert!(said.contains("0 anomalies, 0 audit entries"), "{said}");
}

/// What `replay` says of logs, beside their names.
fn replayed(logs: &[PathBuf]) -> serde_json::Value {
    let mut program = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
    let output = program.args(["replay", "--json"]).args(logs).output().unwrap();
    assert!(!output.stdout.is_empty(), "{output:?}");
    let mut report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report.as_object_mut().unwrap().remove("files");
    report
}

#[test]
fn an_archive_is_replayed_as_its_records_are() {
    let archive = Archive::new("replayed");
    archive.arrive(&records(300));
    archive.run(0);
    let mut export = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
    export
        .args(["requests", "--since", "-7d"])
        .env("BLOBWATCH_URL", &archive.url)
        .env("BLOBWATCH_TOKEN", TOKEN);
    let export = export.output().unwrap().stdout;
    let file = archive.folder.join("export.ndjson");
    fs::write(&file, export).unwrap();
    let read = replayed(&archive.files("records"));
    assert_eq!(read, replayed(&[file]));
    assert_eq!(
        (&read["lines"], &read["malformed"]["count"]),
        (&300.into(), &0.into())
    );

    let released =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/archive/v1/records/day=2020-07-05/colo=IAD");
    let released = fs::read_dir(released).unwrap().map(|file| file.unwrap().path());
    let read = replayed(&released.collect::<Vec<_>>());
    assert_eq!(
        (&read["requests"], &read["since"]),
        (&1.into(), &"2020-07-05T19:00:00.007Z".into())
    );
}

#[test]
fn what_cannot_be_archived_to_is_refused() {
    let archive = Archive::new("refused");
    archive.run(0);
    let lock = fs::File::open(archive.folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let said = archive.run(2);
    assert!(said.contains("another process archives to"), "{said}");
    drop(lock);
    fs::write(archive.folder.join("manifest.json"), r#"{"version":2}"#).unwrap();
    let said = archive.run(2);
    assert!(said.contains("expected version 1 or older, found 2"), "{said}");
    fs::write(archive.folder.join("manifest.json"), r#"{"version":1}"#).unwrap();
    let said = archive.run(2);
    assert!(
        said.contains("manifest.json: expected what `blobwatch archive` wrote: missing field"),
        "{said}"
    );
}

/// What the deployment shows of the archives.
fn shown(archive: &Archive) -> serde_json::Value {
    let call = ureq::get(format!("{}/_blobwatch/api/v1/archives", archive.url));
    let mut answer = call
        .header("authorization", format!("Bearer {TOKEN}"))
        .call()
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["items"][0].clone()
}

#[test]
fn the_deployment_is_told_of_each_run() {
    let archive = Archive::new("told");
    archive.arrive(&records(30));
    let said = archive.run(0);
    let run = shown(&archive);
    let until = run["until"].as_str().unwrap().to_owned();
    assert!(said.contains(&format!("up to {until}")), "{said}: {run}");
    assert_eq!(
        (&run["records"], &run["problem"], run["place"].as_str()),
        (&30.into(), &serde_json::Value::Null, archive.folder.to_str())
    );
    archive.orders.lock().unwrap().silent = Some("fl1-AMS-0".to_owned());
    let said = archive.run(2);
    let run = shown(&archive);
    assert_eq!(run["until"].as_str(), Some(until.as_str()), "{run}");
    assert!(said.contains(run["problem"].as_str().unwrap()), "{said}: {run}");
}

#[test]
fn an_export_says_which_filter_is_nearly_another() {
    let archive = Archive::new("warned");
    let mut export = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
    export
        .args(["requests", "--where", "family=dokcer"])
        .env("BLOBWATCH_URL", &archive.url)
        .env("BLOBWATCH_TOKEN", TOKEN);
    let Output { stderr, .. } = export.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(
        said.contains("query.family: no list of clients has \"dokcer\" (did you mean `docker`?)"),
        "{said}"
    );
}
