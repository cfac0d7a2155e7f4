//! Lists by name: what they hold, what names them, and what is said where they are not.
#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use blobwatch_rules::{
    CheckedExpression, Engine, Field, List, ListKind, Lists, RuleError, Scratch, Value, Values,
    check_list_name, parse,
};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert_eq, proptest};

fn list(name: &str, kind: ListKind, items: &[&str]) -> List {
    List::new(name, kind, items.iter().copied(), 10).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn lists() -> Lists {
    Lists::from_iter([
        list(
            "office",
            ListKind::Network,
            &["192.0.2.0/24", "2001:db8::/32", "198.51.100.1..198.51.100.4"],
        ),
        list("hosts", ListKind::Address, &["203.0.113.7", "2001:db8:1::1"]),
        list("clouds", ListKind::Number, &["16509", "64512..65534"]),
        list("tools", ListKind::String, &["curl", "é", ""]),
        list(
            "mirrors",
            ListKind::HostName,
            &["Registry.Example.", "*.mirror.example"],
        ),
    ])
}

fn check(text: &str) -> Result<CheckedExpression, RuleError> {
    parse(text).and_then(|expression| expression.check_with(&lists()))
}

/// By the tree, by the engine, and by an engine that was written and read.
#[track_caller]
fn holds(text: &str, field: Field, value: Value<'_>, expected: bool) {
    let rule = check(text).unwrap_or_else(|error| panic!("{error}"));
    let mut values = Values::new();
    values.set(field, value);
    assert_eq!(rule.evaluate(&values), expected, "{text} of {value:?}");
    let compiled = Engine::compile(std::slice::from_ref(&rule)).expect("one rule fits");
    let loaded = Engine::from_bytes(&compiled.to_bytes()).expect("what was written");
    for engine in [compiled, loaded] {
        let mut scratch = Scratch::new(&engine);
        engine.run(&values, &mut scratch);
        assert_eq!(scratch.is_matched(0), expected, "{text} of {value:?}");
    }
}

#[test]
fn each_kind_holds_what_it_lists() {
    let ip = |text: &str| Value::Ip(text.parse::<IpAddr>().expect("an address"));
    for (text, expected) in [
        ("192.0.2.255", true),
        ("192.0.3.0", false),
        ("198.51.100.4", true),
        ("2001:db8::9", true),
        ("2001:db9::", false),
    ] {
        holds("ip.src in $office", Field::Ip, ip(text), expected);
        holds("not ip.src in $office", Field::Ip, ip(text), !expected);
    }
    for (text, expected) in [
        ("203.0.113.7", true),
        ("203.0.113.8", false),
        ("2001:db8:1::1", true),
    ] {
        holds("ip.src in $hosts", Field::Ip, ip(text), expected);
    }
    holds(
        "cidr(ip.src, 24, 48) in $office",
        Field::Ip,
        ip("192.0.2.77"),
        true,
    );
    for (number, expected) in [
        (16509, true),
        (16510, false),
        (64512, true),
        (65534, true),
        (65535, false),
    ] {
        holds(
            "ip.src.asnum in $clouds",
            Field::Asn,
            Value::Int(number),
            expected,
        );
    }
    for (text, expected) in [
        ("curl", true),
        ("é", true),
        ("", true),
        ("Curl", false),
        ("curl/8", false),
    ] {
        holds(
            "client.family in $tools",
            Field::ClientFamily,
            text.into(),
            expected,
        );
    }
    holds(
        "lower(client.family) in $tools",
        Field::ClientFamily,
        "CURL".into(),
        true,
    );
}

#[test]
fn a_host_name_is_itself_or_below_a_star() {
    for (host, expected) in [
        ("registry.example", true),
        ("a.registry.example", false),
        ("example", false),
        ("a.mirror.example", true),
        ("b.a.mirror.example", true),
        ("mirror.example", false),
        ("amirror.example", false),
        (".mirror.example", false),
        ("", false),
    ] {
        holds("http.host in $mirrors", Field::Host, host.into(), expected);
    }
    let long = format!("{}.mirror.example", "a.".repeat(200));
    holds("http.host in $mirrors", Field::Host, long.as_str().into(), false);
}

#[test]
fn what_a_request_does_not_have_is_in_no_list() {
    for text in [
        "ip.src in $office",
        "ip.src.asnum in $clouds",
        "client.family in $tools",
    ] {
        holds(text, Field::Ssl, Value::Bool(true), false);
    }
}

#[test]
fn each_value_of_an_array_can_be_looked_up() {
    let rule = check(
        "any(lower(http.request.headers.values[*]) in $tools and not http.request.headers.values[*] in $mirrors)",
    );
    let rule = rule.unwrap_or_else(|error| panic!("{error}"));
    let engine = Engine::compile(std::slice::from_ref(&rule)).expect("one rule fits");
    let mut scratch = Scratch::new(&engine);
    for (value, expected) in [("CURL", true), ("wget", false)] {
        let headers = [("x", "none"), ("y", value)];
        let mut values = Values::new();
        values.set_headers(&headers);
        engine.run(&values, &mut scratch);
        assert_eq!(
            (scratch.is_matched(0), rule.evaluate(&values)),
            (expected, expected),
            "{value}"
        );
    }
}

/// However many comparisons name it.
#[test]
fn a_list_is_compiled_once() {
    let items: Vec<String> = (0..1000).map(|item| format!("item-{item}")).collect();
    let lists = Lists::from_iter([
        List::new("many", ListKind::String, items.iter().map(String::as_str), 1).expect("strings"),
    ]);
    let size = |texts: &[&str]| {
        let checked = texts.iter().map(|text| {
            parse(text)
                .and_then(|rule| rule.check_with(&lists))
                .expect("a rule")
        });
        Engine::compile(&checked.collect::<Vec<_>>())
            .expect("fits")
            .to_bytes()
            .len()
    };
    let one = size(&["http.host in $many"]);
    let more = size(&[
        "http.host in $many",
        "lower(http.host) in $many",
        "any(http.request.headers.names[*] in $many)",
    ]);
    assert!(more < one + 200, "{one} and {more}");
}

#[test]
fn lists_of_cloudflare_are_empty_and_say_so() {
    let text = "ssl or ip.src in $cf.anonymizer or cf.threat_score gt 5";
    let rule = check(text).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<(usize, String)> = rule
        .warnings()
        .into_iter()
        .map(|warning| (warning.offset, warning.message))
        .collect();
    assert_eq!(
        warnings,
        [
            (
                7,
                "`$cf.anonymizer` is a list that Cloudflare tells no worker: here it is empty".to_owned()
            ),
            (
                35,
                "Cloudflare tells no worker `cf.threat_score`: here it is missing in every request"
                    .to_owned()
            ),
        ]
    );
    holds(
        "ip.src in $cf.vpn",
        Field::Ip,
        Value::Ip("192.0.2.1".parse().expect("an address")),
        false,
    );
    holds(
        "any(http.request.headers.names[*] in $cf.vpn)",
        Field::Ssl,
        Value::Bool(true),
        false,
    );
    assert!(
        check("ssl")
            .unwrap_or_else(|error| panic!("{error}"))
            .warnings()
            .is_empty()
    );
}

#[track_caller]
fn refused(text: &str, word: &str, expected: &str) {
    let error = check(text).err().unwrap_or_else(|| panic!("{text} was read"));
    assert_eq!(
        (error.word.as_str(), error.expected.as_str()),
        (word, expected),
        "{text}"
    );
}

#[test]
fn what_is_wrong_with_a_name_is_said_at_its_place() {
    let known = "a list that exists (`$clouds` `$hosts` `$mirrors` `$office` `$tools`)";
    refused("ssl and ip.src in $ofice", "$ofice", known);
    refused("ip.src in $cf.unknown", "$cf.unknown", known);
    refused("ip.src in $", "", "the name of a list after `$`");
    refused("ip.src in $ office", " ", "the name of a list after `$`");
    refused(
        "ip.src in $clouds",
        "$clouds",
        "a list for this IP address (`$clouds` has numbers)",
    );
    refused(
        "ip.src.asnum in $office",
        "$office",
        "a list for this Integer (`$office` has networks)",
    );
    refused(
        "http.host in $hosts",
        "$hosts",
        "a list for this String (`$hosts` has addresses)",
    );
    refused(
        "ip.src eq $office",
        "$",
        "a value: a string in quotes, a number or an address",
    );
    let error = parse("ip.src in $a")
        .and_then(blobwatch_rules::Expression::check)
        .expect_err("no list");
    assert_eq!(error.expected, "a list that exists (the rulebook has none)");
}

#[test]
fn what_is_no_item_of_the_kind_is_said_by_its_place() {
    let case = |kind, item: &str, expected: &str| {
        let items = ["", item].into_iter().skip(1);
        let errors = List::new("x", kind, items, 10)
            .err()
            .unwrap_or_else(|| panic!("{item} was read"));
        assert_eq!((errors.len(), errors[0].at), (1, 0));
        assert!(
            errors[0].expected.starts_with(expected),
            "{item}: {}",
            errors[0].expected
        );
    };
    case(ListKind::Address, "192.0.2.0/24", "an IP address, such as");
    case(
        ListKind::Network,
        "10.0.0.1/8",
        "a block that starts at its network, 10.0.0.0/8",
    );
    case(
        ListKind::Network,
        "somewhere",
        "an IP address, a CIDR block or a range",
    );
    case(ListKind::Network, "", "an IP address, a CIDR block or a range");
    case(ListKind::Number, "AS16509", "an Integer");
    case(ListKind::Number, "5..1", "a range whose first value");
    for name in [
        "",
        "a..b",
        "*",
        "*.",
        "a b",
        "https://a.example",
        "a.example/x",
        "a.*.b",
    ] {
        case(ListKind::HostName, name, "a host name, such as");
    }
    let many = List::new("x", ListKind::Number, ["a"; 50], 3).expect_err("not numbers");
    assert_eq!(many.len(), 3);
}

#[test]
fn items_have_one_way_to_be_written() {
    let case = |kind: ListKind, item: &str, normal: &str| {
        assert_eq!(kind.normal(item).as_deref(), Ok(normal), "{item}");
        assert_eq!(kind.normal(normal).as_deref(), Ok(normal), "{item} again");
    };
    case(ListKind::Address, "2001:DB8::0:1", "2001:db8::1");
    case(ListKind::Network, "192.0.2.7/32", "192.0.2.7");
    case(ListKind::Network, "192.0.2.0..192.0.2.255", "192.0.2.0/24");
    case(ListKind::Number, "0x10", "16");
    case(ListKind::Number, "7..7", "7");
    case(ListKind::Number, "1..7", "1..7");
    case(ListKind::String, " as it Is ", " as it Is ");
    case(ListKind::HostName, "*.A.Example.", "*.a.example");
}

#[test]
fn names_are_those_that_cloudflare_lets_lists_have() {
    for name in ["a", "office_2", &"x".repeat(50)] {
        assert_eq!(check_list_name(name), Ok(()), "{name}");
    }
    for name in ["", "Office", "of-fice", "cf.vpn", "$a", &"x".repeat(51)] {
        assert!(check_list_name(name).is_err(), "{name}");
    }
}

proptest! {
    /// A list means what its items would mean in braces.
    #[test]
    fn a_list_is_what_stands_in_braces(
        numbers in vec((-20_i64..20, 0_i64..4), 1..40),
        networks in vec((any::<u8>(), 0_u32..=8), 1..40),
        strings in vec("[ab]{0,3}", 1..40),
        (number, address, string) in (-25_i64..25, any::<u32>(), "[ab]{0,3}"),
    ) {
        let numbers: Vec<String> = numbers.iter().map(|(first, more)| format!("{first}..{}", first + more)).collect();
        let networks: Vec<String> = networks.iter().map(|(byte, bits)| {
            let network = u32::from(*byte) << 24 & u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            format!("{}/{bits}", std::net::Ipv4Addr::from_bits(network))
        }).collect();
        let quoted: Vec<String> = strings.iter().map(|string| format!("\"{string}\"")).collect();
        let named = |name: &str, kind, items: &[String]| List::new(name, kind, items.iter().map(String::as_str), 1).expect("items");
        let lists = Lists::from_iter([
            named("numbers", ListKind::Number, &numbers),
            named("networks", ListKind::Network, &networks),
            named("strings", ListKind::String, &strings),
        ]);
        let mut values = Values::new();
        values.set(Field::Asn, Value::Int(number));
        values.set(Field::Ip, Value::Ip(std::net::Ipv4Addr::from_bits(address).into()));
        values.set(Field::Host, Value::Bytes(string.as_bytes()));
        for (field, name, items) in [("ip.src.asnum", "numbers", &numbers), ("ip.src", "networks", &networks), ("http.host", "strings", &quoted)] {
            let by_name = parse(&format!("{field} in ${name}")).and_then(|rule| rule.check_with(&lists)).expect("a rule");
            let inline = parse(&format!("{field} in {{{}}}", items.join(" "))).and_then(|rule| rule.check()).expect("a rule");
            prop_assert_eq!(by_name.evaluate(&values), inline.evaluate(&values), "{} {:?}", field, items);
            prop_assert_eq!(by_name.to_string(), format!("{field} in ${name}"));
        }
    }
}
