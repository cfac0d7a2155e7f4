//! Records that are not archived yet, oldest first, in spans that fit into memory.

use super::Clock;
use super::book::Book;
use super::export::{MAX_RECORDS, Window};
use super::manifest::{Manifest, Span};
use super::parts::{Part, day, of_records};
use super::schemas::Schemas;
use crate::api::Api;
use crate::problem::Problem;

const DAY_MS: u64 = 86_400_000;

/// Archives up to a time; how many records.
pub(super) fn archive(
    api: &Api,
    book: &mut Book<'_>,
    schemas: &Schemas,
    clock: &Clock,
) -> Result<u64, Problem> {
    let (mut archived, mut length_ms) = (0, DAY_MS);
    while book.manifest.until_ms < clock.until_ms {
        let from_ms = book.manifest.until_ms;
        let wanted = Window {
            from_ms,
            until_ms: clock
                .until_ms
                .min(from_ms + length_ms)
                .min((from_ms / DAY_MS + 1) * DAY_MS),
        };
        let (window, count) = fitting(api, wanted)?;
        let lines = if count > 0 { window.lines(api)? } else { Vec::new() };
        archived += lines.len() as u64;
        let parts = of_records(&schemas.record, &lines)?;
        let requests = lines.iter().map(|line| line.weight).sum();
        book.add(&parts, |manifest| {
            note(manifest, window, requests, &parts, clock.now_ms)
        })?;
        // Traffic changes slowly: the next span is tried at twice the length.
        length_ms = (2 * (window.until_ms - from_ms)).min(DAY_MS);
    }
    Ok(archived)
}

/// The beginning of a window that fits into memory, and the requests in it.
pub(super) fn fitting(api: &Api, mut window: Window) -> Result<(Window, u64), Problem> {
    loop {
        let count = window.count(api)?;
        if count <= MAX_RECORDS || window.is_a_millisecond() {
            return Ok((window, count));
        }
        window = window.half();
    }
}

fn note(manifest: &mut Manifest, window: Window, requests: u64, parts: &[Part], now_ms: u64) {
    count(manifest, window, parts);
    manifest.spans.push(Span {
        from_ms: window.from_ms,
        until_ms: window.until_ms,
        requests,
        compared_ms: now_ms,
        parts: parts.iter().map(|part| part.name.clone()).collect(),
    });
    manifest.until_ms = window.until_ms;
}

/// Counts files of one day.
pub(super) fn count(manifest: &mut Manifest, window: Window, parts: &[Part]) {
    if parts.is_empty() {
        return;
    }
    let day = manifest.days.entry(day(window.from_ms)).or_default();
    day.parts += parts.len() as u64;
    day.records += parts.iter().map(|part| part.records).sum::<u64>();
}
