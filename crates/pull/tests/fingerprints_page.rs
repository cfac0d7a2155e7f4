//! docs/fingerprints.md says what the code does.

use std::collections::BTreeSet;

use blobwatch_pull::{Agent, Family, NO_TLS, PRESENCE, RangeKind, RequestedRange};

const PAGE: &str = include_str!("../../../docs/fingerprints.md");

/// Rows of the table under a heading, without its head, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = PAGE.split_once(heading).unwrap_or_default();
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    rows.take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn name(value: impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_family_is_listed_with_user_agents_that_are_read_as_it() {
    let mut listed = BTreeSet::new();
    for row in [table("## Families"), table("### Families by name")].concat() {
        let families = quoted(row[0]);
        for agent in quoted(row[1]) {
            let family = name(Agent::parse(agent).family);
            assert!(
                families.contains(&&*family),
                "{agent} is {family}, not of {families:?}"
            );
        }
        listed.extend(families);
    }
    assert!(listed.contains(&*name(Agent::parse("").family)));
    assert_eq!(listed, Family::known().collect());
}

#[test]
fn every_range_kind_is_listed_with_headers_that_are_read_as_it() {
    let mut listed = BTreeSet::new();
    let mut examples = 0;
    for row in table("## Range kinds") {
        let kinds = quoted(row[0]);
        let complete = |header: &&str| header.starts_with("bytes=") && !header.contains('N');
        for header in quoted(row[1]).into_iter().filter(complete) {
            let kind = name(RequestedRange::read(Some(header)).kind());
            assert_eq!(kinds, [&*kind], "{header}");
            examples += 1;
        }
        listed.extend(kinds);
    }
    assert_eq!((examples, listed.len()), (4, RangeKind::Invalid as usize + 1));
}

#[test]
fn the_parts_of_a_fingerprint_are_listed() {
    let headers = table("**HTTP part**").into_iter().nth(1).unwrap();
    assert_eq!(quoted(headers[1]), PRESENCE);
    assert!(PAGE.contains(&format!("`{NO_TLS}`")));
}

#[test]
fn the_part_made_by_hand_is_the_part() {
    let facts = blobwatch_pull::Facts {
        protocol: "HTTP/1.1",
        headers: vec![("user-agent", "docker/20.10.24")],
        ..Default::default()
    };
    let fingerprint = blobwatch_pull::Fingerprint::of(&facts).to_string();
    let (_, http) = fingerprint.rsplit_once('-').unwrap();
    assert!(
        PAGE.contains(&format!("sha256sum | cut -c -12\n{http}\n")),
        "{http}"
    );
}
