//! `GET ingest`: who pushes events, how much and how late, and what could not be read.

use crate::ingest::IngestSource;
use crate::store::Detector;
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Problem};

pub(super) fn list<S: Sql>(
    store: &Detector<S>,
    query: &str,
    now_ms: u64,
) -> Result<List<IngestSource>, Problem> {
    let page = Page::parse(query)?;
    let sources = store.ingest_sources()?;
    let items = sources.into_iter().map(|(source, state)| {
        let item = state.item(&source, now_ms);
        (source, item)
    });
    page.keyed(items.collect())
}
