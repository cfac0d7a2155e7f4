//! The table of cloud prefixes: a rule on a region refuses that region alone, and a table that is damaged costs no pull.

use blobwatch_clouds::{CloudPrefix, CloudTable};
use serde_json::json;

use crate::harness::clock::eventually;
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::place::Place;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;

fn status(stage: &Stage, address: &str) -> u16 {
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let place = Place::default().address(address);
    stage.from(&place, &Request::get(&blob)).status()
}

fn table() -> Vec<u8> {
    let prefix = |address: &str, region: &str| CloudPrefix {
        address: address.parse().unwrap(),
        length: if address.contains(':') { 48 } else { 24 },
        cloud: "aws".to_owned(),
        region: region.to_owned(),
    };
    let prefixes = [
        prefix("192.0.2.0", "us-east-1"),
        prefix("2001:db8::", "us-east-1"),
        prefix("198.51.100.0", "eu-west-1"),
    ];
    CloudTable::build("2026-11-29", &prefixes).unwrap().encode()
}

fn stage(table: Vec<u8>) -> Stage {
    Stage::with(Bundle::Release, |deployment| deployment.cloud_prefixes(table))
}

#[test]
fn a_rule_on_a_region_refuses_that_region_alone() {
    let stage = stage(table());
    let expression = "ip.src.cloud eq \"aws\" and ip.src.cloud_region eq \"us-east-1\"";
    let rule = json!({"description": "", "expression": expression, "action": "block"});
    stage.api().put("/rules/region", &rule);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    stage.api().put("/rules/region/modes/default", &mode);
    eventually("the block is in force", || {
        (status(&stage, "192.0.2.7") == 403).then_some(())
    });
    assert_eq!(status(&stage, "2001:db8::7"), 403);
    for address in ["198.51.100.7", "203.0.113.7", "2001:db9::7"] {
        assert_eq!(status(&stage, address), 200, "{address}");
    }
}

#[test]
fn a_damaged_table_costs_no_pull() {
    let stage = stage(b"no table".to_vec());
    assert_eq!(status(&stage, "192.0.2.7"), 200);
    let log = stage.edge.log();
    assert!(
        log.contains("cloud_prefixes.bin: the bytes are not a table"),
        "{log}"
    );
}

/// What the platform says of an address and of a connection, and a program that no list knows: in the record, and found by it.
#[test]
fn a_record_says_who_asked_and_how_well_it_is_connected() {
    let stage = stage(table());
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest);
    let place = Place::default()
        .address("2001:db8::7")
        .with("clientTcp", "4:64:0:1460:64240,7:mss:df:0")
        .with("clientTcpRtt", 12)
        .with("edgeL4", json!({"deliveryRate": 1_250_000}));
    let ask = |agent: &str| stage.from(&place, &Request::get(&blob).header("User-Agent", agent));
    assert_eq!(ask("Homebrew/4.4.0 (Macintosh; arm64) curl/8.7.1").status(), 200);
    assert_eq!(ask("SomeTool/1.2").status(), 200);
    let record = &stage.records(
        "family=homebrew&cloud_region=us-east-1&ip_version=6&protocol=h2&tcp=4:64:0:1460:64240,7:mss:df:0",
        1,
    )[0];
    let expected = json!({
        "cloud": "aws", "cloud_region": "us-east-1", "ip_version": 6, "protocol": "HTTP/2", "rtt_ms": 12,
        "delivery_rate": 1_250_000, "family": "homebrew", "version": "4.4.0", "os": "macos", "arch": "arm64",
        "tcp": "4:64:0:1460:64240,7:mss:df:0",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name} of {record}");
    }
    let query = "family=sometool&version=1.2&size=under%201%20MiB";
    assert_eq!(stage.records(query, 1).len(), 1);
    let by = stage.api().get("/requests/summary?by=family,protocol,size");
    assert_eq!(by["groups"].as_array().unwrap().len(), 2, "{by}");
}
