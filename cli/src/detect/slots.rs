//! Rows gathered into slots, one slot in memory at a time.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;

use super::moment::Style;
use super::rows::{Row, Rows};
use crate::problem::Problem;

/// Length of a slot where times are slot numbers and nothing else is said.
const DEFAULT_SECONDS: u64 = 10;

/// Different times that are looked at to guess the length of a slot.
const PEEKED_TIMES: usize = 4;

pub(super) struct Slots<'a, R> {
    rows: &'a mut Rows<R>,
    /// Rows that were read ahead.
    ahead: VecDeque<Row>,
    seconds: u64,
    latest: Option<u64>,
    late: u64,
}

impl<'a, R: Read> Slots<'a, R> {
    pub(super) fn new(rows: &'a mut Rows<R>, seconds: Option<u64>) -> Result<Self, Problem> {
        let mut ahead = VecDeque::new();
        let mut times = BTreeSet::new();
        while seconds.is_none() && times.len() < PEEKED_TIMES {
            let Some(row) = rows.next()? else { break };
            times.insert(row.time);
            ahead.push_back(row);
        }
        let numbered = rows.style == Some(Style::Slots);
        let guessed = if numbered {
            DEFAULT_SECONDS
        } else {
            smallest_step(&times)
        };
        Ok(Self {
            rows,
            ahead,
            seconds: seconds.unwrap_or(guessed),
            latest: None,
            late: 0,
        })
    }

    pub(super) fn attributes(&self) -> &[String] {
        &self.rows.attributes
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    pub(super) fn style(&self) -> Style {
        self.rows.style.unwrap_or(Style::Slots)
    }

    /// Rows that came after a later slot had begun and were left out.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// The next slot with its rows.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<Row>)>, Problem> {
        let mut gathered = Vec::new();
        while let Some(row) = self.row()? {
            let slot = self.slot(&row);
            match self.latest {
                Some(latest) if slot < latest => self.late += 1,
                Some(latest) if slot > latest && !gathered.is_empty() => {
                    self.ahead.push_front(row);
                    return Ok(Some((latest, gathered)));
                }
                _ => {
                    self.latest = Some(slot);
                    gathered.push(row);
                }
            }
        }
        Ok(self
            .latest
            .filter(|_| !gathered.is_empty())
            .map(|slot| (slot, gathered)))
    }

    fn row(&mut self) -> Result<Option<Row>, Problem> {
        self.ahead
            .pop_front()
            .map_or_else(|| self.rows.next(), |row| Ok(Some(row)))
    }

    fn slot(&self, row: &Row) -> u64 {
        if self.style() == Style::Slots {
            row.time
        } else {
            row.time / self.seconds
        }
    }
}

fn smallest_step(times: &BTreeSet<u64>) -> u64 {
    let steps = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(earlier, later)| later - earlier);
    steps.min().map_or(DEFAULT_SECONDS, |step| step.min(86_400))
}
