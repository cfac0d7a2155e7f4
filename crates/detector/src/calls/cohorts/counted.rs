//! What cells count.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Axis, Cell, MAX_VALUES, Question, Sums, Values};
use crate::calls::SharedDetector;
use crate::key_table::KeyTable;
use crate::normal::{MAX_COMBINATIONS, Rates, combination};
use crate::{ATTRIBUTES, Rollup, value};
use blobwatch_detect::counts::Counts;
use blobwatch_records::CellKey;
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::Problem;

/// Of a question that cells can answer, what every combination counted, its rules left out; where there are more than are told
/// apart, those with the fewest trials go. Of any, what all of them counted since requests are sampled.
#[derive(Default)]
pub(super) struct Counted {
    combinations: KeyTable<Counts>,
    totals: Counts,
}

impl Counted {
    /// Requests are sampled from the minute `sampled` on.
    pub(super) async fn read<S: Sql>(
        shared: &impl SharedDetector<S>,
        question: &Question,
        sampled: Option<u64>,
        pace: &impl Pace,
    ) -> Result<Self, Problem> {
        let mut counted = Self::default();
        let add = |part: &Rollup| {
            let is_sampled = sampled.is_some_and(|since| since <= part.minute);
            for (key, counts) in question.asked.of(part) {
                let counts = question.kind.counts(counts);
                if is_sampled {
                    counted.totals += counts;
                }
                if counts.trials > 0 && !question.is_sampled() {
                    counted.add(key, counts);
                }
            }
        };
        question.asked.each_part(shared, pace, add).await?;
        Ok(counted)
    }

    fn add(&mut self, key: &CellKey, counts: Counts) {
        self.combinations.add(combination(key), |sum| *sum += counts);
        if self.combinations.len() > MAX_COMBINATIONS {
            self.combinations
                .drop_lightest(MAX_COMBINATIONS / 4, |sum| sum.trials);
        }
    }

    pub(super) fn totals(&self) -> Counts {
        self.totals
    }

    /// What was counted of each value of each attribute of cells.
    pub(super) async fn attributes(&self, rates: &Rates, pace: &impl Pace) -> Vec<Values> {
        let mut attributes = Vec::with_capacity(ATTRIBUTES.len());
        for attribute in ATTRIBUTES {
            attributes.push((attribute, self.values(attribute, rates, pace).await));
        }
        attributes
    }

    /// The values of an attribute with most events.
    async fn values(&self, attribute: &str, rates: &Rates, pace: &impl Pace) -> Vec<(String, Sums)> {
        let mut sums: BTreeMap<Cow<'_, str>, Sums> = BTreeMap::new();
        for (key, counts) in self.combinations.iter() {
            let value = value(key, attribute).unwrap_or_default();
            sums.entry(value).or_default().count(key, *counts, rates);
            pace.spent(1).await;
        }
        let mut sums: Vec<(Cow<'_, str>, Sums)> = sums.into_iter().collect();
        sums.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.events, sums.trials)));
        let largest = sums.into_iter().take(MAX_VALUES);
        largest.map(|(value, sums)| (value.into_owned(), sums)).collect()
    }

    pub(super) async fn cells(&self, x: &Axis, y: &Axis, rates: &Rates, pace: &impl Pace) -> Vec<Cell> {
        let mut cells: BTreeMap<(usize, usize), Sums> = BTreeMap::new();
        let place = |axis: &Axis, key: &CellKey| {
            let own = value(key, axis.attribute)?;
            axis.values.iter().position(|value| *value == own)
        };
        for (key, counts) in self.combinations.iter() {
            if let (Some(x), Some(y)) = (place(x, key), place(y, key)) {
                cells.entry((x, y)).or_default().count(key, *counts, rates);
            }
            pace.spent(1).await;
        }
        let cell = |((x, y), sums): ((usize, usize), Sums)| Cell {
            x,
            y,
            sums: sums.rounded(),
        };
        cells.into_iter().map(cell).collect()
    }
}

impl Sums {
    fn count(&mut self, key: &CellKey, counts: Counts, rates: &Rates) {
        self.trials += counts.trials;
        self.events += counts.events;
        self.expected += counts.trials as f64 * rates.of(key);
    }
}
