//! Who is told: addresses that may be, by whom they are set, and deliveries that are sent until they are taken.

use blobwatch_wire::API;
use serde_json::{Value, json};

use crate::api::is_problem;
use crate::harness::clock::eventually;
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::receiver::Receiver;
use crate::harness::stage::{Stage, VIEWER};

const SECRET: &str = "a secret of thirty-two characters";

#[test]
fn webhooks_are_operators_and_go_to_public_addresses_only() {
    let stage = Stage::new();
    let api = stage.api();
    for url in [
        "http://hooks.example.org/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://localhost/",
        "https://user@hooks.example.org/",
    ] {
        let refused = api.try_put("/webhooks/chat", &json!({"url": url, "secret": SECRET}));
        is_problem(&refused, 422, "body.url");
    }
    let set = json!({"url": "https://hooks.blobwatch.org/services/hidden", "secret": SECRET});
    let item = api.put("/webhooks/chat?reason=so%20that%20we%20hear", &set);
    assert_eq!(item["actor"], "olga");
    assert!(!item.to_string().contains(SECRET));
    let entry = &api.get("/audit?limit=1")["items"][0];
    assert_eq!(
        (&entry["action"], &entry["target"], &entry["reason"]),
        (
            &json!("webhook.put"),
            &json!("webhooks/chat"),
            &json!("so that we hear")
        )
    );
    assert_eq!(entry["after"]["url"], "https://hooks.blobwatch.org");
    let viewer = crate::harness::api::Api::new(stage.edge.addr(), VIEWER);
    is_problem(&viewer.try_get("/webhooks"), 403, "");
    is_problem(&viewer.try_put("/webhooks/chat", &set), 403, "");
    assert_eq!(viewer.try_get("/anomalies").status(), 200);
    api.delete("/webhooks/chat");
    assert_eq!(api.get("/webhooks")["items"], json!([]));
    // What a viewer reads and keeps, in all its forms.
    for path in ["/audit", "/audit?format=ndjson"] {
        let log = viewer.try_get(path).text();
        assert!(log.contains("https://hooks.blobwatch.org"), "{path}: {log}");
        assert!(!log.contains("hidden") && !log.contains(SECRET), "{path}: {log}");
    }
}

/// Every change of a webhook is in the audit log, or is made again until it is.
#[test]
fn no_webhook_is_removed_without_an_entry_of_the_audit_log() {
    let stage = Stage::new();
    let api = stage.api();
    let webhook = json!({"url": "https://hooks.blobwatch.org/", "secret": SECRET});
    api.put("/webhooks/chat", &webhook);
    stage.edge.sabotage(&json!({"RuleBook": "refuse"}));
    let unset = api.send(Request::new("DELETE", &format!("{API}webhooks/chat")));
    is_problem(&unset, 503, "");
    let unlogged = api.try_put("/webhooks/other", &webhook);
    is_problem(&unlogged, 503, "");
    assert!(unlogged.text().contains("was set"), "{}", unlogged.text());
    assert_eq!(api.get("/webhooks/chat")["id"], "chat", "it is still there");
    stage.edge.sabotage(&json!({}));
    api.put("/webhooks/other", &webhook);
    api.delete("/webhooks/chat");
    let log = api.get("/audit?limit=2");
    let said = |at: usize| {
        (
            log["items"][at]["action"].clone(),
            log["items"][at]["target"].clone(),
        )
    };
    assert_eq!(said(0), (json!("webhook.delete"), json!("webhooks/chat")));
    assert_eq!(said(1), (json!("webhook.put"), json!("webhooks/other")));
}

