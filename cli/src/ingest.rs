//! `blobwatch ingest`: whether what other parties push arrives, and what could not be read of it.

use blobwatch_wire::visible;
use serde_json::Value;

use crate::answer::{decimal, list, text};
use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::{Outcome, output};

/// Say which sources push events, how much and how late, and what could not be read
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ingest {
    /// Write JSON, as in the API
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch ingest
  blobwatch ingest --json | jq -r '.items[] | select(.silent_since) | .source'

Exit codes: 0 all that sent regularly still send and every line could be read, 1 not so, 2 usage or another error";

pub(crate) fn ingest(arguments: &Ingest) -> Result<Outcome, Problem> {
    let page = Api::new(&arguments.deployment)?.get("ingest")?;
    if arguments.json {
        output::json_line(&page.to_string())?;
    } else {
        lines(&page).iter().try_for_each(|line| output::line(line))?;
    }
    Ok(if list(&page, "items").iter().any(needs_somebody) {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

fn needs_somebody(source: &Value) -> bool {
    source.get("silent_since").is_some_and(Value::is_string) || decimal(source, "faults") > 0.0
}

fn lines(page: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for source in list(page, "items") {
        let of = |key: &str| decimal(source, key);
        lines.push(format!(
            "{}  last {}, {:.1} events/min, {} s late: {} lines, {} events ({} joined, {} repeats, {} dropped), {} not for blobs, \
             {} unreadable",
            visible(text(source, "source")),
            visible(source.get("last_received").and_then(Value::as_str).unwrap_or("never")),
            of("events_per_minute"),
            of("lag_s"),
            of("lines"),
            of("events"),
            of("joined"),
            of("repeats"),
            of("dropped"),
            of("not_blobs"),
            of("faults"),
        ));
        lines.extend(list(source, "refused").iter().filter_map(refused));
        if let Some(since) = source.get("silent_since").and_then(Value::as_str) {
            lines.push(format!("  silent since {}", visible(since)));
        }
        lines.extend(list(source, "last_faults").iter().map(|fault| {
            let (time, expected) = (text(fault, "time"), text(fault, "expected"));
            format!(
                "  {} line {}: expected {}",
                visible(time),
                decimal(fault, "line"),
                visible(expected)
            )
        }));
    }
    if lines.is_empty() {
        lines.push("Nobody has pushed anything; docs/upstream.md says how sources are set up.".to_owned());
    }
    lines
}

/// Bodies that were refused for one reason, if any were.
fn refused(one: &Value) -> Option<String> {
    let last = one.get("last").and_then(Value::as_str)?;
    let (status, bodies) = (decimal(one, "status"), decimal(one, "bodies"));
    Some(format!(
        "  {bodies} refused with {status}, last {}",
        visible(last)
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{lines, list, needs_somebody};

    #[test]
    fn a_source_is_a_line_and_what_is_wrong_stands_below() {
        let page = json!({"items": [{"source": "cloudflare", "last_received": "19:00", "events_per_minute": 12.5, "lag_s": 90,
            "lines": 40, "events": 30, "joined": 20, "repeats": 1, "dropped": 0, "not_blobs": 9, "faults": 1,
            "refused": [{"status": 413, "bodies": 2, "last": "18:58"}, {"status": 429, "bodies": 0, "last": null}],
            "silent_since": "19:00", "last_faults": [{"time": "18:59", "line": 3, "expected": "a time"}]}]});
        let expected = [
            "cloudflare  last 19:00, 12.5 events/min, 90 s late: 40 lines, 30 events (20 joined, 1 repeats, 0 dropped), 9 not for \
             blobs, 1 unreadable",
            "  2 refused with 413, last 18:58",
            "  silent since 19:00",
            "  18:59 line 3: expected a time",
        ];
        assert_eq!(lines(&page), expected);
        assert!(list(&page, "items").iter().all(needs_somebody));
        assert!(lines(&json!({"items": []}))[0].contains("docs/upstream.md"));
    }
}
