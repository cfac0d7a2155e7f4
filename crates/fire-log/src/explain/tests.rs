use serde_json::json;

use super::*;
use blobwatch_guard::StateSince;
use blobwatch_pull::{RangeKind, RangeRecord, RequestedRange, sample};
use blobwatch_rulebook::{ModeSetting, Route, SCHEMA, Settings, Volume};
use blobwatch_rules::Value;

const EXPRESSION: &str = "client.family eq \"docker\" and ip.src.asnum in {16509}";

fn book() -> Rulebook {
    let rule = |id: &str, version, expression: &str| Rule {
        id: id.to_owned(),
        version,
        description: String::new(),
        expression: expression.to_owned(),
        action: Action::Block,
        default_mode: Mode::Monitor,
        volume: None,
    };
    let set = |rule: &str, mode, percent, expires_ms| ModeSetting {
        percent,
        expires_ms,
        ..ModeSetting::new(rule, "library", mode)
    };
    Rulebook {
        schema: SCHEMA,
        revision: 17,
        routes: vec![Route::named("default"), Route::named("library")],
        rules: vec![
            rule("botnet-sig", 3, EXPRESSION),
            rule("by-address", 1, "ip.src eq 192.0.2.1 and ssl"),
            rule("missed", 1, "client.family eq \"curl\""),
            rule("over", 1, "cf.bot_management.ja3_hash eq \"x\""),
        ],
        modes: vec![
            set("missed", Mode::Enforce, Some(1e-9), None),
            set("over", Mode::Enforce, None, Some(sample::JULY_2020_MS)),
        ],
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

#[test]
fn every_rule_says_what_was_true_and_where_its_mode_came_from() {
    let record = sample::full();
    let explained = explain(&record, &book(), &[], 18).unwrap();
    assert!(explained.rulebook_changed_since);
    let shown = serde_json::to_value(&explained).unwrap();
    assert_eq!(shown["record"]["route"], "library");
    assert_eq!(
        shown["rules"][0],
        json!({
            "rule": "botnet-sig", "version": 3, "fired": true, "matched": true,
            "clauses": [
                {"text": EXPRESSION, "start": 0, "end": 53, "value": true},
                {"text": "client.family eq \"docker\"", "start": 0, "end": 25, "value": true},
                {"text": "ip.src.asnum in {16509}", "start": 30, "end": 53, "value": true},
            ],
            "why": "it fired in monitor; if enforced, it would block the request",
            "mode": {"value": "monitor", "from": "default", "percent": null, "in_percent": null},
            "would": "block", "applied": "none",
        })
    );
    let rule = |at: usize| (&shown["rules"][at]["matched"], &shown["rules"][at]["mode"]);
    assert_eq!(
        rule(2),
        (
            &json!(false),
            &json!({"value": "enforce", "from": "rule on route", "percent": 1e-9, "in_percent": false})
        )
    );
    assert_eq!(
        rule(3),
        (
            &json!(false),
            &json!({"value": "monitor", "from": "expired", "percent": null, "in_percent": null})
        )
    );
    assert_eq!(
        shown["rules"][3]["clauses"][0]["value"],
        json!(null),
        "a fact that the request did not have"
    );
}

#[test]
fn what_is_not_kept_is_null_and_not_false() {
    let record = sample::full();
    let explained = explain(&record, &book(), &[], 17).unwrap();
    assert!(!explained.rulebook_changed_since);
    assert_eq!(explained.facts["ip.src"], Json::Null);
    assert!(explained.not_recorded.contains(&"ip.src"));
    let by_address = &explained.rules[1];
    assert_eq!((by_address.fired, by_address.matched), (false, None));
    let values: Vec<Option<bool>> = by_address.clauses.iter().map(|clause| clause.value).collect();
    assert_eq!(values, [None, None, Some(true)]);
}

#[test]
fn a_request_that_no_rule_fired_on_is_explained_too() {
    let record = sample::sparse();
    let explained = explain(&record, &book(), &[], 0).unwrap();
    assert!(
        explained
            .rules
            .iter()
            .all(|rule| !rule.fired && rule.applied == Action::None)
    );
    assert_eq!(explained.facts["client.family"], "empty");
    assert_eq!(explained.facts["http.user_agent"], "");
}

#[test]
fn a_record_of_a_route_that_is_unknown_has_the_defaults() {
    let record = Record {
        route: "gone".into(),
        ..sample::full()
    };
    let explained = explain(&record, &book(), &[], 17).unwrap();
    assert!(
        explained
            .rules
            .iter()
            .all(|rule| rule.mode.from == ModeSource::Default)
    );
}

#[test]
fn every_field_is_told_or_named_as_not_kept() {
    let mut record = sample::full();
    record.profile.ja3 = "j".repeat(32);
    (record.cloud, record.cloud_region) = ("aws".to_owned(), "us-east-1".to_owned());
    record.tcp = "4:64:0:*:64240,7:mss:df:0".to_owned();
    let texts = RecordValues::of(&record);
    let (values, unknown) = (texts.values(), texts.not_recorded());
    for field in Field::ALL {
        let is_told = values.get(*field) != Value::Missing;
        let open_end = *field == Field::RangeEnd;
        assert_eq!(is_told, !unknown.contains(field) && !open_end, "{}", field.name());
    }
}

#[test]
fn a_path_is_the_one_of_the_blob() {
    let record = sample::full();
    let explained = explain(&record, &book(), &[], 17).unwrap();
    let path = format!("/v2/library/alpine/blobs/{}", record.digest);
    assert_eq!(explained.facts["http.request.uri.path"], json!(path));
    assert_eq!(explained.facts["client.kernel"], "4.14.181-140.257.amzn2.x86_64");
}

/// What a record says of the range is what the rules read of the request, whatever the answer and the client's
/// history have added since.
#[test]
fn a_range_reads_as_the_request_alone_showed_it() {
    #[track_caller]
    fn case(header: Option<&str>, size: Option<u64>, history: Option<RangeKind>) {
        let asked = RequestedRange::read(header);
        let (start, end) = asked.offsets(size);
        let kind = history.unwrap_or(asked.refined(size));
        let range = RangeRecord {
            kind,
            start,
            end,
            honoured: None,
        };
        let record = Record {
            range,
            ..sample::full()
        };
        let texts = RecordValues::of(&record);
        let values = texts.values();
        // What the client asked before counts for rules too.
        let kind = serde_json::to_value(history.unwrap_or(asked.kind())).unwrap();
        assert_eq!(values.get(Field::RangeKind), kind.as_str().unwrap().into());
        assert_eq!(values.get(Field::RangePresent), Value::Bool(header.is_some()));
        let integer = |n: Option<u64>| n.map_or(Value::Missing, |n| Value::Int(n.try_into().unwrap()));
        let (start, end) = asked.offsets(None);
        assert_eq!(
            (values.get(Field::RangeStart), values.get(Field::RangeEnd)),
            (integer(start), integer(end))
        );
    }
    for size in [None, Some(1_000), Some(2_097_152)] {
        for header in [
            "bytes=0-",
            "bytes=5-",
            "bytes=0-0",
            "bytes=0-1",
            "bytes=0-999",
            "bytes=0-1048575",
        ] {
            case(Some(header), size, None);
        }
        for header in [
            "bytes=5-999",
            "bytes=1048576-2097151",
            "bytes=-500",
            "bytes=0-1,5-9",
            "bytes=9-5",
            "x",
        ] {
            case(Some(header), size, None);
        }
        case(None, size, None);
    }
    case(Some("bytes=5-"), None, Some(RangeKind::Repeat));
    case(Some("bytes=5-"), None, Some(RangeKind::Chunk));
    case(Some("bytes=0-"), None, Some(RangeKind::Restart));
}

#[test]
fn a_restart_does_not_say_whether_it_had_a_range() {
    let mut record = sample::full();
    record.range = RangeRecord {
        kind: RangeKind::Restart,
        start: None,
        end: None,
        honoured: None,
    };
    let explained = explain(&record, &book(), &[], 17).unwrap();
    assert_eq!(explained.facts["range.kind"], "restart");
    assert_eq!(explained.facts["range.present"], Json::Null);
    assert!(explained.not_recorded.contains(&"range.present"));
}

/// Each way in which a rule did something or nothing, in words.
#[test]
fn every_rule_says_why_it_did_what_it_did() {
    #[track_caller]
    fn case(change: impl FnOnce(&mut Rulebook, &mut Record), rule: usize, expected: &str) {
        let (mut book, mut record) = (book(), sample::full());
        change(&mut book, &mut record);
        let explained = explain(&record, &book, &[], 17).unwrap();
        let why = &explained.rules[rule].why;
        assert!(why.contains(expected), "{why}");
    }
    let fired = |mode, applied| vec![sample::fired("botnet-sig", 3, mode, Action::Block, applied)];
    let enforced = |book: &mut Rulebook, percent| {
        book.modes.push(ModeSetting {
            percent,
            ..ModeSetting::new("botnet-sig", "library", Mode::Enforce)
        });
    };
    case(|_, _| {}, 0, "fired in monitor; if enforced, it would block");
    case(|_, _| {}, 1, "depends on fields that records do not keep");
    case(|_, _| {}, 3, "is false");
    case(
        |book, record| {
            enforced(book, None);
            record.fired = fired(Mode::Enforce, Action::Block);
        },
        0,
        "fired and blocked the request",
    );
    case(
        |book, record| {
            enforced(book, Some(1e-9));
            record.fired = fired(Mode::Enforce, Action::None);
        },
        0,
        "this client is not one of them",
    );
    case(
        |book, record| {
            enforced(book, Some(99.999_999));
            record.fired = fired(Mode::Enforce, Action::None);
            record.degraded = true;
        },
        0,
        "rulebook or client keys were not confirmed",
    );
    case(
        |book, record| {
            enforced(book, None);
            record.fired = vec![sample::fired(
                "first",
                1,
                Mode::Enforce,
                Action::Block,
                Action::Block,
            )];
            record.fired.extend(fired(Mode::Enforce, Action::None));
        },
        0,
        "first had already decided",
    );
    case(
        |book, record| {
            record.fired.clear();
            book.rules[0].volume = Some(Volume {
                by: blobwatch_rulebook::VolumeKey::Fingerprint,
                requests: 100,
                seconds: 10,
            });
        },
        0,
        "only while this fingerprint has more than 100 matches in 10 s in IAD",
    );
    case(
        |book, record| {
            record.fired.clear();
            book.modes
                .push(ModeSetting::new("botnet-sig", "library", Mode::Off));
        },
        0,
        "it is off on this route",
    );
}

#[test]
fn a_step_and_its_guard_are_those_of_the_revision() {
    let mut book = book();
    let steps = [1.0, 10.0, 100.0].map(|percent| blobwatch_rulebook::Step {
        percent,
        lasts_ms: (percent < 100.0).then_some(600_000),
    });
    let mut stages = blobwatch_rulebook::Stages::begin(steps.to_vec(), 0);
    stages.index = 1;
    book.modes.push(ModeSetting {
        percent: Some(10.0),
        stages: Some(stages),
        guard: Some(16),
        ..ModeSetting::new("botnet-sig", "library", Mode::Enforce)
    });
    let record = sample::full();
    let mut guard = GuardThen {
        rule: "botnet-sig".to_owned(),
        guard: 16,
        stood: Some(StateSince {
            state: State::Passed,
            since_ms: sample::JULY_2020_MS,
        }),
        text: None,
    };
    let explained = explain(&record, &book, std::slice::from_ref(&guard), 17).unwrap();
    let mode = &explained.rules[0].mode;
    assert_eq!(mode.stage, Some(StageExplanation { index: 1, count: 3 }));
    assert_eq!(mode.percent, Some(10.0));
    let shown = |explained: &Explanation<'_>| serde_json::to_value(&explained.rules[0].mode.guard).unwrap();
    assert_eq!(
        shown(&explained),
        json!({"revision": 16, "state": "passed", "since": rfc3339(sample::JULY_2020_MS)})
    );
    assert!(explained.rules[1..].iter().all(|rule| rule.mode.guard.is_none()));
    guard.stood = None;
    let explained = explain(&record, &book, std::slice::from_ref(&guard), 17).unwrap();
    assert_eq!(
        shown(&explained),
        json!({"revision": 16, "state": null, "since": null}),
        "what is no longer known is said to be so"
    );
}

#[test]
fn a_request_as_a_whole_says_what_was_done() {
    let shown = |record: &Record| explain(record, &book(), &[], 17).unwrap().why;
    assert_eq!(
        shown(&sample::full()),
        "2 rules fired; the request was tagged and forwarded"
    );
    assert_eq!(
        shown(&sample::sparse()),
        "no rule fired: the request was forwarded unchanged"
    );
    let upstream = |mode, applied| sample::fired("cdn:bots", 0, mode, Action::Block, applied);
    let logged = Record {
        fired: vec![upstream(Mode::Monitor, Action::None)],
        ..sample::sparse()
    };
    assert_eq!(
        shown(&logged),
        "no rule fired: the request was forwarded unchanged; cdn:bots (upstream) logged it and let it pass"
    );
    let told = Record {
        fired: vec![upstream(Mode::Enforce, Action::Block)],
        seen: false,
        ..sample::sparse()
    };
    assert_eq!(
        shown(&told),
        "Blobwatch did not see the request: another party told of it; cdn:bots (upstream) blocked, challenged or dropped it"
    );
    let blocked = Record {
        fired: vec![sample::fired(
            "botnet-sig",
            3,
            Mode::Enforce,
            Action::Block,
            Action::Block,
        )],
        verdict: Action::Block,
        ..sample::full()
    };
    assert_eq!(
        shown(&blocked),
        "one rule fired; botnet-sig version 3 blocked the request"
    );
}
