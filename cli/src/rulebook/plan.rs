//! What a push changes, in words.

use std::fmt::Write;

use blobwatch_wire::visible;
use serde_json::{Map, Value};

use crate::answer;
use crate::api::place_of;
use crate::problem::Problem;

/// Characters of a value that are shown; expressions are shown whole.
const MAX_VALUE: usize = 100;

/// The answer to a dry run.
pub(super) struct Plan {
    pub(super) json: Value,
    pub(super) revision: u64,
}

impl Plan {
    pub(super) fn new(json: Value) -> Result<Self, Problem> {
        let revision = json.get("revision").and_then(Value::as_u64);
        let has_changes = json.get("changes").is_some_and(Value::is_array);
        match revision {
            Some(revision) if has_changes => Ok(Self { json, revision }),
            _ => Err(Problem::Api(
                "the answer is not a plan: is the deployment older than this program?".to_owned(),
            )),
        }
    }

    fn list(&self, name: &str) -> &[Value] {
        answer::list(&self.json, name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list("changes").is_empty()
    }

    /// Everything that the push would be refused for.
    pub(super) fn refused(&self) -> Result<(), Problem> {
        let errors = self.list("errors");
        if errors.is_empty() {
            return Ok(());
        }
        let mut message = "the whole push is refused:".to_owned();
        for place in errors {
            message.push_str(&format!("\n  {}", place_of(place)));
        }
        Err(Problem::Api(message))
    }

    pub(super) fn text(&self) -> String {
        if self.is_empty() {
            return format!("no difference from revision {}\n", self.revision);
        }
        let mut out = format!("against revision {}:\n", self.revision);
        for change in self.list("changes") {
            let text = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
            let value = |name: &str| change.get(name).unwrap_or(&Value::Null);
            let sign = match text("action") {
                "add" => '+',
                "retire" => '-',
                _ => '~',
            };
            let _ = writeln!(out, "{sign} {}", text("target"));
            match (value("before"), value("after")) {
                (Value::Object(before), Value::Object(after)) => write_fields(&mut out, before, after),
                (Value::Object(gone), Value::Null) => write_all(&mut out, '-', gone),
                (Value::Null, Value::Object(new)) => write_all(&mut out, '+', new),
                (before, after) => {
                    let _ = writeln!(out, "    {} -> {}", short(before), short(after));
                }
            }
        }
        out
    }
}

fn write_fields(out: &mut String, before: &Map<String, Value>, after: &Map<String, Value>) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (was, is) = (before.get(name), after.get(name));
        if was == is {
            continue;
        }
        let value =
            |value: Option<&Value>| value.map_or_else(|| "unset".to_owned(), |value| shown(name, value));
        let _ = writeln!(out, "    {name}: {} -> {}", value(was), value(is));
    }
}

fn write_all(out: &mut String, sign: char, fields: &Map<String, Value>) {
    for (name, value) in fields {
        if !value.is_null() {
            let _ = writeln!(out, "  {sign} {name}: {}", shown(name, value));
        }
    }
}

fn shown(name: &str, value: &Value) -> String {
    match (name, value) {
        // As somebody wrote it, line by line.
        ("expression", Value::String(text)) => text.clone(),
        _ => short(value),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    if text.chars().count() <= MAX_VALUE {
        return visible(&text).into_owned();
    }
    let text: String = text.chars().take(MAX_VALUE).chain("…".chars()).collect();
    visible(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Plan;

    #[test]
    fn a_plan_reads_as_lines() {
        let plan = Plan::new(json!({"revision": 12, "changed": false, "errors": [], "changes": [
            {"action": "change", "target": "rules/botnet-sig/modes/hub",
             "before": {"mode": "monitor", "route": "hub", "percent": null},
             "after": {"mode": "enforce", "route": "hub", "percent": 1.0}},
            {"action": "add", "target": "rules/new", "before": null, "after": {"id": "new", "expression": "asn eq 1", "volume": null}},
            {"action": "retire", "target": "routes/old", "before": {"name": "old"}, "after": null},
            {"action": "change", "target": "rules", "before": ["a", "b"], "after": ["b", "a"]},
        ]}))
        .unwrap();
        assert_eq!(
            plan.text(),
            "against revision 12:
~ rules/botnet-sig/modes/hub
    mode: monitor -> enforce
    percent: null -> 1.0
+ rules/new
  + expression: asn eq 1
  + id: new
- routes/old
  - name: old
~ rules
    [\"a\",\"b\"] -> [\"b\",\"a\"]
"
        );
        assert!(plan.refused().is_ok() && !plan.is_empty());
    }

    #[test]
    fn errors_are_told_as_one_refusal() {
        let plan = Plan::new(json!({"revision": 1, "changes": [], "errors": [
            {"place": "body.modes[0].preview", "message": "no preview is named"},
        ]}));
        assert_eq!(
            plan.unwrap().refused().unwrap_err().to_string(),
            "the whole push is refused:\n  body.modes[0].preview: no preview is named"
        );
    }

    #[test]
    fn an_answer_of_something_else_is_no_plan() {
        assert!(Plan::new(json!({"revision": 1})).is_err());
        assert!(Plan::new(json!("hello")).is_err());
    }
}
