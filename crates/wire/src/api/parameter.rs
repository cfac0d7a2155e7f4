//! Parameters of a call's query: which a call takes, and what is expected of their values.
//!
//! In scope: refusing what a call does not take. Not in scope: reading values, which the call's own crate does
//! ([`Parameters`](crate::Parameters) and `blobwatch_fire_log`); a test compares the two (`crates/openapi`).

use form_urlencoded::parse;
use serde_json::{Value, json};

use super::ApiCall;
use crate::parameters::{repeated, unknown};
use crate::problem::{Place, Problem};

/// Wrong parameters that one answer names.
const MAX_FAULTS: usize = 50;

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiParameter {
    pub name: &'static str,
    pub value: ParameterValue,
    pub occurs: Occurs,
    /// What it does, for a person.
    pub about: &'static str,
}

/// How often a parameter may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    Once,
    /// The call needs it.
    Required,
    /// As often as there are values, any of which matches.
    Repeated,
    /// The same, and with `!` after the name for values that must not match.
    Filter,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterValue {
    Text,
    /// RFC 3339, or a time ago.
    Time,
    Whole {
        least: u64,
        most: u64,
    },
    /// One of these.
    Word(&'static [&'static str]),
    /// Up to so many of these, each once, with commas between.
    Words(&'static [&'static str], usize),
    /// Texts with commas between.
    Texts,
}

impl ParameterValue {
    /// What JSON Schema says of it.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Time => json!({
                "type": "string",
                "description": "RFC 3339, or a time ago with its unit",
                "examples": ["2020-07-05T19:00:00Z", "-15m", "-2h"],
            }),
            Self::Whole { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Words(words, most) => json!({
                "type": "array",
                "items": {"type": "string", "enum": words},
                "minItems": 1,
                "maxItems": most,
                "uniqueItems": true,
            }),
            Self::Texts => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        }
    }
}

impl ApiCall {
    /// All parameters, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static ApiParameter> {
        self.parameters.iter().copied().flatten()
    }

    /// Refuses what the call does not take.
    ///
    /// # Errors
    /// 400 that names the parameter, and those that the call takes.
    pub fn check_query(&self, query: &str) -> Result<(), Problem> {
        let known: Vec<&str> = self.parameters().map(|known| known.name).collect();
        let mut seen = Vec::new();
        let mut faults: Vec<Place> = Vec::new();
        for (name, _) in parse(query.as_bytes()) {
            let message = match self.parameter(&name) {
                None => unknown(&name, &known),
                Some(parameter) if !parameter.repeats() && seen.contains(&parameter.name) => repeated(),
                Some(parameter) => {
                    seen.push(parameter.name);
                    continue;
                }
            };
            let place = format!("query.{name}");
            if faults.len() < MAX_FAULTS && !faults.iter().any(|known| known.place == place) {
                faults.push(Place::new(place, message));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::unreadable(faults))
        }
    }

    fn parameter(&self, name: &str) -> Option<&'static ApiParameter> {
        self.parameters().find(|known| {
            known.name == name || (known.excludes() && name.strip_suffix('!') == Some(known.name))
        })
    }
}

impl ApiParameter {
    /// Whether it may be there several times.
    #[must_use]
    pub const fn repeats(&self) -> bool {
        matches!(self.occurs, Occurs::Repeated | Occurs::Filter)
    }

    /// Whether its name with `!` is a parameter too.
    #[must_use]
    pub const fn excludes(&self) -> bool {
        matches!(self.occurs, Occurs::Filter)
    }

    pub(super) const fn once(name: &'static str, value: ParameterValue, about: &'static str) -> Self {
        Self {
            name,
            value,
            occurs: Occurs::Once,
            about,
        }
    }

    pub(super) const fn filter(name: &'static str, value: ParameterValue, about: &'static str) -> Self {
        Self {
            occurs: Occurs::Filter,
            ..Self::once(name, value, about)
        }
    }
}
