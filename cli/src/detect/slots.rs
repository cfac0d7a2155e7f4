//! Rows gathered into slots, in order of time whatever their order in the file.

use std::collections::BTreeMap;
use std::io::Read;

use blobwatch_detect::counts::Counts;

use super::leaves::Leaves;
use super::moment::Style;
use super::rows::{Row, Rows};
use crate::problem::Problem;

/// Length of a slot where times are slot numbers and nothing else is said.
const DEFAULT_SECONDS: u64 = 10;

/// Longest slot that is guessed: a day.
const MAX_SECONDS: u64 = 86_400;

/// Rows that wait to be sorted: at 32 bytes 128 MB. A file of fewer rows may be in any order; of a longer one, a row may
/// stand about half as many rows too late.
const MAX_WAITING: usize = 4_000_000;

/// One slot: its number, and the counts of each combination of values once.
pub(super) type Slot = (u64, Vec<(u32, Counts)>);

pub(super) struct Slots<R> {
    rows: Rows<R>,
    /// By slot, the next one last.
    waiting: Vec<Row>,
    max_waiting: usize,
    ended: bool,
    /// 0 until the first rows are there.
    seconds: u64,
    /// Whether times are the numbers of slots.
    numbered: bool,
    latest: Option<u64>,
    late: u64,
}

impl<R: Read> Slots<R> {
    pub(super) fn new(rows: Rows<R>, seconds: Option<u64>) -> Result<Self, Problem> {
        Self::with_room(rows, seconds, MAX_WAITING)
    }

    fn with_room(rows: Rows<R>, seconds: Option<u64>, max_waiting: usize) -> Result<Self, Problem> {
        let mut slots = Self {
            rows,
            waiting: Vec::new(),
            max_waiting,
            ended: false,
            seconds: seconds.unwrap_or_default(),
            numbered: false,
            latest: None,
            late: 0,
        };
        slots.fill()?;
        slots.measure();
        Ok(slots)
    }

    fn measure(&mut self) {
        let step = self.usual_step();
        self.numbered = self.style() == Style::Numbers && step.is_none_or(|step| step == 1);
        if self.seconds == 0 {
            let step = step.filter(|_| !self.numbered).unwrap_or(DEFAULT_SECONDS);
            self.seconds = step.min(MAX_SECONDS);
        }
    }

    pub(super) fn leaves(&self) -> &Leaves {
        &self.rows.leaves
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    pub(super) fn style(&self) -> Style {
        self.rows.style.unwrap_or(Style::Numbers)
    }

    /// The first moment of a slot, as the file would write it.
    pub(super) fn time(&self, slot: u64) -> serde_json::Value {
        let seconds = if self.numbered { 1 } else { self.seconds };
        self.style().write(slot * seconds)
    }

    /// Rows that came after a later slot had been taken and were left out.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// The next slot with its rows.
    pub(super) fn next(&mut self) -> Result<Option<Slot>, Problem> {
        if !self.ended && self.waiting.len() <= self.max_waiting / 2 {
            self.fill()?;
        }
        let Some(slot) = self.waiting.last().map(|row| self.slot(row)) else {
            return Ok(None);
        };
        let first = self
            .waiting
            .iter()
            .rposition(|row| self.slot(row) != slot)
            .map_or(0, |before| before + 1);
        let mut cells: BTreeMap<u32, Counts> = BTreeMap::new();
        for row in self.waiting.drain(first..) {
            *cells.entry(row.leaf).or_default() += row.counts;
        }
        self.latest = Some(slot);
        Ok(Some((slot, cells.into_iter().collect())))
    }

    /// Reads on until there is no more room, and sorts.
    fn fill(&mut self) -> Result<(), Problem> {
        while self.waiting.len() < self.max_waiting {
            let Some(row) = self.rows.next()? else {
                self.ended = true;
                break;
            };
            if self.latest.is_some_and(|latest| self.slot(&row) <= latest) {
                self.late += 1;
            } else {
                self.waiting.push(row);
            }
        }
        // The latest first, so that the next slot is taken from the end.
        self.waiting.sort_by_key(|row| std::cmp::Reverse(row.time));
        Ok(())
    }

    fn slot(&self, row: &Row) -> u64 {
        if self.numbered {
            row.time
        } else {
            row.time / self.seconds.max(1)
        }
    }

    /// The step between different times that is seen most, the smallest one on ties.
    fn usual_step(&self) -> Option<u64> {
        let mut times: Vec<u64> = self.waiting.iter().map(|row| row.time).collect();
        times.dedup();
        let mut steps: BTreeMap<u64, usize> = BTreeMap::new();
        for (later, earlier) in times.iter().zip(times.iter().skip(1)) {
            *steps.entry(later - earlier).or_default() += 1;
        }
        let most = steps.values().copied().max();
        let usual = steps.into_iter().find(|(_, seen)| Some(*seen) == most);
        usual.map(|(step, _)| step)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rows, Slot, Slots};

    const HEADER: &str = "time,a,trials,events\n";

    fn all(rows: &str, room: usize) -> (Vec<Slot>, u64, u64) {
        let text = format!("{HEADER}{rows}");
        let rows = Rows::new(text.as_bytes(), "t.csv").unwrap();
        let mut slots = Slots::with_room(rows, None, room).unwrap();
        let mut found = Vec::new();
        while let Some(slot) = slots.next().unwrap() {
            found.push(slot);
        }
        (found, slots.late(), slots.seconds())
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let sorted: Vec<String> = (0..200)
            .map(|at| format!("{},v{},{},1\n", 1_593_975_600 + at / 4 * 60, at % 4, at + 1))
            .collect();
        let by_cohort: String = (0..4)
            .flat_map(|value| sorted.iter().skip(value).step_by(4).cloned())
            .collect();
        let (one, two) = (all(&sorted.concat(), 1000), all(&by_cohort, 1000));
        assert_eq!((one.1, two.1, one.2, two.2), (0, 0, 60, 60));
        let sums = |slots: &[Slot]| -> Vec<(u64, u64)> {
            let sum = |(slot, cells): &Slot| (*slot, cells.iter().map(|(_, counts)| counts.trials).sum());
            slots.iter().map(sum).collect()
        };
        assert_eq!(sums(&one.0), sums(&two.0));
    }

    #[test]
    fn rows_that_come_too_late_for_the_room_are_counted() {
        let rows: String = (1..50).map(|at| format!("{at},x,1,0\n")).collect();
        let (found, late, _) = all(&format!("{rows}2,x,1,0\n48,x,1,0\n"), 10);
        assert_eq!((found.len(), late), (49, 1));
    }

    #[test]
    fn rows_of_one_slot_and_combination_add_up() {
        let (found, ..) = all("5,x,2,1\n5,y,1,0\n5,x,3,0\n", 10);
        let trials: Vec<u64> = found[0].1.iter().map(|(_, counts)| counts.trials).collect();
        assert_eq!(trials, [5, 1]);
    }

    #[test]
    fn small_numbers_that_go_up_by_more_than_one_are_seconds() {
        assert_eq!(all("0,x,1,0\n60,x,1,0\n120,x,1,0\n", 10).2, 60);
        assert_eq!(all("0,x,1,0\n1,x,1,0\n2,x,1,0\n4,x,1,0\n", 10).2, 10);
    }
}
