//! Traces of real clients: what their requests for one blob are recorded as, and files of that for the core's tests.
//!
//! `cargo xtask record` runs the tests that use this and writes `tests/data/clients/recorded-*.jsonl`.

use std::fmt::Write as _;
use std::fs::write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::stage::Stage;
use super::workerd::ROOT;

/// Set by `cargo xtask record`.
const RECORD: &str = "BLOBWATCH_RECORD";

/// What a trace says of itself.
pub(crate) struct Story {
    /// Name of the file.
    pub(crate) name: &'static str,
    /// Nothing is wrong.
    pub(crate) healthy: bool,
    /// Events that the requests count as.
    pub(crate) shows: &'static [&'static str],
    pub(crate) note: &'static str,
}

impl Story {
    /// The requests for the large blob have these kinds, oldest first.
    #[track_caller]
    pub(crate) fn is(&self, stage: &Stage, expected: &[&str]) {
        self.holds(stage, expected.len(), |kinds| kinds == expected);
    }

    /// There are so many requests for the large blob, or more, and this holds for their kinds.
    #[track_caller]
    pub(crate) fn holds(&self, stage: &Stage, at_least: usize, expected: impl Fn(&[String]) -> bool) {
        let large = &stage.registry.image.large().digest;
        let mut found = stage.records(&format!("digest={large}"), at_least);
        found.reverse();
        let kind = |record: &Value| record["range"]["kind"].as_str().unwrap().to_owned();
        let kinds: Vec<String> = found.iter().map(kind).collect();
        assert!(expected(&kinds), "{}: {kinds:?}\n{found:#?}", self.name);
        if std::env::var_os(RECORD).is_some() {
            self.keep(&found);
        }
    }

    fn keep(&self, records: &[Value]) {
        let size = records.iter().find_map(|record| record["size"].as_u64());
        let first = records.first().unwrap();
        let client = format!("{} {}", first["family"], first["version"]).replace('"', "");
        let head = json!({
            "client": client, "source": "recorded", "size": size, "healthy": self.healthy, "shows": self.shows,
            "note": self.note,
        });
        let began = millis(first);
        let mut text = format!("{head}\n");
        for record in records {
            writeln!(text, "{}", line(record, began)).unwrap();
        }
        let folder = Path::new(ROOT).join("tests/data/clients");
        write(folder.join(format!("recorded-{}.jsonl", self.name)), text).unwrap();
    }
}

/// A request as the core's tests read it.
fn line(record: &Value, began: u64) -> Value {
    let range = &record["range"];
    let mut line = Map::new();
    line.insert("at".to_owned(), json!(millis(record) - began));
    line.insert("took".to_owned(), record["duration_ms"].clone());
    if let Some(start) = range["start"].as_u64() {
        let end = range["end"]
            .as_u64()
            .map_or_else(String::new, |end| end.to_string());
        line.insert("range".to_owned(), json!(format!("bytes={start}-{end}")));
    }
    for name in ["status", "outcome"] {
        line.insert(name.to_owned(), record[name].clone());
    }
    line.insert("kind".to_owned(), range["kind"].clone());
    Value::Object(line)
}

/// Milliseconds of a day: a test does not run over midnight twice.
fn millis(record: &Value) -> u64 {
    let time = record["time"].as_str().unwrap();
    let digits = |from: usize, to: usize| time[from..to].parse::<u64>().unwrap();
    let day = digits(8, 10);
    (((day * 24 + digits(11, 13)) * 60 + digits(14, 16)) * 60 + digits(17, 19)) * 1000 + digits(20, 23)
}
