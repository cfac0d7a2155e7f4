use std::collections::BTreeMap;
use std::sync::Arc;

use blobwatch_upstream::{PACKET_ATTRIBUTES, PacketCounts, PacketOutcome, PacketRow, PacketRule};

use super::{PacketFinding, PacketSums, findings};

/// "attribute=value" for what is not as in a packet of everybody.
fn values(said: &[(&str, &str)]) -> Vec<String> {
    let usual = |name: &str| match name {
        "destination" => "192.0.2.1:443",
        "colo" => "FRA",
        "country" => "US",
        "asn" => "16509",
        "protocol" => "TCP",
        "flags" => "SYN",
        "ttl" => "52",
        "window" => "64240",
        "window_scale" => "7",
        "mss" => "1460",
        "options" => "2,4,8,1,3",
        "length" => "60",
        _ => "32768-60999",
    };
    let one = |name: &&str| {
        let said = said.iter().find(|(attribute, _)| attribute == name);
        said.map_or_else(|| usual(name), |(_, value)| value).to_owned()
    };
    PACKET_ATTRIBUTES.iter().map(one).collect()
}

pub(crate) fn row(minute: u64, outcome: PacketOutcome, samples: u32, said: &[(&str, &str)]) -> PacketRow {
    let rule = if outcome == PacketOutcome::Passed {
        ""
    } else {
        "cloudflare:3b"
    };
    PacketRow {
        minute,
        outcome,
        rule: Arc::from(rule),
        values: values(said),
        samples,
        packets: u64::from(samples) * 100,
    }
}

pub(crate) fn counts(rows: Vec<PacketRow>) -> PacketCounts {
    PacketCounts {
        body: 7,
        rows,
        rules: vec![PacketRule {
            id: Arc::from("cloudflare:3b"),
            system: "dosd".to_owned(),
            words: "a botnet".to_owned(),
        }],
        unplaced: BTreeMap::new(),
    }
}

/// What passes: some systems at different distances, at four colos, and a few machines that look like the signature.
pub(crate) fn usual() -> Vec<PacketRow> {
    let mut rows = Vec::new();
    for colo in ["FRA", "GRU", "IAD", "SIN"] {
        for (ttl, window, mss) in [
            ("52", "64240", "1460"),
            ("48", "65535", "1440"),
            ("112", "8192", "1460"),
            ("240", "26883", "1460"),
        ] {
            for (country, asn) in [("US", "16509"), ("DE", "24940"), ("BR", "28573")] {
                let said = [
                    ("colo", colo),
                    ("ttl", ttl),
                    ("window", window),
                    ("mss", mss),
                    ("country", country),
                    ("asn", asn),
                ];
                rows.push(row(1, PacketOutcome::Passed, 30, &said));
            }
        }
        // At the end of a short path, as the signature, but of other systems.
        let near = [("colo", colo), ("ttl", "255"), ("window", "65535")];
        rows.push(row(1, PacketOutcome::Passed, 30, &near));
        rows.push(row(
            1,
            PacketOutcome::Passed,
            1,
            &[("colo", colo), ("ttl", "255"), ("window", "26883")],
        ));
    }
    rows
}

/// What one signature drops at two colos, among some others.
pub(crate) fn signature(outcome: PacketOutcome) -> Vec<PacketRow> {
    let mut rows = Vec::new();
    for colo in ["FRA", "GRU"] {
        for (country, asn) in [("US", "16509"), ("DE", "24940"), ("BR", "28573")] {
            let said = [
                ("colo", colo),
                ("ttl", "255"),
                ("window", "26883"),
                ("country", country),
                ("asn", asn),
            ];
            rows.push(row(1, outcome, 49, &said));
            rows.push(row(
                1,
                outcome,
                1,
                &[("colo", colo), ("country", country), ("asn", asn)],
            ));
        }
    }
    rows
}

fn found(rows: Vec<PacketRow>) -> Vec<PacketFinding> {
    let mut sums = PacketSums::default();
    sums.take(1, &counts(rows));
    findings(&sums)
}

#[test]
fn what_dropped_packets_share_is_said_with_where_and_how_few_others_have_it() {
    for (outcome, verb) in [
        (PacketOutcome::Dropped, "drops"),
        (PacketOutcome::Logged, "would drop"),
    ] {
        let rows = [usual(), signature(outcome)].concat();
        let [finding] = found(rows).try_into().unwrap();
        let expected = format!(
            "98 % of what cloudflare:3b (upstream) {verb} at FRA, GRU has TTL 255 and window 26,883; 0.26 % of what passes there"
        );
        assert_eq!(finding.sentence(), expected);
        assert_eq!(
            (finding.samples, finding.packets, &*finding.system),
            (300, 30_000, "dosd")
        );
    }
}

