//! What FireLogs count for metrics, and their loads.

use super::*;

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
