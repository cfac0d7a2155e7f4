//! The table of cloud prefixes, as rules see it.

use super::{BLOB, NOW, book, facts, flushed, program, reply, rule, said, watched};
use crate::{Config, Isolate};
use blobwatch_clouds::{CloudPrefix, CloudTable};
use blobwatch_pull::Action;
use blobwatch_rulebook::{Rule, Rulebook};

#[test]
fn a_rule_sees_the_cloud_of_the_address() {
    let prefix = |address: &str, region: &str| CloudPrefix {
        address: address.parse().unwrap(),
        length: 24,
        cloud: "aws".to_owned(),
        region: region.to_owned(),
    };
    let prefixes = [
        prefix("192.0.2.0", "us-east-1"),
        prefix("198.51.100.0", "eu-west-1"),
    ];
    let table = CloudTable::build("2026-11-29", &prefixes).unwrap().encode();
    let fires = |table: &[u8], expression: &str| {
        let (config, errors) = Config::read("0123456789ab", "secret", "", "", table).unwrap();
        assert_eq!(errors, []);
        let rule = Rule {
            expression: expression.to_owned(),
            ..rule(Action::Block)
        };
        let mut isolate = Isolate::new(config, program(book(1, vec![])));
        let book = Rulebook {
            rules: vec![rule],
            ..book(7, vec![])
        };
        isolate.learn("fl1-iad-0", &reply(book), NOW).unwrap();
        let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
        isolate.settle(plan.id, &said(NOW));
        let record = flushed(&mut isolate, NOW + 2_000).remove(0);
        let known = !table.is_empty();
        let cloud = if known { ("aws", "us-east-1") } else { ("", "") };
        assert_eq!(
            (&*record.cloud, &*record.cloud_region),
            cloud,
            "the record keeps what rules saw"
        );
        !record.fired.is_empty()
    };
    assert!(fires(&table, "ip.src.cloud eq \"aws\""));
    assert!(fires(&table, "ip.src.cloud_region in {\"us-east-1\"}"));
    assert!(!fires(&table, "ip.src.cloud_region eq \"eu-west-1\""));
    assert!(
        !fires(
            &[],
            "ip.src.cloud eq \"aws\" or ip.src.cloud_region eq \"us-east-1\""
        ),
        "missing without a table"
    );
}

#[test]
fn a_table_that_cannot_be_read_is_left_out_and_said() {
    let (config, errors) = Config::read("0123456789ab", "secret", "", "", b"BWT\x02").unwrap();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("cloud_prefixes.bin") && errors[0].contains("newer"),
        "{errors:?}"
    );
    assert_eq!(*config.clouds, CloudTable::default());
}
