//! Each schema against what it was, and against what its makers publish.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Schema;
use blobwatch_pull::{Action, Cache, Fired, Mode, Outcome, PathShape, Record, RecordId, sample};
use blobwatch_rulebook::starter;
use blobwatch_upstream::{Deployment, FormReader, Intake};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;

fn fired(rule: &str, mode: Mode, would: Action, applied: Action) -> Fired {
    sample::fired(rule, 3, mode, would, applied)
}

/// Each thing that may become of a request, and a request of which hardly anything is known.
fn records() -> Vec<Record> {
    let of = |number: u32, status: u16, verdict: Action, fired: Vec<Fired>| Record {
        id: RecordId::from_parts(sample::JULY_2020_MS, 1, number),
        status,
        verdict,
        fired,
        ..sample::full()
    };
    let monitor = || fired("botnet-sig", Mode::Monitor, Action::Block, Action::None);
    let enforced = |would: Action| fired("sweep", Mode::Enforce, would, would);
    let mut served = of(8, 206, Action::None, Vec::new());
    served.outcome = Outcome::Completed;
    served.cache = Some(Cache::Hit);
    served.served_by = "origin:origin.example".to_owned();
    served.rtt_ms = Some(31);
    served.ip_version = Some(4);
    served.cloud = "aws".to_owned();
    served.cloud_region = "us-east-1".to_owned();
    served.weight = 10;
    vec![
        of(1, 206, Action::None, vec![monitor()]),
        of(2, 403, Action::Block, vec![monitor(), enforced(Action::Block)]),
        of(3, 429, Action::Throttle, vec![enforced(Action::Throttle)]),
        of(4, 200, Action::Detour, vec![enforced(Action::Detour)]),
        of(5, 200, Action::Tag, vec![enforced(Action::Tag)]),
        of(6, 200, Action::Allow, vec![enforced(Action::Allow), monitor()]),
        // Outside of a partial enforcement.
        of(
            7,
            200,
            Action::None,
            vec![fired("sweep", Mode::Enforce, Action::Block, Action::None)],
        ),
        served,
        // A rule that tagged stands before the one that blocked.
        of(
            9,
            403,
            Action::Block,
            vec![
                fired("note", Mode::Enforce, Action::Tag, Action::Tag),
                enforced(Action::Block),
            ],
        ),
        // Another party's rule blocked it before it came to us.
        Record {
            seen: false,
            ..of(
                11,
                403,
                Action::None,
                vec![
                    fired("cloudflare:watched", Mode::Monitor, Action::Block, Action::None),
                    fired("cloudflare:botnet", Mode::Enforce, Action::Block, Action::Block),
                ],
            )
        },
        // Of a storage's path a record keeps the digest only; how the body ended was not observed.
        Record {
            shape: PathShape::Storage,
            repository: String::new(),
            outcome: Outcome::NotObserved,
            ..of(10, 206, Action::None, Vec::new())
        },
        Record {
            route: Arc::from("default"),
            digest: String::new(),
            object: 7,
            ..sample::sparse()
        },
    ]
}

fn lines(schema: Schema) -> String {
    let line = |record: &Record| schema.line(record).unwrap() + "\n";
    records().iter().map(line).collect()
}

fn values(schema: Schema) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap();
    lines(schema).lines().map(line).collect()
}

/// Whoever reads these lines reads the same from the next build.
#[test]
fn each_schema_is_written_as_it_was() {
    #[track_caller]
    fn case(schema: Schema, golden: &str) {
        let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
        let written = lines(schema).replace(&version, "\"version\":\"0.0.0\"");
        if std::env::var_os("BLESS").is_some() {
            let name = format!("{schema:?}").to_lowercase();
            std::fs::write(format!("tests/data/forms/{name}.ndjson"), &written).unwrap();
        } else {
            // Whole, it would fill a screen.
            let lines = written.lines().zip(golden.lines());
            lines.for_each(|(written, golden)| assert_eq!(written, golden));
            assert_eq!(written.lines().count(), golden.lines().count());
        }
    }
    case(Schema::Ocsf, include_str!("../../tests/data/forms/ocsf.ndjson"));
    case(Schema::Ecs, include_str!("../../tests/data/forms/ecs.ndjson"));
    case(
        Schema::Logpush,
        include_str!("../../tests/data/forms/logpush.ndjson"),
    );
    case(Schema::Otlp, include_str!("../../tests/data/forms/otlp.ndjson"));
}

/// As <https://schema.ocsf.io> publishes the class, in the form of JSON Schema.
#[test]
fn ocsf_takes_every_event() {
    let schema: Value = serde_json::from_str(include_str!(
        "../../tests/data/forms/ocsf-1.5.0-http_activity.schema.json"
    ))
    .unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for event in values(Schema::Ocsf) {
        let faults: Vec<String> = schema
            .iter_errors(&event)
            .map(|fault| format!("{}: {fault}", fault.instance_path))
            .collect();
        assert_eq!(faults, [] as [String; 0], "{event}");
        assert_eq!(
            event["type_uid"],
            json!(400_200 + event["activity_id"].as_u64().unwrap())
        );
    }
}

