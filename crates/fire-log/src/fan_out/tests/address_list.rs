//! Addresses that FireLogs keep.

use super::*;

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
