//! Terraform's resources of Cloudflare's provider, in the forms of its versions 3, 4 and 5.
//!
//! Variables have their defaults, and locals their values, as far as they are in the file; what depends on anything else
//! cannot be known here and is listed.

use std::collections::HashMap;

use hcl::eval::{Context, Evaluate};
use hcl::expr::{Expression, ObjectKey};
use hcl::structure::{Block, Body, Structure};
use serde_json::{Map, Value};

use super::source::{SourceList, SourceRule, SourceRules};
use crate::answer::text;

/// In place of a value that is not known, with why.
pub(super) const UNKNOWN: &str = "$unknown";

pub(super) fn read(text: &str, from: &str, found: &mut SourceRules) -> Result<(), String> {
    let body: Body = hcl::from_str(text).map_err(|error| error.to_string())?;
    let context = context(&body);
    let mut resources = Resources::default();
    for block in body.blocks().filter(|block| block.identifier() == "resource") {
        let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
        if let [kind, name] = labels.as_slice() {
            let value = of_body(block.body(), &context);
            resources.add(kind, name, &value, from, found);
        }
    }
    resources.join(from, found);
    Ok(())
}

/// `var.x` is its default, `local.x` its value.
fn context(body: &Body) -> Context<'static> {
    let mut context = Context::new();
    let mut variables = hcl::Map::new();
    for block in body.blocks().filter(|block| block.identifier() == "variable") {
        let name = block.labels().first().map(hcl::BlockLabel::as_str);
        let default = block
            .body()
            .attributes()
            .find(|attribute| attribute.key() == "default");
        if let (Some(name), Some(default)) = (name, default)
            && let Ok(value) = default.expr().evaluate(&Context::new())
        {
            variables.insert(name.to_owned(), value);
        }
    }
    context.declare_var("var", variables);
    let mut locals = hcl::Map::new();
    for block in body.blocks().filter(|block| block.identifier() == "locals") {
        for attribute in block.body().attributes() {
            if let Ok(value) = attribute.expr().evaluate(&context) {
                locals.insert(attribute.key().to_owned(), value);
            }
        }
    }
    context.declare_var("local", locals);
    context
}

/// Attributes by name; blocks of a name as a list.
fn of_body(body: &Body, context: &Context<'_>) -> Value {
    let mut fields = Map::new();
    for structure in body.iter() {
        match structure {
            Structure::Attribute(attribute) => {
                fields.insert(
                    attribute.key().to_owned(),
                    of_expression(attribute.expr(), context),
                );
            }
            Structure::Block(block) => add_block(&mut fields, block, context),
        }
    }
    Value::Object(fields)
}

fn add_block(fields: &mut Map<String, Value>, block: &Block, context: &Context<'_>) {
    let (name, value) = match (block.identifier(), block.labels().first()) {
        ("dynamic", Some(label)) => (
            label.as_str(),
            unknown("a dynamic block, whose rules Terraform makes"),
        ),
        (name, _) => (name, of_body(block.body(), context)),
    };
    let slot = fields
        .entry(name.to_owned())
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(values) = slot {
        values.push(value);
    }
}

fn of_expression(expression: &Expression, context: &Context<'_>) -> Value {
    match expression {
        Expression::Array(values) => values.iter().map(|value| of_expression(value, context)).collect(),
        Expression::Object(fields) => {
            let named = fields
                .iter()
                .map(|(key, value)| (name_of(key), of_expression(value, context)));
            Value::Object(named.collect())
        }
        Expression::Traversal(_) | Expression::Variable(_) => known(expression, context)
            .unwrap_or_else(|_| unknown(&format!("`{expression}`, which the file does not say"))),
        other => known(other, context).unwrap_or_else(|error| unknown(&error)),
    }
}

fn known(expression: &Expression, context: &Context<'_>) -> Result<Value, String> {
    let value = expression.evaluate(context).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn name_of(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Identifier(name) => name.as_str().to_owned(),
        ObjectKey::Expression(Expression::String(name)) => name.clone(),
        other => other.to_string(),
    }
}

