//! The facts of a record by their names in the rule language.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use blobwatch_rules::{Field, Value, Values};

/// Every field but the maps: of the headers only the User-Agent is kept, of what the platform says by name nothing.
pub(super) fn facts(values: &Values<'_>) -> BTreeMap<&'static str, Json> {
    let fields = Field::ALL
        .iter()
        .filter(|field| !matches!(field, Field::Headers | Field::Platform));
    fields
        .map(|field| (field.name(), json(values.get(*field))))
        .collect()
}

fn json(value: Value<'_>) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Bytes(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Json::from(number),
        Value::Bool(truth) => Json::Bool(truth),
        Value::Ip(address) => Json::String(address.to_string()),
    }
}
