use super::*;

/// Written by the first build that could export; must verify for ever.
const OLD_SAMPLE: &str = include_str!("../../tests/data/audit-v1.ndjson");

fn entries(count: u64) -> Vec<AuditEntry> {
    let mut previous = GENESIS.to_owned();
    let entry = |seq: u64| {
        let mut entry = AuditEntry {
            seq,
            time_ms: 1_593_975_600_000 + seq,
            actor: "ops".to_owned(),
            action: "mode.put".to_owned(),
            target: format!("rules/botnet-sig/modes/route-{seq}"),
            before: seq.is_multiple_of(2).then(|| r#"{"mode":"monitor"}"#.to_owned()),
            after: Some(r#"{"mode":"enforce","percent":5.0}"#.to_owned()),
            reason: (!seq.is_multiple_of(3)).then(|| "seen \"enough\"\nü".to_owned()),
            revision: seq,
            previous: previous.clone(),
            hash: String::new(),
        };
        entry.hash = entry_hash(&entry);
        previous.clone_from(&entry.hash);
        entry
    };
    (1..=count).map(entry).collect()
}

fn walk(entries: &[AuditEntry]) -> ChainReport {
    let mut chain = Chain::default();
    entries.iter().for_each(|entry| {
        chain.push(entry);
    });
    chain.report()
}

fn line(entry: &AuditEntry) -> String {
    serde_json::to_string(&AuditItem::try_from(entry.clone()).unwrap()).unwrap()
}

#[test]
fn a_chain_that_was_left_alone_is_whole() {
    let entries = entries(5);
    let report = walk(&entries);
    assert_eq!((report.ok, report.entries, report.broken), (true, 5, None));
    assert_eq!(report.head, entries[4].hash);
    let nothing = walk(&[]);
    assert_eq!(
        (nothing.ok, nothing.entries, nothing.head.as_str()),
        (true, 0, GENESIS)
    );
}

#[test]
fn the_entry_that_was_changed_is_named() {
    type Forge = fn(&mut Vec<AuditEntry>);
    #[track_caller]
    fn case(forge: Forge, seq: u64, why: &str) {
        let mut log = entries(5);
        forge(&mut log);
        let report = walk(&log);
        let broken = report.broken.unwrap();
        assert_eq!((report.ok, broken.seq), (false, seq), "{broken}");
        assert!(broken.why.contains(why), "{broken}");
        assert!(report.entries < seq);
    }
    case(
        |log| log[2].reason = Some("another".to_owned()),
        3,
        "changed after",
    );
    case(|log| log[2].time_ms += 1, 3, "changed after");
    case(|log| log[3].before = None, 4, "changed after");
    case(
        |log| log[1].before = Some(r#"{"mode": "monitor"}"#.to_owned()),
        2,
        "changed after",
    );
    case(|log| drop(log.remove(1)), 3, "expected entry 2");
    case(|log| log.swap(1, 2), 3, "expected entry 2");
    case(|log| drop(log.remove(0)), 2, "expected entry 1");
    // Whoever changes an entry and its hash breaks the next one.
    case(
        |log| {
            log[2].actor = "eve".to_owned();
            log[2].hash = entry_hash(&log[2]);
        },
        4,
        "replaced",
    );
    case(
        |log| {
            log[4].revision = 1;
            log[4].hash = entry_hash(&log[4]);
        },
        5,
        "revision 1",
    );
}

#[test]
fn a_walk_goes_on_where_it_stopped() {
    let entries = entries(6);
    let mut chain = Chain::default();
    for step in entries.chunks(2) {
        let kept = serde_json::to_string(&chain).unwrap();
        chain = serde_json::from_str(&kept).unwrap();
        step.iter().for_each(|entry| assert!(chain.push(entry)));
    }
    assert_eq!(chain.report(), walk(&entries));
    let mut tail = Chain::after(4, &entries[3].hash);
    assert!(tail.push(&entries[4]) && tail.push(&entries[5]));
    assert_eq!(tail.report().entries, 2);
}

#[test]
fn a_line_reads_back_as_the_entry_that_was_hashed() {
    for entry in entries(6) {
        let item = AuditItem::read(&line(&entry)).unwrap();
        assert_eq!(AuditEntry::try_from(item).unwrap(), entry);
    }
    for wrong in ["", "{}", "[]", "{\"seq\":1}"] {
        assert!(AuditItem::read(wrong).is_err(), "{wrong}");
    }
    let unknown = line(&entries(1)[0]).replacen('{', "{\"x\":1,", 1);
    assert!(AuditItem::read(&unknown).is_err());
    let undated = line(&entries(1)[0]).replace("2020-07-05T19:00:00.001Z", "yesterday");
    assert!(AuditEntry::try_from(AuditItem::read(&undated).unwrap()).is_err());
}

/// Spaces within what was changed are part of what was hashed.
#[test]
fn what_was_changed_is_kept_byte_for_byte() {
    let mut entry = entries(1).remove(0);
    entry.after = Some("{ \"mode\":\t\"off\", \"a\": 1.50 }".to_owned());
    let item = AuditItem::read(&line(&entry)).unwrap();
    assert_eq!(AuditEntry::try_from(item).unwrap().after, entry.after);
}

#[test]
fn the_export_is_pinned() {
    let now: String = entries(4).iter().map(|entry| line(entry) + "\n").collect();
    assert_eq!(now, OLD_SAMPLE);
    let mut chain = Chain::default();
    for text in OLD_SAMPLE.lines() {
        assert!(chain.push(&AuditEntry::try_from(AuditItem::read(text).unwrap()).unwrap()));
    }
    assert!(chain.report().ok);
}

#[test]
fn a_line_that_is_no_entry_breaks_the_chain_where_it_stands() {
    let mut chain = Chain::default();
    chain.push(&entries(1)[0]);
    chain.refuse("the line is no entry");
    let report = chain.report();
    assert_eq!(report.broken.unwrap().seq, 2);
    assert_eq!(report.entries, 1);
}
