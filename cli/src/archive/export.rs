//! Records of a span of time, from the API.

use std::io::{BufRead, BufReader};

use blobwatch_pull::RecordId;
use blobwatch_wire::rfc3339;
use serde::Deserialize;

use crate::answer::{number, texts};
use crate::api::Api;
use crate::problem::Problem;

/// Records of one export of the API.
const MAX_EXPORT: usize = 1_000_000;

/// Records that are held in memory together, as their lines: 80 MB.
pub(super) const MAX_RECORDS: u64 = 65_536;

/// Milliseconds since 1970; the end is not in it.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
}

/// A record as the API wrote it.
pub(super) struct Line {
    pub(super) id: RecordId,
    pub(super) colo: Option<String>,
    pub(super) weight: u64,
    pub(super) text: String,
}

impl Window {
    fn query(self) -> String {
        let (since, until) = (rfc3339(self.from_ms), rfc3339(self.until_ms));
        format!("since={since}&until={until}")
    }

    /// Requests by weight: at least as many as there are records.
    ///
    /// # Errors
    /// When a FireLog does not answer: what it has would be missed.
    pub(super) fn count(self, api: &Api) -> Result<u64, Problem> {
        let path = format!("requests/summary?by=colo&limit=1&{}", self.query());
        let summary = api.get(&path)?;
        match texts(&summary, "incomplete").as_slice() {
            [] => Ok(number(&summary, "requests")),
            silent => Err(Problem::Api(format!(
                "{} did not answer: run it again, and it continues here",
                silent.join(", ")
            ))),
        }
    }

    /// All of its records.
    pub(super) fn lines(self, api: &Api) -> Result<Vec<Line>, Problem> {
        let path = format!("requests?format=ndjson&limit={MAX_EXPORT}&{}", self.query());
        let mut lines = Vec::new();
        for line in BufReader::new(api.stream(&path)?).lines() {
            let text = line.map_err(|error| Problem::Api(format!("the export was interrupted: {error}")))?;
            lines.push(Line::read(text)?);
        }
        if lines.len() < MAX_EXPORT {
            Ok(lines)
        } else {
            Err(Problem::Api(format!(
                "expected fewer than {MAX_EXPORT} records from {}",
                rfc3339(self.from_ms)
            )))
        }
    }

    /// The first half.
    pub(super) fn half(self) -> Self {
        Self {
            until_ms: self.from_ms.midpoint(self.until_ms).max(self.from_ms + 1),
            ..self
        }
    }

    pub(super) fn is_a_millisecond(self) -> bool {
        self.from_ms + 1 >= self.until_ms
    }
}

impl Line {
    fn read(text: String) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Known {
            id: RecordId,
            colo: Option<String>,
            weight: u64,
        }
        let known: Known = serde_json::from_str(&text)
            .map_err(|error| Problem::Api(format!("expected a record, found {text:.100}: {error}")))?;
        Ok(Self {
            id: known.id,
            colo: known.colo,
            weight: known.weight,
            text,
        })
    }
}
