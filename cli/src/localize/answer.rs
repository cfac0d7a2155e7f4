//! The answer as one line of JSON.

use std::collections::BTreeMap;

use blobwatch_detect::localize::Cause;
use serde::Serialize;

use crate::problem::Problem;

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    causes: Vec<CauseEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A cause; the cohort has one entry per attribute that is not left open, so everyone is `{}`.
#[derive(Serialize)]
struct CauseEntry<'a> {
    cohort: BTreeMap<&'a str, &'a [String]>,
    observed: f64,
    expected: f64,
    score: f64,
}

/// `{"file": …, "causes": […]}`, without `file` where there is one input only.
pub(super) fn line(file: Option<&str>, causes: &[Cause]) -> String {
    let answer = Answer {
        file,
        causes: causes.iter().map(named).collect(),
        error: None,
    };
    text(&answer)
}

/// The line of a file that could not be read: `{"file": …, "causes": [], "error": …}`.
pub(super) fn unread(file: &str, problem: &Problem) -> String {
    text(&Answer {
        file: Some(file),
        causes: Vec::new(),
        error: Some(problem.to_string()),
    })
}

fn text(answer: &Answer<'_>) -> String {
    // Maps with string keys and finite numbers always serialise.
    serde_json::to_string(answer).unwrap_or_default()
}

fn named(cause: &Cause) -> CauseEntry<'_> {
    let literals = cause.cohort.literals.iter();
    CauseEntry {
        cohort: literals
            .map(|literal| (literal.attribute.as_str(), literal.values.as_slice()))
            .collect(),
        observed: rounded(cause.observed),
        expected: rounded(cause.expected),
        score: rounded(cause.score),
    }
}

/// Six significant digits: what follows is the rounding of sums.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
