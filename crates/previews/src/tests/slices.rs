use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::reads::{Needs, Reads};
use crate::report::CohortTerm;
use crate::sample::Sighting;
use blobwatch_pull::{RecordValues, sample};
use blobwatch_records::{Block, Builder, split};
use blobwatch_rulebook::{Volume, VolumeKey};
use blobwatch_rules::Field;

/// A FireLog with records, some of them merged.
pub(super) fn log(records: Vec<Record>) -> FireLog<Native> {
    let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
    for (seq, batch) in (1..).zip(records.chunks(100)) {
        let mut block = Builder::default();
        batch.iter().cloned().for_each(|record| block.push(record));
        let flush = Flush {
            addresses: Vec::new(),
            isolate: seq % 3,
            seq,
            held: blobwatch_records::RulebookVersion {
                epoch: 0,
                revision: 1,
            },
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            segment: block.encode(),
        };
        log.accept(&flush.encode(), sample::JULY_2020_MS).unwrap();
        if seq == 12 {
            while log.tend(sample::JULY_2020_MS + 1_000_000).unwrap().more {}
        }
    }
    log
}

pub(super) fn hit(expression: &str, volume: Option<Volume>) -> PreviewPlan {
    let candidate = Rule {
        volume,
        ..rule(CANDIDATE, expression, Action::Block)
    };
    let other = rule("amzn2", "client.os eq \"amzn2\"", Action::Block);
    let modes = vec![mode("amzn2", "default", Mode::Enforce, None)];
    let mut document = book(vec![other, candidate], modes);
    document.routes.truncate(1);
    plan(&document, CANDIDATE, "default")
}

#[test]
fn values_are_those_of_the_record() {
    let mut records = sample::traffic(5, 400);
    records.extend([sample::full(), sample::sparse()]);
    let mut builder = Builder::default();
    records.into_iter().for_each(|record| builder.push(record));
    let bytes = builder.encode();
    let (front, back) = split(&bytes).unwrap();
    let block = Block::open(front, back).unwrap();
    let needs = Needs::of(Field::ALL.iter().copied());
    for row in block.rows() {
        let mut record = block.record(row).unwrap();
        record.route = "default".into();
        let reads = Reads::new(&block, "default", &needs, Vec::new());
        let (oracle, texts) = (RecordValues::of(&record), reads.row(row, &needs));
        let (oracle_values, values) = (oracle.values(), reads.values(row, &texts));
        for field in Field::ALL {
            assert_eq!(
                values.get(*field),
                oracle_values.get(*field),
                "{} of {record:#?}",
                field.name()
            );
        }
        assert_eq!(texts.not_recorded(), oracle.not_recorded());
    }
}

/// A preview asks once for all rows with one key.
#[test]
fn rows_with_one_key_read_alike() {
    let mut builder = Builder::default();
    signed(6, 400).into_iter().for_each(|record| builder.push(record));
    let bytes = builder.encode();
    let (front, back) = split(&bytes).unwrap();
    let block = Block::open(front, back).unwrap();
    for field in Field::ALL {
        let needs = Needs::of([*field]);
        let reads = Reads::new(&block, "default", &needs, Vec::new());
        let mut known = BTreeMap::new();
        for row in block.rows() {
            let Some(key) = needs.key(&block, row) else {
                continue;
            };
            let value = format!("{:?}", reads.values(row, &reads.row(row, &needs)).get(*field));
            let first = known.entry(key).or_insert_with(|| value.clone());
            assert_eq!(*first, value, "{}", field.name());
        }
    }
}

/// Traffic behind a front proxy that tells signatures of TCP handshakes.
fn signed(seed: u64, records: usize) -> Vec<Record> {
    let mut records = sample::traffic(seed, records);
    for (at, record) in records.iter_mut().enumerate() {
        record.tcp = ["4:255:0:1460:26883,0:mss:df:0", "4:64:0:*:64240,7:mss:df:0", ""][at % 3].to_owned();
    }
    records
}

