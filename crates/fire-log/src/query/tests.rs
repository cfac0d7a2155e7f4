//! Answers against the slow obvious way, over several FireLogs, merged and not.

mod odd;
mod pauses;
mod summaries;

use std::collections::{BTreeMap, BTreeSet};

use bolero::TypeGenerator;

use super::{
    Budget, Dimension, Filter, Joining, Kind, Page, Part, Query, Summary, SummaryQuery, scan_page, summarise,
};
use crate::forms::Schema;
use crate::store::FireLog;
use blobwatch_pull::sample::Numbers;
use blobwatch_pull::{Action, Family, Fired, Method, Mode, Origin, Record, RecordId, SizeClass, sample};
use blobwatch_records::{Builder, Digest, Flush, RayKey, RulebookVersion};
use blobwatch_sql::{Native, Unpaced, at_once};

const NOW: u64 = sample::JULY_2020_MS;
const START: RecordId = RecordId(u128::MAX);

fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn query(given: &[(&str, &str)]) -> Query {
    Query::parse(Kind::Requests, &pairs(given), NOW).unwrap()
}

#[track_caller]
fn refused(given: &[(&str, &str)], place: &str, message: &str) {
    let problem = Query::parse(Kind::Requests, &pairs(given), NOW).unwrap_err();
    assert_eq!(problem.status, 400);
    assert_eq!(problem.errors[0].place, place);
    assert!(
        problem.errors[0].message.contains(message),
        "{}",
        problem.errors[0].message
    );
}

#[test]
fn every_bad_parameter_is_refused_with_its_name_and_what_was_expected() {
    refused(
        &[("colour", "red")],
        "query.colour",
        "expected one of since, until",
    );
    refused(&[("limit", "0")], "query.limit", "from 1 to 1000");
    refused(&[("limit", "1001")], "query.limit", "from 1 to 1000");
    refused(&[("format", "xml")], "query.format", "json or ndjson");
    refused(&[("since", "yesterday")], "query.since", "RFC 3339");
    refused(
        &[("since", "-1h"), ("until", "-2h")],
        "query.until",
        "not after `since`",
    );
    refused(&[("mode", "on")], "query.mode", "off, monitor or enforce");
    refused(&[("verdict", "deny")], "query.verdict", "throttle or block");
    refused(&[("family", "a b")], "query.family", "a family such as docker");
    refused(&[("ip_version", "5")], "query.ip_version", "4 or 6");
    refused(
        &[("size", "big")],
        "query.size",
        "1 MiB to 64 MiB, 64 MiB to 1 GiB",
    );
    refused(&[("asn", "AS")], "query.asn", "expected an AS number");
    refused(&[("status", "6xx")], "query.status", "2xx");
    refused(&[("status", "42")], "query.status", "2xx");
    refused(&[("range", "partial")], "query.range", "resume");
    refused(&[("client", "xyz")], "query.client", "16 hex digits");
    refused(&[("schema", "ecs")], "query.schema", "expected format=ndjson");
    refused(
        &[("schema", "cef"), ("format", "ndjson")],
        "query.schema",
        "ocsf, ecs, logpush or otlp",
    );
    refused(&[("ray", " ")], "query.ray", "expected a CF-Ray");
    refused(&[("odd_path", "1")], "query.odd_path", "true or false");
    refused(&[("origin", "cdn")], "query.origin", "own or upstream");
    refused(
        &[("cache", "warm")],
        "query.cache",
        "revalidated, updating, none, or nothing",
    );
    refused(&[("object", "xyz")], "query.object", "16 hex digits");
    refused(&[("id", "xyz")], "query.id", "26 characters");
    refused(&[("digest", "foo")], "query.digest", "sha256: and 64 hex digits");
    refused(&[("fingerprint", "zz")], "query.fingerprint", "such as bw1-");
    refused(&[("country", "Germany")], "query.country", "such as DE");
    refused(&[("route", "")], "query.route", "is empty");
    refused(&[("colour!", "red")], "query.colour", "expected one of since");
    refused(&[("family!!", "docker")], "query.family!", "unknown parameter");
    for (name, value) in [
        ("since", "-5m"),
        ("until", "2020-07-05T19:00:00Z"),
        ("limit", "1"),
        ("cursor", "x"),
        ("format", "json"),
    ] {
        let place = format!("query.{name}");
        refused(
            &[(name, value), ("os", "a"), (name, value)],
            &place,
            "expected once",
        );
    }
    for name in ["since!", "until!", "id!"] {
        refused(&[(name, "-1h")], &format!("query.{name}"), "cannot be excluded");
    }
    refused(&vec![("os!", "amzn2"); 65], "query.os!", "more than 64");
    refused(&[("cursor", "00")], "query.cursor", "not a cursor");
    let many: Vec<(&str, &str)> = vec![("rule", "a"); 65];
    refused(&many, "query.rule", "more than 64");
}

