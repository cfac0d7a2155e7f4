//! `blobwatch detect`: counts over time in, anomalies as JSON lines out.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use blobwatch_detect::incident::{Anomaly, Event};
use blobwatch_detect::monitor::{Cell, Monitor, Settings};

use crate::problem::Problem;
use crate::{Outcome, input};

mod moment;
mod rows;
mod slots;

use moment::Style;
use rows::{Row, Rows};
use slots::Slots;

/// Find anomalies in counts over time
#[derive(clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// CSV with the columns time,<attributes…>,trials,events; - reads standard input
    file: PathBuf,

    /// Length of a slot in seconds [default: the smallest step between the first times; 10 for slot numbers]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    slot: Option<u64>,

    /// At most one false alarm in so many days on average, over all cohorts
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = days)]
    false_alarm_days: f64,
}

const ABOUT: &str = "Find anomalies in counts over time

Reads how many trials and events every combination of attributes had in each slot, in order of time, and writes one JSON
line for each anomaly: when it opened and closed (null: still open at the end), the cohort ({} is everything), the
evidence in nats, and how many slots a rise of this size needs on average until it is found.
The time is RFC 3339, seconds since 1970, or the number of a slot (below 100,000,000). What is normal is learned from the
file itself: an anomaly is found once the cohort has some past.";

const EXAMPLES: &str = "Examples:
  blobwatch detect counts.csv
  zcat counts.csv.gz | blobwatch detect - | jq .cohort
  blobwatch detect --slot 60 --false-alarm-days 90 counts.csv

  time,colo,os,trials,events
  2020-07-05T19:00:00Z,IAD,amzn2,412,3
  2020-07-05T19:00:00Z,FRA,amzn2,388,41

Exit codes: 0 nothing found, 1 an anomaly found, 2 usage or input error";

fn days(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|days| (0.001..=1e6).contains(days))
        .ok_or_else(|| "expected days from 0.001 to 1000000".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let file = input::name(&arguments.file);
    let found = search(input::open(&arguments.file)?, &file, arguments)?;
    let mut out = io::stdout().lock();
    for anomaly in &found.anomalies {
        let line = serde_json::to_string(&found.line(anomaly)).map_err(|e| Problem::Write(e.into()))?;
        writeln!(out, "{line}").map_err(Problem::Write)?;
    }
    if found.late > 0 {
        eprintln!(
            "blobwatch: {file}: left out {} rows older than the slot before them",
            found.late
        );
    }
    Ok(if found.anomalies.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

/// What a file holds.
struct Found {
    /// In the order in which they opened.
    anomalies: Vec<Anomaly>,
    late: u64,
    style: Style,
    slot_seconds: u64,
}

fn search(input: impl Read, file: &str, arguments: &Arguments) -> Result<Found, Problem> {
    let mut rows = Rows::new(input, file)?;
    let mut slots = Slots::new(&mut rows, arguments.slot)?;
    let mut monitor = Monitor::new(Settings {
        attributes: slots.attributes().to_vec(),
        slot_seconds: slots.seconds(),
        days_per_false_alarm: arguments.false_alarm_days,
    });
    let mut anomalies = Vec::new();
    while let Some((slot, rows)) = slots.next()? {
        let values: Vec<Vec<&str>> = rows.iter().map(Row::values).collect();
        let cells = values.iter().zip(&rows).map(|(values, row)| Cell {
            values,
            counts: row.counts,
        });
        monitor
            .observe(slot, cells)
            .into_iter()
            .for_each(|event| take_in(&mut anomalies, event));
    }
    Ok(Found {
        anomalies,
        late: slots.late(),
        style: slots.style(),
        slot_seconds: slots.seconds(),
    })
}

/// Each opening is one anomaly; later events of it replace what it says.
fn take_in(anomalies: &mut Vec<Anomaly>, event: Event) {
    match event {
        Event::Opened(anomaly) => anomalies.push(anomaly),
        Event::Changed(anomaly) | Event::Closed(anomaly) => {
            let same = |known: &&mut Anomaly| known.id == anomaly.id && known.opened == anomaly.opened;
            if let Some(known) = anomalies.iter_mut().rev().find(same) {
                *known = anomaly;
            }
        }
    }
}

/// One line of output.
#[derive(serde::Serialize)]
struct Line {
    opened: serde_json::Value,
    closed: serde_json::Value,
    cohort: serde_json::Map<String, serde_json::Value>,
    statistic: f64,
    delay_bound: Option<u64>,
    onset: serde_json::Value,
    expected: f64,
    observed: f64,
    id: u64,
    reopened: u32,
}

impl Found {
    fn line(&self, anomaly: &Anomaly) -> Line {
        let time = |slot: u64| self.style.write(slot, self.slot_seconds);
        let one = |(attribute, value): &(String, String)| (attribute.clone(), vec![value.clone()].into());
        Line {
            opened: time(anomaly.opened),
            closed: anomaly.closed.map_or(serde_json::Value::Null, time),
            cohort: anomaly.cohort.iter().map(one).collect(),
            statistic: rounded(anomaly.statistic),
            delay_bound: anomaly.delay_bound,
            onset: time(anomaly.onset),
            expected: rounded(anomaly.expected),
            observed: rounded(anomaly.observed),
            id: anomaly.id,
            reopened: anomaly.reopened,
        }
    }
}

/// To six decimals: further ones say nothing, and differ between machines.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;
