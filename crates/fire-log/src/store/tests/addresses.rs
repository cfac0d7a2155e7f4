//! Addresses of clients: kept as the rulebook says, for as long as it says, and erased.

use super::{NOW, flush, open, record};
use crate::store::{FireLog, KeptAddress, address_of, addresses};
use blobwatch_pull::ClientKey;
use blobwatch_records::{ClientAddress, Flush};
use blobwatch_sql::{Native, Sql, number};

const HOUR: u64 = 3_600_000;

fn keeps(log: &mut FireLog<Native>, revision: u64, settings: &str) {
    let document = format!(r#"{{"schema":5,"revision":{revision},"settings":{{{settings}}}}}"#);
    assert_eq!(log.keep_rulebook(0, &document), Ok(true));
}

fn says(log: &mut FireLog<Native>, seq: u64, said: &[(u64, &str)], now_ms: u64) {
    let address = |(client, address): &(u64, &str)| ClientAddress {
        client: ClientKey(*client),
        address: address.parse().unwrap(),
    };
    let body = Flush {
        addresses: said.iter().map(address).collect(),
        ..flush(1, seq, &[record(1, seq as u32, now_ms)])
    };
    log.accept(&body.encode(), now_ms).unwrap();
}

fn kept(log: &FireLog<Native>) -> Vec<(String, u64)> {
    let kept = addresses(log.sql(), "", 1_000).unwrap();
    kept.into_iter()
        .map(|kept| (kept.address, kept.seen_ms))
        .collect()
}

#[test]
fn what_is_kept_is_what_the_rulebook_says() {
    let mut log = open();
    says(&mut log, 1, &[(1, "192.0.2.7")], NOW);
    assert_eq!(kept(&log), [], "without a rulebook nothing");
    keeps(&mut log, 1, r#""keep_addresses":"network""#);
    says(&mut log, 2, &[(1, "192.0.2.7"), (2, "2001:db8:1:2::7")], NOW);
    let networks = [("192.0.2.0".to_owned(), NOW), ("2001:db8:1::".to_owned(), NOW)];
    assert_eq!(kept(&log), networks);
    keeps(&mut log, 2, r#""keep_addresses":"full""#);
    assert_eq!(
        kept(&log),
        [],
        "what was kept under another setting is not mixed with it"
    );
    says(&mut log, 3, &[(1, "192.0.2.7")], NOW);
    keeps(&mut log, 3, r#""keep_addresses":"full","retry_after_s":5"#);
    assert_eq!(kept(&log), [("192.0.2.7".to_owned(), NOW)]);
    keeps(&mut log, 4, "");
    assert_eq!(kept(&log), []);
    says(&mut log, 4, &[(1, "192.0.2.7")], NOW);
    assert_eq!(kept(&log), [], "isolates may hold the older rulebook for a while");
}

#[test]
fn an_address_goes_when_its_client_was_not_seen_for_long() {
    let mut log = open();
    keeps(&mut log, 1, r#""keep_addresses":"full","address_hours":24"#);
    says(
        &mut log,
        1,
        &[(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "2001:db8::3")],
        NOW,
    );
    // Noted to the hour, and where the address is another.
    says(
        &mut log,
        2,
        &[(1, "192.0.2.1"), (3, "2001:db8::4")],
        NOW + HOUR / 2,
    );
    let seen: Vec<u64> = kept(&log).into_iter().map(|(_, seen_ms)| seen_ms).collect();
    assert_eq!(seen, [NOW, NOW, NOW + HOUR / 2]);
    says(&mut log, 3, &[(1, "192.0.2.1")], NOW + 2 * HOUR);
    while log.tend(NOW + 25 * HOUR).unwrap().more {}
    assert_eq!(kept(&log), [("192.0.2.1".to_owned(), NOW + 2 * HOUR)]);
}

#[test]
fn an_address_is_erased_and_others_are_not() {
    let mut log = open();
    keeps(&mut log, 1, r#""keep_addresses":"full""#);
    says(&mut log, 1, &[(1, "192.0.2.1"), (2, "192.0.2.2")], NOW);
    assert_eq!(log.erase_address(ClientKey(1)), Ok(true));
    assert_eq!(log.erase_address(ClientKey(1)), Ok(false));
    assert_eq!(address_of(log.sql(), ClientKey(1)), Ok(None));
    let other = KeptAddress {
        client: "0000000000000002".to_owned(),
        address: "192.0.2.2".to_owned(),
        seen_ms: NOW,
    };
    assert_eq!(address_of(log.sql(), ClientKey(2)), Ok(Some(other.clone())));
    assert_eq!(addresses(log.sql(), "0000000000000001", 9), Ok(vec![other]));
}

/// Who was not seen for the longest time makes room, and that is counted.
#[test]
fn the_table_is_bounded() {
    let mut log = open();
    keeps(&mut log, 1, r#""keep_addresses":"full""#);
    log.sql()
        .run(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) \
             INSERT INTO address SELECT printf('%016x', n), '192.0.2.9', n FROM n",
            &[number(crate::store::addresses::MAX_ADDRESSES)],
        )
        .unwrap();
    let FireLog { sql, .. } = log;
    let mut log = FireLog::open(sql).unwrap();
    says(
        &mut log,
        1,
        &[
            (u64::MAX, "192.0.2.1"),
            (u64::MAX - 1, "192.0.2.2"),
            (5, "192.0.2.5"),
        ],
        NOW,
    );
    let rows = super::count(&log, "address");
    assert_eq!(rows, crate::store::addresses::MAX_ADDRESSES);
    let known = |client| address_of(log.sql(), ClientKey(client)).unwrap().is_some();
    assert_eq!(
        [1, 2, 3, 5, u64::MAX].map(known),
        [false, false, true, true, true]
    );
    let losses = log.losses().unwrap();
    let evicted = losses.iter().find(|loss| loss.name == "addresses_evicted");
    assert_eq!(evicted.map(|loss| loss.count), Some(2));
}

/// Of the version that began to keep them.
#[test]
fn an_older_database_has_its_addresses() {
    let sql = Native::in_memory().unwrap();
    sql.script(include_str!("../../../tests/data/fire_log-v6.sql"))
        .unwrap();
    let log = FireLog::open(sql).unwrap();
    assert_eq!(kept(&log), [("192.0.2.7".to_owned(), 1_594_036_800_000)]);
}
