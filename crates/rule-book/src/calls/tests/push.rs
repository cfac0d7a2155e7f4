//! A whole rulebook at once.

use super::enforcement::previewed;
use super::{Api, api, staged};
use blobwatch_wire::Problem;
use serde_json::{Value, json};

fn push(api: &Api, query: &str, document: &Value) -> Result<Value, Problem> {
    let revision = format!("\"{}\"", api.0.revision().unwrap());
    let path = format!("rulebook?{query}");
    api.call("PUT", &path, &document.to_string(), Some(&revision))
        .map(|(_, body)| body)
}

fn targets(plan: &Value) -> Vec<(&str, &str)> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes
        .map(|c| (c["action"].as_str().unwrap(), c["target"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_rulebook_that_was_pulled_pushes_nothing() {
    let api = api();
    api.put("rules/sweep/modes/default", &staged("watch"));
    api.put("rules/around/modes/library", &staged("off"));
    let before = api.0.audit(None, 10).unwrap();
    let pushed = push(&api, "reason=same", &api.get("rulebook")).unwrap();
    assert_eq!(
        pushed,
        json!({"revision": 3, "changed": false, "changes": [], "errors": []})
    );
    assert_eq!(api.0.audit(None, 10).unwrap(), before);
}

#[test]
fn a_push_is_one_revision_for_everything_that_it_changes() {
    let api = api();
    let monitor = json!({"mode": "monitor", "reason": "r"});
    api.put("rules/around/modes/library", &monitor);
    let document = json!({
        "routes": [{"name": "ecr", "host": "ecr.example"}, {"name": "default"}],
        "rules": [{"id": "first", "expression": "not ssl", "action": "tag"},
                  {"id": "sweep", "description": "d", "expression": "ssl", "action": "throttle"}],
        "modes": [{"rule": "first", "route": "ecr", "mode": "off"}],
        "settings": {"retry_after_s": 60},
    });
    let plan = push(&api, "dry_run=true", &document).unwrap();
    assert_eq!(
        (&plan["revision"], &plan["changed"], &plan["errors"]),
        (&json!(2), &json!(false), &json!([]))
    );
    let expected = [
        ("add", "routes/ecr"),
        ("retire", "routes/library"),
        ("add", "rules/first"),
        ("change", "rules/sweep"),
        ("retire", "rules/around"),
        ("add", "rules/first/modes/ecr"),
        ("retire", "rules/around/modes/library"),
        ("change", "settings"),
        ("change", "routes"),
        ("change", "rules"),
    ];
    assert_eq!(targets(&plan), expected);
    assert_eq!(api.0.revision().unwrap(), 2, "a plan changes nothing");
    let pushed = push(&api, "reason=from+git", &document).unwrap();
    assert_eq!(
        (&pushed["revision"], &pushed["changed"], targets(&pushed)),
        (&json!(3), &json!(true), targets(&plan))
    );
    let book = api.0.document().unwrap();
    let names: Vec<&str> = book.routes.iter().map(|route| route.name.as_str()).collect();
    let rules: Vec<(&str, u32)> = book
        .rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.version))
        .collect();
    assert_eq!(
        (names, rules),
        (vec!["ecr", "default"], vec![("first", 1), ("sweep", 2)])
    );
    assert_eq!((book.modes.len(), book.settings.retry_after_s), (1, 60));
    let again = push(&api, "reason=again", &document).unwrap();
    assert_eq!(again["changed"], false);
    let entry = &api.get("audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["reason"]),
        (&json!("rulebook.put"), &json!("from git"))
    );
    assert_eq!(entry["before"]["rules/sweep"]["action"], "block");
}

#[test]
fn a_push_is_refused_whole_and_names_every_place() {
    let api = api();
    let mut document = api.get("rulebook");
    document["rules"][0]["expression"] = json!("http.hots eq 1");
    document["routes"][1]["host"] = json!("A:1");
    let problem = push(&api, "reason=r", &document).unwrap_err();
    let places: Vec<&str> = problem.errors.iter().map(|e| e.place.as_str()).collect();
    assert_eq!(
        (problem.status, places),
        (422, vec!["body.routes[1].host", "body.rules[0].expression"])
    );
    let plan = push(&api, "dry_run=true", &document).unwrap();
    assert_eq!(plan["errors"][1]["place"], "body.rules[0].expression");
    let sound = api.get("rulebook");
    #[track_caller]
    fn case(answer: Result<(u16, Value), Problem>, status: u16, place: &str) {
        let problem = answer.unwrap_err();
        assert_eq!(
            (problem.status, problem.errors.first().map_or("", |e| &e.place)),
            (status, place)
        );
    }
    let text = sound.to_string();
    case(
        api.call("PUT", "rulebook?reason=r", &text, None),
        400,
        "header.if-match",
    );
    case(
        api.call("PUT", "rulebook", &text, Some("\"1\"")),
        400,
        "query.reason",
    );
    case(
        api.call("PUT", "rulebook?reason=r", &text, Some("\"2\"")),
        412,
        "",
    );
    case(
        api.call("PUT", "rulebook?reason=r&dry_run=yes", &text, Some("\"1\"")),
        400,
        "query.dry_run",
    );
    assert_eq!(api.0.revision().unwrap(), 1);
}

#[test]
fn a_push_begins_two_enforcements_on_a_route_with_a_preview_of_each() {
    let api = api();
    previewed(&api, "pv-1", "sweep", "library");
    previewed(&api, "pv-2", "around", "library");
    let mut document = api.get("rulebook");
    let mode = |rule: &str, preview: &str| json!({"rule": rule, "route": "library", "mode": "enforce", "percent": 5, "preview": preview});
    document["modes"] = json!([mode("sweep", "pv-1"), mode("around", "pv-9")]);
    let problem = push(&api, "reason=r", &document).unwrap_err();
    let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(places, ["body.modes[1].preview"], "{problem:?}");
    document["modes"][1] = mode("around", "pv-2");
    push(&api, "reason=r", &document).unwrap();
    assert_eq!(api.0.document().unwrap().modes.len(), 2);

    // What was not seen by either still makes both stale: a third rule that is enforced already.
    let alone = |percent: f64| json!([{"rule": "sweep", "route": "library", "mode": "enforce", "percent": percent, "preview": "pv-1"}]);
    let mut more = api.get("rulebook");
    more["modes"] = alone(50.0);
    push(&api, "reason=r", &more).unwrap();
    let mut both = api.get("rulebook");
    both["modes"] = json!([{"rule": "sweep", "route": "library", "mode": "enforce", "percent": 50.0}, mode("around", "pv-2")]);
    let problem = push(&api, "reason=r", &both).unwrap_err();
    assert_eq!(problem.errors[0].place, "body.modes[1].preview");
}

#[test]
fn a_push_never_begins_to_enforce_without_a_preview_or_force() {
    let api = api();
    let mut document = api.get("rulebook");
    document["modes"] = json!([{"rule": "sweep", "route": "default", "mode": "enforce", "percent": 5}]);
    let problem = push(&api, "reason=r", &document).unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.modes[0].preview")
    );
    assert_eq!(
        push(&api, "dry_run=true", &document).unwrap()["errors"][0]["place"],
        "body.modes[0].preview"
    );
    document["modes"][0]["force"] = json!(true);
    push(&api, "reason=r", &document).unwrap();
    assert_eq!(api.0.document().unwrap().modes[0].guard, Some(2));
    let after = &api.get("audit?limit=1")["items"][0]["after"];
    assert_eq!(after["rules/sweep/modes/default"]["forced"], true);
    let mut other = api.get("rulebook");
    other["rules"][0]["expression"] = json!("not ssl");
    let problem = push(&api, "reason=r", &other).unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (409, "body.rules[0].expression")
    );
    other["rules"][0]["force"] = json!(true);
    push(&api, "reason=r", &other).unwrap();
    let book = api.0.document().unwrap();
    assert_eq!((book.rules[0].version, book.modes[0].guard), (2, Some(3)));
}
