//! What is asked of each FireLog, a few at a time.

use serde::Serialize;

use super::{FireLogs, waves};
use crate::LoadCall;
use crate::load::Load;
use blobwatch_records::colo_of;
use blobwatch_wire::MetricsPage;

/// Seconds of the minute that a load is of.
const SECONDS: f64 = 60.0;

/// As the API answers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoadList {
    items: Vec<LoadItem>,
    next_cursor: Option<String>,
    /// FireLogs that did not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

/// The last whole minute of one FireLog.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct LoadItem {
    name: String,
    colo: String,
    flushes_per_second: f64,
    records_per_second: f64,
    bytes_per_second: f64,
    /// How long a flush took, in the mean; 0 on Cloudflare, where clocks stand still while code runs.
    flush_ms: f64,
    /// Between the newest record of a flush and its arrival, in the mean over records.
    lag_ms: f64,
    size_bytes: u64,
    /// Records that were counted and not kept, where the rulebook keeps a sample of clients.
    left_out_per_second: f64,
    /// 1 is as much as a FireLog should have.
    utilisation: f64,
}

impl LoadItem {
    fn of(name: &str, load: &Load) -> Self {
        let per_second = |sum: u64| rounded(sum as f64 / SECONDS);
        Self {
            name: name.to_owned(),
            colo: colo_of(name).unwrap_or_default().to_ascii_uppercase(),
            flushes_per_second: per_second(load.flushes),
            records_per_second: per_second(load.records),
            bytes_per_second: per_second(load.bytes),
            flush_ms: rounded(load.flush_ms()),
            lag_ms: rounded(load.lag_ms()),
            size_bytes: load.size_bytes,
            left_out_per_second: per_second(load.left_out),
            utilisation: f64::from(load.utilisation()) / 1_000.0,
        }
    }

    /// Values of [`GAUGES`].
    fn gauges(&self) -> [f64; 8] {
        [
            self.flushes_per_second,
            self.records_per_second,
            self.bytes_per_second,
            self.flush_ms / 1_000.0,
            self.lag_ms / 1_000.0,
            self.size_bytes as f64,
            self.left_out_per_second,
            self.utilisation,
        ]
    }
}

/// Names, and what they are of.
const GAUGES: [(&str, &str); 8] = [
    ("flushes_per_second", "Flushes a second in the last minute."),
    ("records_per_second", "Records a second in the last minute."),
    (
        "bytes_per_second",
        "Bytes of flushes a second in the last minute.",
    ),
    ("flush_seconds", "Mean time of a flush in the last minute."),
    (
        "lag_seconds",
        "Mean time between the newest record of a flush and its arrival.",
    ),
    ("size_bytes", "Size of the database."),
    (
        "left_out_per_second",
        "Records a second that were counted and not kept, as a sample of clients is kept.",
    ),
    (
        "utilisation",
        "Load of the last minute; 1 is as much as a FireLog should have.",
    ),
];

/// Two digits behind the point.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// The load of every FireLog, by name.
pub async fn loads(fire_logs: &impl FireLogs, names: &[String]) -> LoadList {
    let answers = waves::each(fire_logs, names, |name| fire_logs.ask(name, &LoadCall)).await;
    let mut list = LoadList {
        items: Vec::new(),
        next_cursor: None,
        incomplete: Vec::new(),
    };
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Ok(load) => list.items.push(LoadItem::of(name, &load)),
            Err(_) => list.incomplete.push(name.clone()),
        }
    }
    list
}

/// The same as gauges of Prometheus.
pub async fn load_metrics(fire_logs: &impl FireLogs, names: &[String]) -> String {
    let items = loads(fire_logs, names).await.items;
    let mut page = MetricsPage::default();
    for (at, (name, help)) in GAUGES.iter().enumerate() {
        let metric = format!("blobwatch_fire_log_{name}");
        page.head(&metric, "gauge", help);
        for item in &items {
            let value = item.gauges().get(at).copied().unwrap_or_default();
            page.value(&metric, &[("fire_log", &item.name), ("colo", &item.colo)], value);
        }
    }
    page.0
}
