//! A call of the API on its way to the object that answers it, and the answer, without the HTTP around them.

use serde::Serialize;

use crate::Problem;

/// One call of somebody who may make it.
#[derive(Debug, Clone, Copy)]
pub struct ApiRequest<'a> {
    /// `GET`, `PUT`, `POST` or `DELETE`.
    pub method: &'a str,
    /// Below `/_blobwatch/api/v1/`, for instance `rules/botnet-sig/modes/default`.
    pub path: &'a str,
    /// Without `?`.
    pub query: &'a str,
    pub body: &'a str,
    /// The header.
    pub if_match: Option<&'a str>,
    /// Name of the token that calls.
    pub actor: &'a str,
    pub now_ms: u64,
}

impl<'a> ApiRequest<'a> {
    /// A call that reads.
    #[must_use]
    pub const fn get(path: &'a str, query: &'a str, actor: &'a str, now_ms: u64) -> Self {
        Self {
            method: "GET",
            path,
            query,
            body: "",
            if_match: None,
            actor,
            now_ms,
        }
    }
}

/// The answer to a call that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiReply {
    pub status: u16,
    pub media_type: &'static str,
    pub body: String,
    /// Of the rulebook after the call, where the answer depends on it; `ETag` is this number in quotes.
    pub revision: Option<u64>,
}

impl ApiReply {
    /// An answer in JSON.
    ///
    /// # Errors
    /// 500 when the value cannot be written.
    pub fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Problem> {
        Ok(Self {
            status,
            media_type: "application/json",
            body: json_text(value)?,
            revision: None,
        })
    }

    /// The same answer, true for this revision of the rulebook.
    #[must_use]
    pub fn at_revision(self, revision: u64) -> Self {
        Self {
            revision: Some(revision),
            ..self
        }
    }
}

/// A value of ours in JSON.
///
/// # Errors
/// 500 when it cannot be written.
pub fn json_text<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| {
        let detail = format!("failed to write a value in JSON: {error}");
        Problem::new(500, "internal", "Internal error", detail)
    })
}
