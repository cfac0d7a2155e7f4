//! Counts put into series: one of everything, or one of each value of an attribute.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::SharedDetector;
use super::counts::CountsQuery;
use super::series::{Series, Sums};
use crate::{Engine, Rollup, value};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::Problem;

/// Series by one attribute: those with most requests; the rest is one.
const MAX_SERIES: usize = 20;

/// Points of all values that are given series while they are counted: at some thirty numbers 30 MB, which is 355 values of six hours.
const MAX_TRIED_POINTS: usize = 128_000;

/// What the rest is called.
const REST: &str = "other";

/// What is plotted.
pub(super) struct Plot {
    pub(super) by: Option<&'static str>,
    pub(super) step_s: u64,
    pub(super) points: usize,
    /// The values that have a series of their own; unless it is known which, all have one while they are few.
    pub(super) own: Option<BTreeSet<String>>,
    /// The minute from which on other parties' rules are counted as they were told; before it, by the cells of requests that they
    /// stopped.
    pub(super) told_from: Option<u64>,
}

impl Plot {
    /// The step that a minute is in.
    fn place(&self, asked: &CountsQuery, minute: u64) -> usize {
        let place = (minute * 60_000).saturating_sub(asked.since_ms) / (self.step_s * 1000);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    fn max_tried(&self) -> usize {
        MAX_TRIED_POINTS / self.points.max(1)
    }
}

/// Series by value.
#[derive(Default)]
pub(super) struct Plots {
    pub(super) series: BTreeMap<String, Series>,
    /// Values that had no room for a series.
    pub(super) is_full: bool,
    /// Of every value.
    requests: BTreeMap<String, u64>,
}

/// Reads the counts once, and where there are many values once more, when it is known which have most requests.
pub(super) async fn all_series<S: Sql>(
    shared: &impl SharedDetector<S>,
    asked: &CountsQuery,
    mut plot: Plot,
    pace: &impl Pace,
) -> Result<Vec<Series>, Problem> {
    let mut plotted = Plots::of(shared, asked, &plot, pace).await?;
    if plotted.is_full {
        plot.own = Some(plotted.largest());
        plotted = Plots::of(shared, asked, &plot, pace).await?;
    }
    if plot.by.is_none() {
        plotted.series_of(&plot, "");
    }
    Ok(largest(plotted.series, &plot))
}

impl Plots {
    async fn of<S: Sql>(
        shared: &impl SharedDetector<S>,
        asked: &CountsQuery,
        plot: &Plot,
        pace: &impl Pace,
    ) -> Result<Self, Problem> {
        let mut plotted = Self::default();
        asked
            .each_marginal(plot.by, shared, pace, |part| plotted.take(asked, plot, part))
            .await?;
        shared.read(|store| {
            plotted.take_told(asked, plot, store.engine());
            Ok(())
        })?;
        Ok(plotted)
    }

    /// What other parties told of their rules.
    fn take_told(&mut self, asked: &CountsQuery, plot: &Plot, engine: &Engine) {
        let Some(from) = plot.told_from else {
            return;
        };
        let until = asked.until_ms / 60_000;
        for (minute, key, told) in engine.upstream().since_minute(from) {
            if minute >= until || !asked.takes(key) {
                continue;
            }
            let name = plot.by.and_then(|by| value(key, by)).unwrap_or_default();
            let place = plot.place(asked, minute);
            if let Some(series) = self.series_of(plot, &name) {
                series.tell(place, told);
            }
        }
    }

    fn take(&mut self, asked: &CountsQuery, plot: &Plot, part: &Rollup) {
        self.take_at(asked, plot, part, plot.place(asked, part.minute));
    }

    pub(super) fn take_at(&mut self, asked: &CountsQuery, plot: &Plot, part: &Rollup, place: usize) {
        let is_told = plot.told_from.is_some_and(|from| part.minute >= from);
        // Added up first: a part has hundreds of cells and few values.
        let mut sums: BTreeMap<Cow<'_, str>, Sums> = BTreeMap::new();
        for (key, counts) in asked.of(part) {
            let name = plot.by.and_then(|by| value(key, by)).unwrap_or_default();
            sums.entry(name).or_default().take(key, counts);
        }
        for (name, sums) in sums {
            if plot.by.is_some() && plot.own.is_none() {
                let more = u64::from(sums.all.requests);
                match self.requests.get_mut(&*name) {
                    Some(sum) => *sum += more,
                    None => drop(self.requests.insert(name.to_string(), more)),
                }
            }
            if let Some(series) = self.series_of(plot, &name) {
                series.add(place, &sums);
                if !is_told {
                    series.tell(place, sums.stopped);
                }
            }
        }
        // What had no room has no attributes either: it is in the sum of everything.
        if plot.by.is_none()
            && asked.is_everything()
            && let Some(series) = self.series_of(plot, "")
        {
            series.add(place, &Sums::of(part.other));
        }
    }

    /// The series of a value; none where there is no room for one more.
    fn series_of(&mut self, plot: &Plot, name: &str) -> Option<&mut Series> {
        let is_rest = plot.own.as_ref().is_some_and(|own| !own.contains(name));
        let name = if is_rest { REST } else { name };
        if !self.series.contains_key(name) {
            if plot.own.is_none() && self.series.len() >= plot.max_tried() {
                self.is_full = true;
                return None;
            }
            self.series.insert(name.to_owned(), Series::new(plot.points));
        }
        self.series.get_mut(name)
    }

    /// The values with most requests.
    pub(super) fn largest(&self) -> BTreeSet<String> {
        let of_clients = |(name, _): &(&String, &u64)| name.as_str() != REST;
        let mut values: Vec<(&String, &u64)> = self.requests.iter().filter(of_clients).collect();
        values.sort_by_key(|(_, requests)| std::cmp::Reverse(**requests));
        let largest = values.into_iter().take(MAX_SERIES - 1);
        largest.map(|(name, _)| name.clone()).collect()
    }
}

/// Those with most requests, and the rest as one, which is the last.
pub(super) fn largest(series: BTreeMap<String, Series>, plot: &Plot) -> Vec<Series> {
    let mut series: Vec<(String, Series)> = series.into_iter().collect();
    let is_rest = |name: &str| plot.own.as_ref().is_some_and(|own| !own.contains(name));
    series.sort_by_key(|(name, series)| {
        let requests = series.requests.iter().sum::<u64>();
        (is_rest(name), std::cmp::Reverse(requests))
    });
    let mut rest = Series::new(plot.points);
    if series.len() > MAX_SERIES {
        for (_, one) in series.split_off(MAX_SERIES - 1) {
            rest.merge(&one);
        }
        series.push((REST.to_owned(), rest));
    }
    let named = |(name, mut series): (String, Series)| {
        series.by = plot.by.map(|by| (by, name)).into_iter().collect();
        series
    };
    series.into_iter().map(named).collect()
}
