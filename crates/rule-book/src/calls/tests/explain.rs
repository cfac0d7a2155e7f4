//! What a rulebook would do with a request that is written by hand.

use super::{Api, api, rule};
use serde_json::{Value, json};

const BLOB: &str = "https://r.example/v2/library/alpine/blobs/sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";

#[track_caller]
fn explained(api: &Api, body: &Value) -> Value {
    let before = api.0.revision().unwrap();
    let (status, answer) = api.call("POST", "explain", &body.to_string(), None).unwrap();
    assert_eq!(
        (status, api.0.revision().unwrap()),
        (200, before),
        "it changes nothing"
    );
    answer
}

fn enforce(api: &Api, rule: &str, route: &str, percent: f64) {
    let mode = json!({"mode": "enforce", "percent": percent, "reason": "r", "force": true});
    api.put(&format!("rules/{rule}/modes/{route}"), &mode);
}

fn of<'a>(answer: &'a Value, rule: &str) -> &'a Value {
    answer["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["rule"] == rule)
        .unwrap()
}

/// As isolates decide: of a path that origins read as blobs of two repositories, by the reading that a rule holds for.
#[test]
fn a_path_of_two_readings_is_asked_by_both() {
    let api = api();
    api.put("rules/of-one", &rule("oci.repository eq \"library/alpine\""));
    enforce(&api, "of-one", "library", 100.0);
    let line = format!(
        "curl --path-as-is {}",
        BLOB.replace("library/", "library/%2f..%2f")
    );
    let answer = explained(&api, &json!({"curl": line}));
    assert_eq!(
        (
            &answer["route"],
            &answer["decided_by"],
            &answer["facts"]["oci.repository"]
        ),
        (&json!("library"), &json!("of-one"), &json!("library/alpine"))
    );
    let other = explained(&api, &json!({"curl": line.replace("alpine", "debian")}));
    assert_eq!(other["facts"]["oci.repository"], "debian");
    assert_eq!(other["facts"]["oci.odd_path"], true);
}

#[test]
fn a_curl_line_is_asked_of_every_rule_on_its_route() {
    let api = api();
    api.put(
        "rules/old",
        &rule("client.family eq \"docker\" and starts_with(client.version, \"19.03.\")"),
    );
    enforce(&api, "old", "library", 100.0);
    let line =
        format!("curl -A 'docker/19.03.6-ce go/go1.13.4 kernel/4.14 os/linux arch/amd64' -r 5- {BLOB}");
    let answer = explained(&api, &json!({"curl": line}));
    assert_eq!(
        (
            &answer["route"],
            &answer["verdict"],
            &answer["decided_by"],
            &answer["why"]
        ),
        (
            &json!("library"),
            &json!("throttle"),
            &json!("old"),
            &json!("old throttles the request")
        )
    );
    assert_eq!(answer["facts"]["range.kind"], "resume");
    assert_eq!(answer["facts"]["oci.repository"], "library/alpine");
    let sweep = of(&answer, "sweep");
    assert_eq!(
        (
            &sweep["matched"],
            &sweep["mode"],
            &sweep["applied"],
            &sweep["why"]
        ),
        (
            &json!(true),
            &json!("monitor"),
            &json!("none"),
            &json!("its expression is true; it is in monitor, which changes nothing")
        )
    );
    assert_eq!(
        of(&answer, "old")["clauses"][1]["text"],
        "client.family eq \"docker\""
    );
    let other = explained(
        &api,
        &json!({"request": {"url": BLOB, "headers": {"User-Agent": "podman/4"}}}),
    );
    assert_eq!(
        (&other["verdict"], &of(&other, "old")["why"]),
        (&json!("none"), &json!("its expression is false"))
    );
}

#[test]
fn what_nobody_said_is_unknown_and_not_missing() {
    let api = api();
    api.put(
        "rules/abroad",
        &rule("ip.src.country ne \"US\" and cf.bot_management.score lt 30"),
    );
    enforce(&api, "abroad", "library", 100.0);
    let request = json!({"url": BLOB});
    let answer = explained(&api, &json!({"request": request}));
    assert_eq!(
        (
            &of(&answer, "abroad")["matched"],
            &of(&answer, "abroad")["depends_on"]
        ),
        (&Value::Null, &json!(["ip.src.country", "cf.*"]))
    );
    assert_eq!(
        (&answer["uncertain"], &answer["not_said"]),
        (&json!(["abroad"]), &json!(["cf.*", "ip.src.country"]))
    );
    assert_eq!(
        answer["why"],
        "the request is forwarded unchanged, unless abroad acts first: what it depends on was not said"
    );
    let with =
        |facts: Value| explained(&api, &json!({"request": request, "facts": facts}))["verdict"].clone();
    assert_eq!(
        with(json!({"ip.src.country": "DE", "cf.bot_management.score": 12})),
        "throttle"
    );
    assert_eq!(
        with(json!({"ip.src.country": null, "cf.bot_management.score": 12})),
        "throttle",
        "missing is not US"
    );
    assert_eq!(with(json!({"ip.src.country": "US"})), "none");
}