#[test]
fn all_bad_parameters_are_told_at_once() {
    let given = pairs(&[
        ("status", "x"),
        ("os", "amzn2"),
        ("asn", "y"),
        ("digest", "foo"),
        ("asn", "z"),
    ]);
    let problem = Query::parse(Kind::Requests, &given, NOW).unwrap_err();
    let places: Vec<_> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(places, ["query.status", "query.asn", "query.digest"]);
    assert!(problem.detail.contains("; query.asn: "), "{}", problem.detail);
}

#[test]
fn values_are_read_as_they_are_written() {
    let query = query(&[
        ("since", "-15m"),
        ("until", "2020-07-05T19:00:00Z"),
        ("status", "206"),
        ("status", "4xx"),
        ("asn", "AS16509"),
        ("asn", ""),
        ("colo", "iad"),
        ("mode", "monitor"),
        ("verdict", "block"),
        ("family", "cri-o"),
        ("family", "SomeTool"),
        ("protocol", "h2"),
        ("protocol", "http/1.1"),
        ("ip_version", "6"),
        ("ip_version", ""),
        ("cloud", "AWS"),
        ("tcp", "4:64:0:*:64240,7:mss,sok,ts,nop,ws:df:0"),
        ("tcp", ""),
        ("size", "over 1 GiB"),
        ("size", ""),
        ("odd_path", "true"),
        ("origin", "upstream"),
        ("cache", "hit"),
        ("cache", ""),
        ("sent_to", "CDN.example"),
        ("ray", "5AE0123456789ABC-iad"),
        ("limit", "7"),
    ]);
    assert_eq!(
        (query.filter.since_ms, query.filter.until_ms),
        (Some(NOW - 900_000), Some(NOW))
    );
    assert_eq!(query.filter.asns, vec![Some(16509), None]);
    assert_eq!(
        (query.filter.modes, query.filter.verdicts),
        (vec![Mode::Monitor], vec![Action::Block])
    );
    let families: Vec<&str> = query.filter.families.iter().map(Family::as_str).collect();
    assert_eq!(families, ["cri-o", "sometool"]);
    assert_eq!(query.filter.protocols, ["HTTP/2", "HTTP/1.1"]);
    assert_eq!(query.filter.ip_versions, [Some(6), None]);
    assert_eq!(query.filter.clouds, ["aws"]);
    assert_eq!(query.filter.tcps, ["4:64:0:*:64240,7:mss,sok,ts,nop,ws:df:0", ""]);
    assert_eq!(query.filter.sizes, [Some(SizeClass::Huge), None]);
    assert_eq!(query.filter.odd_paths, [true]);
    assert_eq!(query.filter.origins, [Origin::Upstream]);
    assert_eq!(query.filter.caches, [Some(blobwatch_pull::Cache::Hit), None]);
    assert_eq!(query.filter.sent_to, ["cdn.example"]);
    assert_eq!(query.filter.rays, [RayKey::Hex(0x5ae0_1234_5678_9abc)]);
    assert_eq!((query.filter.colos[0].as_str(), query.limit), ("IAD", 7));
    let export = Query::parse(
        Kind::Fires,
        &pairs(&[("format", "ndjson"), ("schema", "ecs")]),
        NOW,
    )
    .unwrap();
    assert_eq!(export.schema, Schema::Ecs);
    assert_eq!(export.limit, super::parameters::DEFAULT_EXPORT);
}

