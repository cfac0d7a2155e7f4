//! Addresses of clients: kept where the settings ask for it, for operators, until they are erased.

use serde_json::json;

use crate::harness::api::Api;
use crate::harness::clock::eventually;
use crate::harness::http::Request;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::{Stage, VIEWER};

#[test]
fn an_address_is_kept_for_operators_until_it_is_erased() {
    let stage = Stage::new();
    let api = stage.api();
    let target = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    assert_eq!(stage.through(&Request::get(&target)).status(), 200);
    let client = stage.records("limit=1", 1)[0]["client"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        api.items("/addresses").len(),
        0,
        "unless somebody asks for it, nothing is kept"
    );

    api.pushed(&api.put("/settings", &json!({"keep_addresses": "full"})));
    let kept = eventually("the address is kept", || {
        stage.through(&Request::get(&target));
        api.items("/addresses").pop()
    });
    assert_eq!(
        (&kept["client"], &kept["address"]),
        (&json!(client), &json!("192.0.2.10"))
    );
    let viewer = Api::new(stage.edge.addr(), VIEWER);
    assert_eq!(viewer.try_get("/addresses").status(), 403);
    assert_eq!(viewer.items("/requests")[0].get("address"), None);

    let draft =
        json!({"rule": {"expression": "ip.src in {192.0.2.0/24}", "action": "block"}, "route": "default"});
    let preview =
        Request::new("POST", "/_blobwatch/api/v1/previews").body("application/json", draft.to_string());
    let id = api.send(preview).json()["id"].as_str().unwrap().to_owned();
    let done = eventually("the preview is done", || {
        Some(api.get(&format!("/previews/{id}"))).filter(|preview| preview["status"] == "done")
    });
    assert_eq!(done["not_judged"]["requests"], 0, "{done}");
    assert_eq!(done["matched_requests"], done["requests"], "{done}");

    api.delete(&format!("/addresses/{client}?reason=asked"));
    assert_eq!(api.items(&format!("/addresses?client={client}")).len(), 0);
    let audit = api.items("/audit");
    let entry = audit
        .iter()
        .find(|entry| entry["action"] == "address.erase")
        .unwrap();
    assert_eq!(
        (&entry["target"], &entry["reason"]),
        (&json!(format!("addresses/{client}")), &json!("asked"))
    );
    assert!(!json!(audit).to_string().contains("192.0.2.10"));
}
