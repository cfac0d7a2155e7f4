//! The file: TOML or JSON by its extension.

use std::fs;
use std::path::Path;

use blobwatch_rulebook::{Rulebook, strict};
use serde_json::Value;

use crate::problem::Problem;
use crate::{input, output};

/// Bytes of a file: what the API takes.
const MAX_FILE: u64 = 2_000_000;

/// A rulebook as somebody wrote it.
pub(super) struct Document {
    /// What is sent.
    pub(super) body: Value,
    /// The revision that it was pulled at.
    pub(super) revision: Option<u64>,
    text: String,
}

fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"))
}

impl Document {
    /// Reads a file; with `force`, every enforcement in it is forced.
    pub(super) fn read(file: &Path, force: bool) -> Result<Self, Problem> {
        let text = input::text(file, MAX_FILE)?;
        let mut body = if is_toml(file) {
            let table: toml::Table =
                toml::from_str(&text).map_err(|error| wrong(file, format!("TOML: {error}")))?;
            json_of(toml::Value::Table(table))
        } else {
            strict(&text, "rulebook")
                .map_err(|fault| wrong(file, format!("JSON: {}: {}", fault.place, fault.message)))?
        };
        if !body.is_object() {
            return Err(wrong(
                file,
                "a rulebook: routes, rules, modes, settings".to_owned(),
            ));
        }
        if force {
            for list in ["rules", "modes"] {
                let entries = body.get_mut(list).and_then(Value::as_array_mut);
                for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
                    entry.insert("force".to_owned(), true.into());
                }
            }
        }
        let revision = body.get("revision").and_then(Value::as_u64);
        Ok(Self { body, revision, text })
    }

    /// Puts the new revision into the file's own line for it; everything else stays as somebody wrote it.
    pub(super) fn write_revision(&self, file: &Path, revision: u64) -> Result<(), Problem> {
        if file == Path::new("-") {
            return Ok(());
        }
        let Some(text) = with_revision(&self.text, is_toml(file), revision) else {
            output::complain(&format!(
                "{}: found no `revision` line to update; the revision is {revision}",
                input::name(file)
            ));
            return Ok(());
        };
        replace(file, &text)
    }
}

/// The live rulebook as text.
pub(super) fn written(live: &Value, file: &Path) -> Result<String, Problem> {
    if !is_toml(file) {
        return match typed(live) {
            Some(book) => serde_json::to_string_pretty(&book),
            None => serde_json::to_string_pretty(live),
        }
        .map(|text| text + "\n")
        .map_err(|error| Problem::Api(format!("the rulebook cannot be written as JSON: {error}")));
    }
    let text = match typed(live) {
        // In the order of the document, which is the one that people read it in.
        Some(book) => toml::to_string_pretty(&book),
        None => toml::to_string_pretty(&without_null(live.clone())),
    };
    text.map_err(|error| Problem::Api(format!("the rulebook cannot be written as TOML: {error}")))
}

/// `None` for a rulebook of a newer deployment: it is kept as it is.
fn typed(live: &Value) -> Option<Rulebook> {
    let book: Rulebook = serde_json::from_value(live.clone()).ok()?;
    let again = serde_json::to_value(&book).ok()?;
    says_all(&again, live).then_some(book)
}

/// Whether nothing of `live` is lost in what was read of it; what was left out there is its default here.
fn says_all(again: &Value, live: &Value) -> bool {
    match (again, live) {
        (_, Value::Null) => true,
        (Value::Object(again), Value::Object(live)) => live.iter().all(|(name, value)| {
            value.is_null() || again.get(name).is_some_and(|again| says_all(again, value))
        }),
        (Value::Array(again), Value::Array(live)) => {
            again.len() == live.len() && again.iter().zip(live).all(|(again, live)| says_all(again, live))
        }
        (Value::Number(again), Value::Number(live)) => again.as_f64() == live.as_f64(),
        (again, live) => again == live,
    }
}

/// TOML has no null: what is not there is not said.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_null(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        value => value,
    }
}