#[test]
fn a_delivery_is_sent_again_until_it_is_taken_and_redirects_are_not_followed() {
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.var("WEBHOOKS_MAY_REACH", "private")
    });
    let (receiver, elsewhere) = (Receiver::start(), Receiver::start());
    receiver.answer_next(&format!("307 Moved\r\nLocation: {}", elsewhere.url("/stolen")));
    let api = stage.api();
    api.put(
        "/webhooks/chat",
        &json!({"url": receiver.url("/hook"), "secret": SECRET}),
    );
    let queued =
        api.send(Request::new("POST", "/_blobwatch/api/v1/webhooks/chat/test").body("application/json", ""));
    assert_eq!(queued.status(), 202, "{}", queued.text());
    let told = eventually("it is sent again", || {
        Some(receiver.told()).filter(|told| told.len() >= 2)
    });
    assert_eq!(told[0].body, told[1].body);
    let ids: Vec<_> = told
        .iter()
        .map(|told| told.head.get("blobwatch-delivery"))
        .collect();
    assert!(ids.iter().all(|id| *id == Some("dl-000001")), "{ids:?}");
    assert_eq!(elsewhere.told().len(), 0);
    let item = eventually("it is delivered", || {
        let item = api.get("/webhooks/deliveries")["items"][0].clone();
        (item["status"] == "delivered").then_some(item)
    });
    assert_eq!(item["attempts"], receiver.told().len(), "one by one");
}

#[test]
fn each_receiver_gets_its_form_and_what_it_refuses_is_not_sent_again() {
    let stage = Stage::with(Bundle::Release, |deployment| {
        deployment.var("WEBHOOKS_MAY_REACH", "private")
    });
    let (pager, chat) = (Receiver::start(), Receiver::start());
    let api = stage.api();
    let key = "0123456789abcdef0123456789abcdef";
    api.put(
        "/webhooks/pager",
        &json!({"url": pager.url("/v2/enqueue"), "format": "pagerduty", "secret": key, "dashboard": "http://blobs.test/_blobwatch/"}),
    );
    api.put(
        "/webhooks/signed",
        &json!({"url": pager.url("/events"), "format": "cloudevents", "secret": SECRET}),
    );
    api.put(
        "/webhooks/chat",
        &json!({"url": chat.url("/"), "format": "slack", "events": ["mode.changed"]}),
    );
    chat.answer_next("404 Gone");
    for id in ["pager", "signed"] {
        let path = format!("/_blobwatch/api/v1/webhooks/{id}/test");
        let queued = api.send(Request::new("POST", &path).body("application/json", ""));
        assert_eq!(queued.status(), 202, "{}", queued.text());
    }
    // A rule that only watches changes nothing for clients, whatever it says; one that is enforced does.
    for (expression, mode) in [("ssl", "monitor"), ("not ssl", "monitor"), ("ssl", "enforce")] {
        api.put(
            "/rules/sweep",
            &json!({"description": "", "expression": expression, "action": "tag", "default_mode": mode, "force": true}),
        );
    }
    let told = eventually("both are told", || {
        Some(pager.told()).filter(|told| told.len() == 2)
    });
    let body = |at: usize| -> Value { serde_json::from_str(&told[at].body).unwrap() };
    let (incident, event) = (body(0), body(1));
    assert_eq!(
        (
            &incident["routing_key"],
            &incident["payload"]["class"],
            &incident["client_url"]
        ),
        (
            &json!(key),
            &json!("test"),
            &json!("http://blobs.test/_blobwatch/")
        )
    );
    assert_eq!(
        told[0].head.get("blobwatch-signature"),
        None,
        "its key is in the message"
    );
    assert_eq!(
        told[1].head.get("content-type"),
        Some("application/cloudevents+json")
    );
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&json!("1.0"), &json!("blobwatch.test"))
    );
    assert_eq!(told[1].head.get("webhook-id"), event["id"].as_str());
    assert!(
        told[1]
            .head
            .get("webhook-signature")
            .is_some_and(|signature| signature.starts_with("v1,"))
    );
    let refused = eventually("the change is told", || {
        let items = api.get("/webhooks/deliveries")["items"].clone();
        let items = items.as_array().unwrap().clone();
        items
            .into_iter()
            .find(|item| item["webhook"] == "chat" && item["status"] != "pending")
    });
    assert_eq!(
        (&refused["status"], &refused["attempts"]),
        (&json!("failed"), &json!(1))
    );
    let told = chat.told();
    assert_eq!(told.len(), 1, "of three versions one is enforced");
    let text = serde_json::from_str::<Value>(&told[0].body).unwrap();
    assert!(
        text["text"]
            .as_str()
            .unwrap()
            .contains("sweep: rule.put, by olga"),
        "{text}"
    );
}
