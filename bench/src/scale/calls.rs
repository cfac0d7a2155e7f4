//! Calls of the API that an operator's page makes of the Detector.

use super::centre::Centre;
use anyhow::Result;

/// As a page opens (six hours of a timeline, one of cohorts), and what it asks for then.
const CALLS: [(&str, &str); 6] = [
    ("timeline", ""),
    ("timeline", "by=colo"),
    ("timeline", "by=os&route=hub"),
    ("cohorts", "kind=resume_surge&x=colo&y=os"),
    ("cohorts", "kind=resume_surge&x=family&y=asn"),
    ("timeline", "since=-24h"),
];

const RUNS: usize = 5;

/// Each call, and the milliseconds of CPU that it took.
///
/// # Errors
/// When one is refused.
pub(super) fn calls(centre: &Centre, now_ms: u64) -> Result<Vec<(String, Vec<f64>)>> {
    let timed = |(path, query): (&str, &str)| {
        let times: Result<Vec<f64>> = (0..RUNS).map(|_| centre.ask(path, query, now_ms)).collect();
        Ok((format!("{path} {query}").trim_end().to_owned(), times?))
    };
    CALLS.into_iter().map(timed).collect()
}
