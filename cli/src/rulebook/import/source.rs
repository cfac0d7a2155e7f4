//! What is found in files: rules and lists in Cloudflare's own terms, as JSON.

use std::path::Path;

use serde_json::Value;

use super::terraform;
use crate::answer::text;
use crate::input;
use crate::problem::Problem;

/// Bytes of a file.
const MAX_FILE: u64 = 16_000_000;

/// A rule as the Rulesets API has it, and where it stands.
pub(super) struct SourceRule {
    pub(super) from: String,
    pub(super) phase: String,
    pub(super) rule: Value,
}

/// A list: its name, its kind at Cloudflare, and its items.
pub(super) struct SourceList {
    pub(super) from: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) description: String,
    pub(super) items: Vec<Value>,
}

#[derive(Default)]
pub(super) struct SourceRules {
    pub(super) rules: Vec<SourceRule>,
    pub(super) lists: Vec<SourceList>,
    /// What was meant for this command and cannot be used, with why.
    pub(super) left_out: Vec<(String, String)>,
}

impl SourceRules {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.lists.is_empty() && self.left_out.is_empty()
    }
}

pub(super) fn read(file: &Path, found: &mut SourceRules) -> Result<(), Problem> {
    let text = input::text(file, MAX_FILE)?;
    let wrong = |expected: String| Problem::File {
        file: input::name(file),
        expected,
    };
    let name = file
        .file_name()
        .map_or_else(|| input::name(file), |name| name.to_string_lossy().into_owned());
    if text.trim_start().starts_with(['{', '[']) {
        let value = serde_json::from_str(&text).map_err(|error| wrong(format!("JSON: {error}")))?;
        of_api(&value, &name, found);
        return Ok(());
    }
    terraform::read(&text, &name, found).map_err(|error| wrong(format!("Terraform (HCL): {error}")))
}

/// An answer of the API, its `result`, several of them, or `rules` alone.
fn of_api(value: &Value, from: &str, found: &mut SourceRules) {
    if let Value::Array(values) = value {
        let is_rule = |value: &Value| value.get("expression").is_some();
        if values.iter().any(is_rule) {
            values
                .iter()
                .enumerate()
                .for_each(|(at, rule)| found.rules.push(rule_at(rule, "", from, at)));
            return;
        }
        values.iter().for_each(|value| of_api(value, from, found));
        return;
    }
    if value.get("rulesets").is_some() {
        for part in ["rulesets", "lists"]
            .into_iter()
            .filter_map(|part| value.get(part))
        {
            of_api(part, from, found);
        }
        return;
    }
    if let Some(result) = value.get("result") {
        return of_api(result, from, found);
    }
    if let Some(rules) = value.get("rules").and_then(Value::as_array) {
        let phase = text(value, "phase");
        rules
            .iter()
            .enumerate()
            .for_each(|(at, rule)| found.rules.push(rule_at(rule, phase, from, at)));
    } else if let (Some(items), Some(_)) = (value.get("items").and_then(Value::as_array), value.get("name")) {
        found.lists.push(SourceList {
            from: from.to_owned(),
            name: text(value, "name").to_owned(),
            kind: text(value, "kind").to_owned(),
            description: text(value, "description").to_owned(),
            items: items.clone(),
        });
    }
}

fn rule_at(rule: &Value, phase: &str, from: &str, at: usize) -> SourceRule {
    SourceRule {
        from: format!("{from} rules[{at}]"),
        phase: phase.to_owned(),
        rule: rule.clone(),
    }
}
