//! What the API answers of several FireLogs: through the calls as they are sent, over databases as they are.

mod waves;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Export, FireLogs, Listing, Notes, address_list, compare_all, erase_address, find_anywhere, load_metrics,
    loads, losses, summarise_all, with_counters,
};
use crate::query::{Budget, CompareQuery, Kind, Query, SummaryQuery, find, scan_page, summarise, tabulate};
use crate::store::{FireLog, address_of, addresses};
use crate::{
    AddressesCall, BEFORE, CellsOfCall, CountersCall, KIND, LoadCall, LossesCall, PageCall, RecordCall,
    SummaryCall,
};
use blobwatch_pull::{ClientKey, Record, RecordId, sample};
use blobwatch_records::{Builder, ClientAddress, Flush, RulebookVersion};
use blobwatch_sql::{Native, Unpaced, at_once};
use blobwatch_wire::{Body, Method, Nothing, ObjectCall, Payload, Problem};

const NOW: u64 = sample::JULY_2020_MS;

/// FireLogs that answer so many calls, and then no more.
struct Logs {
    logs: BTreeMap<String, FireLog<Native>>,
    answers: RefCell<BTreeMap<String, usize>>,
    budget: Budget,
}

type Pairs = Vec<(String, String)>;

impl FireLogs for Logs {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Result<C::Reply, Problem> {
        if let Some(left) = self.answers.borrow_mut().get_mut(name) {
            *left = left.checked_sub(1).ok_or_else(|| Problem::not_found(name))?;
        }
        let path = call.path();
        let (what, query) = path.split_once('?').unwrap_or((&path, ""));
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let payload = if C::METHOD == Method::Delete {
            // Nothing is erased here: the store's own tests do that.
            false.into_payload().unwrap()
        } else {
            self.answer(&self.logs[name], what, pairs)?
        };
        let bytes = match payload {
            Payload::Nothing => Vec::new(),
            Payload::Text(text) => text.into_bytes(),
            Payload::Bytes(bytes) => bytes,
        };
        Ok(C::Reply::from_bytes(&bytes).unwrap())
    }
}

