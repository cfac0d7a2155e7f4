//! The engine against the slow obvious twin, and what a run may cost.
#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod rule_random;

use blobwatch_rules::{
    CheckedExpression, CompileError, Engine, Field, MAX_PREDICATES, MAX_RULES, Scratch, Value, Values,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use rule_random::{Draw, Language, expression, facts, headers, values};

#[track_caller]
fn read(text: &str) -> CheckedExpression {
    rule_random::read(text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn compile(texts: &[String]) -> (Vec<CheckedExpression>, Engine) {
    let rules: Vec<CheckedExpression> = texts.iter().map(|text| read(text)).collect();
    let engine = Engine::compile(&rules).expect("within the limits");
    (rules, engine)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Small rulebooks and large ones take different ways through the engine; the scratch is used again and again.
    #[test]
    fn the_engine_matches_what_the_trees_match(
        rules in vec(vec(any::<u8>(), 0..60), 1..60),
        requests in vec(vec(any::<u8>(), 30), 1..12),
    ) {
        let texts: Vec<String> = rules.iter().map(|bytes| expression(&mut Draw::new(bytes), Language::Whole, 3)).collect();
        let (rules, engine) = compile(&texts);
        let mut scratch = Scratch::new(&engine);
        let bytes = engine.to_bytes();
        let loaded = Engine::from_bytes(&bytes).expect("what was written");
        prop_assert_eq!(&loaded.to_bytes(), &bytes);
        let mut loaded_scratch = Scratch::new(&loaded);
        for request in &requests {
            let mut draw = Draw::new(request);
            let (facts, headers) = (facts(&mut draw, true), headers(&mut draw));
            let values = values(&facts, &headers);
            engine.run(&values, &mut scratch);
            let matched: Vec<usize> = scratch.matched().collect();
            let expected: Vec<usize> = (0..rules.len()).filter(|rule| rules[*rule].evaluate(&values)).collect();
            prop_assert_eq!(&matched, &expected, "{:#?} on {:?} {:?}", texts, facts, headers);
            loaded.run(&values, &mut loaded_scratch);
            prop_assert_eq!(&loaded_scratch.matched().collect::<Vec<_>>(), &expected, "loaded: {:#?}", texts);
            for rule in 0..rules.len() {
                prop_assert_eq!(scratch.is_matched(rule), expected.contains(&rule));
            }
        }
    }

    /// Nothing that is damaged panics, and whatever can be loaded comes to an end.
    #[test]
    fn damaged_bytes_are_refused_or_run(
        rules in vec(vec(any::<u8>(), 0..60), 1..20),
        damages in vec((any::<u16>(), any::<u8>()), 1..200),
        request in vec(any::<u8>(), 30),
    ) {
        let texts: Vec<String> = rules.iter().map(|bytes| expression(&mut Draw::new(bytes), Language::Whole, 3)).collect();
        let whole = compile(&texts).1.to_bytes();
        let mut draw = Draw::new(&request);
        let (facts, headers) = (facts(&mut draw, true), headers(&mut draw));
        for (place, with) in damages {
            let mut bytes = whole.clone();
            let place = usize::from(place) % bytes.len();
            bytes[place] = with;
            for bytes in [&bytes[..], &bytes[..place]] {
                if let Ok(engine) = Engine::from_bytes(bytes) {
                    engine.run(&values(&facts, &headers), &mut Scratch::new(&engine));
                }
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_rule(bytes in vec(any::<u8>(), 0..200)) {
        let text = expression(&mut Draw::new(&bytes), Language::Whole, 4);
        let checked = read(&text);
        let printed = checked.to_string();
        prop_assert_eq!(&read(&printed), &checked, "{} printed as {}", text, printed);
        prop_assert_eq!(read(&printed).to_string(), printed);
    }
}

/// Rules that match, by the engine and by the trees; they must agree.
#[track_caller]
fn matched(rules: &[CheckedExpression], engine: &Engine, values: &Values<'_>) -> Vec<usize> {
    let mut scratch = Scratch::new(engine);
    engine.run(values, &mut scratch);
    let matched: Vec<usize> = scratch.matched().collect();
    let expected: Vec<usize> = (0..rules.len())
        .filter(|rule| rules.get(*rule).is_some_and(|rule| rule.evaluate(values)))
        .collect();
    assert_eq!(matched, expected);
    matched
}

/// Strings with the same beginnings, endings and insides, of every length that is searched another way, and values that
/// are longer than what is looked at in one go. A few strings, and many.
#[test]
fn substrings_are_found_wherever_they_are() {
    [22, 120].into_iter().for_each(find_substrings);
}

fn find_substrings(strings: usize) {
    let parts = [
        "a",
        "ab",
        "abc",
        "abcd",
        "abcde",
        "abcdef",
        "abcdefg",
        "bcdefghi",
        "xabcdefgh",
        "aaaaaaa",
        "aaaaaaaa",
    ];
    let numbered = (0..strings).zip(parts.iter().cycle());
    let texts: Vec<String> = numbered
        .flat_map(|(number, part)| {
            let part = format!(
                "{part}{}",
                if number < 22 {
                    String::new()
                } else {
                    number.to_string()
                }
            );
            [
                "http.host contains X",
                "starts_with(http.host, X)",
                "ends_with(http.host, X)",
            ]
            .map(|test| test.replace('X', &format!("\"{part}\"")))
        })
        .collect();
    let (rules, engine) = compile(&texts);
    for part in parts {
        for before in (0..9).chain(27..37) {
            for after in 0..5 {
                let host = format!("{}{part}{}", "-".repeat(before), "-".repeat(after));
                let mut values = Values::new();
                values.set(Field::Host, host.as_str().into());
                assert!(matched(&rules, &engine, &values).len() > 1, "{host}");
            }
        }
    }
}

#[test]
fn intervals_hold_up_to_both_ends() {
    let bounds = [i64::MIN, -3, -1, 0, 1, 7, 8, 9, i64::MAX];
    let mut texts = Vec::new();
    for (index, first) in bounds.iter().enumerate() {
        for last in &bounds[index..] {
            texts.push(format!("range.start in {{{first}..{last}}}"));
        }
        texts
            .extend(["lt", "le", "gt", "ge", "eq", "ne"].map(|order| format!("range.start {order} {first}")));
    }
    let (rules, engine) = compile(&texts);
    for bound in bounds {
        for value in [bound.saturating_sub(1), bound, bound.saturating_add(1)] {
            let mut values = Values::new();
            values.set(Field::RangeStart, Value::Int(value));
            assert!(!matched(&rules, &engine, &values).is_empty());
        }
    }
}

/// 2,000 intervals that all overlap do not fit the shared table.
#[test]
fn overlapping_intervals_are_still_all_found() {
    let texts: Vec<String> = (0..2000)
        .map(|number| format!("range.start ge {number} and range.end le {number}"))
        .collect();
    let (rules, engine) = compile(&texts);
    let mut values = Values::new();
    values.set(Field::RangeStart, Value::Int(1000));
    values.set(Field::RangeEnd, Value::Int(990));
    assert_eq!(matched(&rules, &engine, &values).len(), 11);
}

#[test]
fn a_value_of_another_type_reads_as_missing() {
    let (rules, engine) = compile(&[
        "http.host ne \"a\"".to_owned(),
        "http.host eq \"1\"".to_owned(),
        "range.start ge 0".to_owned(),
    ]);
    let mut values = Values::new();
    values.set(Field::Host, Value::Int(1));
    values.set(Field::RangeStart, "1".into());
    assert_eq!(matched(&rules, &engine, &values), [0]);
}

#[test]
fn rulebooks_are_bounded() {
    let rule = read("ssl");
    let refused = |rules: &[CheckedExpression]| Engine::compile(rules).expect_err("too large");
    assert!(Engine::compile(&vec![rule.clone(); MAX_RULES]).is_ok());
    assert_eq!(
        refused(&vec![rule; MAX_RULES + 1]),
        CompileError::TooManyRules { found: MAX_RULES + 1 }
    );

    let wide = read(&vec!["ssl"; 500].join(" or "));
    let rules = vec![wide; MAX_PREDICATES / 500 + 1];
    let error = refused(&rules);
    assert_eq!(
        error,
        CompileError::TooManyPredicates {
            found: 500 * rules.len()
        }
    );
    assert_eq!(
        error.to_string(),
        format!(
            "expected at most 65536 comparisons in all rules, found {}",
            500 * rules.len()
        )
    );

    let regexes: Vec<CheckedExpression> = (10..99)
        .map(|number| read(&format!("http.host matches \"x.{{8}}{number}y\"")))
        .collect();
    assert!(matches!(refused(&regexes), CompileError::RegexesTooLarge { .. }));
    assert!(
        Engine::compile(&vec![regexes[0].clone(); 99]).is_ok(),
        "the same one counts once"
    );
}

#[test]
fn an_empty_rulebook_matches_nothing() {
    let (rules, engine) = compile(&[]);
    assert!(matched(&rules, &engine, &Values::new()).is_empty());
}
