//! Tools whose call of the API has a body.

use std::collections::BTreeMap;

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answers::{cleaned, fitted};
use super::calls;
use crate::answer::text;
use crate::api::Api;
use crate::preview::{Candidate, wait};
use crate::problem::Problem;

/// Seconds that a preview is waited for: clients give a call up after a minute.
const MAX_WAIT: u64 = 30;

/// What an arguments' type says of itself: without references, which not every client follows, and without `null`, which says
/// nothing that leaving a field out does not.
pub(super) fn schema<A: JsonSchema>() -> JsonObject {
    let settings = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(without_null);
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    schema.remove("description");
    match schema.to_value() {
        Value::Object(fields) => fields,
        _ => JsonObject::new(),
    }
}

fn without_null(schema: &mut Schema) {
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(either)) = schema.get_mut("anyOf") {
        either.retain(|schema| schema.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = either.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (name, value) in only {
                schema.ensure_object().entry(name).or_insert(value);
            }
        }
    }
    transform_subschemas(&mut without_null, schema);
}

/// Reads a tool's arguments.
fn read<A: DeserializeOwned>(arguments: JsonObject) -> Result<A, Problem> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Problem::Usage(format!("arguments: {error}")))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    /// Whether the selection has all requests or only those that a rule fired on
    #[serde(default)]
    of: Of,
    /// Start of the selection; an hour ago unless given
    since: Option<String>,
    /// End of the selection; now unless given
    until: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "filters")]
    filters: Value,
    #[serde(default)]
    #[schemars(schema_with = "excluded")]
    exclude: Value,
    /// What the selection is held against; everything of its time unless given
    within: Option<Within>,
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Of {
    #[default]
    Requests,
    Fires,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Within {
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "filters")]
    filters: Value,
    #[serde(default)]
    #[schemars(schema_with = "excluded")]
    exclude: Value,
}

impl Within {
    fn body(&self) -> Result<Value, Problem> {
        Ok(json!({
            "since": self.since,
            "until": self.until,
            "filters": both("within.", &self.filters, &self.exclude)?,
        }))
    }
}

fn filters(_: &mut SchemaGenerator) -> Schema {
    Schema::try_from(calls::filters_by_name("must match: those that `requests` takes")).unwrap_or_default()
}

fn excluded(_: &mut SchemaGenerator) -> Schema {
    Schema::try_from(calls::filters_by_name(calls::MUST_NOT_MATCH)).unwrap_or_default()
}

/// Filters of a body: those that exclude have names that end in `!`.
fn both(place: &str, filters: &Value, exclude: &Value) -> Result<BTreeMap<String, Vec<String>>, Problem> {
    let mut all: BTreeMap<String, Vec<String>> = calls::named(&format!("{place}filters"), filters)?
        .into_iter()
        .collect();
    for (name, values) in calls::named(&format!("{place}{}", calls::EXCLUDE), exclude)? {
        all.insert(format!("{name}!"), values);
    }
    Ok(all)
}

pub(super) fn compare(api: &Api, arguments: JsonObject) -> Result<String, Problem> {
    let asked: Compare = read(arguments)?;
    let within = asked.within.as_ref().map(Within::body).transpose()?;
    let body = json!({
        "of": match asked.of {
            Of::Requests => "requests",
            Of::Fires => "fires",
        },
        "since": asked.since,
        "until": asked.until,
        "filters": both("", &asked.filters, &asked.exclude)?,
        "within": within,
    });
    let answer = api.send("POST", "compare", &body, None)?;
    Ok(fitted(&cleaned(answer)))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// The request as a curl command line, for instance: `curl -A docker/19.03.6-ce https://registry.example.com/v2/…`
    curl: String,
    /// What the platform would say of the client, by names of the rule language: {"ip.src.asnum": 16509}
    #[serde(default)]
    facts: Map<String, Value>,
    /// A rule's expression that is asked beside the stored rules
    expression: Option<String>,
}

pub(super) fn explain(api: &Api, arguments: JsonObject) -> Result<String, Problem> {
    let asked: Explain = read(arguments)?;
    let mut body = json!({"curl": asked.curl, "facts": asked.facts});
    if let (Some(expression), Some(fields)) = (asked.expression, body.as_object_mut()) {
        let rule = json!({"expression": expression, "action": "tag"});
        fields.insert("rule".to_owned(), rule);
    }
    let answer = api.send("POST", "explain", &body, None)?;
    Ok(fitted(&cleaned(answer)))
}

/// Answers with the preview as far as it is after the wait.
pub(super) fn preview(api: &Api, arguments: JsonObject) -> Result<String, Problem> {
    let candidate: Candidate = read(arguments)?;
    let begun = api.send("POST", "previews", &candidate.body(), None)?;
    let id = text(&begun, "id").to_owned();
    Ok(fitted(&cleaned(wait(api, begun, &id, MAX_WAIT)?)))
}
