//! `blobwatch archive` of a deployment with several FireLogs, through a kill, read with DuckDB.

use std::fs::{create_dir_all, read_dir, read_to_string};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::api::blob;
use crate::harness::clock::eventually;
use crate::harness::place::Place;
use crate::harness::process::{Service, command, run};
use crate::harness::python::python;
use crate::harness::stage::{Stage, VIEWER};
use crate::harness::workerd::ROOT;
use crate::serve::built;

/// Answers each statement of a list with its rows.
const READER: &str = "
import json, sys, duckdb
duckdb.sql(\"SET TimeZone = 'UTC'\")
answers = [duckdb.sql(statement).fetchall() for statement in json.load(open(sys.argv[1]))]
print(json.dumps(answers, default=str))
";

struct Archive {
    folder: PathBuf,
    /// Of what is no part of the archive.
    beside: tempfile::TempDir,
}

impl Archive {
    /// With what the first release wrote, of July 2020.
    fn new() -> Self {
        let beside = tempfile::tempdir().unwrap();
        let folder = beside.path().join("archive");
        copy(&Path::new(ROOT).join("cli/tests/data/archive/v1"), &folder);
        Self { folder, beside }
    }

    fn program(&self, stage: &Stage) -> Command {
        let mut program = command(built("blobwatch").to_str().unwrap());
        program
            .args(["archive", "--until", "-0s", "--to"])
            .arg(&self.folder)
            .env("BLOBWATCH_URL", format!("http://{}", stage.edge.addr()))
            .env("BLOBWATCH_TOKEN", VIEWER);
        program
    }

    /// What is there of this deployment, in the API's form and order.
    fn records(&self) -> Vec<Value> {
        let all = "SELECT to_json(record)::VARCHAR FROM (SELECT * REPLACE (strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ') AS time)
            FROM read_parquet('/srv/archive/records/day=*/*/*.parquet', hive_partitioning = false)
            WHERE time > '2021-01-01') AS record ORDER BY id DESC";
        let rows = self.rows(&[all.to_owned()]);
        let texts = rows[0].as_array().unwrap().iter();
        texts
            .map(|row| serde_json::from_str(row[0].as_str().unwrap()).unwrap())
            .collect()
    }

    /// The rows that DuckDB answers each statement with.
    fn rows(&self, statements: &[String]) -> Vec<Value> {
        let file = self.beside.path().join("statements.json");
        let folder = self.folder.to_str().unwrap();
        let statements: Vec<String> = statements
            .iter()
            .map(|statement| statement.replace("/srv/archive", folder))
            .collect();
        std::fs::write(&file, json!(statements).to_string()).unwrap();
        let mut reader = python("python");
        reader.args(["-c", READER]).arg(&file);
        serde_json::from_str(&run(reader).success().stdout).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    create_dir_all(to).unwrap();
    for entry in read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Statements of the page, as they stand there.
fn recipes() -> Vec<String> {
    let page = read_to_string(Path::new(ROOT).join("docs/archive.md")).unwrap();
    let (_, section) = page.split_once("\n### DuckDB\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let blocks = section.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect()
}

fn pull_everywhere(stage: &Stage) {
    for colo in ["AMS", "NRT", "IAD", "GRU"] {
        let place = Place::colo(colo);
        stage.from(&place, &blob(stage));
        let part = stage.from(&place, &blob(stage).header("Range", "bytes=0-9"));
        assert_eq!(part.status(), 206);
    }
}

/// A service that speaks as S3 does.
struct Store {
    url: String,
    _service: Service,
    log: PathBuf,
}

impl Store {
    fn start(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let log = folder.join("store.log");
        let mut service = python("python");
        service.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let store = Self {
            url: format!("http://127.0.0.1:{port}"),
            _service: Service::start(service, &log),
            log,
        };
        eventually("the store answers", || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        store
    }

    /// Runs statements with `bucket`, and `folder` as where to copy to.
    fn script(&self, statements: &str, folder: &Path) {
        let begin = "import boto3, os, sys
s3 = boto3.resource('s3', endpoint_url = sys.argv[1], aws_access_key_id = 'key', aws_secret_access_key = 'secret',
    region_name = 'us-east-1')
bucket, folder = s3.Bucket('logs'), sys.argv[2]
";
        let mut script = python("python");
        script
            .args(["-c", &format!("{begin}{statements}"), &self.url])
            .arg(folder);
        run(script).success();
    }
}

#[test]
fn a_bucket_has_what_the_api_says_through_a_kill() {
    let stage = Stage::new();
    pull_everywhere(&stage);
    stage.records("limit=1000", 8);
    let archive = Archive::new();
    let store = Store::start(archive.beside.path());
    store.script("bucket.create()", &archive.folder);
    let program = || {
        let mut program = command(built("blobwatch").to_str().unwrap());
        program
            .args(["archive", "--until", "-0s", "--to", "s3://logs/some/where"])
            .args(["--endpoint", &store.url])
            .env("BLOBWATCH_URL", format!("http://{}", stage.edge.addr()))
            .env("BLOBWATCH_TOKEN", VIEWER)
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        program
    };
    let killed = Service::start(program(), &archive.beside.path().join("log"));
    eventually("the archive is begun", || {
        let said = read_to_string(&store.log).unwrap();
        said.contains("PUT /logs/some/where/manifest.json").then_some(())
    });
    drop(killed);
    pull_everywhere(&stage);
    let listed = stage.records("limit=1000", 16);
    run(program()).success();
    let copy = "for file in bucket.objects.all():
    path = os.path.join(folder, file.key.removeprefix('some/where/'))
    os.makedirs(os.path.dirname(path), exist_ok = True)
    bucket.download_file(file.key, path)";
    store.script(copy, &archive.folder);
    assert!(archive.folder.join("manifest.json").exists());
    assert_eq!(archive.records(), listed);
}

/// CloudFront's standard logging v2, which names its columns so in Parquet and has texts in all of them.
const CLOUDFRONT: &str = "CREATE TABLE log AS SELECT '2026-03-02' AS date, strftime(TIMESTAMP '2026-03-02 10:00:00' + to_seconds(n // 20), '%H:%M:%S') AS time,
    'FRA60-P1' AS x_edge_location, '5000321' AS sc_bytes, '192.0.' || (n % 40) || '.' || (n % 250) AS c_ip, 'GET' AS cs_method,
    '/v2/library/app/blobs/sha256:' || sha256((n % 90)::VARCHAR) AS cs_uri_stem, '200' AS sc_status,
    'docker/20.10.7%20kernel/4.14.238-182.422.amzn2.x86_64' AS cs_user_agent, '5000000' AS sc_content_len, NULL::VARCHAR AS sc_range_start
    FROM range(20000) rows(n)";

#[test]
fn logs_of_cloudfront_in_parquet_are_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut statements = vec![CLOUDFRONT.to_owned()];
    for how in ["snappy", "zstd", "gzip", "uncompressed"] {
        statements.push(format!(
            "COPY log TO '{}' (FORMAT parquet, COMPRESSION {how}, ROW_GROUP_SIZE 7000)",
            place(how)
        ));
    }
    statements.push(format!("COPY log TO '{}' (FORMAT json)", place("lines")));
    let mut writer = python("python");
    let script = "import json, sys, duckdb
for statement in json.loads(sys.argv[1]): duckdb.sql(statement)";
    writer.args(["-c", script, &json!(statements).to_string()]);
    run(writer).success();
    let replayed = |name: &str| {
        let mut program = command(built("blobwatch").to_str().unwrap());
        program.args(["replay", "--json", &place(name)]);
        let mut report: Value = serde_json::from_str(&run(program).success().stdout).unwrap();
        let file = report.as_object_mut().unwrap().remove("files").unwrap();
        assert_eq!(file[0]["format"], "cloudfront", "{file}");
        report
    };
    let expected = replayed("lines");
    assert_eq!(
        (&expected["lines"], &expected["counts"]["starts"]),
        (&json!(20_000), &json!(20_000)),
        "{expected}"
    );
    for how in ["snappy", "zstd", "gzip", "uncompressed"] {
        assert_eq!(replayed(how), expected, "{how}");
    }
}

#[test]
fn duckdb_reads_every_record_as_the_api_says_it() {
    let stage = Stage::new();
    let rule = json!({"description": "", "expression": "http.request.method eq \"GET\"", "action": "tag"});
    stage.api().put("/rules/all-of-them", &rule);
    let mut pulls = 0;
    eventually("the rule fires", || {
        stage.through(&blob(&stage));
        pulls += 1;
        let fires = stage.api().items("/fires");
        (!fires.is_empty()).then_some(())
    });
    pull_everywhere(&stage);
    stage.records("limit=1000", pulls + 8);

    let archive = Archive::new();
    let killed = Service::start(archive.program(&stage), &archive.beside.path().join("log"));
    let manifest = archive.folder.join("manifest.json");
    eventually("the archive is begun", || manifest.exists().then_some(()));
    drop(killed);
    pull_everywhere(&stage);
    let listed = stage.records("limit=1000", pulls + 16);
    run(archive.program(&stage)).success();

    assert_eq!(archive.records(), listed);

    let answers = archive.rows(&recipes());
    let [networks, partial, rules, once, anomalies] = answers.as_slice() else {
        panic!("docs/archive.md has other recipes than this test knows");
    };
    assert_eq!(*networks, json!([["fedcba9876543210", 16509, 1, 1]]));
    let partial: u64 = partial
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[2].as_u64().unwrap())
        .sum();
    assert_eq!(partial, 8);
    let rules = rules.as_array().unwrap();
    assert!(rules.iter().any(|row| row[1] == "all-of-them"), "{rules:?}");
    assert_eq!(once[0][0], listed.len() + 1);
    assert_eq!(anomalies[0][0], "an-000012");
}
