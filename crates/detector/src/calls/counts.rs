//! The counts that a call asks about: a time, filters, and where they are kept.

use std::ops::RangeInclusive;

use crate::store::Detector;
use crate::{ATTRIBUTES, Rollup, value};
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::Sql;
use blobwatch_wire::{EXPECTED_TIME, Parameters, Place, Problem, parse_time};

/// The longest time of minutes; a longer one is read from hours.
const MAX_MINUTES: u64 = 1_500;

/// The longest time of all: what is kept.
const MAX_SPAN_MS: u64 = 90 * 86_400_000;

/// From when to when, and of whom.
#[derive(Debug, Clone)]
pub(super) struct CountsQuery {
    /// A whole minute, or hour where hours are read.
    pub(super) since_ms: u64,
    pub(super) until_ms: u64,
    filters: Vec<(&'static str, Vec<String>)>,
}

impl CountsQuery {
    /// Reads `since`, `until` and the filters; `default_ms` is how far back it goes unless said.
    pub(super) fn read(parameters: &Parameters<'_>, now_ms: u64, default_ms: u64) -> Result<Self, Problem> {
        let until = time(parameters, "until", now_ms)?
            .unwrap_or(now_ms)
            .min(now_ms + 60_000);
        let since = time(parameters, "since", now_ms)?.unwrap_or(until.saturating_sub(default_ms));
        if since >= until || until - since > MAX_SPAN_MS {
            let message = "expected a time at most 90 days before `until`";
            return Err(Problem::bad_parameter(Place::new("query.since", message)));
        }
        let filters = ATTRIBUTES.into_iter().filter_map(|name| {
            Some((
                name,
                parameters.get(name)?.split(',').map(str::to_owned).collect(),
            ))
        });
        Ok(Self {
            filters: filters.collect(),
            ..Self::between(since, until)
        })
    }

    /// Everybody in a time.
    pub(super) fn between(since_ms: u64, until_ms: u64) -> Self {
        let unit = if until_ms.saturating_sub(since_ms) / 60_000 > MAX_MINUTES {
            3_600_000
        } else {
            60_000
        };
        Self {
            since_ms: since_ms / unit * unit,
            until_ms: until_ms.next_multiple_of(unit),
            filters: Vec::new(),
        }
    }

    /// Length of what is read one by one, in seconds.
    pub(super) fn unit_s(&self) -> u64 {
        if (self.until_ms - self.since_ms) / 60_000 > MAX_MINUTES + 60 {
            3_600
        } else {
            60
        }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.filters.is_empty()
    }

    pub(super) fn takes(&self, key: &CellKey) -> bool {
        self.filters.iter().all(|(name, wanted)| {
            value(key, name).is_some_and(|value| wanted.iter().any(|one| *one == value))
        })
    }

    /// Counts of every unit, oldest first; the newest are those of the window, which are not complete.
    pub(super) fn rollups<S: Sql>(&self, store: &Detector<S>) -> Result<Vec<Rollup>, Problem> {
        let (first, until) = (self.since_ms / 60_000, self.until_ms / 60_000);
        let mut rollups = if self.unit_s() == 60 {
            store.minutes(first, until)?
        } else {
            let mut hours = store.hours(first / 60, until / 60)?;
            // The hour that goes on is not a row yet.
            let after = hours.last().map_or(first, |hour| hour.minute + 60).max(first);
            hours.extend(store.minutes(after, until)?);
            hours
        };
        let engine = store.engine();
        for bucket in engine.window().buckets() {
            let minute = bucket.minute();
            if minute > engine.rolled() && (first..until).contains(&minute) {
                let rows = engine.window().rows_of(bucket);
                rollups.push(Rollup {
                    minute,
                    cells: rows.map(|(key, row)| (key.clone(), row.counts)).collect(),
                    other: bucket.other,
                });
            }
        }
        Ok(rollups)
    }

    /// The cells of a roll-up that are asked for.
    pub(super) fn of<'a>(
        &'a self,
        rollup: &'a Rollup,
    ) -> impl Iterator<Item = (&'a CellKey, &'a CellCounts)> {
        let cells = rollup.cells.iter().map(|(key, counts)| (key, counts));
        cells.filter(|(key, _)| self.takes(key))
    }
}

/// The names of the filters and of the time.
pub(super) const FILTERS: [&str; 9] = [
    "since",
    "until",
    "route",
    "colo",
    "country",
    "asn",
    "family",
    "os",
    "fingerprint",
];

pub(super) fn time(parameters: &Parameters<'_>, name: &str, now_ms: u64) -> Result<Option<u64>, Problem> {
    let Some(text) = parameters.get(name) else {
        return Ok(None);
    };
    parse_time(text, now_ms)
        .map(Some)
        .ok_or_else(|| Problem::bad_parameter(Place::new(format!("query.{name}"), EXPECTED_TIME)))
}

pub(super) fn number(
    parameters: &Parameters<'_>,
    name: &str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Problem> {
    let Some(text) = parameters.get(name) else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let message = format!(
            "expected a number from {} to {}, found {text:?}",
            range.start(),
            range.end()
        );
        Problem::bad_parameter(Place::new(format!("query.{name}"), message))
    })
}

/// An attribute's name.
pub(super) fn attribute(place: &str, name: &str) -> Result<&'static str, Problem> {
    ATTRIBUTES
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| {
            let message = format!("expected one of {}, found {name:?}", ATTRIBUTES.join(", "));
            Problem::bad_parameter(Place::new(place, message))
        })
}