impl Logs {
    /// As `src/control_plane/fire_log_queries.rs` does.
    fn answer(&self, log: &FireLog<Native>, call: &str, mut pairs: Pairs) -> Result<Payload, Problem> {
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(known, _)| known == name)?;
            Some(pairs.swap_remove(at).1)
        };
        let kind = Kind::of_name(&take(KIND).unwrap_or_default());
        let before = take(BEFORE).map_or(RecordId(u128::MAX), |id| id.parse().unwrap());
        let (sql, budget) = (log.sql(), self.budget);
        let payload = if call == PageCall::PATH {
            let query = Query::parse(kind, &pairs, NOW)?;
            let page = scan_page(sql, &query.filter, query.before, query.limit, budget, &Unpaced);
            at_once(page).unwrap().unwrap().into_payload()
        } else if call == SummaryCall::PATH {
            let query = SummaryQuery::parse(kind, &pairs, NOW + before.0 as u64 % 1_000)?;
            let part = summarise(sql, &query.filter, &query.by, before, budget, &Unpaced);
            at_once(part).unwrap().unwrap().into_payload()
        } else if call == CellsOfCall::PATH {
            pairs.push((KIND.to_owned(), kind.name().to_owned()));
            let filter = CompareQuery::filter(&pairs, NOW)?;
            let part = tabulate(sql, &filter, CompareQuery::tables(), before, budget, &Unpaced);
            at_once(part).unwrap().unwrap().into_payload()
        } else if call == AddressesCall::PATH {
            let client = take("client").map(|client| client.parse().unwrap());
            let kept = match client {
                Some(client) => address_of(sql, client).unwrap().into_iter().collect(),
                None => addresses(
                    sql,
                    &take("after").unwrap(),
                    take("limit").unwrap().parse().unwrap(),
                )
                .unwrap(),
            };
            kept.into_payload()
        } else if call == CountersCall::PATH {
            log.counters().unwrap().into_payload()
        } else if call == LoadCall::PATH {
            crate::load::Load::default().into_payload()
        } else if call == LossesCall::PATH {
            log.losses().unwrap().into_payload()
        } else {
            let id = call.strip_prefix(RecordCall::PATH).unwrap().parse().unwrap();
            let records = at_once(find(sql, id, &Unpaced)).unwrap().unwrap();
            let page = crate::query::Page {
                records: records.into_iter().collect(),
                floor: RecordId(0),
            };
            page.into_payload()
        };
        Ok(payload.unwrap())
    }

    fn names(&self) -> Vec<String> {
        self.logs.keys().cloned().collect()
    }

    /// This one answers so many calls.
    fn silence(&self, name: &str, after: usize) {
        self.answers.borrow_mut().insert(name.to_owned(), after);
    }

    fn listing(&self, given: &[(&str, &str)]) -> Listing<&Self> {
        let pairs = pairs(given);
        Listing {
            fire_logs: self,
            names: self.names(),
            kind: Kind::Requests,
            query: Query::parse(Kind::Requests, &pairs, NOW).unwrap(),
            notes: Notes::default(),
            pairs,
        }
    }

    fn list(&self, given: &[(&str, &str)]) -> Value {
        let list = at_once(self.listing(given).list()).unwrap().unwrap();
        serde_json::to_value(list).unwrap()
    }

    /// Its lines, and how it ended.
    fn export(&self, given: &[(&str, &str)]) -> (Vec<Value>, Result<(), String>) {
        let mut export = Export::new(self.listing(given));
        let mut read = Vec::new();
        while let Some(lines) = at_once(export.lines()).unwrap() {
            match lines {
                Ok(text) => read.extend(
                    text.split(|byte| *byte == b'\n')
                        .filter(|line| !line.is_empty())
                        .map(|line| serde_json::from_slice::<Value>(line).unwrap()),
                ),
                Err(why) => return (read, Err(why)),
            }
        }
        (read, Ok(()))
    }

    fn summary(&self, given: &[(&str, &str)]) -> Value {
        let pairs = pairs(given);
        let query = SummaryQuery::parse(Kind::Requests, &pairs, NOW).unwrap();
        let names = self.names();
        let summary = summarise_all(self, &names, Kind::Requests, &pairs, &query, Notes::default());
        serde_json::to_value(at_once(summary).unwrap()).unwrap()
    }
}

impl FireLogs for &Logs {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Result<C::Reply, Problem> {
        (**self).ask(name, call).await
    }
}

fn pairs(given: &[(&str, &str)]) -> Pairs {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    given.iter().map(owned).collect()
}

/// Three FireLogs with these records, in batches of 20, and one that is empty.
fn logs(records: &[Record], budget: u32) -> Logs {
    let mut logs: BTreeMap<String, FireLog<Native>> = ["fl1-a-0", "fl1-b-0", "fl1-c-0", "fl1-d-0"]
        .map(|name| {
            (
                name.to_owned(),
                FireLog::open(Native::in_memory().unwrap()).unwrap(),
            )
        })
        .into();
    for ((number, batch), log) in (1..).zip(records.chunks(20)).zip((0..3).cycle()) {
        let mut block = Builder::default();
        batch.iter().cloned().for_each(|record| block.push(record));
        let flush = Flush {
            addresses: Vec::new(),
            isolate: 1,
            seq: number,
            held: RulebookVersion::default(),
            losses: [("records_dropped".to_owned(), 1)].into(),
            volumes: Vec::new(),
            segment: block.encode(),
        };
        let log = logs.values_mut().nth(log).unwrap();
        log.accept(&flush.encode(), NOW).unwrap();
    }
    Logs {
        logs,
        answers: RefCell::default(),
        budget: Budget { records: budget },
    }
}

/// Newest first; their kinds need no history.
fn records(count: usize) -> Vec<Record> {
    let record = |counter: u32| Record {
        id: RecordId::from_parts(NOW + u64::from(counter) * 7 % 1_000, 1, counter),
        digest: format!("sha256:{counter:064x}"),
        ..sample::full()
    };
    (0..count as u32).map(record).collect()
}

