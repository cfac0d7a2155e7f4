//! What a slot counted of each combination of attributes, in little room: names once, numbers in rows.

use std::collections::HashMap;

use blobwatch_detect::cohort::MAX_ATTRIBUTES;
use blobwatch_detect::counts::Counts;
use blobwatch_detect::monitor::Table;

use crate::cohort::{ATTRIBUTES, values};
use crate::kind::{AnomalyKind, RATE_KINDS};
use blobwatch_records::Cell;

type Row = [u32; MAX_ATTRIBUTES];

/// Sums of all cells of a slot, whatever rules fired: at 150 bytes each 17 MB of 300 FireLogs with 384 cells.
#[derive(Debug)]
pub(super) struct SlotSums {
    names: Vec<Vec<String>>,
    numbers: Vec<HashMap<String, u32>>,
    places: HashMap<Row, usize>,
    rows: Vec<Row>,
    /// Of each row and kind, the trials and events as they add up.
    counts: Vec<[(u32, u32); RATE_KINDS]>,
}

impl Default for SlotSums {
    fn default() -> Self {
        Self {
            names: vec![Vec::new(); ATTRIBUTES.len()],
            numbers: vec![HashMap::new(); ATTRIBUTES.len()],
            places: HashMap::new(),
            rows: Vec::new(),
            counts: Vec::new(),
        }
    }
}

impl SlotSums {
    pub(super) fn add(&mut self, cells: &[Cell]) {
        for cell in cells {
            let row = self.row(cell);
            let next = self.rows.len();
            let at = *self.places.entry(row).or_insert(next);
            if at == next {
                self.rows.push(row);
                self.counts.push(Default::default());
            }
            if let Some(sums) = self.counts.get_mut(at) {
                for (kind, sum) in AnomalyKind::RATES.into_iter().zip(sums) {
                    let (trials, events) = kind.trials_and_events(&cell.counts);
                    *sum = (sum.0.saturating_add(trials), sum.1.saturating_add(events));
                }
            }
        }
    }

    fn row(&mut self, cell: &Cell) -> Row {
        let mut row = Row::default();
        let tables = self.names.iter_mut().zip(&mut self.numbers);
        for ((number, value), (names, numbers)) in row.iter_mut().zip(values(&cell.key)).zip(tables) {
            *number = match numbers.get(&*value) {
                Some(known) => *known,
                None => {
                    let new = u32::try_from(names.len()).unwrap_or(u32::MAX);
                    names.push(value.clone().into_owned());
                    numbers.insert(value.into_owned(), new);
                    new
                }
            };
        }
        row
    }

    /// The combinations, for the test of any kind.
    pub(super) fn table(&self) -> Table<'_> {
        Table {
            names: &self.names,
            rows: &self.rows,
        }
    }

    /// What each of them counts for a kind.
    pub(super) fn counts(&self, kind: AnomalyKind) -> impl Iterator<Item = Counts> {
        let place = kind.rate_place().unwrap_or(usize::MAX);
        let of_kind = move |sums: &[(u32, u32); RATE_KINDS]| sums.get(place).copied().unwrap_or_default();
        self.counts
            .iter()
            .map(move |sums| AnomalyKind::share(of_kind(sums)))
    }
}
