//! What the platform measured on the connections of a report's examples: evidence that is not Blobwatch's own.

use super::report::{Document, Table};
use crate::speed;
use blobwatch_pull::Record;

/// A table, where the platform measured anything.
pub(super) fn connections(out: &mut Document, records: &[Record]) {
    let mut measured = records.iter().filter(|record| is_measured(record)).peekable();
    if measured.peek().is_none() {
        return;
    }
    out.heading("Connections");
    out.text(
        "Measured by the platform on the client's connection when the request came; the last column is how fast the body \
         came, as far as its end was observed.",
    );
    let mut table = Table::with(["id", "round trip", "delivery rate", "body"]);
    for record in measured {
        table.row([
            record.id.to_string(),
            said(record.rtt_ms.map(|ms| format!("{ms} ms"))),
            said(record.delivery_rate.map(|rate| speed(rate as f64))),
            said(body_rate(record).map(speed)),
        ]);
    }
    out.table(table);
}

fn is_measured(record: &Record) -> bool {
    record.rtt_ms.is_some() || record.delivery_rate.is_some()
}

fn said(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Bytes a second of a body that arrived.
fn body_rate(record: &Record) -> Option<f64> {
    let arrived = record.outcome == blobwatch_pull::Outcome::Completed && record.duration_ms > 0;
    let bytes = record.promised.filter(|_| arrived)?;
    Some(bytes as f64 * 1e3 / f64::from(record.duration_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_pull::{Outcome, sample};

    #[test]
    fn a_platform_that_measures_nothing_is_not_mentioned() {
        let mut out = Document::default();
        connections(&mut out, &[sample::full(), sample::sparse()]);
        assert_eq!(out, Document::default());
    }

    #[test]
    fn each_measure_is_said_as_far_as_it_is_there() {
        let slow = Record {
            rtt_ms: Some(187),
            delivery_rate: Some(1_420_000),
            outcome: Outcome::Completed,
            promised: Some(14_000_000),
            duration_ms: 10_000,
            ..sample::full()
        };
        let cut = Record {
            rtt_ms: None,
            outcome: Outcome::ClientClosed,
            ..slow.clone()
        };
        let mut out = Document::default();
        connections(&mut out, &[slow, sample::sparse(), cut]);
        let text = out.markdown();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| 01")).collect();
        assert_eq!(
            rows,
            [
                "| 01ECG5JWW728T5CY4TQG00001A | 187 ms | 1.4 MB/s | 1.4 MB/s |",
                "| 01ECG5JWW728T5CY4TQG00001A | - | 1.4 MB/s | - |"
            ]
        );
    }
}
