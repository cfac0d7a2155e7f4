//! Entries of the audit log, by their numbers: they are in order and never change.

use std::io::{BufRead, BufReader, Read};

use blobwatch_rule_book::AuditItem;
use blobwatch_wire::parse_rfc3339;
use serde_json::Value;
use serde_json::value::RawValue;

use super::book::Book;
use super::parts::{Part, day};
use super::schemas::Schemas;
use super::table::Table;
use crate::api::Api;
use crate::problem::Problem;

/// Entries of one file: before and after of a whole rulebook are some megabytes at most, few are.
const MAX_ENTRIES: usize = 1_000;

/// Bytes of the entries of one file.
const MAX_BYTES: usize = 64 << 20;

/// Entries of one day that wait to be written.
#[derive(Default)]
struct Waiting {
    day: String,
    items: Vec<AuditItem>,
    bytes: usize,
}

/// Archives what came since the last run; how many entries.
pub(super) fn archive(api: &Api, book: &mut Book<'_>, schemas: &Schemas) -> Result<u64, Problem> {
    let path = format!("audit?format=ndjson&after={}", book.manifest.audit_seq);
    let (mut waiting, mut archived) = (Waiting::default(), 0);
    for line in lines(api.stream(&path)?) {
        let line = line?;
        let item = AuditItem::read(&line).map_err(|error| Problem::Api(format!("audit: {error}")))?;
        let day = parse_rfc3339(&item.time).map(day).unwrap_or_default();
        if waiting.is_full_for(&day, line.len()) {
            waiting.write(book, schemas)?;
            waiting = Waiting::default();
        }
        waiting.day = day;
        waiting.bytes += line.len();
        waiting.items.push(item);
        archived += 1;
    }
    waiting.write(book, schemas)?;
    Ok(archived)
}

fn lines(export: impl Read) -> impl Iterator<Item = Result<String, Problem>> {
    let interrupted =
        |error: std::io::Error| Problem::Api(format!("the export of the audit log was interrupted: {error}"));
    let lines = BufReader::new(export).lines();
    lines.map(move |line| line.map_err(interrupted))
}

impl Waiting {
    fn is_full_for(&self, day: &str, bytes: usize) -> bool {
        let is_full = self.items.len() >= MAX_ENTRIES || self.bytes + bytes > MAX_BYTES;
        !self.items.is_empty() && (is_full || self.day != day)
    }

    fn write(&self, book: &mut Book<'_>, schemas: &Schemas) -> Result<(), Problem> {
        let (Some(first), Some(last)) = (self.items.first(), self.items.last()) else {
            return Ok(());
        };
        let mut table = Table::new(&schemas.audit);
        for item in &self.items {
            let pushed = row(item).and_then(|row| table.push(&row));
            pushed.map_err(|error| Problem::Api(format!("audit entry {}: {error}", item.seq)))?;
        }
        let part = Part {
            name: format!("audit/day={}/part-{}-{}.parquet", self.day, first.seq, last.seq),
            bytes: table.finish()?,
            records: self.items.len() as u64,
        };
        let seq = last.seq;
        book.add(&[part], |manifest| manifest.audit_seq = seq)
    }
}

/// `before` and `after` stay as they are, byte for byte: hashes are of these bytes.
fn row(item: &AuditItem) -> Result<Value, String> {
    let mut row = serde_json::to_value(item).map_err(|error| error.to_string())?;
    let text = |raw: Option<&RawValue>| raw.map_or(Value::Null, |raw| raw.get().into());
    if let Some(row) = row.as_object_mut() {
        row.insert("before".to_owned(), text(item.before.as_deref()));
        row.insert("after".to_owned(), text(item.after.as_deref()));
    }
    Ok(row)
}
