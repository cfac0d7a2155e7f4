//! What a summary counts, against the records themselves.

use super::*;

/// Counted the slow way: by the pair of rule and os.
fn by_rule_and_os(world: &World, filter: &Filter) -> BTreeMap<(Option<String>, Option<String>), u64> {
    let mut counts = BTreeMap::new();
    for record in world.records.iter().filter(|record| filter.matches(record)) {
        let os = (!record.os.is_empty()).then(|| record.os.clone());
        let asked = |f: &Fired| {
            (filter.rules.is_empty() || filter.rules.contains(&f.rule.to_string()))
                && (filter.modes.is_empty() || filter.modes.contains(&f.mode))
                && (filter.origins.is_empty() || filter.origins.contains(&Origin::of(&f.rule)))
        };
        let mut rules: Vec<Option<String>> = record
            .fired
            .iter()
            .filter(|f| asked(f))
            .map(|fired| Some(fired.rule.to_string()))
            .collect();
        if rules.is_empty() {
            rules.push(None);
        }
        for rule in rules {
            *counts.entry((rule, os.clone())).or_insert(0) += u64::from(record.weight);
        }
    }
    counts
}

#[test]
fn a_summary_counts_what_the_records_say() {
    bolero::check!().with_type::<Case>().for_each(|case| {
        let mut numbers = Numbers(case.seed);
        let world = world(case.seed, numbers.below(400) as usize);
        let filter = some_filter(&mut numbers, &world.records);
        let by = [Dimension::Rule, Dimension::Os];
        let mut summary = Summary::default();
        for log in &world.logs {
            part(log, &filter, &by, u32::from(case.budget))
                .into_iter()
                .for_each(|part| summary.absorb(part));
        }
        let answer = serde_json::to_value(summary.finish(&by, 500)).unwrap();
        let matching: Vec<&Record> = world
            .records
            .iter()
            .filter(|record| filter.matches(record))
            .collect();
        assert_eq!(
            answer["requests"],
            matching
                .iter()
                .map(|record| u64::from(record.weight))
                .sum::<u64>()
        );
        let clients: BTreeSet<_> = matching.iter().map(|record| record.client).collect();
        if clients.len() <= 256 {
            assert_eq!(
                (&answer["clients"], &answer["clients_exact"]),
                (&clients.len().into(), &true.into())
            );
        }
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let found: BTreeMap<_, _> = answer["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| {
                (
                    (text(&group["rule"]), text(&group["os"])),
                    group["requests"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, by_rule_and_os(&world, &filter));
    });
}

/// As the record's JSON has it, but for sizes, of which classes are counted.
#[test]
fn a_summary_by_an_attribute_counts_what_the_records_say() {
    #[track_caller]
    fn case(world: &World, name: &str) {
        let by = [Dimension::of(name).unwrap()];
        let mut summary = Summary::default();
        world
            .logs
            .iter()
            .flat_map(|log| part(log, &Filter::default(), &by, 9))
            .for_each(|part| summary.absorb(part));
        let answer = serde_json::to_value(summary.finish(&by, 500)).unwrap();
        let groups = answer["groups"].as_array().unwrap().iter();
        let found: BTreeMap<String, u64> = groups
            .map(|group| (group[name].to_string(), group["requests"].as_u64().unwrap()))
            .collect();
        let mut expected = BTreeMap::new();
        for record in &world.records {
            let value = match (name, record.size) {
                ("size", Some(size)) => SizeClass::of(size).as_str().into(),
                _ => serde_json::to_value(record).unwrap()[name].clone(),
            };
            let text = value.as_u64().map_or(value, |number| number.to_string().into());
            *expected.entry(text.to_string()).or_insert(0) += u64::from(record.weight);
        }
        assert_eq!(found, expected, "{name}");
    }
    let world = world(11, 300);
    for name in [
        "family",
        "version",
        "protocol",
        "cloud",
        "cloud_region",
        "ip_version",
        "tcp",
    ] {
        case(&world, name);
    }
    for name in ["repository", "digest", "size"] {
        case(&world, name);
    }
}

#[test]
fn groups_beyond_the_limit_are_other() {
    let world = world(9, 300);
    let by = [Dimension::Fingerprint];
    let mut summary = Summary::default();
    world
        .logs
        .iter()
        .flat_map(|log| part(log, &Filter::default(), &by, 1))
        .for_each(|part| summary.absorb(part));
    let answer = serde_json::to_value(summary.finish(&by, 2)).unwrap();
    let groups = answer["groups"].as_array().unwrap();
    let sum: u64 = groups
        .iter()
        .map(|group| group["requests"].as_u64().unwrap())
        .sum();
    assert_eq!(
        (groups.len(), sum + answer["other"]["requests"].as_u64().unwrap()),
        (2, 300)
    );
    assert!(groups[0]["share"].as_f64().unwrap() >= groups[1]["share"].as_f64().unwrap());
}