#[test]
fn a_value_is_excluded_with_an_exclamation_mark() {
    let query = query(&[
        ("family", "docker"),
        ("os!", "amzn2"),
        ("os!", ""),
        ("colo!", "iad"),
    ]);
    let [amzn, none, iad] = query.filter.without.as_slice() else {
        panic!("{:?}", query.filter.without);
    };
    assert_eq!(
        (amzn.os.as_slice(), none.os.as_slice()),
        (&["amzn2".to_owned()][..], &[String::new()][..])
    );
    assert_eq!(iad.colos, ["IAD"]);
    assert!(query.filter.os.is_empty());
}

#[test]
fn a_cursor_keeps_its_times_and_belongs_to_its_filters() {
    let first = query(&[("since", "-15m"), ("route", "a"), ("limit", "5")]);
    let cursor = first.cursor(RecordId(77)).text();
    let later = Query::parse(
        Kind::Requests,
        &pairs(&[
            ("route", "a"),
            ("since", "-15m"),
            ("limit", "9"),
            ("cursor", &cursor),
        ]),
        NOW + 3_600_000,
    )
    .unwrap();
    assert_eq!((later.filter, later.before), (first.filter, RecordId(77)));
    refused(
        &[("route", "b"), ("since", "-15m"), ("cursor", &cursor)],
        "query.cursor",
        "other filters",
    );
    refused(
        &[("route", "a"), ("cursor", &cursor)],
        "query.cursor",
        "other filters",
    );
    let fires = Query::parse(
        Kind::Fires,
        &pairs(&[("since", "-15m"), ("route", "a"), ("cursor", &cursor)]),
        NOW,
    );
    assert!(fires.is_err());
}

#[test]
fn a_summary_names_what_it_can_be_by() {
    let parsed =
        SummaryQuery::parse(Kind::Fires, &pairs(&[("by", "rule,route"), ("rule", "a")]), NOW).unwrap();
    assert_eq!(parsed.by, vec![Dimension::Rule, Dimension::Route]);
    for (by, message) in [
        ("colour", "rule, route"),
        ("rule,rule", "twice"),
        ("rule,route,os,asn,colo", "at most 4"),
    ] {
        let problem = SummaryQuery::parse(Kind::Fires, &pairs(&[("by", by)]), NOW).unwrap_err();
        assert!(problem.detail.contains(message), "{}", problem.detail);
    }
    assert!(
        SummaryQuery::parse(Kind::Fires, &[], NOW)
            .unwrap_err()
            .detail
            .contains("is missing")
    );
}

/// FireLogs with traffic: each record in one of them, in batches of any size, some merged.
struct World {
    logs: Vec<FireLog<Native>>,
    records: Vec<Record>,
}

/// Only a client's first GET of a digest stays one: a FireLog says of a later one what it comes to after the first, which
/// is not what is tried here.
fn without_history(mut records: Vec<Record>) -> Vec<Record> {
    let mut asked = BTreeSet::new();
    for record in &mut records {
        if !asked.insert((record.client, record.digest.clone())) {
            record.method = Method::Head;
        }
    }
    records
}

fn world(seed: u64, records: usize) -> World {
    let mut numbers = Numbers(seed);
    let mut records = without_history(sample::traffic(seed, records));
    for record in records.iter_mut().step_by(7) {
        let (mode, block) = (Mode::Enforce, Action::Block);
        record
            .fired
            .push(sample::fired("cdn:bots", 0, mode, block, block));
    }
    // Batches of both versions: most have a signature in it, some have none.
    for (at, record) in records.iter_mut().enumerate().filter(|(at, _)| at % 90 < 60) {
        record.tcp = ["4:255:0:1460:26883,0:mss:df:0", "4:64:0:*:64240,7:mss:df:0", ""][at % 3].to_owned();
    }
    let mut logs: Vec<FireLog<Native>> = (0..3)
        .map(|_| FireLog::open(Native::in_memory().unwrap()).unwrap())
        .collect();
    let mut shares: Vec<Vec<Record>> = vec![Vec::new(); 3];
    for record in &records {
        shares[numbers.below(3) as usize].push(record.clone());
    }
    for (log, share) in logs.iter_mut().zip(shares) {
        let mut rest = share.as_slice();
        let mut seq = 0;
        while !rest.is_empty() {
            let (batch, left) = rest.split_at((1 + numbers.below(60) as usize).min(rest.len()));
            rest = left;
            seq += 1;
            log.accept(&batch_of(seq, batch), NOW).unwrap();
            if numbers.below(4) == 0 {
                log.tend(NOW + 100_000 * seq).unwrap();
            }
        }
    }
    World { logs, records }
}

