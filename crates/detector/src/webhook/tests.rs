use serde_json::{Value, json};

use super::alert::{Alert, Status};
use super::event::{EventName, Severity};
use super::format::{Context, Format, rendered};
use crate::anomaly::HistoryEntry;
use crate::broad::Affected;
use crate::cohort::{Cohort, Literal};
use crate::handling::{Acknowledgement, Handling, Muting};
use crate::intervention::Response;
use crate::rules::{Contrast, RouteChange, Suspect};
use crate::store::Webhook;
use crate::upstream::OpenWindow;
use crate::{Anomaly, AnomalyKind, Change, Moment};
use blobwatch_rulebook::ChangeNotice;
use blobwatch_wire::is_invisible;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

const NOW_MS: u64 = 1_594_036_800_000;

const FORMATS: [Format; 9] = [
    Format::Generic,
    Format::Slack,
    Format::Teams,
    Format::Discord,
    Format::PagerDuty,
    Format::Opsgenie,
    Format::Alertmanager,
    Format::CloudEvents,
    Format::Otlp,
];

/// Words that page people, show a link or hide something, somewhere.
const WORDS: [&str; 8] = [
    "amzn2",
    "<!channel>",
    "<https://evil.example|open>",
    "a&lt;!here&gt;",
    "x\u{202e}y\u{1b}[31m",
    "a\n<!here>\u{200b}",
    "[open](https://evil.example) @everyone",
    "<at>all</at> **x** `y`",
];

/// An anomaly whose words somebody chose who wants to be read.
fn anomaly(word: &str) -> Anomaly {
    let literal = |attribute: &str| Literal {
        attribute: attribute.to_owned(),
        values: vec![word.to_owned()],
        not: false,
        among: 1,
    };
    Anomaly {
        id: 1,
        kinds: vec![AnomalyKind::ResumeSurge],
        onset_ms: 0,
        opened_ms: 0,
        closed_ms: None,
        reopened: 0,
        cohort: Cohort(vec![literal("os"), literal("country")]),
        named: None,
        baseline: 0.01,
        observed: 0.5,
        affected: Affected::default(),
        rules: vec![Suspect {
            rule: "r".to_owned(),
            lift: 2.0,
            share: 0.5,
            events: 1,
            contrast: Contrast::Before,
            switched_ms: Some(1),
            switched: Some(word.to_owned()),
        }],
        routes: vec![RouteChange {
            route: "hub".to_owned(),
            time_ms: 1,
            text: word.to_owned(),
        }],
        windows: vec![OpenWindow {
            rule: word.to_owned(),
            from_ms: 0,
            until_ms: None,
            text: word.to_owned(),
            while_open: None,
            after: None,
        }],
        evidence: Vec::new(),
        history: vec![HistoryEntry {
            time_ms: 0,
            moment: Moment::Opened,
            text: word.to_owned(),
            by: Some(word.to_owned()),
        }],
        detail: String::new(),
        responses: vec![Response {
            time_ms: 2,
            actor: word.to_owned(),
            text: word.to_owned(),
            rules: vec!["r".to_owned()],
            enforces: false,
            before: None,
            since: None,
            measured_ms: 2,
        }],
        handling: Handling {
            acknowledged: Some(Acknowledgement {
                time_ms: 3,
                by: word.to_owned(),
            }),
            assignee: Some(word.to_owned()),
            muted: Some(Muting {
                time_ms: 3,
                by: word.to_owned(),
                until_ms: None,
                of: None,
                is_silent: false,
            }),
            expected: false,
        },
    }
}

fn alert(word: &str, moment: Moment) -> Alert {
    let mut anomaly = anomaly(word);
    anomaly.closed_ms = (moment == Moment::Closed).then_some(NOW_MS);
    Alert::of_change(&Change { moment, anomaly })
}

fn body(format: Format, alert: &Alert) -> Value {
    let context = Context {
        delivery: "dl-000001",
        secret: "0123456789abcdef0123456789abcdef",
        dashboard: Some("https://blobs.example.org/_blobwatch/"),
        now_ms: NOW_MS,
    };
    serde_json::from_str(&rendered(format, alert, context).body).unwrap()
}

