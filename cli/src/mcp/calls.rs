//! Tools that are one reading call of the API: their arguments are its parameters, as the table of calls has them.
//!
//! A filter's name with `!` excludes in a query; names of a tool's arguments are letters, so these are fields of `exclude`.

use blobwatch_wire::{ApiCall, ApiParameter, CALLS, Method, Occurs, ParameterValue};
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::answers::{MAX_ANSWER, cleaned, cut, fitted};
use crate::api::{Api, escaped, with_query};
use crate::problem::Problem;

/// A call as a tool makes it.
pub(super) struct Call {
    /// Where `{…}` is an argument.
    path: &'static str,
    /// The path in the table of calls.
    known: &'static str,
    answer: Answer,
}

/// Items of a page.
pub(super) struct Limit {
    pub(super) usual: u64,
    pub(super) most: u64,
}

enum Answer {
    Paged(Limit),
    Single,
    Text,
}

type Pairs = Vec<(String, String)>;

/// What must not match, by the names of filters.
pub(super) const EXCLUDE: &str = "exclude";
const LIMIT: &str = "limit";
/// Answers are pages.
const FORMAT: &str = "format";

impl Call {
    /// Of tools that send a body.
    pub(super) const NONE: Self = Self::single("", "");

    pub(super) const fn paged(path: &'static str, known: &'static str, limit: Limit) -> Self {
        let answer = Answer::Paged(limit);
        Self { path, known, answer }
    }

    pub(super) const fn single(path: &'static str, known: &'static str) -> Self {
        let answer = Answer::Single;
        Self { path, known, answer }
    }

    pub(super) const fn text(path: &'static str, known: &'static str) -> Self {
        let answer = Answer::Text;
        Self { path, known, answer }
    }

    fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    fn parameters(&self) -> impl Iterator<Item = &'static ApiParameter> {
        parameters(self.known).filter(|parameter| parameter.name != FORMAT)
    }
}

/// Of the reading call at this path.
fn parameters(path: &str) -> impl Iterator<Item = &'static ApiParameter> {
    CALLS
        .iter()
        .find(|call| call.method == Method::Get && call.path == path)
        .into_iter()
        .flat_map(ApiCall::parameters)
}

/// What a tool takes.
pub(super) fn schema(call: &Call) -> JsonObject {
    let mut properties = Map::new();
    let mut required: Vec<&str> = call.placeholders().collect();
    for name in call.placeholders() {
        properties.insert(name.to_owned(), of_path(name));
    }
    for parameter in call.parameters() {
        properties.insert(parameter.name.to_owned(), property(call, parameter));
        if parameter.occurs == Occurs::Required {
            required.push(parameter.name);
        }
    }
    if call.parameters().any(ApiParameter::excludes) {
        properties.insert(EXCLUDE.to_owned(), filters_by_name(MUST_NOT_MATCH));
    }
    JsonObject::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
        ("required".to_owned(), json!(required)),
        ("additionalProperties".to_owned(), json!(false)),
    ])
}

fn of_path(name: &str) -> Value {
    match name {
        "of" => json!({"type": "string", "enum": ["requests", "fires"],
            "description": "All requests, or only those that a rule fired on"}),
        _ => json!({"type": "string", "minLength": 1, "description": "Its `id`, as listed"}),
    }
}

fn property(call: &Call, parameter: &ApiParameter) -> Value {
    if let (LIMIT, Answer::Paged(limit)) = (parameter.name, &call.answer) {
        let about = format!(
            "Items of the page, as far as they fit; {} unless given",
            limit.usual
        );
        return json!({"type": "integer", "minimum": 1, "maximum": limit.most, "description": about});
    }
    let mut schema = parameter.value.schema();
    if parameter.repeats() {
        schema = json!({"type": "array", "items": schema});
    }
    let own = schema.get("description").and_then(Value::as_str);
    let about = match own {
        Some(own) => format!("{}: {own}", parameter.about),
        None => parameter.about.to_owned(),
    };
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), json!(about));
    }
    schema
}

pub(super) const MUST_NOT_MATCH: &str = "must not match";

/// Lists of values, without a word on each filter: one tool has that.
pub(super) fn filters_by_name(which: &str) -> Value {
    json!({
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
        "description": format!("Filters by name that {which}, for instance {{\"os\": [\"amzn2\"]}}"),
    })
}

/// Makes the call.
pub(super) fn ask(call: &Call, api: &Api, arguments: &JsonObject) -> Result<String, Problem> {
    let path = path(call, arguments)?;
    let query = query(call, arguments)?;
    match &call.answer {
        Answer::Paged(limit) => page(api, &path, &query, asked(limit, arguments)?),
        Answer::Single => Ok(fitted(&cleaned(api.get(&with_query(&path, &query))?))),
        Answer::Text => {
            let text = api.text(&with_query(&path, &query))?;
            Ok(cut(&blobwatch_wire::visible_lines(&text), MAX_ANSWER))
        }
    }
}