#[test]
fn a_rule_on_the_signature_of_a_handshake_is_judged() {
    let plan = hit("client.tcp wildcard \"4:255:*\"", None);
    let mut partial = Partial::default();
    run(log(signed(1, 300)).sql(), &plan, u64::MAX, &mut partial);
    let report = report_of(&plan, partial);
    assert_eq!((report.matched_requests, report.not_judged.requests), (100, 0));
}

#[test]
fn slices_of_any_size_count_the_same() {
    let log = log(sample::traffic(1, 3_000));
    let volume = Volume {
        by: VolumeKey::Asn,
        requests: 20,
        seconds: 2,
    };
    for (volume, expression) in [
        (None, "client.family eq \"docker\""),
        (Some(volume), "client.family ne \"x\""),
    ] {
        let plan = hit(expression, volume);
        let mut whole = Partial::default();
        assert_eq!(run(log.sql(), &plan, u64::MAX, &mut whole), 3_000);
        for budget in [1, 250, 1_000] {
            let mut sliced = Partial::default();
            assert_eq!(run(log.sql(), &plan, budget, &mut sliced), 3_000);
            assert_eq!(
                report_of(&plan, sliced),
                report_of(&plan, whole.clone()),
                "{budget}"
            );
        }
    }
}

#[test]
fn a_window_takes_its_first_and_not_its_last_millisecond() {
    let records = sample::traffic(2, 1_000);
    let (first, last) = (records[300].id.time_ms(), records[700].id.time_ms());
    let expected = records
        .iter()
        .filter(|record| (first..last).contains(&record.id.time_ms()));
    let expected: Vec<&Record> = expected.collect();
    let plan = PreviewPlan {
        since_ms: first,
        until_ms: last,
        ..hit("not ssl or ssl", None)
    };
    let mut whole = Partial::default();
    let scanned = run(log(records.clone()).sql(), &plan, 150, &mut whole);
    assert_eq!(scanned, expected.len() as u64);
    assert_eq!(report_of(&plan, whole).matched_requests, expected.len() as u64);
}

/// A volume by July 2020's mechanism: only what is above it fires.
#[test]
fn a_volume_lets_only_busy_keys_fire() {
    let log = log(sample::traffic(1, 3_000));
    let matched = |requests| {
        let volume = Volume {
            by: VolumeKey::Client,
            requests,
            seconds: 1,
        };
        let plan = hit("client.family ne \"x\"", Some(volume));
        let mut whole = Partial::default();
        run(log.sql(), &plan, 500, &mut whole);
        let report = report_of(&plan, whole);
        assert_eq!(report.approximations.len(), 1);
        report.matched_requests
    };
    let (some, few, none) = (matched(3), matched(6), matched(100_000));
    assert!(
        3_000 > some && some > few && few > 0 && none == 0,
        "{some} {few} {none}"
    );
}

#[test]
fn weights_count_requests_and_clients_and_are_said() {
    let mut records = sample::traffic(3, 200);
    records.iter_mut().for_each(|record| record.weight = 10);
    let plan = hit("client.family eq \"docker\"", None);
    let docker = || records.iter().filter(|record| record.family.as_str() == "docker");
    let requests = 10 * docker().count() as u64;
    let clients: BTreeSet<_> = docker().map(|record| record.client).collect();
    let networks: BTreeSet<_> = docker().map(|record| record.network).collect();
    let (clients, networks) = (10 * clients.len() as u64, networks.len() as u64);
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!((report.requests, report.matched_requests), (2_000, requests));
    assert_eq!(
        (report.matched_clients, report.matched_networks),
        (clients, networks)
    );
    assert!(report.weighted && !report.clients_exact);
    assert!(report.approximations[0].contains("sample of clients"));
}