fn newest_first(records: &[Record]) -> Vec<Value> {
    let mut records = records.to_vec();
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let ids = records.iter().map(|record| json!(record.id.to_string()));
    ids.collect()
}

fn ids(items: &[Value]) -> Vec<Value> {
    items.iter().map(|item| item["id"].clone()).collect()
}

#[test]
fn pages_and_exports_have_every_record_once_newest_first() {
    let records = records(500);
    let expected = newest_first(&records);
    for (limit, budget) in [("7", 1), ("100", 40), ("1000", 1_000_000)] {
        let logs = logs(&records, budget);
        let (mut read, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut given = vec![("limit", limit)];
            given.extend((!cursor.is_empty()).then_some(("cursor", cursor.as_str())));
            let page = logs.list(&given);
            assert_eq!(page.get("incomplete"), None);
            read.extend(ids(page["items"].as_array().unwrap()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert!(read == expected, "in pages of {limit}");
        let (exported, ended) = logs.export(&[("format", "ndjson")]);
        assert_eq!((ids(&exported) == expected, ended), (true, Ok(())));
        let (exported, _) = logs.export(&[("format", "ndjson"), ("limit", "123")]);
        assert_eq!(ids(&exported), expected[..123]);
    }
}

#[test]
fn a_summary_is_the_same_in_any_number_of_stretches() {
    let records = records(500);
    let whole = logs(&records, 1_000_000).summary(&[("by", "os"), ("since", "-1h")]);
    assert_eq!(whole["requests"], json!(500 * sample::full().weight));
    for budget in [1, 30, 100] {
        let summary = logs(&records, budget).summary(&[("by", "os"), ("since", "-1h")]);
        assert_eq!(summary, whole, "{budget}");
    }
}

#[test]
fn relative_times_mean_the_same_for_every_stretch() {
    let parameters = pairs(&[("by", "os"), ("since", "-15m"), ("os", "-15m"), ("until", "-1s")]);
    let query = SummaryQuery::parse(Kind::Fires, &parameters, NOW).unwrap();
    let asked = super::summary::asked(Kind::Fires, &parameters, &query);
    let later = SummaryQuery::parse(Kind::Fires, &asked[1..], NOW + 60_000).unwrap();
    assert_eq!(later, query);
}

#[test]
fn who_does_not_answer_is_named_and_hides_nobody() {
    let records = records(200);
    let logs = logs(&records, 1_000_000);
    logs.silence("fl1-b-0", 0);
    let page = logs.list(&[("limit", "1000")]);
    assert_eq!(page["incomplete"], json!(["fl1-b-0"]));
    // Batches 2, 5 and 8 of 10 are there.
    assert_eq!(page["items"].as_array().unwrap().len(), 140);
    let summary = logs.summary(&[("by", "os")]);
    let weight = u64::from(sample::full().weight);
    assert_eq!(
        (&summary["requests"], &summary["incomplete"]),
        (&json!(140 * weight), &json!(["fl1-b-0"]))
    );
    let (exported, ended) = logs.export(&[("format", "ndjson")]);
    assert_eq!(
        (exported.len(), ended),
        (0, Err("the export is incomplete: fl1-b-0".to_owned()))
    );
    let names = logs.names();
    let sums = at_once(losses(&logs, &names)).unwrap();
    let list = serde_json::to_value(sums.list()).unwrap();
    assert_eq!(
        (&list["items"][0]["count"], &list["incomplete"]),
        (&json!(7), &json!(["fl1-b-0"]))
    );
    let find = |id: RecordId| at_once(find_anywhere(&logs, &names, id)).unwrap();
    assert_eq!(find(records[0].id).unwrap().id, records[0].id);
    assert_eq!(
        find(records[20].id).unwrap_err().detail,
        Problem::not_found("fl1-b-0").detail
    );
    names.iter().for_each(|name| logs.silence(name, 0));
    let all_silent = at_once(logs.listing(&[]).list()).unwrap();
    assert_eq!(all_silent.unwrap_err().status, 404);
}

#[test]
fn who_stops_answering_has_counted_as_far_as_it_came() {
    let records = records(200);
    let logs = logs(&records, 20);
    logs.silence("fl1-a-0", 1);
    let summary = logs.summary(&[("by", "os")]);
    let requests = summary["requests"].as_u64().unwrap() / u64::from(sample::full().weight);
    assert_eq!(summary["incomplete"], json!(["fl1-a-0"]));
    assert!((120..200).contains(&requests), "{requests}");
}

#[test]
fn an_export_that_breaks_off_says_so_after_what_it_had() {
    let records = records(9_000);
    let logs = logs(&records, 1_000_000);
    logs.silence("fl1-c-0", 2);
    let (exported, ended) = logs.export(&[("format", "ndjson")]);
    assert_eq!(ids(&exported), newest_first(&records)[..8_000]);
    assert_eq!(ended, Err("the export is incomplete: fl1-c-0".to_owned()));
}

/// A FireLog that keeps the addresses of these clients, as of these times.
fn keeping(said: &[(u64, &str, u64)]) -> FireLog<Native> {
    let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
    let document = r#"{"schema":5,"revision":1,"settings":{"keep_addresses":"full"}}"#;
    log.keep_rulebook(0, document).unwrap();
    for (seq, (client, address, seen_ms)) in (1..).zip(said) {
        let flush = Flush {
            isolate: 1,
            seq,
            held: RulebookVersion::default(),
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            addresses: vec![ClientAddress {
                client: ClientKey(*client),
                address: address.parse().unwrap(),
            }],
            segment: Vec::new(),
        };
        log.accept(&flush.encode(), *seen_ms).unwrap();
    }
    log
}

#[test]
fn addresses_of_all_fire_logs_are_one_list() {
    let logs = Logs {
        logs: BTreeMap::from([
            (
                "a".to_owned(),
                keeping(&[(1, "192.0.2.1", NOW), (3, "192.0.2.3", NOW)]),
            ),
            (
                "b".to_owned(),
                keeping(&[(2, "192.0.2.2", NOW), (3, "2001:db8::3", NOW + 9)]),
            ),
        ]),
        answers: RefCell::default(),
        budget: Budget::default(),
    };
    let names = logs.names();
    let list = |query: &str| at_once(address_list(&logs, &names, query)).unwrap();
    let of = |query: &str| {
        let list = list(query).map(|list| serde_json::to_value(list).unwrap());
        list.map(|list| {
            let items = list["items"].as_array().unwrap().iter();
            let addresses: Vec<String> = items
                .map(|item| item["address"].as_str().unwrap().to_owned())
                .collect();
            (addresses, list["next_cursor"].as_str().map(str::to_owned))
        })
    };
    let (first, cursor) = of("limit=2").unwrap();
    assert_eq!(first, ["192.0.2.1", "192.0.2.2"]);
    let (rest, end) = of(&format!("limit=2&cursor={}", cursor.unwrap())).unwrap();
    assert_eq!(
        (rest, end),
        (vec!["2001:db8::3".to_owned()], None),
        "the newest counts"
    );
    assert_eq!(of("client=0000000000000003").unwrap().0, ["2001:db8::3"]);
    for (query, place) in [
        ("client=x", "query.client"),
        ("limit=0", "query.limit"),
        ("bogus=1", "query.bogus"),
    ] {
        assert_eq!(of(query).unwrap_err().errors[0].place, place);
    }
    let refused = at_once(erase_address(&logs, &names, "nobody")).unwrap();
    assert_eq!(refused.unwrap_err().errors[0].place, "path.client");
    logs.answers.borrow_mut().insert("b".to_owned(), 0);
    let (some, _) = of("").unwrap();
    assert_eq!(some, ["192.0.2.1", "192.0.2.3"]);
    assert_eq!(
        serde_json::to_value(list("").unwrap()).unwrap()["incomplete"],
        json!(["b"])
    );
    let failed = at_once(erase_address(&logs, &names, "0000000000000001")).unwrap();
    assert!(failed.is_err(), "what one of them has would stay unnoticed");
}

#[test]
fn what_fire_logs_count_is_one_counter_or_a_gap() {
    let logs = logs_with_fires();
    let names = logs.names();
    let page = "# HELP blobwatch_rule_fires_total x\n# TYPE blobwatch_rule_fires_total counter\nupstream 1\n";
    let all = at_once(with_counters(&logs, &names, page)).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let labels =
        "origin=\"own\",rule=\"a\",route=\"default\",mode=\"enforce\",would=\"block\",applied=\"block\"";
    assert_eq!(lines[2], format!("blobwatch_rule_fires_total{{{labels}}} 4"));
    assert_eq!(
        lines[3], "upstream 1",
        "of other parties' rules the Detector counts"
    );
    for line in [
        "blobwatch_range_requests_total{route=\"default\",kind=\"resume\"} 4",
        "blobwatch_family_requests_total{route=\"default\",family=\"docker\"} 4",
        "# TYPE blobwatch_answer_size_bytes histogram",
        "blobwatch_answer_size_bytes_bucket{route=\"default\",le=\"1048576\"} 0",
        "blobwatch_answer_size_bytes_bucket{route=\"default\",le=\"4194304\"} 4",
        "blobwatch_answer_size_bytes_bucket{route=\"default\",le=\"+Inf\"} 4",
        "blobwatch_answer_size_bytes_count{route=\"default\"} 4",
    ] {
        assert!(lines.contains(&line), "{line}: {all}");
    }
    logs.answers.borrow_mut().insert("b".to_owned(), 0);
    let gap = at_once(with_counters(&logs, &names, page)).unwrap();
    assert!(gap.starts_with(page));
    assert!(
        gap[page.len()..].lines().all(|line| line.starts_with("# ")),
        "{gap}"
    );
}

#[test]
fn the_load_of_each_is_said_and_who_does_not_answer() {
    let logs = logs_with_fires();
    logs.answers.borrow_mut().insert("b".to_owned(), 0);
    let list = at_once(loads(&logs, &logs.names())).unwrap();
    let list = serde_json::to_value(list).unwrap();
    assert_eq!(list["incomplete"], json!(["b"]));
    assert_eq!(list["items"][0]["name"], "a");
    assert_eq!(list["items"][0]["records_per_second"], 0.0);
    let page = at_once(load_metrics(&logs, &logs.names())).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines[1], "# TYPE blobwatch_fire_log_flushes_per_second gauge");
    assert_eq!(
        lines[2],
        "blobwatch_fire_log_flushes_per_second{fire_log=\"a\",colo=\"\"} 0"
    );
    assert_eq!(lines.len(), 24);
}

/// Two FireLogs with two fires each of one rule of ours, and of another party's.
fn logs_with_fires() -> Logs {
    let fired = |rule: &str| blobwatch_pull::Fired {
        rule: rule.into(),
        version: 1,
        mode: blobwatch_pull::Mode::Enforce,
        would: blobwatch_pull::Action::Block,
        applied: blobwatch_pull::Action::Block,
    };
    let log = || {
        let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
        let mut block = Builder::default();
        for counter in 0..2 {
            block.push(Record {
                id: RecordId::from_parts(NOW, 1, counter),
                route: "default".into(),
                weight: 1,
                fired: vec![fired("a"), fired("cloudflare:b")],
                ..sample::full()
            });
        }
        let flush = Flush {
            isolate: 1,
            seq: 1,
            held: RulebookVersion::default(),
            losses: BTreeMap::new(),
            volumes: Vec::new(),
            addresses: Vec::new(),
            segment: block.encode(),
        };
        log.accept(&flush.encode(), NOW).unwrap();
        // Each record once, also when its batch is merged.
        assert_eq!(log.rule_fires(), Ok(Vec::new()));
        log.tend(NOW + 60_000).unwrap();
        while log.tend(NOW + 120_000).unwrap().more {}
        let sums: Vec<u64> = log
            .rule_fires()
            .unwrap()
            .iter()
            .map(|fires| fires.requests)
            .collect();
        assert_eq!(sums, [2]);
        log
    };
    Logs {
        logs: BTreeMap::from([("a".to_owned(), log()), ("b".to_owned(), log())]),
        answers: RefCell::default(),
        budget: Budget::default(),
    }
}

/// Stalls of one build at one place among 400 requests, on three FireLogs.
fn stalled() -> Vec<Record> {
    let mut random = 7u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let one = |number: u32, colo: &str, os: &str, status: u16| Record {
        id: RecordId::from_parts(NOW - 60_000 + u64::from(number), 1, number),
        status,
        colo: colo.into(),
        os: os.into(),
        weight: 1,
        fired: Default::default(),
        ..sample::full()
    };
    (0..400)
        .map(|number| {
            let colo = ["FRA", "IAD", "SIN", "LHR"][next(4) as usize];
            let os = ["amzn2", "debian", "el8"][next(3) as usize];
            let is_stalled = colo == "FRA" && os == "amzn2" && next(10) < 9;
            one(number, colo, os, if is_stalled { 503 } else { 200 })
        })
        .collect()
}

fn comparison(logs: &Logs, body: &Value) -> Value {
    let query = CompareQuery::parse(&body.to_string(), NOW).unwrap();
    let names = logs.names();
    let compared = compare_all(logs, &names, &query);
    serde_json::to_value(at_once(compared).unwrap()).unwrap()
}

#[test]
fn what_is_different_about_a_selection_is_named() {
    let records = stalled();
    let failed = records.iter().filter(|record| record.status == 503).count();
    let whole = logs(&records, 1_000_000);
    let body = json!({"since": "-1h", "filters": {"status": ["5xx"]}});
    let found = comparison(&whole, &body);
    assert_eq!(
        (&found["selection"], &found["rest"], &found["other"]),
        (&json!(failed), &json!(400 - failed), &json!(0))
    );
    let mut cohort = found["cohorts"][0]["cohort"].as_array().unwrap().clone();
    cohort.sort_by_key(|literal| literal["attribute"].to_string());
    let expected =
        json!([{"attribute": "colo", "values": ["FRA"]}, {"attribute": "os", "values": ["amzn2"]}]);
    assert_eq!(Value::Array(cohort), expected, "{}", found["cohorts"]);
    let sentence = found["cohorts"][0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("100 % of the selection"), "{sentence}");
    let bars = |name: &str| {
        let attributes = found["attributes"].as_array().unwrap();
        attributes
            .iter()
            .find(|of| of["attribute"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(bars("os")["values"][0]["value"], "amzn2");
    assert_eq!(bars("os")["values"][0]["selection"], 1.0);
    assert_eq!(
        (&bars("status")["chosen"], &bars("colo")["chosen"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(bars("country")["difference"], 0.0, "all have the same");
    for budget in [1, 7, 60] {
        assert_eq!(comparison(&logs(&records, budget), &body), found, "{budget}");
    }
}

#[test]
fn a_selection_that_is_like_the_rest_is_not_explained() {
    let records = stalled();
    let found = comparison(
        &logs(&records, 1_000_000),
        &json!({"since": "-1h", "filters": {"client": ["0123456789abcdef"]}}),
    );
    assert_eq!(found["cohorts"], json!([]), "everything is of that client");
    let nothing = comparison(&logs(&[], 1_000_000), &json!({}));
    assert_eq!(
        (&nothing["selection"], &nothing["rest"], &nothing["cohorts"]),
        (&json!(0), &json!(0), &json!([]))
    );
}

#[test]
fn a_fire_log_that_does_not_answer_is_named_in_a_comparison() {
    let logs = logs(&stalled(), 1_000_000);
    logs.silence("fl1-a-0", 0);
    let found = comparison(&logs, &json!({"filters": {"status": ["503"]}}));
    assert_eq!(found["incomplete"], json!(["fl1-a-0"]));
}
