//! Lists that rules name: written, changed by items, pushed, in use, and what is said of each.

use super::{api, rule};
use serde_json::{Value, json};

fn office() -> Value {
    json!({"kind": "network", "description": "us", "items": ["192.0.2.0/24", "2001:db8::/32", "192.0.2.0/24"]})
}

#[test]
fn a_list_is_written_read_and_versioned() {
    let api = api();
    let (status, made) = api.put("lists/office?reason=moved", &office());
    assert_eq!(status, 201);
    assert_eq!(
        made,
        json!({"name": "office", "version": 1, "description": "us", "kind": "network", "source": null, "count": 2,
            "time": "2020-07-05T19:01:00.000Z", "actor": "ops", "reason": "moved", "since_revision": 2,
            "until_revision": null, "rules": [], "added": 2, "removed": 0, "revision": 2, "changed": true})
    );
    let mut again = office();
    again["items"] = json!(["2001:DB8::/32", "192.0.2.0..192.0.2.255"]);
    let (status, same) = api.put("lists/office", &again);
    assert_eq!(
        (status, &same["changed"], &same["revision"]),
        (200, &json!(false), &json!(2))
    );
    again["items"] = json!(["198.51.100.7"]);
    let (_, other) = api.put("lists/office", &again);
    assert_eq!(
        (&other["version"], &other["added"], &other["removed"]),
        (&json!(2), &json!(1), &json!(2))
    );
    assert_eq!(api.get("lists/office")["items"], json!(["198.51.100.7"]));
    let versions = api.get("lists/office/versions");
    let seen: Vec<(&Value, &Value)> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (&v["version"], &v["count"]))
        .collect();
    assert_eq!(seen, [(&json!(2), &json!(1)), (&json!(1), &json!(2))]);
    let all = api.get("lists");
    assert_eq!(
        (&all["items"][0]["name"], &all["items"][0]["items"]),
        (&json!("office"), &Value::Null)
    );
    assert_eq!(
        api.get("rulebook?revision=2")["lists"][0]["items"],
        json!(["192.0.2.0/24", "2001:db8::/32"])
    );
    assert_eq!(api.get("rulebook?revision=2")["schema"], 5);
    assert_eq!(api.get("rulebook?revision=1").get("lists"), None);
}

/// Whoever changes items need not know where they come from.
#[test]
fn a_source_stays_until_it_is_taken_away() {
    let api = api();
    let mut list = office();
    list["source"] = json!("https://example.com/office.txt");
    let (_, made) = api.put("lists/office", &list);
    assert_eq!(made["source"], list["source"]);
    let (_, same) = api.put("lists/office", &office());
    assert_eq!(
        (&same["source"], &same["changed"]),
        (&list["source"], &json!(false))
    );
    assert_eq!(api.get("lists")["items"][0]["source"], list["source"]);
    let audit = api.get("audit");
    assert_eq!(audit["items"][0]["after"]["source"], list["source"]);
    assert_eq!(api.get("rulebook")["schema"], 7);
    let secret = r#"{"kind": "string", "source": "https://ada:secret@example.com/", "items": []}"#;
    let refused = api.refused("PUT", "lists/office", secret);
    assert_eq!(
        (refused.status, refused.errors[0].place.as_str()),
        (422, "body.source")
    );
    list["source"] = json!("");
    let (_, bare) = api.put("lists/office", &list);
    assert_eq!((&bare["source"], &bare["version"]), (&Value::Null, &json!(2)));
    assert_eq!(api.get("rulebook")["schema"], 5);
}