/// Fewer items are asked for until the page fits: its cursor goes on behind its last one.
fn page(api: &Api, path: &str, query: &Pairs, limit: u64) -> Result<String, Problem> {
    let mut limit = limit;
    loop {
        let mut query = query.clone();
        query.push((LIMIT.to_owned(), limit.to_string()));
        let page = cleaned(api.get(&with_query(path, &query))?);
        let length = page.to_string().len();
        if length <= MAX_ANSWER || limit == 1 {
            return Ok(fitted(&page));
        }
        // Items differ in length: a tenth is left.
        let fitting = limit.saturating_mul(MAX_ANSWER as u64 * 9 / 10) / length as u64;
        limit = fitting.clamp(1, limit / 2);
    }
}

fn asked(limit: &Limit, arguments: &JsonObject) -> Result<u64, Problem> {
    let Some(value) = arguments.get(LIMIT).filter(|value| !value.is_null()) else {
        return Ok(limit.usual);
    };
    let number = value.as_u64().filter(|number| (1..=limit.most).contains(number));
    number.ok_or_else(|| expected(LIMIT, &format!("a whole number from 1 to {}", limit.most), value))
}

/// The call's path, with what the arguments say in it.
fn path(call: &Call, arguments: &JsonObject) -> Result<String, Problem> {
    let segments = call.path.split('/').map(|segment| {
        let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            return Ok(segment.to_owned());
        };
        let value = arguments.get(name).unwrap_or(&Value::Null);
        let is_known = |text: &&str| match name {
            "of" => ["requests", "fires"].contains(text),
            // A dot alone is no segment of an address.
            _ => !text.is_empty() && !text.bytes().all(|byte| byte == b'.'),
        };
        let wanted = if name == "of" {
            "requests or fires"
        } else {
            "an id"
        };
        let text = value.as_str().filter(is_known);
        text.map(escaped).ok_or_else(|| expected(name, wanted, value))
    });
    Ok(segments.collect::<Result<Vec<_>, _>>()?.join("/"))
}

/// The call's query; `limit` is left out, and the API reads the values.
fn query(call: &Call, arguments: &JsonObject) -> Result<Pairs, Problem> {
    let mut pairs = Vec::new();
    for (name, value) in arguments {
        if name == LIMIT && matches!(call.answer, Answer::Paged(_))
            || call.placeholders().any(|known| known == name)
        {
            continue;
        }
        let excludes = call.parameters().any(ApiParameter::excludes);
        if name == EXCLUDE && excludes {
            for (filter, values) in named(EXCLUDE, value)? {
                pairs.extend(values.into_iter().map(|text| (format!("{filter}!"), text)));
            }
            continue;
        }
        let Some(parameter) = call.parameters().find(|known| known.name == name) else {
            return Err(unknown(call, name));
        };
        let values = texts(name, value)?;
        let is_list = matches!(parameter.value, ParameterValue::Words(..) | ParameterValue::Texts);
        if is_list && !values.is_empty() {
            pairs.push((name.clone(), values.join(",")));
        } else {
            pairs.extend(values.into_iter().map(|text| (name.clone(), text)));
        }
    }
    Ok(pairs)
}

fn unknown(call: &Call, name: &str) -> Problem {
    let known: Vec<&str> = call
        .placeholders()
        .chain(call.parameters().map(|known| known.name))
        .chain(call.parameters().any(ApiParameter::excludes).then_some(EXCLUDE))
        .collect();
    let wanted = match known.as_slice() {
        [] => "no arguments".to_owned(),
        known => format!("one of {}", known.join(", ")),
    };
    Problem::Usage(format!("arguments.{name}: expected {wanted}"))
}

/// Lists of texts by name.
pub(super) fn named(place: &str, value: &Value) -> Result<Vec<(String, Vec<String>)>, Problem> {
    let fields = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Object(fields) => fields,
        _ => {
            return Err(expected(
                place,
                "an object of lists by the names of filters",
                value,
            ));
        }
    };
    let lists = fields.iter().map(|(name, values)| {
        let texts = texts(&format!("{place}.{name}"), values)?;
        Ok((name.clone(), texts))
    });
    lists.collect()
}

/// Models write a single value where a list of one is meant, and numbers as numbers.
fn texts(place: &str, value: &Value) -> Result<Vec<String>, Problem> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Number(_) | Value::Bool(_) => Ok(vec![value.to_string()]),
        Value::Array(items) => {
            let lists = items.iter().map(|item| match item {
                Value::Array(_) | Value::Null => Err(expected(place, "a list of texts", item)),
                item => texts(place, item),
            });
            Ok(lists.collect::<Result<Vec<_>, _>>()?.concat())
        }
        Value::Object(_) => Err(expected(place, "a text or a list of texts", value)),
    }
}

fn expected(place: &str, what: &str, found: &Value) -> Problem {
    let found = cut(&found.to_string(), 100);
    Problem::Usage(format!("arguments.{place}: expected {what}, found {found}"))
}
