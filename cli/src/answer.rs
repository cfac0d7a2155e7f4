//! Members of the API's answers, by name; what is not there, or is of another type, is nothing.

use serde_json::Value;

pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn number(answer: &Value, name: &str) -> u64 {
    answer.get(name).and_then(Value::as_u64).unwrap_or_default()
}

pub(crate) fn decimal(answer: &Value, name: &str) -> f64 {
    answer.get(name).and_then(Value::as_f64).unwrap_or_default()
}

/// The texts of a list; what is no text in it is left out.
pub(crate) fn texts<'a>(answer: &'a Value, name: &str) -> Vec<&'a str> {
    list(answer, name).iter().filter_map(Value::as_str).collect()
}

pub(crate) fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
