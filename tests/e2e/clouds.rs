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
