//! What is usual at this hour: of each number that a timeline has, the median of the same hour of the days before.
//!
//! A median is not moved by an incident on some of the days, nor by a weekend. It is read from the counts of hours: an hour that begins
//! in the middle of one is made of the parts of two.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::SharedDetector;
use super::counts::{CountsQuery, FILTERS, attribute};
use super::plotted::{Plot, Plots, largest};
use super::series::Series;
use crate::Rollup;
use crate::store::Unit;
use blobwatch_pull::Origin;
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::{Parameters, Problem, rfc3339};

/// How far back it is looked.
const DAYS: usize = 7;

/// Fewer of which anything was counted say nothing of what is usual.
const MIN_DAYS: usize = 3;

/// Each day has the counts of two hours.
const POINTS: usize = 2 * DAYS;

const HOUR_MS: u64 = 3_600_000;
const HOUR_MINUTES: u64 = 60;
const DAY_HOURS: u64 = 24;

/// Rules on routes: as the counters of their fires.
const MAX_FIRES: usize = 1_024;

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Usual {
    /// The hour that it is about.
    since: String,
    until: String,
    /// Of how many of the seven days before there are counts of this hour.
    days: usize,
    /// They are fewer than three, so that nothing is said.
    learning: bool,
    /// As of a timeline, with one number each: of the whole hour.
    series: Vec<Series>,
    /// What rules of ours fire on.
    fires: Vec<UsualFires>,
}

/// Requests of an hour that a rule fires on.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct UsualFires {
    rule: Arc<str>,
    route: Arc<str>,
    requests: u64,
}

pub(crate) async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    query: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Usual, Problem> {
    let filters = FILTERS.into_iter().filter(|name| *name != "since");
    let known: Vec<&str> = filters.chain(["by"]).collect();
    let parameters = Parameters::parse(query, &known)?;
    let asked = CountsQuery::read(&parameters, now_ms, HOUR_MS)?;
    let by = parameters.get("by").map(|name| attribute("query.by", name));
    let past = Past::of(&asked, shared.read(|store| Ok(store.oldest_hour()?))?);
    let mut plot = Plot {
        by: by.transpose()?,
        step_s: HOUR_MS / 1000,
        points: POINTS,
        own: None,
        told_from: None,
    };
    let (mut plotted, mut fires) = past.read(shared, &asked, &plot, pace).await?;
    if plotted.is_full {
        plot.own = Some(plotted.largest());
        (plotted, fires) = past.read(shared, &asked, &plot, pace).await?;
    }
    let series = largest(plotted.series, &plot).into_iter();
    Ok(Usual {
        since: rfc3339(asked.since_ms),
        until: rfc3339(asked.since_ms + HOUR_MS),
        days: past.days,
        learning: past.days < MIN_DAYS,
        series: series
            .filter(|_| past.days >= MIN_DAYS)
            .map(|series| series.map(|counts| vec![past.usual(counts)]))
            .collect(),
        fires: past.fires(fires),
    })
}

/// The same hour of the days before.
struct Past {
    /// The hour in which it begins, and how many minutes later.
    hour: u64,
    minutes: u64,
    /// Days of which there are counts.
    days: usize,
}

/// By rule and route, the counts of each day's two hours.
type Fires = BTreeMap<(Arc<str>, Arc<str>), [u64; POINTS]>;

impl Past {
    /// `oldest` is the first hour that was counted; 0 where there is none.
    fn of(asked: &CountsQuery, oldest: u64) -> Self {
        let minute = asked.since_ms / 60_000;
        let hour = minute / HOUR_MINUTES;
        let is_counted = |day: &u64| oldest > 0 && hour.saturating_sub(day * DAY_HOURS) >= oldest;
        Self {
            hour,
            minutes: minute % HOUR_MINUTES,
            days: (1..=DAYS as u64).take_while(is_counted).count(),
        }
    }

    async fn read<S: Sql>(
        &self,
        shared: &impl SharedDetector<S>,
        asked: &CountsQuery,
        plot: &Plot,
        pace: &impl Pace,
    ) -> Result<(Plots, Fires), Problem> {
        let (mut plotted, mut fires) = (Plots::default(), Fires::new());
        for place in 0..2 * self.days {
            let (day, later) = ((place / 2 + 1) as u64, (place % 2) as u64);
            let hour = self.hour.saturating_sub(day * DAY_HOURS) + later;
            // Nothing was asked for in it.
            let Some(mut row) = shared.read(|store| Ok(store.rollup_from(Unit::Hour, hour, hour + 1)?))?
            else {
                continue;
            };
            while let Some(part) = row.next_part()? {
                plotted.take_at(asked, plot, &part, place);
                count_fires(&mut fires, asked, &part, place);
                pace.spent(part.cells.len()).await;
            }
        }
        Ok((plotted, fires))
    }

    /// The median of the days' counts.
    fn usual(&self, counts: &[u64]) -> u64 {
        let of_day = |halves: &[u64]| {
            let [first, second] = [0, 1].map(|place| halves.get(place).copied().unwrap_or_default());
            first * (HOUR_MINUTES - self.minutes) + second * self.minutes
        };
        let mut days: Vec<u64> = counts.chunks(2).take(self.days).map(of_day).collect();
        days.sort_unstable();
        let middle = |place: usize| days.get(place).copied().unwrap_or_default();
        let (below, above) = (middle((self.days.max(1) - 1) / 2), middle(self.days / 2));
        (below + above + HOUR_MINUTES) / (2 * HOUR_MINUTES)
    }

    fn fires(&self, fires: Fires) -> Vec<UsualFires> {
        if self.days < MIN_DAYS {
            return Vec::new();
        }
        let usual = |((rule, route), counts): ((Arc<str>, Arc<str>), [u64; POINTS])| UsualFires {
            rule,
            route,
            requests: self.usual(&counts),
        };
        fires.into_iter().map(usual).collect()
    }
}

fn count_fires(fires: &mut Fires, asked: &CountsQuery, part: &Rollup, place: usize) {
    for (key, counts) in asked.of(part) {
        for rule in key.rules.iter().filter(|rule| Origin::of(rule) == Origin::Own) {
            let pair = (Arc::clone(rule), Arc::clone(&key.route));
            if fires.len() >= MAX_FIRES && !fires.contains_key(&pair) {
                continue;
            }
            if let Some(sum) = fires.entry(pair).or_default().get_mut(place) {
                *sum += u64::from(counts.requests);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{POINTS, Past};

    #[track_caller]
    fn case(minutes: u64, days: &[(u64, u64)], expected: u64) {
        let past = Past {
            hour: 1_000,
            minutes,
            days: days.len(),
        };
        let mut counts: Vec<u64> = days
            .iter()
            .flat_map(|(first, second)| [*first, *second])
            .collect();
        // What is not known is no 0.
        counts.resize(POINTS, 0);
        assert_eq!(past.usual(&counts), expected);
    }

    #[test]
    fn the_usual_count_is_the_median_of_the_hours_parts() {
        case(0, &[(10, 99), (30, 99), (20, 99)], 20);
        case(0, &[(10, 0), (30, 0), (20, 0), (9_000, 0)], 25);
        case(45, &[(100, 200), (100, 200), (0, 0)], 175);
        case(0, &[(0, 0), (0, 0), (0, 0)], 0);
    }
}
