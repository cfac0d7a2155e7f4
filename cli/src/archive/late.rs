//! Records that came after their time was archived: long downloads, isolates that could not send, events that others
//! push later.
//!
//! A record has the time of its request, so no cursor over times meets all of them. Each archived span is therefore
//! compared with the API's count again, at twice the age it had before and at least once a day, for as long as the
//! deployment has records of that time.

use std::collections::HashSet;

use super::Clock;
use super::book::Book;
use super::line::Line;
use super::manifest::Span;
use super::parts::of_records;
use super::read_ids::read_ids;
use super::records::{MAX_RECORDS, count};
use super::schemas::Schemas;
use crate::api::Api;
use crate::export::{Export, Window};
use crate::problem::Problem;
use blobwatch_pull::RecordId;

/// Adds what came late; how many records.
pub(super) fn archive(
    api: &Api,
    book: &mut Book<'_>,
    schemas: &Schemas,
    clock: &Clock,
) -> Result<u64, Problem> {
    let oldest_ms = clock.oldest_ms;
    book.manifest.spans.retain(|span| span.until_ms > oldest_ms);
    let mut archived = 0;
    for place in 0..book.manifest.spans.len() {
        let Some(span) = book.manifest.spans.get_mut(place) else {
            break;
        };
        if !span.window().is_due(span.compared_ms, clock.now_ms) {
            continue;
        }
        if Export::of_requests(api).count(span.window())? > span.requests {
            archived += add_missing(api, book, schemas, place)?;
        }
        if let Some(span) = book.manifest.spans.get_mut(place) {
            span.compared_ms = clock.now_ms;
        }
    }
    book.save()?;
    Ok(archived)
}

impl Span {
    fn window(&self) -> Window {
        Window {
            from_ms: self.from_ms,
            until_ms: self.until_ms,
        }
    }
}

fn add_missing(api: &Api, book: &mut Book<'_>, schemas: &Schemas, place: usize) -> Result<u64, Problem> {
    let Some(span) = book.manifest.spans.get(place) else {
        return Ok(0);
    };
    let mut rest = span.window();
    let known = known(book, span)?;
    let mut archived = 0;
    while rest.from_ms < rest.until_ms {
        let (window, _) = Export::of_requests(api).fitting(rest, MAX_RECORDS)?;
        let mut lines = Line::all(api, window)?;
        lines.retain(|line| !known.contains(&line.id));
        archived += lines.len() as u64;
        let requests: u64 = lines.iter().map(|line| line.weight).sum();
        let parts = of_records(&schemas.record, &lines)?;
        if !parts.is_empty() {
            book.add(&parts, |manifest| {
                count(manifest, window, &parts);
                if let Some(span) = manifest.spans.get_mut(place) {
                    span.requests += requests;
                    span.parts.extend(parts.iter().map(|part| part.name.clone()));
                }
            })?;
        }
        rest.from_ms = window.until_ms;
    }
    Ok(archived)
}

/// Ids of what is archived of a span. A file that was deleted since is not: whoever deletes is done with it.
fn known(book: &Book<'_>, span: &Span) -> Result<HashSet<RecordId>, Problem> {
    let mut known = HashSet::new();
    for name in &span.parts {
        if let Some(bytes) = book.place.get(name)? {
            known.extend(read_ids(name, bytes)?);
        }
    }
    Ok(known)
}
