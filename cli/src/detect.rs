//! `blobwatch detect`: counts over time in, anomalies as JSON lines out.

use std::io::Read;
use std::path::PathBuf;

use blobwatch_detect::counts::Counts;
use blobwatch_detect::incident::{Anomaly, Event};
use blobwatch_detect::monitor::{Cell, IGNORANCE, MAX_COHORTS, Monitor, Settings};

use crate::problem::Problem;
use crate::{Outcome, input, output};

mod affected;
mod leaves;
mod moment;
mod rows;
mod slots;

use affected::{AffectedCohorts, Sets};
use rows::Rows;
use slots::Slots;

/// Find anomalies in counts over time
#[derive(clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// CSV with the columns time,<attributes…>,trials,events; - reads standard input
    file: PathBuf,

    /// Length of a slot in seconds [default: the usual step between times; 10 for slot numbers]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    slot: Option<u64>,

    /// Days per false alarm: on average at most one in this many days, over all cohorts
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = days)]
    false_alarm_days: f64,
}

const ABOUT: &str = "Find anomalies in counts over time

Reads how many trials and events every combination of attributes had in each slot, and writes one JSON line for each
anomaly: when it opened and closed (null: still open at the end), the cohort as lists of values ({} is everything), the
evidence in nats, and how many slots a rise of this size needs on average until it is found.
Columns and rows may be in any order. A time is RFC 3339, 2020-07-05 19:00:00 (UTC), seconds, milliseconds,
microseconds or nanoseconds since 1970, or a small number: a slot number if times increase by one, seconds if by more.
Slots without rows do not matter. What is normal is learned from the file itself: an anomaly can be found once the
cohort has some past.";

const EXAMPLES: &str = "Examples:
  blobwatch detect counts.csv
  zcat counts.csv.gz | blobwatch detect - | jq .cohort
  blobwatch detect --slot 60 --false-alarm-days 90 counts.csv

  time,colo,os,trials,events
  2020-07-05T19:00:00Z,IAD,amzn2,412,3
  2020-07-05T19:00:00Z,FRA,amzn2,388,41

  {\"opened\":\"2020-07-05T19:02:00.000Z\",\"closed\":null,\"cohort\":{\"os\":[\"amzn2\"],\"colo\":[\"FRA\",\"GRU\"]},
   \"statistic\":14.8,\"delay_bound\":5,\"onset\":\"2020-07-05T19:00:00.000Z\",\"expected\":0.010,\"observed\":0.077,…}

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
    for line in &found.lines {
        let line = serde_json::to_string(line).map_err(|e| Problem::Write(e.into()))?;
        output::json_line(&line)?;
    }
    if found.late > 0 {
        output::complain(&format!(
            "{file}: skipped {} rows that come too late after later ones",
            found.late
        ));
    }
    Ok(if found.lines.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

/// What a file holds.
#[derive(Debug)]
struct FoundAnomalies {
    /// In the order in which they opened.
    lines: Vec<Line>,
    late: u64,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests ask how long a slot was taken to be")
    )]
    slot_seconds: u64,
}

fn search(input: impl Read, file: &str, arguments: &Arguments) -> Result<FoundAnomalies, Problem> {
    let mut slots = Slots::new(Rows::new(input, file)?, arguments.slot)?;
    let mut monitor = Monitor::new(Settings {
        attributes: slots.leaves().attributes.clone(),
        slot_seconds: slots.seconds(),
        days_per_false_alarm: arguments.false_alarm_days,
        max_cohorts: MAX_COHORTS,
        usual: IGNORANCE,
    });
    let mut anomalies = Anomalies::default();
    while let Some((slot, cells)) = slots.next()? {
        let events = observe(&mut monitor, slot, &cells, &slots);
        let day = slot * slots.seconds() / 86_400;
        anomalies.affected.observe(slot, day, &cells);
        events
            .into_iter()
            .for_each(|event| anomalies.take_in(event, &slots));
    }
    anomalies.end(&slots);
    let lines = anomalies
        .found
        .iter()
        .map(|(anomaly, sets)| Line::new(anomaly, sets, &slots));
    Ok(FoundAnomalies {
        lines: lines.collect(),
        late: slots.late(),
        slot_seconds: slots.seconds(),
    })
}