/// Every text in it, keys aside.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_form_hides_anything() {
    for (format, word) in FORMATS
        .iter()
        .flat_map(|format| WORDS.map(|word| (*format, word)))
    {
        for text in texts(&body(format, &alert(word, Moment::Opened))) {
            assert!(!text.chars().any(is_invisible), "{format:?}: {text:?}");
        }
    }
}

#[test]
fn words_of_clients_are_no_markup_in_slack() {
    let link = "<https://blobs.example.org/_blobwatch/anomalies/an-000001|Open in Blobwatch>";
    for (format, word) in [Format::Slack, Format::Generic]
        .iter()
        .flat_map(|format| WORDS.map(|word| (*format, word)))
    {
        let message = body(format, &alert(word, Moment::Opened));
        let read = match format {
            Format::Generic => vec![message["text"].as_str().unwrap().to_owned()],
            _ => texts(&message),
        };
        for text in read.iter().filter(|text| *text != link) {
            assert!(!text.contains(['<', '>']), "{text}");
        }
    }
    let message = body(Format::Generic, &alert("a&lt;!here&gt;", Moment::Opened));
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("a&amp;lt;!here&amp;gt;"),
        "{message}"
    );
}

#[test]
fn words_of_clients_are_no_markup_in_discord() {
    for word in WORDS {
        let message = body(Format::Discord, &alert(word, Moment::Opened));
        assert_eq!(message["allowed_mentions"], json!({"parse": []}));
        let embed = &message["embeds"][0];
        let shown = texts(&json!([embed["description"], embed["fields"]]));
        for text in shown {
            let mut before = ' ';
            for letter in text.chars() {
                let marks = "*_~`|<>[]()@";
                assert!(!marks.contains(letter) || before == '\\', "{text}");
                before = if before == '\\' && letter == '\\' {
                    ' '
                } else {
                    letter
                };
            }
        }
    }
}

#[test]
fn words_of_clients_are_in_runs_that_read_no_markdown_in_teams() {
    let card = &body(Format::Teams, &alert(WORDS[6], Moment::Opened))["attachments"][0]["content"];
    for line in card["body"].as_array().unwrap() {
        assert_eq!(line["type"], "RichTextBlock");
        let runs = line["inlines"].as_array().unwrap();
        assert!(runs.iter().all(|run| run["type"] == "TextRun"), "{line}");
    }
    assert_eq!(
        card["actions"][0]["url"],
        "https://blobs.example.org/_blobwatch/anomalies/an-000001"
    );
}