#[test]
fn items_come_and_go_in_one_version() {
    let api = api();
    api.put(
        "lists/clouds",
        &json!({"kind": "number", "items": [16509, "14618"]}),
    );
    let call = |body: &Value| {
        api.call("POST", "lists/clouds/items", &body.to_string(), None)
            .unwrap()
            .1
    };
    let changed = call(&json!({"add": [8075, "0x10", 16509], "remove": ["14618", 1]}));
    assert_eq!(
        (
            &changed["version"],
            &changed["added"],
            &changed["removed"],
            &changed["count"]
        ),
        (&json!(2), &json!(2), &json!(1), &json!(3))
    );
    assert_eq!(api.get("lists/clouds")["items"], json!([16, 8075, 16509]));
    assert_eq!(call(&json!({"add": [16]}))["changed"], false);
    let problem = api.refused("POST", "lists/clouds/items", r#"{"remove": [1, "AS1"]}"#);
    assert_eq!(
        (
            problem.status,
            problem.errors[0].place.as_str(),
            problem.errors[0].message.as_str()
        ),
        (422, "body.remove[1]", "expected an Integer, found \"AS1\"")
    );
    assert_eq!(
        api.refused("POST", "lists/none/items", r#"{"add": [1]}"#).status,
        404
    );
}

#[test]
fn a_list_that_rules_name_stays_and_keeps_a_kind_that_they_can_read() {
    let api = api();
    let missing = api.refused(
        "PUT",
        "rules/inside",
        &rule("ssl and ip.src in $office").to_string(),
    );
    assert_eq!(
        (
            missing.errors[0].place.as_str(),
            missing.errors[0].offset,
            missing.errors[0].message.as_str()
        ),
        (
            "body.expression",
            Some(18),
            "expected a list that exists (the rulebook has none), found `$office`"
        )
    );
    api.put("lists/office", &office());
    api.put("lists/spare", &json!({"kind": "string", "items": []}));
    api.put("rules/inside", &rule("ssl and not ip.src in $office"));
    assert_eq!(api.get("lists/office")["rules"], json!(["inside"]));
    let wrong = api.refused("PUT", "rules/other", &rule("ip.src in $ofice").to_string());
    assert_eq!(
        wrong.errors[0].message,
        "expected a list that exists (`$office` `$spare`), found `$ofice`"
    );
    let used = api.refused("DELETE", "lists/office", "");
    assert_eq!(
        (used.status, used.kind.as_str()),
        (409, "urn:blobwatch:problem:list-in-use")
    );
    assert!(used.detail.contains("inside"), "{}", used.detail);
    let kind = api.refused("PUT", "lists/office", r#"{"kind": "string", "items": ["a"]}"#);
    assert_eq!(
        (kind.errors[0].place.as_str(), kind.errors[0].message.as_str()),
        (
            "rules[2].expression",
            "expected a list for this IP address (`$office` has strings), found `$office`"
        )
    );
    api.call("DELETE", "rules/inside", "", None).unwrap();
    let (status, gone) = api.call("DELETE", "lists/office", "", None).unwrap();
    assert_eq!((status, &gone["removed"]), (200, &json!("office")));
    assert_eq!(api.refused("DELETE", "lists/office", "").status, 404);
    assert_eq!(
        api.put("lists/office", &office()).1["version"],
        2,
        "a version means one content for ever"
    );
}

#[test]
fn what_is_wrong_with_a_list_is_said_at_its_place() {
    let api = api();
    let case = |path: &str, body: Value, place: &str, message: &str| {
        let problem = api.refused("PUT", path, &body.to_string());
        let first = &problem.errors[0];
        assert_eq!(
            (first.place.as_str(), first.message.starts_with(message)),
            (place, true),
            "{}",
            first.message
        );
    };
    case(
        "lists/Office",
        office(),
        "path.list",
        "expected a name of 1 to 50 lower-case letters",
    );
    case(
        "lists/a",
        json!({"kind": "address", "items": ["10.0.0.1", "10.0.0.0/8"]}),
        "body.items[1]",
        "expected an IP address",
    );
    case(
        "lists/a",
        json!({"kind": "ip", "items": []}),
        "body.kind",
        "expected one of `address`, `network`, `number`, `string`, `host_name`, found `ip`",
    );
    case(
        "lists/a",
        json!({"kind": "number", "items": [1, true]}),
        "body.items[1]",
        "expected a text or an Integer, found true",
    );
    case(
        "lists/a",
        json!({"kind": "number", "items": vec![1; 1]})
            .as_object()
            .map(|_| json!({"kind": "number", "items": (0..10_001).collect::<Vec<_>>()}))
            .unwrap(),
        "body.items",
        "expected at most 10000 items, found 10001",
    );
    let long: Vec<String> = (0..600).map(|n| format!("{n:01000}")).collect();
    case(
        "lists/a",
        json!({"kind": "string", "items": long}),
        "lists",
        "expected at most 500000 bytes of items in all lists",
    );
}

#[test]
fn the_audit_log_says_what_came_and_went_and_the_digest_of_all() {
    let api = api();
    api.put(
        "lists/tools",
        &json!({"kind": "string", "items": ["curl", "wget"]}),
    );
    api.put(
        "lists/tools",
        &json!({"kind": "string", "items": (0..500).map(|n| format!("tool-{n}")).collect::<Vec<_>>()}),
    );
    let newest = api.get("audit?limit=1");
    let entry = &newest["items"][0];
    assert_eq!(
        (&entry["action"], &entry["target"]),
        (&json!("list.put"), &json!("lists/tools"))
    );
    let (before, after) = (&entry["before"], &entry["after"]);
    assert_eq!((&before["version"], &before["count"]), (&json!(1), &json!(2)));
    assert_eq!(
        before["sha256"],
        "dc21a12f52c37f7dcbc695969a2b290802d31be7233c5206de635067096d674f"
    );
    assert_eq!(after["removed"], json!({"count": 2, "items": ["curl", "wget"]}));
    assert_eq!(
        (
            &after["added"]["count"],
            after["added"]["items"].as_array().unwrap().len()
        ),
        (&json!(500), 100)
    );
}

#[test]
fn a_push_says_what_it_does_to_lists_and_leaves_them_where_it_says_nothing() {
    let api = api();
    api.put("lists/office", &office());
    let mut document = api.get("rulebook");
    document["rules"][0]["expression"] = json!("ip.src in $clients");
    document["lists"] = json!([
        {"name": "office", "kind": "network", "description": "us", "items": ["2001:db8::/32", "192.0.2.0/24", "198.51.100.1"]},
        {"name": "clients", "kind": "address", "items": ["198.51.100.1"]},
    ]);
    let plan = api.put("rulebook?dry_run=true", &document).1;
    let of = |target: &str| {
        plan["changes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|change| change["target"] == target)
            .unwrap()
            .clone()
    };
    assert_eq!(plan["errors"], json!([]));
    assert_eq!(
        (&of("lists/clients")["action"], &of("lists/clients")["before"]),
        (&json!("add"), &Value::Null)
    );
    assert_eq!(
        of("lists/office")["after"]["added"],
        json!({"count": 1, "items": ["198.51.100.1"]})
    );
    let path = "rulebook?reason=push";
    let push = |document: &Value| {
        let revision = api.get("rulebook")["revision"].to_string();
        api.call(
            "PUT",
            path,
            &document.to_string(),
            Some(&format!("\"{revision}\"")),
        )
        .unwrap()
        .1
    };
    assert_eq!(push(&document)["changed"], true);
    let lists = api.get("rulebook")["lists"].clone();
    assert_eq!(
        (&lists[0]["version"], &lists[1]["name"]),
        (&json!(2), &json!("clients"))
    );
    assert_eq!(push(&api.get("rulebook"))["changed"], false);
    let mut silent = api.get("rulebook");
    silent.as_object_mut().unwrap().remove("lists");
    assert_eq!(push(&silent)["changed"], false);
    let mut none = silent.clone();
    none["lists"] = json!([]);
    let refused = api.put("rulebook?dry_run=true", &none).1;
    assert_eq!(refused["errors"][0]["place"], "body.rules[0].expression");
    none["rules"][0]["expression"] = json!("ssl");
    assert_eq!(push(&none)["changed"], true);
    assert_eq!(api.get("lists")["items"], json!([]));
}

#[test]
fn a_rule_that_can_never_hold_is_warned_of_when_it_is_written() {
    let api = api();
    let (_, made) = api.put("rules/vpn", &rule("ssl and ip.src in $cf.vpn"));
    let warning = &made["warnings"][0];
    assert_eq!(
        (&warning["place"], &warning["offset"]),
        (&json!("body.expression"), &json!(8))
    );
    assert_eq!(
        warning["message"],
        "`$cf.vpn` is a list that Cloudflare tells no worker: here it is empty"
    );
    assert_eq!(api.get("rules/vpn").get("warnings"), None);
    assert_eq!(api.put("rules/plain", &rule("ssl")).1.get("warnings"), None);
}
