//! Whether a file is a sound rulebook, as far as that is known without a deployment: its form, its bounds, its names, every
//! expression, and what the whole compiles to.
//!
//! In scope: what a person writes, where versions and the state of stages are left out. Not in scope: previews, and whether
//! an enforcement may begin (`diff`).

use std::path::Path;

use blobwatch_rulebook::{Compiled, DocumentError, Program, Rulebook, check};
use blobwatch_wire::Place;
use serde_json::{Map, Value};

use crate::api::place_of;
use crate::problem::Problem;
use crate::{Outcome, input, output};

pub(super) fn run(file: &Path) -> Result<Outcome, Problem> {
    let name = input::name(file);
    match read(super::read(file)?) {
        Ok(compiled) => sound(&name, compiled),
        Err(places) => wrong(&name, &places),
    }
}

fn sound(name: &str, compiled: Compiled) -> Result<Outcome, Problem> {
    let book = &compiled.book;
    for (place, message) in warnings(book) {
        output::text(&format!("{name}: warning: {place}: {message}\n"))?;
    }
    let counts = [
        (book.rules.len(), "rules"),
        (book.routes.len(), "routes"),
        (book.modes.len(), "modes"),
        (book.lists.len(), "lists"),
    ];
    let counts = counts.map(|(count, what)| format!("{count} {what}")).join(", ");
    let size = Program::from(compiled).encode().len();
    output::text(&format!("{name}: ok: {counts}; {size} bytes compiled\n"))?;
    Ok(Outcome::Nothing)
}

fn wrong(name: &str, places: &[Place]) -> Result<Outcome, Problem> {
    for place in places {
        let place = serde_json::to_value(place).unwrap_or_default();
        output::text(&format!("{name}: {}\n", place_of(&place)))?;
    }
    Ok(Outcome::Found)
}

fn warnings(book: &Rulebook) -> Vec<(String, String)> {
    let checked = check(book).unwrap_or_default();
    let rules = checked.iter().zip(&book.rules);
    let told = rules.flat_map(|(checked, rule)| {
        let warnings = checked.warnings().into_iter();
        warnings.map(|warning| {
            (
                format!("rules/{}, byte {}", rule.id, warning.offset),
                warning.message,
            )
        })
    });
    told.collect()
}

fn places_of(error: DocumentError) -> Vec<Place> {
    match error {
        DocumentError::Invalid(places) => places,
        other => vec![Place::new("rulebook", other.to_string())],
    }
}

/// The document that the RuleBook would make of it.
pub(super) fn read(body: Value) -> Result<Compiled, Vec<Place>> {
    Compiled::from_json(&filled(body).to_string()).map_err(places_of)
}

/// With what the RuleBook fills in, and without what only a push reads.
fn filled(body: Value) -> Value {
    let Value::Object(mut fields) = body else {
        return body;
    };
    // The RuleBook says both, whatever the file does.
    fields.insert("schema".to_owned(), blobwatch_rulebook::SCHEMA.into());
    fields.entry("revision").or_insert_with(|| 0.into());
    fields.entry("modes").or_insert_with(|| Value::Array(Vec::new()));
    for (list, own) in [
        ("rules", own_of_rule as fn(&mut Map<String, Value>)),
        ("lists", version),
        ("modes", own_of_mode),
    ] {
        let entries = fields.get_mut(list).and_then(Value::as_array_mut);
        entries
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .for_each(own);
    }
    Value::Object(fields)
}

fn version(entry: &mut Map<String, Value>) {
    entry.entry("version").or_insert_with(|| 1.into());
}

fn own_of_rule(rule: &mut Map<String, Value>) {
    version(rule);
    rule.remove("force");
}

/// Steps, ends and guards in the form of a call are read by the deployment alone.
fn own_of_mode(mode: &mut Map<String, Value>) {
    for own in ["force", "preview", "expires"] {
        mode.remove(own);
    }
    if mode.get("stages").is_some_and(Value::is_array) {
        mode.remove("stages");
    }
    if mode.get("guard").is_some_and(|guard| !guard.is_u64()) {
        mode.remove("guard");
    }
}