#[test]
fn percentages_and_volumes_are_said_to_decide() {
    let api = api();
    api.put("rules/part", &rule("ssl"));
    enforce(&api, "part", "library", 50.0);
    let request = json!({"url": BLOB});
    let answer = explained(&api, &json!({"request": request}));
    assert_eq!(
        of(&answer, "part")["why"],
        "its expression is true; it is enforced for 50 % of the clients, and client.key was not said"
    );
    assert_eq!(answer["uncertain"], json!(["part"]));
    let mut verdicts: Vec<Value> = (0..40)
        .map(|key| {
            explained(
                &api,
                &json!({"request": request, "facts": {"client.key": format!("{key:016x}")}}),
            )["verdict"]
                .clone()
        })
        .collect();
    verdicts.sort_by_key(Value::to_string);
    verdicts.dedup();
    assert_eq!(verdicts, [json!("none"), json!("throttle")]);
    let mut sweeping = rule("ssl");
    sweeping["volume"] = json!({"by": "client", "requests": 10, "seconds": 60});
    api.put("rules/part?reason=r", &{
        sweeping["force"] = json!(true);
        sweeping
    });
    let key = json!({"client.key": "0000000000000001"});
    let answer = explained(&api, &json!({"request": request, "facts": key}));
    assert!(
        of(&answer, "part")["why"].as_str().unwrap().contains("volume"),
        "{answer}"
    );
}

#[test]
fn a_candidate_is_a_rulebook_or_one_more_rule() {
    let api = api();
    let mut book = api.get("rulebook");
    book["lists"] = json!([{"name": "agents", "kind": "string", "items": ["curl"]}]);
    book["rules"] = json!([
        {"id": "mirror", "expression": "client.family in $agents", "action": "allow", "default_mode": "enforce"},
        {"id": "deny", "expression": "true", "action": "block", "default_mode": "enforce"},
    ]);
    let line = format!("curl {BLOB}");
    let answer = explained(&api, &json!({"curl": line, "rulebook": book}));
    assert_eq!(
        (&answer["verdict"], &answer["why"], &of(&answer, "deny")["why"]),
        (
            &json!("allow"),
            &json!("mirror lets the request through"),
            &json!("its expression is true; mirror has already decided")
        )
    );
    let answer = explained(
        &api,
        &json!({"curl": line, "rule": {"expression": "client.family eq \"curl\"", "action": "block"}}),
    );
    let draft = of(&answer, "draft");
    assert_eq!(
        (&draft["matched"], &draft["would"], &draft["mode"]),
        (&json!(true), &json!("block"), &json!("monitor"))
    );
}

#[test]
fn what_is_not_watched_passes_and_says_so() {
    let api = api();
    for (url, method, why) in [
        (
            "https://r.example/v2/a/manifests/latest",
            "GET",
            "the path is none of a blob",
        ),
        (BLOB, "PUT", "PUT is not watched"),
    ] {
        let answer = explained(&api, &json!({"request": {"url": url, "method": method}}));
        assert_eq!(
            (&answer["watched"], &answer["rules"]),
            (&json!(false), &json!([]))
        );
        assert!(answer["why"].as_str().unwrap().starts_with(why), "{answer}");
    }
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let api = api();
    let case = |body: Value, place: &str, message: &str| {
        let problem = api.refused("POST", "explain", &body.to_string());
        let first = &problem.errors[0];
        assert_eq!(
            (first.place.as_str(), first.message.starts_with(message)),
            (place, true),
            "{}",
            first.message
        );
    };
    case(json!({}), "body", "expected `curl` or `request`");
    case(
        json!({"curl": "curl"}),
        "body.curl",
        "expected a URL in the curl line",
    );
    case(
        json!({"request": {"url": "ftp://a"}}),
        "body.request.url",
        "expected an http or https URL",
    );
    case(
        json!({"curl": BLOB, "facts": {"http.host": "a"}}),
        "body.facts.http.host",
        "expected the name of a fact that the platform says",
    );
    let bad = json!({"expression": "htp.host eq 1", "action": "block"});
    case(
        json!({"curl": BLOB, "rule": bad}),
        "body.rule.expression",
        "expected a field",
    );
    case(
        json!({"curl": BLOB, "rulebook": {"routes": [{"name": "default"}], "rules": [{"id": "a", "expression": "ip.src in $x", "action": "tag"}]}}),
        "body.rulebook.rules[0].expression",
        "expected a list that exists",
    );
}
