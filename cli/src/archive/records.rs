//! Records that are not archived yet, oldest first, in spans that fit into memory.

use super::Clock;
use super::book::Book;
use super::line::Line;
use super::manifest::{Manifest, Span};
use super::parts::{Part, day, of_records};
use super::schemas::Schemas;
use crate::api::Api;
use crate::export::{Export, Window};
use crate::problem::Problem;

const DAY_MS: u64 = 86_400_000;

/// Records that are held in memory together, as their lines: 80 MB.
pub(super) const MAX_RECORDS: u64 = 65_536;

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
        let (window, count) = Export::of_requests(api).fitting(wanted, MAX_RECORDS)?;
        let lines = if count > 0 {
            Line::all(api, window)?
        } else {
            Vec::new()
        };
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