/// Requests that a CDN stopped, or that it alone told of, are not asked what a rule of ours would do: the answer says how many.
#[test]
fn what_only_others_told_of_is_left_out_and_said() {
    let mut records = sample::traffic(3, 200);
    records
        .iter_mut()
        .for_each(|record| (record.seen, record.weight) = (true, 1));
    records
        .iter_mut()
        .take(30)
        .for_each(|record| (record.seen, record.weight) = (false, 2));
    let plan = hit("client.family ne \"x\"", None);
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!((report.requests, report.matched_requests), (170, 170));
    assert_eq!(report.approximations.len(), 1, "{:?}", report.approximations);
    assert!(
        report.approximations[0].starts_with("60 requests that only other parties told of are left out"),
        "{:?}",
        report.approximations
    );
}

/// What the record lacks is told, and only where it decides.
#[test]
fn what_cannot_be_judged_is_said_with_the_fact_that_is_missing() {
    let records = sample::traffic(4, 500);
    let docker = records.iter().filter(|record| record.family.as_str() == "docker");
    let docker = docker.count() as u64;
    let plan = hit(
        "client.family eq \"docker\" and http.referer contains \"x\"",
        None,
    );
    let mut whole = Partial::default();
    let log = log(records);
    run(log.sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!((report.matched_requests, report.not_judged.requests), (0, docker));
    assert_eq!(report.not_judged.fields, ["http.referer"]);
    assert!(
        report.sentence.contains("do not keep http.referer"),
        "{}",
        report.sentence
    );
    let plan = hit("client.family eq \"docker\" or http.referer contains \"x\"", None);
    let mut whole = Partial::default();
    run(log.sql(), &plan, 1_000, &mut whole);
    assert_eq!(report_of(&plan, whole).matched_requests, docker);
}

/// A version that fired then has matched, whatever the record keeps of what it read.
#[test]
fn a_rule_that_fired_then_needs_no_judging() {
    let mut records = sample::traffic(4, 300);
    for (n, record) in records.iter_mut().enumerate() {
        record.fired.clear();
        if n % 3 == 0 {
            record.fired = vec![sample::fired(
                CANDIDATE,
                1,
                Mode::Monitor,
                Action::Block,
                Action::None,
            )];
        }
    }
    let plan = hit("ip.src in {192.0.2.0/24}", None);
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!((report.matched_requests, report.not_judged.requests), (100, 200));
}

fn with(record: Record, os: &str, colo: &str, client: u64) -> Record {
    Record {
        os: os.to_owned(),
        colo: colo.to_owned(),
        client: blobwatch_pull::ClientKey(client),
        network: blobwatch_pull::NetworkKey(client / 5),
        ..record
    }
}

/// July 2020: Amazon Linux in every colo but one.
#[test]
fn the_cohort_that_is_hit_is_named_with_its_health() {
    let colos = ["AMS", "FRA", "GRU", "IAD", "NRT", "SIN", "SYD"];
    let systems = ["amzn2", "el8", "linuxkit"];
    let mut records = Vec::new();
    for (n, record) in sample::traffic(9, 2_100).into_iter().enumerate() {
        let (os, colo) = (systems[n % 3], colos[n / 3 % 7]);
        let mut record = with(record, os, colo, n as u64 / 2);
        record.family = blobwatch_pull::Family::Docker;
        record.range.kind = if n % 300 == 0 {
            blobwatch_pull::RangeKind::Resume
        } else {
            blobwatch_pull::RangeKind::None
        };
        (record.status, record.outcome, record.method) =
            (200, Outcome::NotObserved, blobwatch_pull::Method::Get);
        record.digest = format!("sha256:{n:064x}");
        records.push(record);
    }
    let plan = hit("client.os eq \"amzn2\" and cf.colo.name ne \"IAD\"", None);
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 500, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!(report.cohorts.len(), 1, "{:#?}", report.cohorts);
    let cohort = &report.cohorts[0];
    assert_eq!((cohort.share_of_cohort, cohort.requests), (1.0, 600));
    assert!(cohort.healthy.unwrap() > 0.98 && cohort.healthy.unwrap() < 1.0);
    // Of 1,050 clients seven have resumed a pull, six of them outside of IAD.
    let healthy = report.healthy().unwrap();
    assert_eq!((healthy.clients, healthy.hit), (1_043, 594));
    assert_eq!(
        report.sentence,
        "would deny 100 % of docker on amzn2 in all colos but IAD, of which 99 % completed their pulls: \
         600 clients in 210 networks; other rules already deny 100 % of these requests"
    );
}

#[test]
fn two_cohorts_are_told_apart() {
    let mut records = Vec::new();
    for (n, record) in sample::traffic(9, 2_000).into_iter().enumerate() {
        records.push(with(
            record,
            ["amzn2", "el8", "gke", ""][n % 4],
            ["IAD", "FRA"][n / 4 % 2],
            n as u64,
        ));
    }
    let expression = "(client.os eq \"gke\" and cf.colo.name eq \"FRA\") or client.os eq \"el8\"";
    let plan = hit(expression, None);
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 500, &mut whole);
    let report = report_of(&plan, whole);
    let terms: Vec<Vec<(&str, Vec<&str>)>> = report
        .cohorts
        .iter()
        .map(|hit| {
            let term = |term: &'_ CohortTerm| term.values.iter().map(String::clone).collect::<Vec<_>>();
            assert_eq!(hit.share_of_cohort, 1.0, "{}", hit.sentence);
            assert!(hit.cohort.iter().all(|t| !term(t).is_empty()));
            hit.cohort
                .iter()
                .filter(|term| term.attribute != "family")
                .map(|term| {
                    (
                        term.attribute.as_str(),
                        term.values.iter().map(String::as_str).collect(),
                    )
                })
                .collect()
        })
        .collect();
    assert_eq!(
        terms,
        [
            vec![("os", vec!["el8"])],
            vec![("os", vec!["gke"]), ("colo", vec!["FRA"])]
        ],
        "{:#?}",
        report.cohorts
    );
}

