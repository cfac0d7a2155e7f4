//! Lists, exports, sums and explanations of records: whole, each record once, and kept through a kill.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{blob, is_problem, rulebook};
use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::stage::Stage;

fn ids(records: &[Value]) -> Vec<String> {
    records
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Pulls in several colos, so that several FireLogs hold the records.
fn pull_everywhere(stage: &Stage, times: usize) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for _ in 0..times {
        for colo in ["AMS", "NRT", "IAD", "GRU"] {
            let answer = stage.from(&Place::colo(colo), &blob(stage));
            asked.insert(answer.get("blobwatch-id").unwrap().to_owned());
        }
    }
    asked
}

#[test]
fn cursors_show_every_record_once_across_fire_logs() {
    let stage = Stage::new();
    let asked = pull_everywhere(&stage, 15);
    stage.records("limit=1000", asked.len());
    for limit in [1, 7, 60] {
        let paged = ids(&stage.api().items(&format!("/requests?limit={limit}")));
        assert_eq!(paged.len(), asked.len(), "limit {limit}");
        assert_eq!(
            paged.iter().cloned().collect::<BTreeSet<_>>(),
            asked,
            "limit {limit}"
        );
        assert!(paged.is_sorted_by(|a, b| a > b), "newest first: {paged:?}");
    }
    let colo = stage.api().items("/requests?colo=NRT&limit=4");
    assert_eq!(colo.len(), 15);
    assert!(colo.iter().all(|record| record["colo"] == "NRT"));
}

#[test]
fn cursor_is_not_moved_by_what_comes_after_it() {
    let stage = Stage::new();
    let asked = pull_everywhere(&stage, 5);
    stage.records("limit=1000", asked.len());
    let mut page = stage.api().get("/requests?limit=6");
    let mut seen = ids(page["items"].as_array().unwrap());
    let later = pull_everywhere(&stage, 3);
    stage.records("limit=1000", asked.len() + later.len());
    while let Some(cursor) = page["next_cursor"].as_str() {
        page = stage.api().get(&format!("/requests?limit=6&cursor={cursor}"));
        seen.extend(ids(page["items"].as_array().unwrap()));
    }
    assert_eq!(seen.len(), asked.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), asked);
}

#[test]
fn export_is_one_record_a_line() {
    let stage = Stage::new();
    let asked = pull_everywhere(&stage, 5);
    let listed = stage.records("limit=1000", asked.len());
    let export = |parameters: &str| -> Vec<Value> {
        let path = format!("/requests?format=ndjson{parameters}");
        let export = stage.api().try_get(&path);
        assert_eq!(export.get("content-type"), Some("application/x-ndjson"));
        let text = export.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(export(""), listed);
    for (schema, place) in [
        ("blobwatch", ""),
        ("ocsf", "/unmapped/blobwatch"),
        ("ecs", "/blobwatch"),
        ("logpush", "/Blobwatch"),
    ] {
        let lines = export(&format!("&schema={schema}"));
        let records: Vec<&Value> = lines.iter().filter_map(|line| line.pointer(place)).collect();
        assert_eq!(records, listed.iter().collect::<Vec<_>>(), "{schema}");
    }
    is_problem(&stage.api().try_get("/requests?schema=ocsf"), 400, "query.schema");
}

#[test]
fn summary_counts_by_what_is_asked() {
    let stage = Stage::new();
    let rule = json!({"description": "", "expression": "client.family eq \"curl\"", "action": "block"});
    stage.api().put("/rules/curls", &rule);
    eventually("the rule fires", || {
        stage.through(&blob(&stage));
        let fires = stage.api().items("/fires?rule=curls");
        (!fires.is_empty()).then_some(())
    });
    // What was pulled before is recorded before: nothing is on its way when these are there.
    let asked = pull_everywhere(&stage, 3);
    let fires = eventually("every pull fires", || {
        let fires = stage.api().items("/fires?rule=curls");
        let found: BTreeSet<String> = ids(&fires).into_iter().collect();
        asked.is_subset(&found).then_some(fires)
    });
    let summary = stage.api().get("/fires/summary?by=rule,route");
    let groups = summary["groups"].as_array().unwrap();
    let of_rule = groups.iter().find(|group| group["rule"] == "curls").unwrap();
    let expected = json!({
        "rule": "curls", "route": "default", "requests": fires.len(), "clients": 1, "clients_exact": true,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&of_rule[name], value, "{name}: {summary}");
    }
}

#[test]
fn what_is_different_about_a_selection_is_said() {
    let stage = Stage::new();
    let asked = pull_everywhere(&stage, 3);
    stage.records("limit=1000", asked.len());
    let compare = |body: &Value| {
        let post = Request::new("POST", "/_blobwatch/api/v1/compare");
        stage.api().send(post.body("application/json", body.to_string()))
    };
    let all = compare(&json!({})).json();
    assert_eq!(
        (&all["selection"], &all["rest"]),
        (&json!(asked.len()), &json!(0)),
        "{all}"
    );
    let colos = stage.api().get("/requests/summary?by=colo");
    let (colo, of_colo) = (&colos["groups"][0]["colo"], &colos["groups"][0]["requests"]);
    let body = json!({"filters": {"colo": [colo.as_str().unwrap_or_default()]}, "within": {"since": "-2h"}});
    let found = compare(&body).json();
    assert_eq!(&found["selection"], of_colo, "{found}");
    let attributes = found["attributes"].as_array().unwrap();
    let chosen = attributes.iter().find(|of| of["attribute"] == "colo").unwrap();
    assert_eq!(
        (&chosen["chosen"], &chosen["values"][0]["value"]),
        (&json!(true), colo),
        "{found}"
    );
    let refused = compare(&json!({"filters": {"system": ["amzn2"]}}));
    assert_eq!(
        (refused.status(), &refused.json()["errors"][0]["place"]),
        (400, &json!("body.filters.system"))
    );
}

#[test]
fn one_record_is_explained() {
    let stage = Stage::new();
    let expression = "client.family eq \"curl\" and ip.src.asnum in {64500 64501}";
    stage.api().put(
        "/rules/curls",
        &json!({"description": "", "expression": expression, "action": "block"}),
    );
    let fires = eventually("the rule fires", || {
        stage.through(&blob(&stage));
        Some(stage.api().items("/fires?rule=curls")).filter(|fires| !fires.is_empty())
    });
    let id = fires[0]["id"].as_str().unwrap();
    let explained = stage.api().get(&format!("/fires/{id}"));
    let text = explained.to_string();
    for word in ["client.family", "ip.src.asnum", "64500", "curls"] {
        assert!(text.contains(word), "{word}: {explained:#}");
    }
    is_problem(&stage.api().try_get("/fires/00000000000000000000000000"), 404, "");
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let mut stage = Stage::new();
    stage.api().put(
        "/rules/kept",
        &json!({"description": "", "expression": "range.present", "action": "tag"}),
    );
    let asked = pull_everywhere(&stage, 5);
    let records = stage.records("limit=1000", asked.len());
    let before = rulebook(&stage);
    stage.edge.restart();
    assert_eq!(rulebook(&stage), before);
    assert_eq!(stage.records("limit=1000", asked.len()), records);
    pull_everywhere(&stage, 1);
    stage.records("limit=1000", asked.len() + 4);
}