/// Two isolates in turn, so that batches overlap in time.
fn batch_of(seq: u64, records: &[Record]) -> Vec<u8> {
    let mut block = Builder::default();
    records.iter().cloned().for_each(|record| block.push(record));
    let flush = Flush {
        addresses: Vec::new(),
        isolate: seq % 2,
        seq,
        held: RulebookVersion::default(),
        losses: BTreeMap::new(),
        volumes: Vec::new(),
        segment: block.encode(),
    };
    flush.encode()
}

impl World {
    fn page(&self, filter: &Filter, before: RecordId, limit: usize, budget: u32) -> Vec<Page> {
        let page = |log: &FireLog<Native>| {
            let budget = Budget { records: budget };
            let page = at_once(scan_page(log.sql(), filter, before, limit, budget, &Unpaced))
                .unwrap()
                .unwrap();
            let bytes = page.clone().encode();
            assert_eq!(Page::decode(&bytes).as_ref(), Ok(&page));
            page
        };
        self.logs.iter().map(page).collect()
    }

    fn expected(&self, filter: &Filter) -> Vec<RecordId> {
        let mut ids: Vec<RecordId> = self
            .records
            .iter()
            .filter(|record| filter.matches(record))
            .map(|record| record.id)
            .collect();
        ids.sort_by_key(|id| std::cmp::Reverse(*id));
        ids
    }
}

/// Some value that the traffic has, for some filters.
fn some_filter(numbers: &mut Numbers, records: &[Record]) -> Filter {
    let mut filter = Filter::default();
    for _ in 0..numbers.below(4) {
        let Some(record) = records.get(numbers.below(records.len().max(1) as u64) as usize) else {
            break;
        };
        let which = numbers.below(33);
        match which {
            0 => filter.kind = Kind::Fires,
            1 => filter.since_ms = Some(record.id.time_ms()),
            2 => filter.until_ms = Some(record.id.time_ms()),
            29 => filter.ids.push(record.id),
            30.. => {
                let mut one = Filter::default();
                some_value(&mut one, 3 + numbers.below(26), record);
                // A record on which no rule fired has no rule that could be excluded.
                if one != Filter::default() {
                    filter.without.push(one);
                }
            }
            _ => some_value(&mut filter, which, record),
        }
    }
    filter
}

/// One value that the record has.
fn some_value(filter: &mut Filter, which: u64, record: &Record) {
    match which {
        3 => filter.routes.push(record.route.to_string()),
        4 => filter
            .rules
            .extend(record.fired.first().map(|fired| fired.rule.to_string())),
        5 => filter.modes.push(Mode::Monitor),
        6 => filter.verdicts.push(Action::None),
        7 => filter.families.push(record.family),
        8 => filter.os.push(record.os.clone()),
        9 => filter.asns.push(record.asn),
        10 => filter.fingerprints.push(record.fingerprint.clone()),
        11 => filter
            .statuses
            .push(super::filter::StatusFilter::Class(record.status / 100)),
        12 => filter.ranges.push(record.range.kind),
        13 => filter.digests.push(Digest::of(record.digest.clone())),
        14 => filter.repositories.push(record.repository.clone()),
        15 => filter.clients.push(record.client),
        16 => filter.odd_paths.push(record.odd_path),
        17 => filter.served_by.push(record.served_by.clone()),
        18 => filter.caches.push(record.cache),
        19 => filter.sent_to.push(record.sent_to.clone()),
        20 => filter.versions.push(record.version.clone()),
        21 => filter.protocols.push(record.protocol.clone()),
        22 => filter.clouds.push(record.cloud.clone()),
        23 => filter.cloud_regions.push(record.cloud_region.clone()),
        24 => filter.ip_versions.push(record.ip_version),
        25 => filter.origins.push(Origin::Upstream),
        26 => filter.tcps.push(record.tcp.clone()),
        27 => filter.rays.extend(RayKey::of(&record.ray)),
        _ => filter.sizes.push(record.size.map(SizeClass::of)),
    }
}

