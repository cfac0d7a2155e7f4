//! The API's description: served, true of the worker, and of use to generators of clients and types.

use std::fs::{read_to_string, write};
use std::path::Path;

use crate::api::{blob, is_problem};
use crate::harness::api::Api;
use crate::harness::browser::{node_runs, types_hold};
use crate::harness::http::Request;
use crate::harness::process::run;
use crate::harness::python::python;
use crate::harness::stage::{ADMIN, OPERATOR, Stage, VIEWER};
use crate::harness::workerd::ROOT;

const DOCUMENT: &str = "docs/openapi.json";

/// What openapi-typescript makes of the document.
const TYPES: &str = "dashboard/src/api/schema.ts";

fn document() -> String {
    read_to_string(Path::new(ROOT).join(DOCUMENT)).unwrap()
}

/// The file is made by the generator, and by nobody else.
#[test]
fn types_of_the_dashboard_are_those_of_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("schema.ts");
    let output = made.display().to_string();
    node_runs(
        &[
            "tests/clients/node_modules/.bin/openapi-typescript",
            DOCUMENT,
            "--root-types",
            "--root-types-no-schema-prefix",
            "--default-non-nullable=false",
            "--output",
            &output,
        ],
        &[],
    );
    let (made, kept) = (read_to_string(made).unwrap(), Path::new(ROOT).join(TYPES));
    if std::env::var_os("BLESS").is_some() {
        write(&kept, &made).unwrap();
    }
    let is_same = read_to_string(kept).unwrap() == made;
    assert!(
        is_same,
        "{TYPES} is another: BLESS=1 cargo test --test e2e types_of_the_dashboard writes it"
    );
}

#[test]
fn the_document_is_served_and_its_clients_do_a_round_trip() {
    let stage = Stage::new();
    let answer = Api::new(stage.edge.addr(), VIEWER).try_get("/openapi.json");
    assert_eq!(answer.get("content-type"), Some("application/json"));
    assert!(answer.text() == document(), "build/dashboard has an older one");
    let stranger = Request::get("/_blobwatch/api/v1/openapi.json");
    is_problem(&stranger.send(stage.edge.addr()).unwrap(), 401, "");

    // Something to read.
    stage.through(&blob(&stage));
    stage.records("limit=1", 1);
    let edge = format!("http://{}", stage.edge.addr());
    let environment = [("EDGE", edge.as_str()), ("OPERATOR", OPERATOR)];
    types_hold("tests/clients");
    node_runs(&["tests/clients/round_trip.ts"], &environment);
    python_client_does_a_round_trip(&environment);
}

fn python_client_does_a_round_trip(environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    // Its formatter is for people who read what it makes.
    write(folder.path().join("config.yml"), "post_hooks: []\n").unwrap();
    let mut generate = python("openapi-python-client");
    generate
        .args(["generate", "--meta", "none", "--fail-on-warning", "--output-path"])
        .arg(folder.path().join("blobwatch_client"))
        .arg("--config")
        .arg(folder.path().join("config.yml"))
        .arg("--path")
        .arg(Path::new(ROOT).join(DOCUMENT));
    run(generate).success();
    let mut client = python("python");
    client
        .arg(Path::new(ROOT).join("tests/clients/round_trip.py"))
        .env("PYTHONPATH", folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied());
    run(client).success();
}

/// What Schemathesis makes up, from a fixed seed: no answer of 5xx, and none of a status, a media type or a form that the
/// document does not have.
#[test]
fn the_worker_answers_as_the_document_says() {
    let stage = Stage::new();
    stage.through(&blob(&stage));
    stage.records("limit=1", 1);
    let folder = tempfile::tempdir().unwrap();
    let mut schemathesis = python("schemathesis");
    schemathesis
        .current_dir(folder.path())
        .arg("run")
        .arg(Path::new(ROOT).join(DOCUMENT))
        .arg("--url")
        .arg(format!("http://{}", stage.edge.addr()))
        .arg("--header")
        .arg(format!("Authorization: Bearer {ADMIN}"))
        .args([
            // A busy machine is no fault of the worker.
            "--request-timeout",
            "600",
            "--phases",
            "examples,fuzzing",
            "--max-examples",
            MOST_EXAMPLES,
            "--seed",
            "2020",
        ])
        .args([
            "--checks",
            CHECKS,
            "--continue-on-failure",
            "--no-color",
            "--warnings",
            "off",
        ]);
    let output = run(schemathesis);
    assert!(output.status.success(), "{}{}", output.stdout, output.stderr);
}

/// Of each call: some 400 cases in all, a few seconds on a machine that does nothing else.
const MOST_EXAMPLES: &str = "4";

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