#[test]
fn a_rule_that_has_no_cohort_hits_a_part_of_everyone() {
    let plan = hit("oci.digest contains \"1f\"", None);
    let mut whole = Partial::default();
    run(log(sample::traffic(2, 2_000)).sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert!(report.matched_requests > 0);
    assert!(report.cohorts[0].share_of_cohort < 1.0, "{:#?}", report.cohorts);
}

/// Both are estimates from so many on, each with its own error.
#[test]
fn clients_are_never_in_more_networks_than_they_are() {
    let plan = hit("ssl", None);
    for clients in (20_000..100_000).step_by(20_000) {
        let mut part = Partial::default();
        let seen = Sighting { flags: 0, weight: 1 };
        for client in 0..clients {
            part.clients.insert(client, 0, seen);
            part.networks.insert(!client, 0, seen);
        }
        let report = report_of(&plan, part);
        let (clients, networks) = (report.matched_clients, report.matched_networks);
        assert!(networks <= clients, "{clients} clients in {networks} networks");
    }
}

#[test]
fn a_rule_that_matches_nothing_says_so() {
    let plan = hit("client.os eq \"nothing\"", None);
    let mut whole = Partial::default();
    run(log(sample::traffic(2, 1_000)).sql(), &plan, 1_000, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!(
        report.sentence,
        "would deny nothing: none of 1,000 requests on default matches"
    );
    assert!(report.cohorts.is_empty() && report.evidence.is_empty());
}

/// A table that is full tells attributes less finely and loses no request.
#[test]
fn cells_are_bounded_and_count_all() {
    let mut records = sample::traffic(7, 20_000);
    for (n, record) in records.iter_mut().enumerate() {
        record.fingerprint = format!("bw1-{n:012x}-{n:08x}");
        record.version = format!("1.{}", n % 3);
    }
    let plan = hit("client.os eq \"el8\"", None);
    let matched = records.iter().filter(|record| record.os == "el8").count() as u64;
    let mut whole = Partial::default();
    run(log(records).sql(), &plan, 1_500, &mut whole);
    let report = report_of(&plan, whole);
    assert_eq!((report.requests, report.matched_requests), (20_000, matched));
    assert_eq!(report.coarse, ["fingerprint"]);
    assert_eq!(
        report.cohorts.iter().map(|hit| hit.requests).sum::<u64>(),
        matched
    );
}