/// Fields that are written, with the types that <https://www.elastic.co/docs/reference/ecs> gives them.
const ECS_FIELDS: [(&str, &str); 41] = [
    ("@timestamp", "date"),
    ("cloud.origin.provider", "keyword"),
    ("cloud.origin.region", "keyword"),
    ("ecs.version", "keyword"),
    ("event.action", "keyword"),
    ("event.category", "keyword"),
    ("event.dataset", "keyword"),
    ("event.duration", "long"),
    ("event.id", "keyword"),
    ("event.kind", "keyword"),
    ("event.module", "keyword"),
    ("event.outcome", "keyword"),
    ("event.provider", "keyword"),
    ("event.type", "keyword"),
    ("http.request.id", "keyword"),
    ("http.request.method", "keyword"),
    ("http.response.body.bytes", "long"),
    ("http.response.status_code", "long"),
    ("http.version", "keyword"),
    ("network.protocol", "keyword"),
    ("network.type", "keyword"),
    ("observer.name", "keyword"),
    ("observer.product", "keyword"),
    ("observer.vendor", "keyword"),
    ("observer.version", "keyword"),
    ("rule.name", "keyword"),
    ("rule.ruleset", "keyword"),
    ("rule.version", "keyword"),
    ("source.as.number", "long"),
    ("source.geo.continent_code", "keyword"),
    ("source.geo.country_iso_code", "keyword"),
    ("tls.cipher", "keyword"),
    ("tls.client.ja3", "keyword"),
    ("tls.version", "keyword"),
    ("url.domain", "keyword"),
    ("url.path", "wildcard"),
    ("url.scheme", "keyword"),
    ("user_agent.name", "keyword"),
    ("user_agent.original", "keyword"),
    ("user_agent.os.name", "keyword"),
    ("user_agent.version", "keyword"),
];

/// What is our own is below `blobwatch`.
#[test]
fn ecs_has_every_field_in_its_type() {
    for document in values(Schema::Ecs) {
        each_field(&document, "", &mut |name, value| {
            let kind = ECS_FIELDS.iter().find(|(known, _)| *known == name);
            let holds = match kind.map(|(_, kind)| *kind) {
                Some("keyword" | "wildcard") => {
                    value.is_string()
                        || value
                            .as_array()
                            .is_some_and(|items| items.iter().all(Value::is_string))
                }
                Some("long") => value.is_u64(),
                Some("date") => value.is_string(),
                _ => false,
            };
            assert!(holds, "{name} ({kind:?}): {value}");
        });
        let allowed = |field: &str, values: &[&str]| {
            let all = document["event"][field].as_array().unwrap().iter();
            all.for_each(|value| assert!(values.contains(&value.as_str().unwrap()), "{field}: {value}"));
        };
        // <https://www.elastic.co/docs/reference/ecs/ecs-category-field-values-reference>
        allowed("category", &["network", "web"]);
        allowed("type", &["access", "allowed", "denied"]);
    }
}

fn each_field(value: &Value, name: &str, see: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (own, value) in fields.iter().filter(|(own, _)| *own != "blobwatch") {
                let name = if name.is_empty() {
                    own.clone()
                } else {
                    format!("{name}.{own}")
                };
                each_field(value, &name, see);
            }
        }
        _ => see(name, value),
    }
}

/// Merged, a rule that only watches would look like one that blocks.
#[test]
fn a_rule_that_watches_blocks_nothing_in_any_schema() {
    let ids = |event: &Value| (event["action_id"].clone(), event["disposition_id"].clone());
    let ocsf: Vec<_> = values(Schema::Ocsf).iter().map(ids).collect();
    assert_eq!(ocsf[0], (json!(1), json!(20)), "monitor");
    assert_eq!(ocsf[1], (json!(2), json!(2)), "block");
    assert_eq!(ocsf[6], (json!(1), json!(20)), "outside of a percentage");
    let ecs: Vec<Value> = values(Schema::Ecs)
        .iter()
        .map(|one| one["event"]["action"].clone())
        .collect();
    assert_eq!(
        (&ecs[0], &ecs[1], &ecs[6]),
        (&json!("matched"), &json!("block"), &json!("matched"))
    );
    let logpush = values(Schema::Logpush);
    assert_eq!(logpush[0]["SecurityActions"], json!(["log"]));
    assert_eq!(logpush[1]["SecurityActions"], json!(["log", "block"]));
    let otlp = otlp_attributes();
    assert_eq!(
        [0, 1, 6].map(|at| &otlp[at]["blobwatch.action"]["stringValue"]),
        ["matched", "block", "matched"]
    );
    assert_eq!(
        (&logpush[1]["SecurityRuleID"], &logpush[1]["SecurityAction"]),
        (&json!("sweep"), &json!("block"))
    );
    assert_eq!(
        [0, 4, 5, 6].map(|at| logpush[at]["SecurityRuleID"].clone()),
        [Value::Null, Value::Null, Value::Null, Value::Null],
        "rules that ended no request"
    );
    let kept = [
        values(Schema::Ocsf)[0]["unmapped"]["blobwatch"]["fired"].clone(),
        values(Schema::Ecs)[0]["blobwatch"]["fired"].clone(),
        logpush[0]["Blobwatch"]["fired"].clone(),
    ];
    let fired =
        json!([{"rule": "botnet-sig", "version": 3, "mode": "monitor", "would": "block", "applied": "none"}]);
    for one in kept {
        assert_eq!(one, fired);
    }
}

