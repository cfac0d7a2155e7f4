//! Records of spans of time, from the API, in pieces that fit into memory.

use std::io::{BufRead, BufReader};

use blobwatch_wire::rfc3339;

use crate::answer::{number, texts};
use crate::api::Api;
use crate::problem::Problem;

/// Records of one export of the API.
const MAX_EXPORT: usize = 1_000_000;

/// Records are deleted by the segment, which spans at most six hours, and the hour.
const BEYOND_RETENTION_MS: u64 = 7 * 3_600_000;

/// Windows that were read are looked at again for records that came late, at least so often.
const MOST_MS: u64 = 24 * 3_600_000;

/// Milliseconds since 1970; the end is not in it.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
}

/// Which records, and as what.
pub(crate) struct Export<'a> {
    pub(crate) api: &'a Api,
    /// `requests` or `fires`.
    pub(crate) path: &'a str,
    /// Filters of the call, each with `&` before it.
    pub(crate) filters: String,
    /// In whose words lines are; the API's own unless given.
    pub(crate) schema: Option<&'a str>,
}

impl<'a> Export<'a> {
    /// Every record, as docs/records.md has it.
    pub(crate) fn of_requests(api: &'a Api) -> Self {
        Self {
            api,
            path: "requests",
            filters: String::new(),
            schema: None,
        }
    }

    /// Requests by weight: at least as many as there are records.
    ///
    /// # Errors
    /// When a FireLog does not answer: what it has would be missed.
    pub(crate) fn count(&self, window: Window) -> Result<u64, Problem> {
        let (path, filters) = (self.path, &self.filters);
        let path = format!("{path}/summary?by=colo&limit=1&{}{filters}", window.query());
        let summary = self.api.get(&path)?;
        match texts(&summary, "incomplete").as_slice() {
            [] => Ok(number(&summary, "requests")),
            silent => Err(Problem::Api(format!(
                "{} did not answer: run it again, and it continues here",
                silent.join(", ")
            ))),
        }
    }

    /// A line for each record.
    pub(crate) fn lines(&self, window: Window) -> Result<Vec<String>, Problem> {
        let (path, filters) = (self.path, &self.filters);
        let schema = self
            .schema
            .map_or(String::new(), |schema| format!("&schema={schema}"));
        let path = format!(
            "{path}?format=ndjson&limit={MAX_EXPORT}&{}{filters}{schema}",
            window.query()
        );
        let lines = BufReader::new(self.api.stream(&path)?).lines();
        let lines = lines.collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| Problem::Api(format!("the export was interrupted: {error}")))?;
        if lines.len() < MAX_EXPORT {
            Ok(lines)
        } else {
            Err(Problem::Api(format!(
                "expected fewer than {MAX_EXPORT} records from {}",
                rfc3339(window.from_ms)
            )))
        }
    }

    /// The beginning of a window that has at most so many requests, and how many it has.
    pub(crate) fn fitting(&self, mut window: Window, most: u64) -> Result<(Window, u64), Problem> {
        loop {
            let count = self.count(window)?;
            if count <= most || window.is_a_millisecond() {
                return Ok((window, count));
            }
            window = window.half();
        }
    }
}

/// No record of the deployment is older.
pub(crate) fn oldest_ms(api: &Api, now_ms: u64) -> Result<u64, Problem> {
    let retention_ms = number(&api.get("settings")?, "retention_hours") * 3_600_000;
    Ok(now_ms.saturating_sub(retention_ms + BEYOND_RETENTION_MS))
}

impl Window {
    fn query(self) -> String {
        let (since, until) = (rfc3339(self.from_ms), rfc3339(self.until_ms));
        format!("since={since}&until={until}")
    }

    /// The first half.
    fn half(self) -> Self {
        Self {
            until_ms: self.from_ms.midpoint(self.until_ms).max(self.from_ms + 1),
            ..self
        }
    }

    /// Whether it is twice as old as it was when it was last compared with the API's count. A record has the time of its
    /// request and comes when its download has ended, so no position in time meets all of them.
    pub(crate) fn is_due(self, compared_ms: u64, now_ms: u64) -> bool {
        let age_then = compared_ms.saturating_sub(self.until_ms);
        now_ms.saturating_sub(compared_ms) >= age_then.min(MOST_MS)
    }

    fn is_a_millisecond(self) -> bool {
        self.from_ms + 1 >= self.until_ms
    }
}
