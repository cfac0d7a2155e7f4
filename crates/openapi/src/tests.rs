use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use blobwatch_wire::{ApiCall, CALLS, ParameterValue};
use serde_json::Value;

use crate::components::Components;
use crate::operation_name::operation_name;
use crate::summaries::SUMMARIES;
use crate::{document, path, text};

fn operation<'a>(document: &'a Value, call: &ApiCall) -> &'a Value {
    let method = call.method.name().to_ascii_lowercase();
    &document["paths"][path(call)][method]
}

#[test]
fn the_file_of_the_repository_is_this_document() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if env::var_os("BLESS").is_some() {
        fs::write(&file, text()).unwrap();
    }
    let is_same = fs::read_to_string(&file).is_ok_and(|kept| kept == text());
    assert!(
        is_same,
        "docs/openapi.json is another: BLESS=1 cargo test -p blobwatch-openapi writes it"
    );
}

#[test]
fn every_call_is_an_operation_and_every_operation_a_call() {
    let document = document();
    for call in CALLS {
        assert!(
            operation(&document, call).is_object(),
            "{} {}",
            call.method,
            call.path
        );
    }
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(operations, CALLS.len());
}

#[test]
fn every_call_has_a_summary_and_every_summary_a_call() {
    let known: BTreeSet<String> = CALLS
        .iter()
        .map(|call| format!("{} {}", call.method, call.path))
        .collect();
    let said: BTreeSet<String> = SUMMARIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(said, known);
    assert_eq!(said.len(), SUMMARIES.len());
}

#[test]
fn names_of_operations_are_their_own() {
    let names: BTreeSet<String> = CALLS.iter().map(operation_name).collect();
    assert_eq!(names.len(), CALLS.len());
    #[track_caller]
    fn case(call: &str, expected: &str) {
        let found = CALLS
            .iter()
            .find(|known| format!("{} {}", known.method, known.path) == call);
        assert_eq!(operation_name(found.unwrap()), expected);
    }
    case("GET rules", "list_rules");
    case("GET rules/{id}/modes/{route}", "get_rule_mode");
    case("PUT rules/{id}", "put_rule");
    case("GET fires", "list_fires");
    case("POST panic-off", "post_panic_off");
    case("DELETE addresses/{client}", "delete_address");
    case("GET anomalies/{id}/report", "get_anomaly_report");
    case("POST /_blobwatch/session", "post_session");
}

/// What the table calls a body or an answer has a schema, unless it is no JSON of ours.
#[test]
fn every_type_of_the_table_has_a_schema() {
    let known = Components::new().names();
    let named: BTreeSet<&str> = CALLS
        .iter()
        .flat_map(|call| [call.request, call.answer])
        .collect();
    let without: Vec<&str> = named.difference(&known).copied().collect();
    assert_eq!(
        without,
        [
            "",
            "Events",
            "OpenApi",
            "Played",
            "text/html",
            "text/markdown",
            "text/plain"
        ]
    );
    let unused: Vec<&str> = known.difference(&named).copied().collect();
    assert_eq!(unused, ["Problem", "WaitingMode"]);
}

/// A second type of one name gets a number from the generator, which would move with every new type.
#[test]
fn names_of_schemas_are_words_and_lead_somewhere() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphabetic()),
            "{name}: give one of the two another name"
        );
    }
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

/// What is refused as unknown is what the document does not have.
#[test]
fn a_query_of_the_document_is_taken_and_another_is_refused() {
    let document = document();
    for call in CALLS {
        let parameters = operation(&document, call)["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let whole = parameters
            .iter()
            .map(|parameter| match parameter["$ref"].as_str() {
                Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
                None => parameter,
            });
        let of_query = whole.filter(|parameter| parameter["in"] == "query");
        // The fields of an object that is spread out are parameters, and its name is none.
        let names: BTreeSet<&str> = of_query
            .flat_map(|parameter| match parameter["schema"]["properties"].as_object() {
                Some(fields) => fields.keys().map(String::as_str).collect(),
                None => vec![parameter["name"].as_str().unwrap()],
            })
            .collect();
        for name in &names {
            assert_eq!(
                call.check_query(&format!("{name}=1")),
                Ok(()),
                "{} {name}",
                call.path
            );
        }
        let all = CALLS
            .iter()
            .flat_map(|other| other.parameters())
            .flat_map(|known| [known.name.to_owned(), format!("{}!", known.name)]);
        for other in all.filter(|name| !names.contains(name.as_str())) {
            let refused = call.check_query(&format!("{other}=1")).unwrap_err();
            assert_eq!(refused.errors[0].place, format!("query.{other}"));
        }
    }
}

/// Words of parameters are those of the types that they are read into.
#[test]
fn words_of_parameters_are_those_of_their_types() {
    let document = document();
    let words = |schema: &str| -> BTreeSet<String> {
        let schema = &document["components"]["schemas"][schema];
        let words = schema["enum"].as_array().into_iter().flatten();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let types: BTreeMap<&str, &str> = BTreeMap::from([
        ("mode", "Mode"),
        ("origin", "Origin"),
        ("verdict", "Action"),
        ("range", "RangeKind"),
        ("cache", "Cache"),
    ]);
    let mut compared = 0;
    for parameter in CALLS.iter().flat_map(ApiCall::parameters) {
        let of = match (parameter.name, parameter.value) {
            ("kind", ParameterValue::Word(known)) if known.contains(&"rule_harm") => Some("AnomalyKind"),
            (name, _) => types.get(name).copied(),
        };
        if let (Some(of), ParameterValue::Word(known)) = (of, parameter.value) {
            let known: BTreeSet<String> = known
                .iter()
                .filter(|word| !word.is_empty())
                .map(|word| (*word).to_owned())
                .collect();
            assert_eq!(known, words(of), "{}", parameter.name);
            compared += 1;
        }
    }
    assert!(compared > 6, "{compared}");
}