/// Dates are texts in the API.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(name, value)| (name, json_of(value)))
            .collect(),
    }
}

/// `None` where the line is not found: `revision = 12` before the first table, or `"revision": 12` at the least depth.
fn with_revision(text: &str, is_toml: bool, revision: u64) -> Option<String> {
    let name = if is_toml { "revision" } else { "\"revision\"" };
    let separator = if is_toml { '=' } else { ':' };
    let mut depth = 0_usize;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let own = line.trim_start();
        if is_toml && own.starts_with('[') {
            return None;
        }
        let rest = own
            .strip_prefix(name)
            .map(str::trim_start)
            .and_then(|rest| rest.strip_prefix(separator));
        if let Some(rest) = rest.filter(|_| is_toml || depth == 1) {
            let digits_at = at + line.len() - rest.trim_start().len();
            let digits = rest.trim_start().bytes().take_while(u8::is_ascii_digit).count();
            let (before, after) = (text.get(..digits_at)?, text.get(digits_at + digits..)?);
            return (digits > 0).then(|| format!("{before}{revision}{after}"));
        }
        // Braces inside of texts come after it: rulebooks begin with schema and revision.
        depth = (depth + line.matches(['{', '[']).count()).saturating_sub(line.matches(['}', ']']).count());
        at += line.len();
    }
    None
}

/// Writes a file whole or not at all.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Problem> {
    let failed = |source| Problem::Create {
        file: input::name(file),
        source,
    };
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, file).map_err(failed)
}

fn wrong(file: &Path, expected: String) -> Problem {
    Problem::File {
        file: input::name(file),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use blobwatch_rulebook::STARTER;
    use serde_json::Value;

    use super::{json_of, with_revision, without_null, written};

    #[test]
    fn what_is_pulled_reads_back_as_it_is() {
        let live: Value = serde_json::from_str(STARTER).unwrap();
        let toml = written(&live, Path::new("rulebook.toml")).unwrap();
        let back = json_of(toml::Value::Table(toml::from_str(&toml).unwrap()));
        let json: Value = serde_json::from_str(&written(&live, Path::new("rulebook.json")).unwrap()).unwrap();
        assert_eq!(back, without_null(json));
        assert!(toml.starts_with("schema = "), "{toml}");
    }

    #[test]
    fn a_rulebook_of_a_newer_deployment_is_kept_as_it_is() {
        let mut live: Value = serde_json::from_str(STARTER).unwrap();
        live["invented"] = serde_json::json!({"a": null, "b": [1, {"c": null}]});
        let toml = written(&live, Path::new("rulebook.TOML")).unwrap();
        let back = json_of(toml::Value::Table(toml::from_str(&toml).unwrap()));
        assert_eq!(back, without_null(live));
    }

    #[test]
    fn only_the_revision_is_rewritten() {
        #[track_caller]
        fn case(text: &str, is_toml: bool, expected: Option<&str>) {
            assert_eq!(with_revision(text, is_toml, 13).as_deref(), expected, "{text}");
        }
        case(
            "# mine\nschema = 1\nrevision = 12 # live\n[[rules]]\n",
            true,
            Some("# mine\nschema = 1\nrevision = 13 # live\n[[rules]]\n"),
        );
        case("[[rules]]\nrevision = 12\n", true, None);
        case("schema = 1\n", true, None);
        case(
            "{\n  \"schema\": 1,\n  \"revision\": 12,\n  \"rules\": []\n}\n",
            false,
            Some("{\n  \"schema\": 1,\n  \"revision\": 13,\n  \"rules\": []\n}\n"),
        );
        case("{\n  \"a\": {\n  \"revision\": 12\n}}", false, None);
        case("{\"revision\": 12}", false, None);
    }

    #[test]
    fn dates_are_texts() {
        let table = toml::from_str("expires = 2026-12-31T12:00:00Z\n").unwrap();
        assert_eq!(
            json_of(toml::Value::Table(table)),
            serde_json::json!({"expires": "2026-12-31T12:00:00Z"})
        );
    }
}
