//! What the deployment is told of a run, so that its page can show up to when records are archived.
//!
//! Only for information: the manifest of the archive says what is in it, and a run is none the worse for a deployment that takes
//! no such word, because its build is older or because the token is a viewer's.

use std::path;

use blobwatch_wire::rfc3339;
use serde_json::json;

use super::manifest::Manifest;
use crate::api::Api;
use crate::problem::Problem;

/// Bytes of a problem that is told.
const MAX_PROBLEM: usize = 900;

/// A run, as far as it came.
#[derive(Default)]
pub(super) struct ArchiveRun {
    /// Before that time everything is archived.
    pub(super) until_ms: Option<u64>,
    pub(super) records: u64,
    pub(super) late: u64,
    /// What can no longer be archived.
    pub(super) missing: Option<String>,
}

impl ArchiveRun {
    pub(super) fn of(manifest: &Manifest) -> Option<u64> {
        let has_any = !manifest.days.is_empty() || !manifest.spans.is_empty();
        has_any.then_some(manifest.until_ms)
    }

    pub(super) fn tell(&self, api: &Api, to: &str, failed: Option<&Problem>) {
        let problem = failed.map(ToString::to_string).or_else(|| self.missing.clone());
        let problem = problem.map(|text| text.chars().take(MAX_PROBLEM / 4).collect::<String>());
        let body = json!({
            "place": place_of(to),
            "until": self.until_ms.map(rfc3339),
            "records": self.records,
            "late": self.late,
            "problem": problem,
        });
        let _ = api.send("POST", "archives", &body, None);
    }
}

/// A folder is named as others find it.
fn place_of(to: &str) -> String {
    if to.starts_with("s3://") {
        return to.to_owned();
    }
    path::absolute(to).map_or_else(|_| to.to_owned(), |folder| folder.display().to_string())
}
