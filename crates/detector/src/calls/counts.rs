//! The counts that a call asks about: a time, filters, and where they are kept.

use std::ops::RangeInclusive;

use super::SharedDetector;
use crate::store::{Detector, Marginals, StoredMarginal, StoredRollup, Unit};
use crate::window::Bucket;
use crate::{ATTRIBUTES, MinuteSample, Rollup, value};
use blobwatch_records::{CellCounts, CellKey};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{EXPECTED_TIME, Parameters, Place, Problem, parse_time};

/// The longest time of minutes; a longer one is read from hours.
pub(super) const MAX_MINUTES: u64 = 1_500;

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

    pub(super) fn span_ms(&self) -> u64 {
        self.until_ms - self.since_ms
    }

    pub(super) fn is_everything(&self) -> bool {
        self.filters.is_empty()
    }

    pub(super) fn takes(&self, key: &CellKey) -> bool {
        self.filters.iter().all(|(name, wanted)| {
            value(key, name).is_some_and(|value| wanted.iter().any(|one| *one == value))
        })
    }

    /// Gives out what was counted in every unit, oldest first, in parts; the newest are those of the window, which are not
    /// complete. Each minute is given once, whatever is tested and kept in the pauses.
    pub(super) async fn each_part<S: Sql, L: SharedDetector<S>>(
        &self,
        shared: &L,
        pace: &impl Pace,
        mut take: impl FnMut(&Rollup),
    ) -> Result<(), Problem> {
        self.each_read(Reading::of(self), shared, pace, &mut take).await
    }

    /// As [`Self::each_part`] for whoever needs the route and the attribute `by` of each count, and which are other parties'
    /// ([`is_upstream`](crate::store::is_upstream)): of what is filtered by no further attribute, the marginals.
    pub(super) async fn each_marginal<S: Sql, L: SharedDetector<S>>(
        &self,
        by: Option<&'static str>,
        shared: &L,
        pace: &impl Pace,
        mut take: impl FnMut(&Rollup),
    ) -> Result<(), Problem> {
        let reading = Reading {
            marginal: self.marginal(by),
            ..Reading::of(self)
        };
        self.each_read(reading, shared, pace, &mut take).await
    }

    async fn each_read<S: Sql, L: SharedDetector<S>>(
        &self,
        mut reading: Reading,
        shared: &L,
        pace: &impl Pace,
        take: &mut impl FnMut(&Rollup),
    ) -> Result<(), Problem> {
        loop {
            match shared.read(|store| reading.next(store))? {
                Next::Part(part) => {
                    take(&part);
                    pace.spent(part.cells.len()).await;
                }
                Next::WithoutMarginals(mut row) => {
                    let marginals = Marginals::of(&mut row, pace).await?;
                    shared.read(|store| Ok(store.put_marginals(&row, &marginals)?))?;
                }
                Next::Nothing => return Ok(()),
            }
        }
    }

    /// The one attribute, beside the route, that it is asked by or filtered by; none where there are several.
    fn marginal(&self, by: Option<&'static str>) -> Option<&'static str> {
        let filtered = self.filters.iter().map(|(name, _)| *name);
        let mut asked = filtered.chain(by).filter(|name| *name != "route");
        let first = asked.next().unwrap_or("route");
        asked.all(|name| name == first).then_some(first)
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

/// How far counts were read.
struct Reading {
    /// Hours are read first, where they are, then minutes.
    reads_hours: bool,
    /// From this minute on nothing was read.
    next: u64,
    until: u64,
    row: Option<StoredRollup>,
    /// The attribute whose marginals are read; without one, all combinations are.
    marginal: Option<&'static str>,
}

/// What is read next.
enum Next {
    Part(Box<Rollup>),
    /// They must be made first.
    WithoutMarginals(StoredRollup),
    Nothing,
}

impl Reading {
    fn of(asked: &CountsQuery) -> Self {
        Self {
            reads_hours: asked.unit_s() != 60,
            next: asked.since_ms / 60_000,
            until: asked.until_ms / 60_000,
            row: None,
            marginal: None,
        }
    }

    fn next<S: Sql>(&mut self, store: &Detector<S>) -> Result<Next, Problem> {
        loop {
            if let Some(row) = &mut self.row
                && let Some(part) = row.next_part()?
            {
                return Ok(Next::Part(Box::new(part)));
            }
            match self.next_row(store)? {
                Some(StoredMarginal::Counts(row)) => {
                    self.next = row.minute + row.minutes();
                    self.row = Some(row);
                }
                Some(StoredMarginal::Missing(row)) => return Ok(Next::WithoutMarginals(row)),
                None => {
                    self.row = None;
                    let part = self.next_of_window(store).map(Box::new);
                    return Ok(part.map_or(Next::Nothing, Next::Part));
                }
            }
        }
    }

    fn next_row<S: Sql>(&mut self, store: &Detector<S>) -> Result<Option<StoredMarginal>, Problem> {
        if self.reads_hours {
            if let Some(row) = self.row_from(store, Unit::Hour, self.next.div_ceil(60), self.until / 60)? {
                return Ok(Some(row));
            }
            // The hour that goes on is not a row yet.
            self.reads_hours = false;
        }
        self.row_from(store, Unit::Minute, self.next, self.until)
    }

    fn row_from<S: Sql>(
        &self,
        store: &Detector<S>,
        unit: Unit,
        first: u64,
        until: u64,
    ) -> Result<Option<StoredMarginal>, Problem> {
        let Some(attribute) = self.marginal else {
            let row = store.rollup_from(unit, first, until)?;
            return Ok(row.map(StoredMarginal::Counts));
        };
        Ok(store.marginal_from(unit, attribute, first, until)?)
    }

    /// The next minute that is in the window only.
    fn next_of_window<S: Sql>(&mut self, store: &Detector<S>) -> Option<Rollup> {
        let (engine, wanted) = (store.engine(), self.next..self.until);
        let is_unread =
            |bucket: &&Bucket| bucket.minute() > engine.rolled() && wanted.contains(&bucket.minute());
        let minute = engine.window().buckets().find(is_unread)?.minute();
        self.next = minute + 1;
        let mut part = Rollup {
            minute,
            cells: Vec::new(),
            other: CellCounts::default(),
            sample: MinuteSample::default(),
        };
        let of_minute = engine
            .window()
            .buckets()
            .filter(|bucket| bucket.minute() == minute);
        for bucket in of_minute {
            let rows = engine.window().rows_of(bucket);
            part.cells
                .extend(rows.map(|(key, row)| (key.clone(), row.counts)));
            part.other.add(&bucket.other);
        }
        Some(part)
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
    one_of(&ATTRIBUTES, place, name)
}

/// One of some names.
pub(super) fn one_of(names: &[&'static str], place: &str, name: &str) -> Result<&'static str, Problem> {
    let known = names.iter().copied().find(|known| *known == name);
    known.ok_or_else(|| {
        let message = format!("expected one of {}, found {name:?}", names.join(", "));
        Problem::bad_parameter(Place::new(place, message))
    })
}
