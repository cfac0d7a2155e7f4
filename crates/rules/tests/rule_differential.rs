//! Against wirefilter-engine 0.6.1, the language's own implementation, where both have the construct.
//!
//! wirefilter 0.6.1 panics on a field without a value, so facts that are missing are compared by what wirefilter's
//! later versions document and `rule_language` pins. Its Integers have 32 bits and are kept to that.
#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod rule_random;

use std::sync::LazyLock;

use blobwatch_rules::{Engine, Field, Scratch, Type, Value};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use proptest::sample::select;
use wirefilter::{ExecutionContext, LhsValue, Scheme};

use rule_random::{Draw, Language, PATTERNS, TEXTS, WILDCARDS, expression, facts, values};

static SCHEME: LazyLock<Scheme> = LazyLock::new(|| {
    let fields = Field::ALL.iter().filter_map(|field| {
        let kind = match field.kind() {
            Type::String => wirefilter::Type::Bytes,
            Type::Integer => wirefilter::Type::Int,
            Type::Boolean => wirefilter::Type::Bool,
            Type::IpAddress => wirefilter::Type::Ip,
            Type::Headers | Type::Facts | Type::Strings => return None,
        };
        Some((field.name().to_owned(), kind))
    });
    Scheme::try_from_iter(fields).expect("names are unique")
});

fn theirs(value: Value<'static>) -> LhsValue<'static> {
    match value {
        Value::Bytes(bytes) => LhsValue::Bytes(bytes),
        Value::Int(int) => LhsValue::Int(i32::try_from(int).expect("generated within 32 bits")),
        Value::Bool(bool) => LhsValue::Bool(bool),
        Value::Ip(ip) => LhsValue::Ip(ip),
        Value::Missing => panic!("wirefilter 0.6.1 has no missing values"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Each case is an expression over eight requests: 24,000 comparisons of results.
    #[test]
    fn wirefilter_says_the_same(
        bytes in vec(any::<u8>(), 0..150),
        requests in vec(vec(any::<u8>(), 12), 8),
    ) {
        let text = expression(&mut Draw::new(&bytes), Language::Wirefilter, 4);
        let filter = SCHEME.parse(&text).unwrap_or_else(|error| panic!("{error}")).compile();
        let rule = blobwatch_rules::parse(&text).and_then(blobwatch_rules::Expression::check).unwrap_or_else(|error| panic!("{error}"));
        let engine = Engine::compile(std::slice::from_ref(&rule)).expect("within the limits");
        let mut scratch = Scratch::new(&engine);
        for request in &requests {
            let facts = facts(&mut Draw::new(request), false);
            let mut context = ExecutionContext::new(&SCHEME);
            for (field, value) in &facts {
                context.set_field_value(field.name(), theirs(*value)).expect("of the field's type");
            }
            let expected = filter.execute(&context).expect("of one scheme");
            let values = values(&facts, &[]);
            engine.run(&values, &mut scratch);
            prop_assert_eq!(scratch.is_matched(0), expected, "{} on {:?}", text, facts);
            prop_assert_eq!(rule.evaluate(&values), expected, "{} on {:?}", text, facts);
        }
    }
}

#[test]
fn cloudflares_wildcard_crate_says_the_same() {
    for pattern in WILDCARDS {
        let pattern = pattern.replace("\\\\", "\\");
        for strict in [false, true] {
            let theirs = wildcard::WildcardBuilder::new(pattern.as_bytes())
                .without_one_metasymbol()
                .case_insensitive(!strict)
                .build()
                .expect("a wildcard");
            let operator = if strict { "strict wildcard" } else { "wildcard" };
            let rule = blobwatch_rules::parse(&format!("http.host {operator} r\"{pattern}\""))
                .and_then(blobwatch_rules::Expression::check);
            let rule = rule.unwrap_or_else(|error| panic!("{error}"));
            let engine = Engine::compile(std::slice::from_ref(&rule)).expect("within the limits");
            let mut scratch = Scratch::new(&engine);
            for text in TEXTS {
                let values = values(&[(Field::Host, text.into())], &[]);
                engine.run(&values, &mut scratch);
                assert_eq!(
                    scratch.is_matched(0),
                    theirs.is_match(text.as_bytes()),
                    "{rule} on {text}"
                );
            }
        }
    }
}

/// Parts of patterns, with ends and edges among them.
const PATTERN_PARTS: [&str; 16] = [
    "a", "b", "ab", "a?", "b*", "[ab]+", "[^a]", "a{1,2}", "(a|ba)", "(ab|^)", "(b|$)", ".", "^", "$", "$",
    "\\b",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn wirefilter_finds_the_same_patterns(
        parts in vec(select(&PATTERN_PARTS[..]), 1..5),
        hosts in vec("[ab ]{0,9}", 12),
    ) {
        let text = format!("http.host matches \"{}\"", parts.concat());
        let filter = SCHEME.parse(&text).unwrap_or_else(|error| panic!("{error}")).compile();
        let rule = blobwatch_rules::parse(&text).and_then(blobwatch_rules::Expression::check).unwrap_or_else(|error| panic!("{error}"));
        for host in &hosts {
            let mut context = ExecutionContext::new(&SCHEME);
            context.set_field_value("http.host", host.as_str()).expect("a string");
            let values = values(&[(Field::Host, host.as_str().into())], &[]);
            prop_assert_eq!(Ok(rule.evaluate(&values)), filter.execute(&context), "{} on {:?}", text, host);
        }
    }
}

/// The patterns of the generator, on every text: the random test sees each too seldom.
#[test]
fn every_pattern_on_every_text() {
    for pattern in PATTERNS {
        let text = format!("http.host matches \"{pattern}\"");
        let filter = SCHEME
            .parse(&text)
            .unwrap_or_else(|error| panic!("{error}"))
            .compile();
        let rule = blobwatch_rules::parse(&text)
            .and_then(blobwatch_rules::Expression::check)
            .unwrap_or_else(|error| panic!("{error}"));
        for host in TEXTS {
            let mut context = ExecutionContext::new(&SCHEME);
            context.set_field_value("http.host", host).expect("a string");
            let values = values(&[(Field::Host, host.into())], &[]);
            assert_eq!(
                Ok(rule.evaluate(&values)),
                filter.execute(&context),
                "{text} on {host}"
            );
        }
    }
}
