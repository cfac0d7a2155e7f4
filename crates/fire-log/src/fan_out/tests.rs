//! What the API answers of several FireLogs: through the calls as they are sent, over databases as they are.

mod address_list;
mod compared;
mod counted;
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
