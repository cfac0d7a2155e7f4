//! Schemas of all bodies and answers under one set of names.

use std::collections::{BTreeMap, BTreeSet};

use blobwatch_wire::Schemas;
use serde_json::{Map, Value, json};

/// Where schemas refer to.
const SCHEMAS: &str = "#/components/schemas/";

/// Beside the name of a type that is sent otherwise than it is answered.
const SENT: &str = "Input";

/// Schemas, and those of the table's types.
pub(crate) struct Components {
    pub(crate) schemas: Map<String, Value>,
    bodies: BTreeMap<&'static str, Value>,
    answers: BTreeMap<&'static str, Value>,
}

impl Components {
    pub(crate) fn new() -> Self {
        let mut sent = Schemas::of_bodies();
        blobwatch_rule_book::add_bodies(&mut sent);
        blobwatch_detector::add_bodies(&mut sent);
        blobwatch_fire_log::add_bodies(&mut sent);
        blobwatch_auth::add_bodies(&mut sent);
        let mut answered = Schemas::of_answers();
        blobwatch_wire::add_answers(&mut answered);
        blobwatch_rule_book::add_answers(&mut answered);
        blobwatch_previews::add_answers(&mut answered);
        blobwatch_detector::add_answers(&mut answered);
        blobwatch_fire_log::add_answers(&mut answered);
        blobwatch_upstream::add_answers(&mut answered);
        blobwatch_auth::add_answers(&mut answered);
        let (bodies, sent) = sent.finish();
        let (answers, mut schemas) = answered.finish();
        let renamed = different(&sent, &schemas);
        for (name, schema) in sent {
            let name = if renamed.contains(&name) {
                format!("{name}{SENT}")
            } else {
                name
            };
            schemas.insert(name, rename(schema, &renamed));
        }
        schemas.values_mut().for_each(write_out);
        let bodies = bodies.into_iter();
        let answers = answers.into_iter();
        Self {
            schemas,
            bodies: bodies
                .map(|(name, schema)| (name, rename(schema.to_value(), &renamed)))
                .collect(),
            answers: answers.map(|(name, schema)| (name, schema.to_value())).collect(),
        }
    }

    /// Of the table's name of a body; none where the body is no JSON.
    pub(crate) fn body(&self, name: &str) -> Option<&Value> {
        self.bodies.get(name)
    }

    /// Of the table's name of an answer; none where the answer is no JSON.
    pub(crate) fn answer(&self, name: &str) -> Option<&Value> {
        self.answers.get(name)
    }

    /// The table's names of both.
    #[cfg(test)]
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.bodies.keys().chain(self.answers.keys()).copied().collect()
    }
}

/// Names of both that are not the same in both, with all that refers to them.
fn different(sent: &Map<String, Value>, answered: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for (name, schema) in sent {
            let is_other = answered.get(name).is_some_and(|other| {
                other != schema || references(schema).iter().any(|to| found.contains(to))
            });
            if is_other {
                found.insert(name.clone());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|to| to.strip_prefix(SCHEMAS));
            own.map(str::to_owned)
                .into_iter()
                .chain(fields.values().flat_map(references))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// For generators of clients, which take no `true` for a schema of anything, and know words by `enum` alone.
fn write_out(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            list_words(fields);
            let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
            for property in properties.into_iter().flat_map(Map::values_mut) {
                if *property == Value::Bool(true) {
                    *property = json!({});
                }
            }
            fields.values_mut().for_each(write_out);
        }
        Value::Array(items) => items.iter_mut().for_each(write_out),
        _ => {}
    }
}

/// `oneOf` of words with a description each becomes one `enum`, with the descriptions in its own.
fn list_words(fields: &mut Map<String, Value>) {
    let Some(alternatives) = fields.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let (mut words, mut about) = (Vec::new(), Vec::new());
    for alternative in alternatives {
        let several = alternative.get("enum").and_then(Value::as_array).cloned();
        let Some(named) = several.or_else(|| alternative.get("const").cloned().map(|word| vec![word])) else {
            return;
        };
        if let Some(text) = alternative.get("description").and_then(Value::as_str) {
            about.extend(
                named
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|word| format!("- `{word}`: {text}")),
            );
        }
        words.extend(named);
    }
    let own = fields
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let description = format!("{own}\n\n{}", about.join("\n"));
    fields.remove("oneOf");
    fields.insert("type".to_owned(), json!("string"));
    fields.insert("enum".to_owned(), Value::Array(words));
    fields.insert("description".to_owned(), json!(description.trim()));
}

fn rename(schema: Value, renamed: &BTreeSet<String>) -> Value {
    match schema {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| {
                let to = value.as_str().and_then(|to| to.strip_prefix(SCHEMAS));
                match to.filter(|to| name == "$ref" && renamed.contains(*to)) {
                    Some(to) => (name, json!(format!("{SCHEMAS}{to}{SENT}"))),
                    None => (name, rename(value, renamed)),
                }
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(items) => items.into_iter().map(|item| rename(item, renamed)).collect(),
        other => other,
    }
}