fn observe<R: Read>(
    monitor: &mut Monitor,
    slot: u64,
    cells: &[(u32, Counts)],
    slots: &Slots<R>,
) -> Vec<Event> {
    let values: Vec<Vec<&str>> = cells
        .iter()
        .map(|(leaf, _)| slots.leaves().values(*leaf).iter().map(String::as_str).collect())
        .collect();
    let cells = values.iter().zip(cells).map(|(values, (_, counts))| Cell {
        values,
        counts: *counts,
    });
    monitor.observe(slot, cells)
}

/// The anomalies so far, each with the sets of values it is about.
#[derive(Default)]
struct Anomalies {
    found: Vec<(Anomaly, Sets)>,
    affected: AffectedCohorts,
}

impl Anomalies {
    /// Each opening is one anomaly; later events of it replace what it says.
    fn take_in<R: Read>(&mut self, event: Event, slots: &Slots<R>) {
        let (anomaly, is_closed) = match event {
            Event::Opened(anomaly) => {
                self.affected.open(&anomaly);
                self.found.push((anomaly, Sets::new()));
                return;
            }
            Event::Changed(anomaly) => (anomaly, false),
            Event::Closed(anomaly) => (anomaly, true),
        };
        let same =
            |(known, _): &&mut (Anomaly, Sets)| known.id == anomaly.id && known.opened == anomaly.opened;
        let Some((known, sets)) = self.found.iter_mut().rev().find(same) else {
            return;
        };
        if is_closed {
            *sets = self.affected.close(&anomaly, slots.leaves());
        }
        *known = anomaly;
    }

    /// Says of the anomalies that are still open who they are about.
    fn end<R: Read>(&mut self, slots: &Slots<R>) {
        for (anomaly, sets) in self.found.iter_mut().filter(|(known, _)| known.closed.is_none()) {
            *sets = self.affected.close(anomaly, slots.leaves());
        }
        for (anomaly, sets) in std::mem::take(&mut self.found) {
            match self
                .found
                .iter_mut()
                .find(|known| is_one(known, (&anomaly, &sets)))
            {
                Some(known) => join(known, anomaly, sets),
                None => self.found.push((anomaly, sets)),
            }
        }
    }
}

/// Whether an anomaly, of those that opened no earlier, is a part of a known one or the other way: the monitor names one
/// value of an attribute or two, and where no such name holds all of a fault it finds the same one twice.
fn is_one((known, known_sets): &(Anomaly, Sets), (anomaly, sets): (&Anomaly, &Sets)) -> bool {
    let at_a_time = known.closed.is_none_or(|closed| anomaly.onset < closed);
    at_a_time && (holds(known_sets, sets) || holds(sets, known_sets))
}

/// Whether all of `narrow` is in `wide`.
fn holds(wide: &Sets, narrow: &Sets) -> bool {
    wide.iter().all(|(attribute, values)| {
        let of = narrow.iter().find(|(named, _)| named == attribute);
        of.is_some_and(|(_, narrow)| narrow.iter().all(|value| values.contains(value)))
    })
}

/// Makes one of two that are: it lasts as long as either, and says what the one with more evidence does, of the wider sets.
fn join((known, known_sets): &mut (Anomaly, Sets), anomaly: Anomaly, sets: Sets) {
    if holds(&sets, known_sets) {
        *known_sets = sets;
    }
    let (id, opened, onset) = (known.id, known.opened, known.onset.min(anomaly.onset));
    let closed = known.closed.zip(anomaly.closed).map(|(a, b)| a.max(b));
    if anomaly.statistic > known.statistic {
        *known = anomaly;
    }
    (known.id, known.opened, known.onset, known.closed) = (id, opened, onset, closed);
}

/// One line of output.
#[derive(Debug, serde::Serialize)]
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

impl Line {
    fn new<R: Read>(anomaly: &Anomaly, sets: &Sets, slots: &Slots<R>) -> Self {
        let time = |slot: u64| slots.time(slot);
        let set = |(attribute, values): &(String, Vec<String>)| (attribute.clone(), values.clone().into());
        Self {
            opened: time(anomaly.opened),
            closed: anomaly.closed.map_or(serde_json::Value::Null, time),
            cohort: sets.iter().map(set).collect(),
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
