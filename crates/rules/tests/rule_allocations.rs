//! A run allocates nothing, whatever the rules ask.
#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod rule_random;

use blobwatch_rules::{Engine, Field, List, ListKind, Lists, Scratch, Value};
use rule_random::{Draw, Language, expression, facts, headers, values};

/// A generator of bytes (SplitMix64), so that the rules are many and always the same.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[track_caller]
fn allocations(rules: usize) -> u64 {
    let rules = (0..rules as u64).map(|rule| {
        let text = expression(&mut Draw::new(&bytes(rule, 80)), Language::Whole, 3);
        rule_random::read(&text).unwrap_or_else(|error| panic!("{error}"))
    });
    let engine = Engine::compile(&rules.collect::<Vec<_>>()).expect("within the limits");
    let mut scratch = Scratch::new(&engine);
    let requests: Vec<_> = (0..50)
        .map(|request| {
            let drawn = bytes(1000 + request, 40);
            let mut draw = Draw::new(&drawn);
            (facts(&mut draw, true), headers(&mut draw))
        })
        .collect();
    let mut matches = 0;
    let counted = allocation_counter::measure(|| {
        for (facts, headers) in &requests {
            engine.run(&values(facts, headers), &mut scratch);
            matches += scratch.matched().count();
        }
    });
    assert!(matches > 0, "something must have been evaluated");
    counted.count_total
}

#[test]
fn a_run_allocates_nothing() {
    assert_eq!(allocations(1), 0);
    assert_eq!(allocations(7), 0);
    assert_eq!(allocations(1000), 0);
}

/// Lists as long as they may be: looked up where they stand.
#[test]
fn a_look_up_in_a_list_allocates_nothing() {
    let list = |name: &str, kind, item: fn(u32) -> String| {
        let items: Vec<String> = (0..10_000).map(item).collect();
        List::new(name, kind, items.iter().map(String::as_str), 1).expect("items of the kind")
    };
    let lists: Lists = [
        list("networks", ListKind::Network, |n| {
            format!("10.{}.{}.0/25", n / 256, n % 256)
        }),
        list("numbers", ListKind::Number, |n| (2 * n).to_string()),
        list("hosts", ListKind::HostName, |n| format!("*.customer-{n}.example")),
        list("agents", ListKind::String, |n| format!("client-{n}/1.0")),
    ]
    .into_iter()
    .collect();
    let rules = [
        "ip.src in $networks",
        "ip.src.asnum in $numbers",
        "http.host in $hosts",
        "http.user_agent in $agents",
    ];
    let read = |rule| {
        let read = blobwatch_rules::parse(rule).and_then(|rule| rule.check_with(&lists));
        read.unwrap_or_else(|error| panic!("{error}"))
    };
    let engine = Engine::compile(&rules.map(read)).expect("within the limits");
    let mut scratch = Scratch::new(&engine);
    let facts = [
        (Field::Ip, Value::Ip([10, 39, 15, 7].into())),
        (Field::Asn, Value::Int(19_998)),
        (Field::Host, "hub.customer-9999.example".into()),
        (Field::UserAgent, "client-9999/1.0".into()),
    ];
    let values = values(&facts, &[]);
    let counted = allocation_counter::measure(|| engine.run(&values, &mut scratch));
    assert_eq!(scratch.matched().collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(counted.count_total, 0);
}

/// The counter counts: the slow twin makes its values anew.
#[test]
fn the_trees_do_allocate() {
    let rule = blobwatch_rules::parse("lower(http.host) eq \"a\"")
        .and_then(blobwatch_rules::Expression::check)
        .expect("a rule");
    let facts = [(blobwatch_rules::Field::Host, "A".into())];
    let counted = allocation_counter::measure(|| assert!(rule.evaluate(&values(&facts, &[]))));
    assert!(counted.count_total > 0);
}
