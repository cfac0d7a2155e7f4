//! Where records go.

use blobwatch_pull::RecordId;
use serde_json::Value;

use super::collector::Collector;
use crate::output;
use crate::problem::Problem;

pub(super) enum Sink {
    /// Standard output; in whose words.
    Lines(String),
    Collector(Collector),
}

/// A record in somebody's words.
pub(super) struct Line {
    pub(super) id: RecordId,
    pub(super) text: String,
}

impl Sink {
    pub(super) fn read(&self, text: String) -> Result<Line, Problem> {
        let schema = match self {
            Self::Lines(schema) => schema,
            Self::Collector(_) => "otlp",
        };
        let id = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|line| line.pointer(place_of_id(schema))?.as_str()?.parse().ok());
        let expected = || Problem::Api(format!("expected a record, found {text:.100}"));
        let id = id.ok_or_else(expected)?;
        Ok(Line { id, text })
    }

    /// Oldest first; how many were not kept.
    pub(super) fn send(&self, lines: &[Line]) -> Result<u64, Problem> {
        match self {
            Self::Lines(_) => {
                let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
                output::raw(text.as_bytes()).map(|()| 0)
            }
            Self::Collector(collector) => collector.send(lines),
        }
    }
}

/// docs/exports.md says where the record's id is.
fn place_of_id(schema: &str) -> &'static str {
    match schema {
        "ocsf" => "/metadata/uid",
        "ecs" => "/event/id",
        "logpush" => "/Blobwatch/id",
        "otlp" => "/resourceLogs/0/scopeLogs/0/logRecords/0/attributes/0/value/stringValue",
        _ => "/id",
    }
}
