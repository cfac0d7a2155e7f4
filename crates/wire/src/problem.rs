//! Errors of the API as RFC 9457 problem documents.
//!
//! In scope: the document and the kinds that exist. Not in scope: HTTP responses (`src/control_plane`).

use serde::{Deserialize, Serialize};

use crate::did_you_mean;

/// Media type of the document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One problem, complete: nothing of the call was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:blobwatch:problem:<kind>`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// For a person: what happened and what to do.
    pub detail: String,
    /// Each place that is wrong and what was expected there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Place>,
    /// Where a browser signs in at an identity provider, beside a 401 of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<Box<str>>,
}

/// One wrong place of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Place {
    /// `query.limit`, `body.expression`, `path.route`, `header.authorization`.
    pub place: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// Byte offset of the first wrong character within the place, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// The line with `^^^` under the wrong word, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl Place {
    #[must_use]
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            offset: None,
            excerpt: None,
        }
    }
}

impl Problem {
    #[must_use]
    pub fn new(status: u16, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:blobwatch:problem:{kind}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            errors: Vec::new(),
            sign_in: None,
        }
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.strip_prefix("urn:blobwatch:problem:") == Some(kind)
    }

    /// The same, with the step of ours that failed for it; fits "failed to …".
    #[must_use]
    pub fn in_step(self, what: &str) -> Self {
        Self {
            detail: format!("failed to {what}: {}", self.detail),
            ..self
        }
    }

    /// 400: a parameter is unknown, or its value cannot be read.
    #[must_use]
    pub fn bad_parameter(place: Place) -> Self {
        let detail = format!("{}: {}", place.place, place.message);
        Self {
            errors: vec![place],
            ..Self::new(400, "bad-parameter", "Invalid parameter", detail)
        }
    }

    /// 400: parts of the body cannot be read.
    #[must_use]
    pub fn unreadable(errors: Vec<Place>) -> Self {
        let detail = joined(&errors);
        Self {
            errors,
            ..Self::new(400, "bad-parameter", "Invalid parameter", detail)
        }
    }

    /// 422: the body is well-formed and says something that cannot be.
    #[must_use]
    pub fn invalid(errors: Vec<Place>) -> Self {
        let detail = joined(&errors);
        Self {
            errors,
            ..Self::new(422, "invalid", "Invalid request", detail)
        }
    }

    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", "Not found", format!("there is no {what}"))
    }

    /// 404 for a name in the path, with the one that may have been meant. `kind` is what it names: a rule, a route.
    #[must_use]
    pub fn no_such<'n>(kind: &str, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        let what = format!("{kind} {name:?}{}", did_you_mean(name, known));
        let place = Place::new(format!("path.{kind}"), format!("there is no {what}"));
        Self {
            errors: vec![place],
            ..Self::not_found(&what)
        }
    }
}

fn joined(errors: &[Place]) -> String {
    let told: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.place, error.message))
        .collect();
    told.join("; ")
}