/// As the types that are generated from OpenTelemetry's own definition read it: a value that they do not know is none.
#[test]
fn a_collector_reads_every_log_record() {
    for line in lines(Schema::Otlp).lines() {
        let request: ExportLogsServiceRequest = serde_json::from_str(line).unwrap();
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano >= record.time_unix_nano);
        assert!(record.severity_number > 0 && record.body.is_some());
        let is_known = |value: &AnyValue| value.value.is_some();
        let mut attributes = record.attributes.iter();
        assert!(
            attributes.all(|one| one.value.as_ref().is_some_and(is_known)),
            "{line}"
        );
    }
}

/// Of each record, by their names.
fn otlp_attributes() -> Vec<Value> {
    let of = |line: Value| {
        let all = line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"].clone();
        let pairs = all.as_array().unwrap().iter();
        Value::Object(
            pairs
                .map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone()))
                .collect(),
        )
    };
    values(Schema::Otlp).into_iter().map(of).collect()
}

/// A rule that only tagged does not answer for another's refusal.
#[test]
fn the_rule_that_decided_is_named() {
    let ocsf = values(Schema::Ocsf);
    assert_eq!(ocsf[8]["firewall_rule"]["name"], "sweep");
    assert_eq!(values(Schema::Logpush)[8]["SecurityRuleID"], "sweep");
    assert_eq!(
        otlp_attributes()[8]["security_rule.name"],
        json!({"stringValue": "sweep"})
    );
    assert_eq!(ocsf[7]["firewall_rule"], Value::Null, "no rule fired");
    assert_eq!(ocsf[9]["firewall_rule"]["name"], "cloudflare:botnet");
    assert_eq!(
        (&ocsf[9]["action_id"], &ocsf[9]["disposition_id"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        values(Schema::Logpush)[9]["SecuritySources"],
        json!(["cloudflare", "cloudflare"])
    );
}

/// The body's bytes are those that were promised only where all of them went out; a path, only where it is known.
#[test]
fn what_is_not_known_is_not_written() {
    let (ocsf, ecs, logpush) = (values(Schema::Ocsf), values(Schema::Ecs), values(Schema::Logpush));
    let bytes = |at: usize| {
        [
            ocsf[at]["http_response"]["body_length"].clone(),
            ecs[at]["http"]["response"]["body"]["bytes"].clone(),
            logpush[at]["EdgeResponseBodyBytes"].clone(),
        ]
    };
    let promised = json!(records()[7].promised.unwrap());
    assert_eq!(bytes(7), [promised.clone(), promised.clone(), promised]);
    assert_eq!(
        bytes(0),
        [Value::Null, Value::Null, Value::Null],
        "the client left"
    );
    assert_eq!(bytes(10), [Value::Null, Value::Null, Value::Null], "not observed");
    assert_eq!(logpush[10]["EdgeEndTimestamp"], Value::Null);
    let paths = |at: usize| {
        [
            ocsf[at]["http_request"]["url"]["path"].clone(),
            ecs[at]["url"]["path"].clone(),
            logpush[at]["ClientRequestPath"].clone(),
        ]
    };
    assert_eq!(paths(10), [Value::Null, Value::Null, Value::Null]);
    assert!(
        paths(0)
            .iter()
            .all(|path| path.as_str().unwrap().starts_with("/v2/"))
    );
}

/// A line needs a path, and no address.
#[test]
fn our_ingestion_reads_the_lines_of_logpush() {
    let deployment = Deployment::new(&starter().unwrap(), b"a deployment's secret").unwrap();
    let form = FormReader::of("cloudflare", None).unwrap();
    let now_ms = sample::JULY_2020_MS + 60_000;
    let mut intake = Intake::new(&deployment, "cloudflare", form, false, now_ms);
    intake.push(lines(Schema::Logpush).as_bytes());
    let report = intake.finish().report;
    let without_path = 2;
    assert_eq!(
        report.counts.requests,
        records().len() as u64 - without_path,
        "{report:?}"
    );
}