/// Each attribute can be what they share, alone or with another.
#[test]
fn any_attribute_can_be_what_they_share() {
    for (said, words) in [
        (vec![("mss", "")], "no MSS"),
        (vec![("mss", "1360")], "MSS 1,360"),
        (vec![("options", "2")], "TCP options 2"),
        (vec![("length", "44")], "length 44"),
        (vec![("source_port", "53"), ("protocol", "UDP")], "UDP"),
        (vec![("country", "KR")], "country KR"),
        (vec![("asn", "4766"), ("ttl", "61")], "AS 4766"),
        (vec![("window_scale", "2")], "window scale 2"),
    ] {
        let dropped = ["FRA", "GRU", "IAD", "SIN"].into_iter().flat_map(|colo| {
            let at = |ttl| [("colo", colo), ("ttl", ttl)];
            [at("52"), at("48"), at("112")].map(|at| {
                let said: Vec<_> = said.iter().copied().chain(at).collect();
                row(1, PacketOutcome::Dropped, 20, &said)
            })
        });
        let [finding] = found(usual().into_iter().chain(dropped).collect())
            .try_into()
            .unwrap();
        assert!(
            finding.sentence().contains(words),
            "{words}: {}",
            finding.sentence()
        );
        assert!(
            finding.share > 0.9 && finding.rest < 0.01,
            "{}",
            finding.sentence()
        );
        assert!(finding.colos.is_empty(), "it drops everywhere");
    }
}

#[test]
fn a_rule_that_drops_whatever_comes_names_nothing() {
    let alike = usual().into_iter().map(|row| PacketRow {
        outcome: PacketOutcome::Dropped,
        rule: Arc::from("cloudflare:3b"),
        ..row
    });
    let [finding] = found(usual().into_iter().chain(alike).collect())
        .try_into()
        .unwrap();
    assert_eq!(finding.cohort, None, "{}", finding.sentence());
    assert!(
        finding
            .sentence()
            .contains("nothing that was sampled sets them apart")
    );
    let [finding] = found(signature(PacketOutcome::Dropped)).try_into().unwrap();
    assert!(
        finding
            .sentence()
            .ends_with("no packet was sampled that passed there"),
        "{}",
        finding.sentence()
    );
}

#[test]
fn a_few_samples_name_nothing() {
    let few = vec![row(1, PacketOutcome::Dropped, 19, &[("ttl", "255")])];
    let [finding] = found([usual(), few].concat()).try_into().unwrap();
    assert_eq!(finding.cohort, None);
}

#[test]
fn a_minute_is_bounded_and_says_what_it_left_out() {
    let flood = (0..3_000)
        .map(|n: u32| row(1, PacketOutcome::Dropped, 1, &[("window", &n.to_string())]))
        .collect();
    let mut sums = PacketSums::default();
    sums.take(1, &counts(flood));
    sums.take(1, &counts(usual()));
    let dropped = sums
        .rows
        .keys()
        .filter(|(outcome, ..)| *outcome == PacketOutcome::Dropped);
    assert_eq!((dropped.count(), sums.unplaced), (1_000, 2_000));
    assert_eq!(
        sums.rows.len(),
        1_000 + usual().len(),
        "what passes has room of its own"
    );
    assert!(
        sums.encode().unwrap().len() < 40_000,
        "{}",
        sums.encode().unwrap().len()
    );
}

#[test]
fn a_stored_minute_comes_back_and_its_form_is_pinned() {
    let mut sums = PacketSums::default();
    sums.take(1, &counts([usual(), signature(PacketOutcome::Dropped)].concat()));
    sums.unplaced = 3;
    assert_eq!(PacketSums::decode(&sums.encode().unwrap()).unwrap(), sums);
    let mut one = PacketSums::default();
    one.take(1, &counts(vec![row(1, PacketOutcome::Dropped, 2, &[])]));
    let bytes = blobwatch_wire::hex(&one.encode().unwrap());
    let pinned = include_str!("../../tests/data/packets-v1.hex");
    assert_eq!(bytes, pinned.trim());
    for damaged in [&[][..], &[2, 0, 0, 0, 0], &[1, 9], &[1, 0, 1, 0, 0, 0, 0, 0]] {
        assert_eq!(PacketSums::decode(damaged), None);
    }
}
