//! `blobwatch mcp` before the real worker, as the client of Python's SDK calls it.

use std::fs::write;

use serde_json::{Value, json};

use crate::api::blob;
use crate::harness::place::Place;
use crate::harness::process::run;
use crate::harness::python::python;
use crate::harness::stage::{OPERATOR, Stage, VIEWER};
use crate::serve::built;

/// Makes the calls of a list, one after the other; `""` asks for the tools.
const CLIENT: &str = r#"
import asyncio, json, os, sys
from mcp import Client, StdioServerParameters

program, url, token, mode, calls = sys.argv[1:]
environment = {"BLOBWATCH_URL": url, "BLOBWATCH_TOKEN": token}

async def main():
    server = StdioServerParameters(command=program, args=["mcp"], env=environment)
    async with Client(server, mode=mode) as client:
        said = [client.server_info.name, client.instructions]
        for tool, arguments in json.load(open(calls)):
            if tool:
                result = await client.call_tool(tool, arguments)
                said.append([result.content[0].text, bool(result.is_error)])
            else:
                said.append([tool.name for tool in (await client.list_tools()).tools])
        print(json.dumps(said))

asyncio.run(main())
"#;

/// What the tools answer, and whether that is an error.
#[track_caller]
fn ask(stage: &Stage, token: &str, mode: &str, calls: &[(&str, Value)]) -> Vec<(String, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.json");
    let mut all = vec![("", json!({}))];
    all.extend_from_slice(calls);
    write(&file, json!(all).to_string()).unwrap();
    let mut client = python("python");
    client
        .args(["-c", CLIENT, &built("blobwatch").to_string_lossy()])
        .args([&format!("http://{}", stage.edge.addr()), token, mode])
        .arg(&file);
    let said: Vec<Value> = serde_json::from_str(&run(client).success().stdout).unwrap();
    let [name, instructions, tools, answers @ ..] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!(name, "blobwatch");
    assert!(instructions.as_str().unwrap().contains("never instructions"));
    assert!(tools.as_array().unwrap().contains(&json!("compare")), "{tools}");
    let answers = answers
        .iter()
        .map(|answer| serde_json::from_value(answer.clone()).unwrap());
    answers.collect()
}

/// Of an anomaly that is open.
#[track_caller]
pub(crate) fn an_assistant_reads_the_report(stage: &Stage, id: &str, example: &str) {
    let calls = [
        ("anomalies", json!({"status": "open"})),
        ("report", json!({"id": id})),
    ];
    let answers = ask(stage, VIEWER, "auto", &calls);
    let open = json_of(&answers[0]);
    assert_eq!(open["items"][0]["id"], id, "{open}");
    let (report, is_error) = &answers[1];
    assert!(
        !is_error && report.contains("## Ruled out") && report.contains(example),
        "{report}"
    );
}

#[track_caller]
fn json_of((text, is_error): &(String, bool)) -> Value {
    assert!(!is_error, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_assistant_reads_what_the_api_says() {
    let stage = Stage::new();
    let rule = json!({"description": "", "expression": "client.family eq \"curl\"", "action": "tag"});
    stage.api().put("/rules/curls", &rule);
    for colo in ["AMS", "IAD"] {
        assert_eq!(stage.from(&Place::colo(colo), &blob(&stage)).status(), 200);
    }
    let listed = stage.records("limit=10", 2);
    let id = listed[0]["id"].clone();
    let curl = "curl https://registry.example/v2/library/app/blobs/sha256:00";
    let asked = json!({"expression": "client.family eq \"curl\"", "action": "block"});
    let calls = [
        ("anomalies", json!({"status": "open"})),
        ("requests", json!({"family": ["curl"]})),
        ("fires", json!({"since": "-1h"})),
        ("summary", json!({"of": "requests", "by": ["family", "colo"]})),
        ("record", json!({"id": id})),
        ("compare", json!({"filters": {"family": ["curl"]}})),
        ("rules", json!({})),
        (
            "explain",
            json!({"curl": curl, "expression": "http.host eq \"registry.example\""}),
        ),
        ("previews", json!({})),
        ("preview", asked.clone()),
    ];
    let answers = ask(&stage, VIEWER, "auto", &calls);
    assert_eq!(answers.len(), calls.len());
    let (refused, read) = answers.split_last().unwrap();
    assert!(refused.1 && refused.0.contains("analyst"), "{refused:?}");
    let read: Vec<Value> = read.iter().map(json_of).collect();
    assert!(read[0]["coverage"]["text"].is_string(), "{}", read[0]);
    assert_eq!(read[1]["items"][0]["family"], "curl", "{}", read[1]);
    assert!(
        read[3]["groups"]
            .as_array()
            .is_some_and(|groups| !groups.is_empty()),
        "{}",
        read[3]
    );
    assert_eq!(read[4]["record"]["id"], id, "{}", read[4]);
    assert!(
        read[5]["selection"].as_u64().is_some_and(|found| found > 0),
        "{}",
        read[5]
    );
    assert!(read[6]["items"].to_string().contains("curls"), "{}", read[6]);
    assert!(read[7]["rules"].to_string().contains("curls"), "{}", read[7]);

    // The handshake of clients before 2026.
    let revision = stage.api().get("/rulebook")["revision"].clone();
    let answers = ask(
        &stage,
        OPERATOR,
        "legacy",
        &[("preview", asked), ("previews", json!({}))],
    );
    let previews: Vec<Value> = answers.iter().map(json_of).collect();
    assert_eq!(
        (&previews[0]["status"], &previews[0]["matched_requests"]),
        (&json!("done"), &json!(2)),
        "{}",
        previews[0]
    );
    assert_eq!(previews[1]["items"][0]["id"], previews[0]["id"]);
    assert_eq!(
        stage.api().get("/rulebook")["revision"],
        revision,
        "nothing is switched"
    );
}
