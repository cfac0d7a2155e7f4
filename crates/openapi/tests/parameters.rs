//! What the table of calls says of parameters, against what reads them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use blobwatch_detector::{AllowedAddresses, Detector, is_act};
use blobwatch_fire_log::{Kind, Query, SummaryQuery};
use blobwatch_previews::PreviewCall;
use blobwatch_rule_book::RuleBookStore;
use blobwatch_rulebook::starter;
use blobwatch_sql::{Native, Unpaced, at_once};
use blobwatch_wire::{
    ApiCall, ApiParameter, ApiRequest, CALLS, Handler, Object, Occurs, ParameterValue, Problem,
};

const NOW_MS: u64 = 1_593_975_600_000;

/// Values that the document allows.
fn values(parameter: &ApiParameter) -> Vec<String> {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match (parameter.name, parameter.value) {
        (_, ParameterValue::Word(words) | ParameterValue::Words(words, _)) => texts(words),
        (_, ParameterValue::Whole { least, most }) => vec![least.to_string(), most.to_string()],
        (_, ParameterValue::Time) => texts(&["2020-07-05T18:00:00Z", "-15m"]),
        ("client" | "object", _) => texts(&["00000000000000ff"]),
        ("id", _) => texts(&["01M850MDRGD6ZQ9TZR58000002"]),
        ("status", _) => texts(&["206", "4xx", "0"]),
        ("asn", _) => texts(&["16509"]),
        ("country", ParameterValue::Text) => texts(&["DE", ""]),
        ("digest", _) => texts(&["sha256:a"]),
        ("fingerprint", _) => texts(&["bw1-62037207d4f5-9abde5f07cf1"]),
        ("family", _) => texts(&["docker"]),
        (_, ParameterValue::Texts) => texts(&["a,b"]),
        (_, ParameterValue::Text) => texts(&["a"]),
    }
}

/// The objects, without anything in them.
struct Readers {
    rule_book: RuleBookStore<Native>,
    detector: Detector<Native>,
}

impl Readers {
    fn new() -> Self {
        let sql = || Native::in_memory().unwrap();
        Self {
            rule_book: RuleBookStore::open(sql(), &starter().unwrap(), NOW_MS).unwrap(),
            detector: Detector::open(sql(), NOW_MS).unwrap(),
        }
    }

    /// What the call's own crate says of a query; none for calls that ask objects first.
    fn read(&mut self, call: &ApiCall, query: &str) -> Option<Result<(), Problem>> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        match call.handler {
            Handler::Object(Object::RuleBook) => {
                Some(blobwatch_rule_book::answer(&self.rule_book, &request(call, query)).map(drop))
            }
            Handler::AuditLog if call.path == "audit/verify" => None,
            Handler::AuditLog if query.contains("ndjson") || query.contains("after") => {
                let query = format!("format=ndjson&{}", query.replace("format=ndjson", ""));
                Some(blobwatch_rule_book::export_begin(query.trim_end_matches('&')).map(drop))
            }
            Handler::AuditLog => {
                Some(blobwatch_rule_book::answer(&self.rule_book, &request(call, query)).map(drop))
            }
            Handler::Object(Object::Detector) => Some(self.detector(call, query)),
            Handler::Object(Object::Previews) => {
                Some(PreviewCall::read(Some(call.method), call.path, query).map(drop))
            }
            Handler::Records if call.path.ends_with("summary") => {
                let by = if query.starts_with("by=") { "" } else { "rule" };
                let by = (!by.is_empty()).then(|| ("by".to_owned(), by.to_owned()));
                let pairs: Vec<_> = by.into_iter().chain(pairs).collect();
                Some(SummaryQuery::parse(Kind::Fires, &pairs, NOW_MS).map(drop))
            }
            Handler::Records => Some(Query::parse(Kind::Fires, &pairs, NOW_MS).map(drop)),
            _ => None,
        }
    }

    fn detector(&mut self, call: &ApiCall, query: &str) -> Result<(), Problem> {
        let request = request(call, query);
        if is_act(&request) {
            return blobwatch_detector::act(&mut self.detector, &request)
                .unwrap()
                .map(drop);
        }
        at_once(blobwatch_detector::answer(
            &self.detector,
            &request,
            AllowedAddresses::Public,
            &Unpaced,
        ))
        .unwrap()
        .map(drop)
    }
}

fn request<'a>(call: &'a ApiCall, query: &'a str) -> ApiRequest<'a> {
    ApiRequest {
        method: call.method.name(),
        path: call.path,
        query,
        body: "",
        if_match: None,
        actor: "ops",
        now_ms: NOW_MS,
    }
}

/// Whether the query itself is refused for this parameter. A cursor or a step may be no good for other reasons.
fn is_refused(answer: &Result<(), Problem>, name: &str) -> bool {
    let place = format!("query.{name}");
    let refused = answer.as_ref().err();
    refused.is_some_and(|problem| problem.errors.iter().any(|error| error.place == place))
}

#[test]
fn what_the_document_allows_is_read() {
    let (mut readers, mut compared) = (Readers::new(), 0);
    for call in CALLS {
        for parameter in call.parameters() {
            for value in values(parameter) {
                let is_of_exports = match parameter.name {
                    "limit" => value == "1000000",
                    name => name == "schema",
                };
                let more = if is_of_exports { "&format=ndjson" } else { "" };
                let mut names = vec![parameter.name.to_owned()];
                if parameter.excludes() {
                    names.push(format!("{}!", parameter.name));
                }
                for name in names {
                    let Some(answer) = readers.read(call, &format!("{name}={value}{more}")) else {
                        continue;
                    };
                    // Their values are ours to give: only the names are compared.
                    let is_given = ["cursor", "revision", "since", "until"].contains(&parameter.name);
                    let said = answer
                        .as_ref()
                        .err()
                        .map(|problem| problem.detail.as_str())
                        .unwrap_or_default();
                    assert!(
                        !said.contains("unknown parameter"),
                        "{} {name}: {said}",
                        call.path
                    );
                    assert!(
                        is_given || !is_refused(&answer, &name),
                        "{} {name}={value}: {said}",
                        call.path
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

/// The other way round: what nobody names is refused by whoever reads, too.
#[test]
fn what_the_document_does_not_have_is_refused() {
    let named = CALLS.iter().flat_map(ApiCall::parameters);
    let all: BTreeMap<&str, &ApiParameter> = named.map(|parameter| (parameter.name, parameter)).collect();
    let mut readers = Readers::new();
    for call in CALLS {
        let known: Vec<&str> = call.parameters().map(|parameter| parameter.name).collect();
        for other in all.values().filter(|other| !known.contains(&other.name)) {
            let Some(value) = values(other).into_iter().next() else {
                continue;
            };
            // One record is asked for with a record's id, whatever the query says: the router has refused it.
            if call.path.ends_with("{id}") && call.handler == Handler::Records {
                continue;
            }
            if let Some(answer) = readers.read(call, &format!("{}={value}", other.name)) {
                assert!(is_refused(&answer, other.name), "{} {}", call.path, other.name);
            }
        }
    }
}

#[test]
fn a_required_parameter_is_missed() {
    for call in CALLS {
        for parameter in call
            .parameters()
            .filter(|parameter| parameter.occurs == Occurs::Required)
        {
            let answer = SummaryQuery::parse(Kind::Fires, &[], NOW_MS).map(drop);
            assert!(
                is_refused(&answer, parameter.name),
                "{} {}",
                call.path,
                parameter.name
            );
        }
    }
}
