//! `blobwatch cohorts`: whose pulls have more of some event than is expected of them.

use std::cmp::Reverse;

use blobwatch_wire::visible;
use serde_json::Value;

use crate::answer::{decimal, list, number, text};
use crate::api::{Api, Deployment, with_query};
use crate::problem::Problem;
use crate::records::filter;
use crate::{Outcome, output};

/// Values that are printed, and events from which a value is.
const MAX_VALUES: usize = 20;
const MIN_EVENTS: u64 = 3;

/// From so many times the expectation on, a value is said to stand out.
const STANDS_OUT: f64 = 3.0;

/// Say whose pulls have more events of a kind than is expected of them
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Events of this kind
    #[arg(default_value = "resume_surge")]
    kind: String,
    /// Only values of this attribute, such as repository or os
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,
    /// Only of those with these values, separated by commas; may be repeated
    #[arg(long = "where", value_name = "NAME=VALUES", value_parser = filter)]
    filters: Vec<(String, String)>,
    /// A time, or how long ago
    #[arg(long, default_value = "-1h", allow_hyphen_values = true)]
    since: String,
    #[arg(long, allow_hyphen_values = true)]
    until: Option<String>,
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch cohorts start_failed                                    whose starts fail, by every attribute
  blobwatch cohorts start_failed --by repository --where colo=FRA,LHR
  blobwatch cohorts resume_surge --since -6h --json

Exit codes: 0 nothing stands out, 1 something has three times what is expected, 2 usage or another error";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let mut query = vec![
        ("kind".to_owned(), arguments.kind.clone()),
        ("since".to_owned(), arguments.since.clone()),
    ];
    query.extend(
        arguments
            .until
            .iter()
            .map(|until| ("until".to_owned(), until.clone())),
    );
    if let Some(by) = &arguments.by {
        let other = if by == "colo" { "os" } else { "colo" };
        query.extend([("x".to_owned(), other.to_owned()), ("y".to_owned(), by.clone())]);
    }
    query.extend(arguments.filters.iter().cloned());
    let answer = Api::new(&arguments.deployment)?.get(&with_query("cohorts", &query))?;
    let rows = rows(&answer, arguments.by.as_deref());
    if arguments.json {
        output::json_line(&format!("{answer:#}"))?;
    } else {
        output::text(&in_words(&answer, &rows))?;
    }
    let stands_out = rows.iter().any(|(_, row)| decimal(row, "ratio") >= STANDS_OUT);
    Ok(if stands_out {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

/// Attribute and value, those that stand out most first.
fn rows<'a>(answer: &'a Value, by: Option<&str>) -> Vec<(&'a str, &'a Value)> {
    let attributes = list(answer, "attributes").iter();
    let attributes = attributes.map(|one| (text(one, "attribute"), list(one, "values")));
    let attributes = attributes.filter(|(name, _)| by.is_none_or(|by| by == *name));
    let rows = attributes.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let mut rows: Vec<(&str, &Value)> = rows
        .filter(|(_, row)| number(row, "events") >= MIN_EVENTS)
        .collect();
    rows.sort_by(|(_, a), (_, b)| {
        let events = |row| Reverse(number(row, "events"));
        let ratio = |row| decimal(row, "ratio");
        ratio(b).total_cmp(&ratio(a)).then(events(a).cmp(&events(b)))
    });
    rows.truncate(MAX_VALUES);
    rows
}

fn in_words(answer: &Value, rows: &[(&str, &Value)]) -> String {
    let mut words = format!("{:>10} {:>12} {:>8}\n", "events", "expected", "ratio");
    for (attribute, row) in rows {
        let events = match decimal(row, "events_error") > 0.0 {
            true => format!("~{}", number(row, "events")),
            false => number(row, "events").to_string(),
        };
        let expected = decimal(row, "expected");
        let value = visible(text(row, "value"));
        words.push_str(&format!(
            "{events:>10} {expected:>12.1} {:>8}  {attribute} {value}\n",
            times(decimal(row, "ratio"))
        ));
    }
    if rows.is_empty() {
        words.push_str(&format!("no value has {MIN_EVENTS} events\n"));
    }
    if let Some(sample) = answer.get("sample").filter(|sample| !sample.is_null()) {
        let events = sample.get("events").unwrap_or(&Value::Null);
        words.push_str(&format!(
            "~: estimated since {} from {} sampled of {} events\n",
            text(sample, "since"),
            number(events, "sampled"),
            number(events, "of")
        ));
    }
    words
}

/// Nothing expected has no ratio that says more than "over 1,000x".
fn times(ratio: f64) -> String {
    if ratio > 1_000.0 {
        ">1,000x".to_owned()
    } else {
        format!("{ratio:.1}x")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{filter, in_words, rows};

    #[test]
    fn what_stands_out_most_comes_first_and_estimates_are_marked() {
        let row = |value: &str, events: u64, expected: f64, ratio: f64| json!({"value": value, "trials": 900, "events": events, "expected": expected, "ratio": ratio});
        let mut sampled = row("team/3", 412, 10.0, 41.2);
        sampled["events_error"] = json!(18.2);
        let answer = json!({
            "attributes": [
                {"attribute": "os", "values": [row("amzn2", 61, 4.1, 14.9), row("el8", 2, 0.1, 20.0)]},
                {"attribute": "repository", "values": [sampled]},
                {"attribute": "tcp", "values": [row("a", 5, 0.0, 5_000_000.0)]},
            ],
            "sample": {"since": "2020-07-05T19:00:00.000Z", "events": {"sampled": 90, "of": 473}, "trials": {"sampled": 1, "of": 2}},
        });
        assert_eq!(
            in_words(&answer, &rows(&answer, None)),
            "    events     expected    ratio\n         5          0.0  >1,000x  tcp a\n      ~412         10.0    41.2x  repository team/3\n        61          4.1    14.9x  os amzn2\n~: estimated since 2020-07-05T19:00:00.000Z from 90 sampled of 473 events\n"
        );
        assert_eq!(rows(&answer, Some("os")).len(), 1);
        let nothing = json!({"attributes": [], "sample": null});
        assert!(in_words(&nothing, &rows(&nothing, None)).ends_with("no value has 3 events\n"));
    }

    #[test]
    fn a_filter_has_a_name() {
        assert_eq!(
            filter("tcp=4:64,7:mss=1").unwrap(),
            ("tcp".to_owned(), "4:64,7:mss=1".to_owned())
        );
        assert!(filter("os").is_err());
    }
}