#[derive(Debug, TypeGenerator)]
struct Case {
    seed: u64,
    limit: u8,
    budget: u8,
}

/// The promise of docs/records.md: paging to the end gives every matching record once, newest first, whatever the
/// filter, the page size and the work one call may do, also while batches are merged between two pages.
#[test]
fn paging_to_the_end_gives_each_record_once() {
    bolero::check!().with_type::<Case>().for_each(|case| {
        let mut numbers = Numbers(case.seed);
        let mut world = world(case.seed, numbers.below(400) as usize);
        for _ in 0..6 {
            let filter = some_filter(&mut numbers, &world.records);
            let limit = usize::from(case.limit % 50) + 1;
            let (mut found, mut before, mut pages) = (Vec::new(), Some(START), 0);
            while let Some(at) = before {
                let mut joining = Joining::of(limit);
                let answers = world.page(&filter, at, limit, u32::from(case.budget));
                answers.into_iter().for_each(|page| joining.take(page));
                let joined = joining.finish();
                assert!(joined.records.len() <= limit);
                found.extend(joined.records.iter().map(|record| record.id));
                assert!(
                    joined.before.is_none_or(|next| next < at),
                    "a page must get further"
                );
                before = joined.before;
                pages += 1;
                if numbers.below(5) == 0 {
                    let log = numbers.below(3) as usize;
                    world.logs[log]
                        .tend(NOW + 50_000_000 + pages * 11_000)
                        .unwrap_or_default();
                }
            }
            assert_eq!(found, world.expected(&filter), "{filter:?}");
        }
    });
}

#[test]
fn a_record_is_found_by_its_id_with_all_that_it_held() {
    let world = world(5, 300);
    for record in world.records.iter().step_by(17) {
        let found: Vec<Record> = world
            .logs
            .iter()
            .filter_map(|log| {
                at_once(super::find(log.sql(), record.id, &Unpaced))
                    .unwrap()
                    .unwrap()
            })
            .collect();
        assert_eq!(found, vec![record.clone()]);
    }
}

fn part(log: &FireLog<Native>, filter: &Filter, by: &[Dimension], budget: u32) -> Vec<Part> {
    let (mut parts, budget) = (Vec::new(), Budget { records: budget });
    let mut before = Some(START);
    while let Some(at) = before {
        let part = at_once(summarise(log.sql(), filter, by, at, budget, &Unpaced))
            .unwrap()
            .unwrap();
        before = part.before.as_ref().map(|id| id.parse().unwrap());
        let text = serde_json::to_string(&part).unwrap();
        assert_eq!(serde_json::from_str::<Part>(&text).unwrap(), part);
        parts.push(part);
    }
    parts
}

#[test]
fn filters_of_different_names_must_all_hold_and_values_of_one_may_any() {
    let record = sample::full();
    let holds = |given: &[(&str, &str)]| query(given).filter.matches(&record);
    assert!(holds(&[
        ("route", "library"),
        ("route", "other"),
        ("rule", "botnet-sig"),
        ("mode", "monitor")
    ]));
    assert!(
        !holds(&[("rule", "botnet-sig"), ("mode", "enforce")]),
        "the rule fired in another mode"
    );
    assert!(holds(&[
        ("rule", "note-amzn"),
        ("mode", "enforce"),
        ("verdict", "tag"),
        ("status", "2xx")
    ]));
    assert!(!holds(&[("route", "library"), ("os", "el8")]));
    assert!(holds(&[
        ("since", "2020-07-05T19:00:00.007Z"),
        ("until", "2020-07-05T19:00:00.008Z")
    ]));
    assert!(
        !holds(&[("until", "2020-07-05T19:00:00.007Z")]),
        "until is exclusive"
    );
}