#[test]
fn a_pager_has_one_alert_from_the_opening_to_the_end() {
    let (opened, closed) = (alert("amzn2", Moment::Opened), alert("amzn2", Moment::Closed));
    let [trigger, resolve] = [&opened, &closed].map(|alert| body(Format::PagerDuty, alert));
    assert_eq!(
        (&trigger["event_action"], &resolve["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(trigger["dedup_key"], resolve["dedup_key"]);
    assert_eq!(trigger["routing_key"], "0123456789abcdef0123456789abcdef");
    assert_eq!(trigger["payload"]["severity"], "critical");

    let [create, close] = [&opened, &closed].map(|alert| body(Format::Opsgenie, alert));
    assert_eq!(
        (&create["alias"], &create["priority"]),
        (&json!("an-000001"), &json!("P1"))
    );
    assert!(create["message"].as_str().unwrap().chars().count() <= 130);
    assert!(close.get("alias").is_none());
    let context = Context {
        delivery: "dl-000001",
        secret: "",
        dashboard: None,
        now_ms: NOW_MS,
    };
    assert_eq!(
        rendered(Format::Opsgenie, &closed, context).path,
        "/an-000001/close?identifierType=alias"
    );

    let [firing, resolved] = [&opened, &closed].map(|alert| body(Format::Alertmanager, alert)[0].clone());
    assert_eq!(firing["labels"], resolved["labels"]);
    assert_eq!(resolved["endsAt"], "2020-07-06T12:00:00.000Z");
    assert!(firing["endsAt"].as_str() > resolved["endsAt"].as_str());
}

#[test]
fn a_pager_stops_ringing_once_somebody_looks() {
    let (opened, acknowledged) = (
        alert("amzn2", Moment::Opened),
        alert("amzn2", Moment::Acknowledged),
    );
    assert_eq!(acknowledged.event, EventName::Acknowledged);
    let told = body(Format::PagerDuty, &acknowledged);
    assert_eq!(told["event_action"], "acknowledge");
    assert_eq!(told["dedup_key"], body(Format::PagerDuty, &opened)["dedup_key"]);
    let context = Context {
        delivery: "dl-000001",
        secret: "",
        dashboard: None,
        now_ms: NOW_MS,
    };
    assert_eq!(
        rendered(Format::Opsgenie, &acknowledged, context).path,
        "/an-000001/acknowledge?identifierType=alias"
    );
    let note = body(Format::Opsgenie, &acknowledged);
    assert!(note.get("alias").is_none() && note["note"].as_str().unwrap().contains("acknowledged"));
    let [before, after] = [&opened, &acknowledged].map(|alert| body(Format::Alertmanager, alert)[0].clone());
    assert_eq!(before["labels"], after["labels"], "it is the same alert");
    assert!(
        after["annotations"]["acknowledged"]
            .as_str()
            .unwrap()
            .contains("amzn2")
    );
    assert!(after["endsAt"].as_str() > Some("2020-07-06T12:00:00.000Z"));
    let generic = body(Format::Generic, &acknowledged);
    assert_eq!(
        (&generic["event"], &generic["status"]),
        (&json!("anomaly.acknowledged"), &json!("open"))
    );
}

#[test]
fn a_cloud_event_has_our_message_in_it() {
    let alert = alert("amzn2", Moment::Opened);
    let event = body(Format::CloudEvents, &alert);
    assert_eq!(event["data"], body(Format::Generic, &alert));
    for name in ["specversion", "id", "source", "type"] {
        assert!(
            event[name].as_str().is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
}

/// The types that are generated from OpenTelemetry's published protocol read it, and nothing in it is left over.
#[test]
fn a_log_record_is_what_the_protocol_says() {
    let opened = alert("amzn2", Moment::Opened);
    let silent = Alert::of_condition(EventName::SourceSilent, Status::Open, "waf", "silent", NOW_MS);
    for alert in [&opened, &silent] {
        let told = body(Format::Otlp, alert);
        let request: ExportLogsServiceRequest = serde_json::from_value(told.clone()).unwrap();
        let [resource] = &request.resource_logs[..] else {
            panic!("{request:?}")
        };
        let [scope] = &resource.scope_logs[..] else {
            panic!("{request:?}")
        };
        let [record] = &scope.log_records[..] else {
            panic!("{request:?}")
        };
        assert_eq!(record.time_unix_nano, NOW_MS * 1_000_000);
        assert_eq!(record.event_name, format!("blobwatch.{}", alert.event.as_str()));
        assert!(record.severity_number > 0 && record.body.is_some());
        let again = serde_json::to_value(&request).unwrap();
        is_within(&told, &again, "");
    }
    let record = &body(Format::Otlp, &opened)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    let attributes = record["attributes"].as_array().unwrap();
    let value = |name: &str| {
        attributes
            .iter()
            .find(|one| one["key"] == name)
            .map(|one| &one["value"])
    };
    assert_eq!(value("security_rule.name"), Some(&json!({"stringValue": "r"})));
    assert_eq!(
        value("blobwatch.anomaly.id"),
        Some(&json!({"stringValue": "an-000001"}))
    );
    assert_eq!(
        value("blobwatch.anomaly.kind"),
        Some(&json!({"stringValue": "resume_surge"}))
    );
}

/// Whatever was written came back from the types; they add what is absent.
#[track_caller]
fn is_within(told: &Value, again: &Value, at: &str) {
    match (told, again) {
        (Value::Object(told), Value::Object(again)) => {
            for (name, value) in told {
                let place = format!("{at}.{name}");
                is_within(value, again.get(name).unwrap_or(&Value::Null), &place);
            }
        }
        (Value::Array(told), Value::Array(again)) => {
            assert_eq!(told.len(), again.len(), "{at}");
            for (place, (told, again)) in told.iter().zip(again).enumerate() {
                is_within(told, again, &format!("{at}[{place}]"));
            }
        }
        _ => assert_eq!(told, again, "{at}"),
    }
}

#[test]
fn a_webhook_is_told_what_it_asked_for() {
    let all = Webhook {
        events: EventName::SUBSCRIBABLE.to_vec(),
        ..crate::store::tests::hook()
    };
    let case = |webhook: &Webhook, alert: &Alert, expected: bool| {
        assert_eq!(webhook.wants(alert), expected, "{webhook:?} {alert:?}");
    };
    let opened = alert("amzn2", Moment::Opened);
    let silent = Alert::of_condition(EventName::SourceSilent, Status::Open, "waf", "silent", NOW_MS);
    for alert in [&opened, &silent] {
        case(&all, alert, true);
        case(
            &Webhook {
                events: vec![EventName::Closed],
                ..all.clone()
            },
            alert,
            false,
        );
    }
    let critical = Webhook {
        severity: Severity::Critical,
        ..all.clone()
    };
    case(&critical, &opened, true);
    case(&critical, &silent, false);
    let of_kinds = |kinds: &[AnomalyKind]| Webhook {
        kinds: kinds.to_vec(),
        ..all.clone()
    };
    case(&of_kinds(&[AnomalyKind::StartFailed]), &opened, false);
    case(
        &of_kinds(&[AnomalyKind::StartFailed, AnomalyKind::ResumeSurge]),
        &opened,
        true,
    );
    case(&of_kinds(&[AnomalyKind::StartFailed]), &silent, true);
    let of_route = Webhook {
        routes: vec!["hub".to_owned()],
        ..all.clone()
    };
    case(&of_route, &opened, true);
    let mut elsewhere = anomaly("amzn2");
    elsewhere.cohort = elsewhere.cohort.with("route", "mirror");
    let moment = Moment::Opened;
    case(
        &of_route,
        &Alert::of_change(&Change {
            moment,
            anomaly: elsewhere,
        }),
        false,
    );
}

#[test]
fn a_change_is_told_by_its_cause() {
    let notice = |cause: &str, before: &str, after: &str| -> ChangeNotice {
        let part = json!({"part": "mode", "rule": "sweep", "route": "hub", "before": {"mode": before},
            "after": {"mode": after}, "default_mode": "monitor"});
        serde_json::from_value(
            json!({"id": "5-7", "revision": 7, "time_ms": NOW_MS, "actor": "olga", "cause": cause,
            "action": "mode.put", "target": "rules/sweep/modes/hub", "parts": [part]}),
        )
        .unwrap()
    };
    let case = |cause: &str, event: EventName, severity: Severity, text: &str| {
        let alert = Alert::of_notice(&notice(cause, "enforce", "monitor")).unwrap();
        assert_eq!(
            (alert.event, alert.severity, alert.text.as_str()),
            (event, severity, text)
        );
        assert_eq!(
            (alert.may_concern("hub"), alert.may_concern("mirror")),
            (true, false)
        );
    };
    let words = "sweep on hub: enforce to monitor, by olga";
    case("operator", EventName::ModeChanged, Severity::Info, words);
    case(
        "guard",
        EventName::GuardDemoted,
        Severity::Critical,
        &format!("the guard took a rule back: {words}"),
    );
    case(
        "expiry",
        EventName::Stage,
        Severity::Info,
        &format!("by schedule: {words}"),
    );
    case(
        "panic_off",
        EventName::PanicOff,
        Severity::Critical,
        "panic-off: sweep to monitor, by olga",
    );
    assert_eq!(Alert::of_notice(&notice("operator", "off", "monitor")), None);
}

#[test]
fn an_enforcement_that_waits_is_told_and_is_no_change() {
    let notice: ChangeNotice =
        serde_json::from_value(json!({"id": "5-pm-1", "revision": 7, "time_ms": NOW_MS,
        "actor": "olga", "cause": "proposal", "action": "mode.propose", "target": "rules/sweep/modes/hub",
        "parts": [{"part": "proposal", "rule": "sweep", "route": "hub", "text": "olga wants it"}]}))
        .unwrap();
    let alert = Alert::of_notice(&notice).unwrap();
    assert_eq!(
        (alert.event, alert.severity, alert.text.as_str()),
        (
            EventName::Proposed,
            Severity::Warning,
            "olga wants it; a second person decides"
        )
    );
    assert!(alert.may_concern("hub") && !alert.may_concern("mirror"));
    assert!(crate::changes::switches_of(&notice).is_empty());
    assert!(crate::changes::interventions_of(&notice).is_empty());
}
