//! Records in the schemas of other tools: docs/exports.md has what becomes of each field.
//!
//! Whatever the schema, what a rule would have done and what was done stay apart: peers that merge them make a rule that only
//! watches look like one that blocks.

mod ecs;
mod logpush;
mod ocsf;
mod otlp;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use blobwatch_pull::{Action, Fired, Method, Outcome, PathShape, Record};

/// Whose names a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Schema {
    /// docs/records.md.
    #[default]
    Blobwatch,
    /// Open Cybersecurity Schema Framework: HTTP Activity with the profile Security Control.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// Cloudflare Logpush: the data set `http_requests`.
    Logpush,
    /// A log record of OpenTelemetry, in the JSON that collectors take.
    Otlp,
}

impl Schema {
    pub(crate) const NAMES: &str = "blobwatch, ocsf, ecs, logpush or otlp";

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "blobwatch" => Some(Self::Blobwatch),
            "ocsf" => Some(Self::Ocsf),
            "ecs" => Some(Self::Ecs),
            "logpush" => Some(Self::Logpush),
            "otlp" => Some(Self::Otlp),
            _ => None,
        }
    }

    /// One line, without its end.
    ///
    /// # Errors
    /// What cannot be written.
    pub(crate) fn line(self, record: &Record) -> Result<String, serde_json::Error> {
        match self {
            Self::Blobwatch => serde_json::to_string(record),
            Self::Ocsf => serde_json::to_string(&ocsf::event(record)),
            Self::Ecs => serde_json::to_string(&ecs::document(record)),
            Self::Logpush => serde_json::to_string(&logpush::request(record)),
            Self::Otlp => serde_json::to_string(&otlp::logs(record)),
        }
    }
}

/// What was done to the request, by us (the verdict) or by other parties, whose rules are among those that fired.
fn done(record: &Record) -> Action {
    let applied = record.fired.iter().map(|fired| fired.applied);
    applied.fold(record.verdict, Action::max)
}

/// Rules of which none was applied only `matched`, whatever they would have done and in whichever mode.
fn done_in_words(record: &Record) -> &'static str {
    match done(record) {
        Action::None if record.fired.is_empty() => "none",
        Action::None => "matched",
        Action::Block => "block",
        Action::Throttle => "throttle",
        Action::Detour => "detour",
        Action::Tag => "tag",
        Action::Allow => "allow",
    }
}

/// The first rule that did what was done: one that only tagged may stand before one that blocked.
fn decider(record: &Record) -> Option<&Fired> {
    let done = done(record);
    record.fired.iter().find(|fired| fired.applied == done)
}

fn is_refused(record: &Record) -> bool {
    matches!(done(record), Action::Block | Action::Throttle)
}

/// The path in its normal form; `None` where a record does not keep it: other shapes have more in them than it says.
fn path(record: &Record) -> Option<String> {
    let is_known =
        record.shape == PathShape::Oci && !record.repository.is_empty() && !record.digest.is_empty();
    is_known.then(|| format!("/v2/{}/blobs/{}", record.repository, record.digest))
}

fn status(record: &Record) -> Option<u16> {
    (record.status != 0).then_some(record.status)
}

/// Bytes of the body that was sent. What was promised says it only where all of it went out.
fn body_bytes(record: &Record) -> Option<u64> {
    let is_sent = record.method == Method::Get && record.outcome == Outcome::Completed;
    record.promised.filter(|_| is_sent)
}

/// Text that is there.
fn text(value: &str) -> Value {
    if value.is_empty() {
        Value::Null
    } else {
        json!(value)
    }
}

/// An object of what is there.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields
        .into_iter()
        .filter(|(_, value)| !is_nothing(value))
        .map(|(name, value)| (name.to_owned(), value));
    Value::Object(Map::from_iter(fields))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
