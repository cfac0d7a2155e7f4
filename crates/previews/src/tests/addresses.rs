//! Rules on addresses: judged where the rulebook keeps addresses, and what was said of a client is not known otherwise.

use super::enforcement::traffic;
use super::*;
use blobwatch_rulebook::KeepAddresses;

/// Who is in the network, by the same traffic.
fn pulled(keep: KeepAddresses, expression: &str) -> Report {
    // Off: no record says that it fired.
    let candidate = Rule {
        default_mode: Mode::Off,
        ..rule(CANDIDATE, expression, Action::Block)
    };
    let rules = vec![candidate];
    let mut document = book(rules, Vec::new());
    document.routes.truncate(1);
    document.settings.keep_addresses = keep;
    let mut edge = Edge::new(document.clone());
    let written = serde_json::to_string(&document.clone().with_schema()).unwrap();
    for name in ["fl1-iad-0", "fl1-fra-0"] {
        let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
        log.keep_rulebook(0, &written).unwrap();
        edge.logs.insert(name.to_owned(), log);
    }
    for request in traffic(3, 400) {
        edge.pull(&request.facts, &said(request.time_ms + 1, request.status));
    }
    let (report, _) = edge.preview(&plan(&document, CANDIDATE, "default"), u64::MAX);
    report
}

#[test]
fn a_rule_on_addresses_hits_whom_it_would_have_hit() {
    let by_network = "ip.src in {192.0.3.0/24 192.0.5.0/24}";
    let report = pulled(KeepAddresses::Full, by_network);
    let is_in = |request: &super::enforcement::Request| {
        let facts = request.facts.as_str();
        facts.contains("\n192.0.3.") || facts.contains("\n192.0.5.")
    };
    let expected = traffic(3, 400).iter().filter(|request| is_in(request)).count();
    assert!(expected > 50, "{expected}");
    assert_eq!(report.not_judged.requests, 0);
    assert_eq!(report.matched_requests, expected as u64);
    let report = pulled(
        KeepAddresses::Full,
        "not ip.src in {192.0.2.0/23} and len(to_string(ip.src)) gt 0",
    );
    assert_eq!(report.not_judged.requests, 0);
}

#[test]
fn networks_judge_rules_whose_blocks_are_as_wide() {
    for by_network in [
        "ip.src in {192.0.3.0/24 192.0.5.0/24}",
        "not ip.src in {192.0.2.0/23 192.0.4.0/24 192.0.6.0/23}",
    ] {
        let (full, network) = (
            pulled(KeepAddresses::Full, by_network),
            pulled(KeepAddresses::Network, by_network),
        );
        assert!(full.matched_requests > 50, "{by_network}");
        assert_eq!(network.not_judged.requests, 0);
        assert_eq!(network.matched_requests, full.matched_requests, "{by_network}");
    }
}

#[test]
fn without_the_addresses_that_a_rule_asks_for_it_cannot_be_judged() {
    for (keep, expression) in [
        (KeepAddresses::None, "ip.src in {192.0.3.0/24}"),
        (KeepAddresses::Network, "ip.src in {192.0.3.0/25}"),
        (
            KeepAddresses::Network,
            "ip.src in {192.0.3.0/24} or ip.src eq 192.0.5.0",
        ),
    ] {
        let report = pulled(keep, expression);
        assert_eq!(
            (report.matched_requests, report.not_judged.requests),
            (0, report.requests),
            "{expression}"
        );
    }
}
