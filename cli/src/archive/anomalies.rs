//! Anomalies, a file for each: it is written anew when the anomaly has changed.

use blobwatch_wire::{FNV_START, fnv1a, parse_rfc3339};
use serde_json::Value;

use super::book::Book;
use super::parts::day;
use super::schemas::Schemas;
use super::table::Table;
use crate::answer::{list, text};
use crate::api::{Api, escaped};
use crate::problem::Problem;
use std::collections::BTreeMap;

/// Pages of anomalies that are asked for.
const MAX_PAGES: usize = 1_000;

/// Archives what changed since the last run; how many anomalies.
pub(super) fn archive(api: &Api, book: &mut Book<'_>, schemas: &Schemas) -> Result<u64, Problem> {
    let (mut listed, mut archived) = (BTreeMap::new(), 0);
    for anomaly in all(api)? {
        let id = text(&anomaly, "id").to_owned();
        let state = format!("{:016x}", fnv1a(FNV_START, anomaly.to_string().as_bytes()));
        if book.manifest.anomalies.get(&id) != Some(&state) {
            write(book, schemas, &id, anomaly)?;
            archived += 1;
        }
        listed.insert(id, state);
    }
    book.manifest.anomalies = listed;
    book.save()?;
    Ok(archived)
}

fn all(api: &Api) -> Result<Vec<Value>, Problem> {
    let (mut anomalies, mut cursor) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let page = api.get(&format!("anomalies?limit=100{cursor}"))?;
        anomalies.extend(list(&page, "items").iter().cloned());
        match text(&page, "next_cursor") {
            "" => return Ok(anomalies),
            next => cursor = format!("&cursor={}", escaped(next)),
        }
    }
    Err(Problem::Api(format!(
        "expected at most {MAX_PAGES} pages of anomalies"
    )))
}

fn write(book: &Book<'_>, schemas: &Schemas, id: &str, mut anomaly: Value) -> Result<(), Problem> {
    let opened = parse_rfc3339(text(&anomaly, "opened")).map(day);
    let name = format!(
        "anomalies/day={}/{}.parquet",
        opened.unwrap_or_default(),
        escaped(id)
    );
    let whole = anomaly.to_string();
    if let Some(members) = anomaly.as_object_mut() {
        members.insert("json".to_owned(), whole.into());
    }
    let mut table = Table::new(&schemas.anomaly);
    table
        .push(&anomaly)
        .map_err(|error| Problem::Api(format!("anomaly {id}: {error}")))?;
    book.place.put(&name, &table.finish()?)
}
