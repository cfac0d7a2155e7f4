//! Odd parameters: each is taken, and searched with, or refused with its place.

use super::*;
use blobwatch_wire::Problem;

const NAMES: [&str; 34] = [
    "since",
    "until",
    "route",
    "rule",
    "mode",
    "origin",
    "verdict",
    "family",
    "os",
    "asn",
    "country",
    "colo",
    "fingerprint",
    "status",
    "range",
    "digest",
    "object",
    "repository",
    "client",
    "odd_path",
    "sent_to",
    "served_by",
    "cache",
    "version",
    "protocol",
    "cloud",
    "cloud_region",
    "ip_version",
    "size",
    "tcp",
    "ray",
    "id",
    "limit",
    "cursor",
];

const OTHERS: [&str; 6] = ["by", "format", "schema", "unknown", "", "SINCE"];

fn values() -> Vec<String> {
    let fixed = [
        "",
        "0",
        "1",
        "-1",
        "-0s",
        "-1h",
        "-99999999999999999999d",
        "99999999999999999999",
        "1e3",
        "0x10",
        "+7",
        "NaN",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2020-07-05T19:00:00.0000000000000000001Z",
        "null",
        "true",
        "json",
        "ndjson",
        "ocsf",
        "block",
        "docker",
        "resume",
        "4xx",
        "599",
        "FRA",
        "AS16509",
        "sha256:",
        "sha256:2f66fa8a",
        "rule,,colo",
        "colo,colo",
        "\u{0}",
        "\u{202e}",
        "%00",
        "é",
        "0000000000000000",
        "ffffffffffffffff",
        "01M85086S2MDP1HBJCFM000006",
        "81M85086S2MDP1HBJCFM000006",
        "*",
        "[]",
        "{\"a\":1}",
    ];
    let long = ["x", ",", "é", "["].map(|text| text.repeat(3_000));
    fixed.map(str::to_owned).into_iter().chain(long).collect()
}

#[track_caller]
fn is_placed(problem: &Problem, given: &[(String, String)]) {
    let what: Vec<_> = given
        .iter()
        .map(|(name, value)| (name, value.chars().take(40).collect::<String>()))
        .collect();
    assert_eq!(problem.status, 400, "{what:?}");
    let place = problem
        .errors
        .first()
        .map(|error| error.place.as_str())
        .unwrap_or_default();
    let mut names = given.iter().map(|(name, _)| format!("query.{name}"));
    let is_ours =
        names.any(|name| name == place) || ["query.by", "query.since", "query.until"].contains(&place);
    assert!(is_ours, "{what:?}: {place:?}");
}

#[test]
fn odd_parameters_are_searched_with_or_refused_with_their_place() {
    let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
    let records = sample::traffic(9, 40);
    let mut builder = Builder::default();
    records.iter().cloned().for_each(|record| builder.push(record));
    let flush = Flush {
        addresses: Vec::new(),
        isolate: 1,
        seq: 1,
        held: RulebookVersion::default(),
        losses: BTreeMap::new(),
        volumes: Vec::new(),
        segment: builder.encode(),
    };
    log.accept(&flush.encode(), NOW).unwrap();
    let (values, mut taken) = (values(), 0);
    let names: Vec<&str> = NAMES.into_iter().chain(OTHERS).collect();
    for (at, name) in names.iter().enumerate() {
        for (number, value) in values.iter().enumerate() {
            let one = ((*name).to_owned(), value.clone());
            let other = (
                names[(at + number) % names.len()].to_owned(),
                values[(number * 7) % values.len()].clone(),
            );
            for given in [
                vec![one.clone()],
                vec![one.clone(), one.clone()],
                vec![one.clone(), other],
            ] {
                for kind in [Kind::Requests, Kind::Fires] {
                    match Query::parse(kind, &given, NOW) {
                        Ok(query) => {
                            let limit = query.limit.min(50);
                            let budget = Budget::default();
                            let page =
                                scan_page(log.sql(), &query.filter, query.before, limit, budget, &Unpaced);
                            let page = at_once(page).unwrap().unwrap();
                            assert!(page.records.len() <= limit);
                            taken += 1;
                        }
                        Err(problem) => is_placed(&problem, &given),
                    }
                    match SummaryQuery::parse(kind, &given, NOW) {
                        Ok(query) => {
                            let (by, budget) = (&query.by, Budget::default());
                            let part = summarise(log.sql(), &query.filter, by, START, budget, &Unpaced);
                            at_once(part).unwrap().unwrap();
                        }
                        Err(problem) => is_placed(&problem, &given),
                    }
                }
            }
        }
    }
    assert!(taken > 100, "{taken} of them are taken");
}
