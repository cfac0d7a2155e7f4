//! Rows as files, by day and colo.

use std::collections::BTreeMap;

use blobwatch_wire::rfc3339;
use parquet::schema::types::TypePtr;
use serde_json::Value;

use super::line::Line;
use super::table::Table;
use crate::api::escaped;
use crate::problem::Problem;

/// As Hive, Spark and DuckDB name a value that is absent.
const NO_COLO: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file to be written.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) records: u64,
}

/// Of records of one day.
pub(super) fn of_records(schema: &TypePtr, lines: &[Line]) -> Result<Vec<Part>, Problem> {
    let mut colos: BTreeMap<String, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let colo = line.colo.as_deref().map_or(NO_COLO.to_owned(), escaped);
        colos.entry(colo).or_default().push(line);
    }
    let parts = colos.into_iter();
    parts.map(|(colo, lines)| of_colo(schema, &colo, lines)).collect()
}

fn of_colo(schema: &TypePtr, colo: &str, mut lines: Vec<&Line>) -> Result<Part, Problem> {
    lines.sort_by_key(|line| line.id);
    let mut table = Table::new(schema);
    for line in &lines {
        let row = serde_json::from_str::<Value>(&line.text).map_err(|error| error.to_string());
        row.and_then(|row| table.push(&row))
            .map_err(|error| Problem::Api(format!("record {}: {error}", line.id)))?;
    }
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return Err(Problem::Api("expected a record".to_owned()));
    };
    Ok(Part {
        name: format!(
            "records/day={}/colo={colo}/part-{}-{}.parquet",
            day(first.id.time_ms()),
            first.id,
            last.id
        ),
        bytes: table.finish()?,
        records: lines.len() as u64,
    })
}

/// `2026-11-30`, UTC.
pub(super) fn day(time_ms: u64) -> String {
    rfc3339(time_ms).chars().take(10).collect()
}