fn unknown(why: &str) -> Value {
    let why = why.lines().next().unwrap_or_default();
    Value::Object(Map::from_iter([(UNKNOWN.to_owned(), Value::from(why))]))
}

/// Why a value, or what is in it, is not known.
pub(super) fn unknown_in(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => fields
            .get(UNKNOWN)
            .and_then(Value::as_str)
            .or_else(|| fields.values().find_map(unknown_in)),
        Value::Array(values) => values.iter().find_map(unknown_in),
        _ => None,
    }
}

/// What of one file belongs together.
#[derive(Default)]
struct Resources {
    /// Expressions by the name of their filter.
    filters: HashMap<String, Value>,
    firewall_rules: Vec<(String, Value)>,
}

impl Resources {
    fn add(&mut self, kind: &str, name: &str, value: &Value, from: &str, found: &mut SourceRules) {
        let from = format!("{from} {kind}.{name}");
        match kind {
            "cloudflare_ruleset" => ruleset(value, &from, found),
            "cloudflare_list" => list(value, &from, found),
            "cloudflare_filter" => {
                self.filters.insert(name.to_owned(), value.clone());
            }
            "cloudflare_firewall_rule" => self.firewall_rules.push((name.to_owned(), value.clone())),
            "cloudflare_list_item"
            | "cloudflare_rate_limit"
            | "cloudflare_access_rule"
            | "cloudflare_user_agent_blocking_rule" => {
                let why = format!("{kind} is not read; say it as a rule or as an item of a list");
                found.left_out.push((from, why));
            }
            _ => {}
        }
    }

    /// The expression of a firewall rule stands in its filter.
    fn join(self, from: &str, found: &mut SourceRules) {
        for (name, mut rule) in self.firewall_rules {
            let place = format!("{from} cloudflare_firewall_rule.{name}");
            let filter = rule.get("filter_id").map(Value::to_string).unwrap_or_default();
            let by_name =
                |(name, _): &(&String, &Value)| filter.contains(&format!("cloudflare_filter.{name}."));
            match self.filters.iter().find(by_name) {
                Some((_, filter)) => {
                    let expression = filter.get("expression").cloned().unwrap_or_default();
                    let paused = [&rule, filter]
                        .iter()
                        .any(|one| one.get("paused") == Some(&Value::Bool(true)));
                    if let Some(fields) = rule.as_object_mut() {
                        fields.insert("expression".to_owned(), expression);
                        fields.insert("enabled".to_owned(), Value::Bool(!paused));
                        fields.remove("filter_id");
                    }
                    found.rules.push(SourceRule {
                        from: place,
                        phase: "http_request_firewall_custom".to_owned(),
                        rule,
                    });
                }
                None => found
                    .left_out
                    .push((place, "its filter is not in the file".to_owned())),
            }
        }
    }
}

fn ruleset(value: &Value, from: &str, found: &mut SourceRules) {
    match value.get("rules") {
        Some(Value::Array(rules)) => {
            for (at, rule) in rules.iter().enumerate() {
                found.rules.push(SourceRule {
                    from: format!("{from} rules[{at}]"),
                    phase: text(value, "phase").to_owned(),
                    rule: rule.clone(),
                });
            }
        }
        Some(other) => {
            let why = unknown_in(other).unwrap_or("its rules are no list").to_owned();
            found.left_out.push((from.to_owned(), why));
        }
        None => {}
    }
}

fn list(value: &Value, from: &str, found: &mut SourceRules) {
    let items = value.get("items").or_else(|| value.get("item"));
    if let Some(why) = items.and_then(unknown_in) {
        found
            .left_out
            .push((from.to_owned(), format!("its items depend on {why}")));
        return;
    }
    found.lists.push(SourceList {
        from: from.to_owned(),
        name: text(value, "name").to_owned(),
        kind: text(value, "kind").to_owned(),
        description: text(value, "description").to_owned(),
        items: items.and_then(Value::as_array).cloned().unwrap_or_default(),
    });
}
