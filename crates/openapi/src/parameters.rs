//! Parameters of paths and queries.

use blobwatch_wire::{ApiCall, ApiParameter, CALLS, Occurs, ParameterValue};
use serde_json::{Map, Value, json};

/// The revision that a change is for.
const IF_MATCH: &str = "IfMatch";

/// Filters of what must not match.
const EXCLUDED: &str = "excluded";

/// Parameters that are written once for all calls: filters of records, and the header of changes.
pub(crate) fn shared() -> Value {
    let mut shared = Map::new();
    for parameter in CALLS
        .iter()
        .flat_map(ApiCall::parameters)
        .filter(|known| known.repeats())
    {
        shared.insert(parameter.name.to_owned(), of_query(parameter));
    }
    shared.insert(EXCLUDED.to_owned(), excluded());
    let if_match = json!({
        "name": "If-Match",
        "in": "header",
        "required": false,
        "description": "Make the change only while the rulebook is at this revision, for instance `\"12\"`",
        "schema": {"type": "string", "pattern": "^\"[0-9]{1,19}\"$"},
    });
    shared.insert(IF_MATCH.to_owned(), if_match);
    Value::Object(shared)
}

fn reference(key: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{key}")})
}

pub(crate) fn parameters(call: &ApiCall) -> Vec<Value> {
    let path = call
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = path.map(|name| of_path(call, name)).collect();
    for parameter in call.parameters() {
        all.push(if parameter.repeats() {
            reference(parameter.name)
        } else {
            of_query(parameter)
        });
    }
    if call.parameters().any(ApiParameter::excludes) {
        all.push(reference(EXCLUDED));
    }
    if call.changes_rulebook() {
        all.push(reference(IF_MATCH));
    }
    all
}

const EXAMPLE_LINK: &str = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";

fn of_path(call: &ApiCall, name: &str) -> Value {
    let of = call.path.split('/').next().unwrap_or_default();
    let (about, example) = match (of, name) {
        ("rules", "id") => ("Id of the rule", "botnet-sig"),
        (_, "route") => ("Name of the route", "default"),
        ("routes", _) => ("Name of the route", "default"),
        ("lists", _) => ("Name of the list", "office"),
        ("previews", _) => ("Id of the preview", "pv-000001"),
        ("fires" | "requests", _) => ("Id of the record", "01M850MDRGD6ZQ9TZR58000002"),
        ("anomalies", _) => ("Id of the anomaly", "an-000012"),
        (_, "share") => ("Id of the link", "sh-1594036820000"),
        (_, "token") => ("Token of the link: 64 hex digits", EXAMPLE_LINK),
        ("tokens", _) => ("Name of the token", "ops"),
        ("webhooks", _) => ("Id of the webhook", "chat"),
        ("addresses", _) => ("Client key", "2168b2053f3f9380"),
        _ => ("Name of the source", "cloudflare"),
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": about,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    })
}

/// What must not match, by the name of a filter with `!`: one object whose fields are parameters. As parameters of their own, programs
/// whose names have no `!` could not tell them from the filters.
fn excluded() -> Value {
    let filters = CALLS
        .iter()
        .flat_map(ApiCall::parameters)
        .filter(|known| known.excludes());
    let properties: Map<String, Value> = filters
        .map(|filter| (format!("{}!", filter.name), several(filter.value)))
        .collect();
    json!({
        "name": EXCLUDED,
        "in": "query",
        "required": false,
        "description": "Filters of what must not match: their names end in `!`",
        "style": "form",
        "explode": true,
        "schema": {"type": "object", "properties": properties, "additionalProperties": false},
    })
}

fn several(value: ParameterValue) -> Value {
    json!({"type": "array", "items": value.schema(), "minItems": 1, "maxItems": 64})
}

fn of_query(parameter: &ApiParameter) -> Value {
    let mut written = Map::new();
    written.insert("name".to_owned(), json!(parameter.name));
    written.insert("in".to_owned(), json!("query"));
    written.insert("required".to_owned(), json!(parameter.occurs == Occurs::Required));
    written.insert("description".to_owned(), json!(parameter.about));
    if parameter.repeats() {
        written.insert("style".to_owned(), json!("form"));
        written.insert("explode".to_owned(), json!(true));
        written.insert("schema".to_owned(), several(parameter.value));
    } else {
        if matches!(parameter.value, ParameterValue::Words(..) | ParameterValue::Texts) {
            written.insert("style".to_owned(), json!("form"));
            written.insert("explode".to_owned(), json!(false));
        }
        written.insert("schema".to_owned(), parameter.value.schema());
    }
    Value::Object(written)
}
