//! What a slot counted of each combination of attributes, in little room: names once, numbers in rows.

use std::collections::HashMap;

use blobwatch_detect::cohort::MAX_ATTRIBUTES;
use blobwatch_detect::counts::Counts;
use blobwatch_detect::monitor::Table;

use crate::cohort::{ATTRIBUTES, values};
use crate::kind::{AnomalyKind, RATE_KINDS};
use crate::places::Places;
use blobwatch_records::Cell;

type Row = [u32; MAX_ATTRIBUTES];

/// Sums of all cells of a slot, whatever rules fired: at 95 bytes each 11 MB of 300 FireLogs with 384 cells.
#[derive(Debug)]
pub(super) struct SlotSums {
    names: Vec<Vec<String>>,
    numbers: Vec<HashMap<String, u32>>,
    /// Of rows.
    places: Places,
    rows: Vec<Row>,
    /// Of each row and kind, the trials and events as they add up.
    counts: Vec<[[u16; 2]; RATE_KINDS]>,
    /// Those that do not fit, in whose place there is [`LARGE`]; by row and the place of the kind.
    large: HashMap<(usize, usize), (u32, u32)>,
}

/// Stands for a pair that is kept elsewhere.
const LARGE: [u16; 2] = [u16::MAX; 2];

impl Default for SlotSums {
    fn default() -> Self {
        Self {
            names: vec![Vec::new(); ATTRIBUTES.len()],
            numbers: vec![HashMap::new(); ATTRIBUTES.len()],
            places: Places::default(),
            rows: Vec::new(),
            counts: Vec::new(),
            large: HashMap::new(),
        }
    }
}

impl SlotSums {
    pub(super) fn add(&mut self, cells: &[Cell]) {
        for cell in cells {
            let row = self.row(cell);
            let at = self.place(row);
            let Some(sums) = self.counts.get_mut(at) else {
                continue;
            };
            for ((place, kind), sum) in AnomalyKind::RATES.into_iter().enumerate().zip(sums) {
                let (trials, events) = kind.trials_and_events(&cell.counts);
                let known = pair(&self.large, (at, place), *sum);
                let now = (known.0.saturating_add(trials), known.1.saturating_add(events));
                *sum = small(now).unwrap_or_else(|| {
                    self.large.insert((at, place), now);
                    LARGE
                });
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

    /// The place of a row, which is there from then on.
    fn place(&mut self, row: Row) -> usize {
        let next = self.rows.len();
        let at = self.places.place(&row, |at| self.rows.get(at), next);
        if at == next {
            self.rows.push(row);
            self.counts.push(Default::default());
        }
        at
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
        let rows = self.counts.iter().enumerate();
        rows.map(move |(at, sums)| {
            let sum = sums.get(place).copied().unwrap_or_default();
            AnomalyKind::share(pair(&self.large, (at, place), sum))
        })
    }
}

/// The pair of a row and kind.
fn pair(large: &HashMap<(usize, usize), (u32, u32)>, at: (usize, usize), sum: [u16; 2]) -> (u32, u32) {
    match sum {
        LARGE => large.get(&at).copied().unwrap_or_default(),
        [trials, events] => (trials.into(), events.into()),
    }
}

/// As it is kept where it fits.
fn small((trials, events): (u32, u32)) -> Option<[u16; 2]> {
    let pair = [u16::try_from(trials).ok()?, u16::try_from(events).ok()?];
    Some(pair).filter(|pair| *pair != LARGE)
}

#[cfg(test)]
mod tests {
    use super::SlotSums;
    use crate::kind::AnomalyKind;
    use blobwatch_detect::counts::Counts;
    use blobwatch_pull::Family;
    use blobwatch_records::{Cell, CellKey};

    fn cell(colo: &str, rule: &str, ranged: u32, refused: u32) -> Cell {
        let mut cell = Cell::new(CellKey {
            route: "hub".into(),
            colo: colo.into(),
            country: "".into(),
            asn: None,
            family: Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: vec![rule.into()],
        });
        (cell.counts.ranged, cell.counts.refused) = (ranged, refused);
        cell
    }

    fn sums(cells: &[Cell]) -> Vec<(u64, u64)> {
        let mut sums = SlotSums::default();
        cells.chunks(2).for_each(|cells| sums.add(cells));
        let pair = |counts: Counts| (counts.trials, counts.events);
        sums.counts(AnomalyKind::RangeRefused).map(pair).collect()
    }

    #[test]
    fn cells_that_differ_in_their_rules_are_one_row_however_large() {
        let all = u32::from(u16::MAX);
        let case = |pairs: &[(u32, u32)], expected: (u64, u64)| {
            let of = |(rule, (ranged, refused)): (char, &(u32, u32))| {
                [
                    cell("FRA", &rule.to_string(), *ranged, *refused),
                    cell("IAD", "a", 1, 0),
                ]
            };
            let cells: Vec<Cell> = ('a'..).zip(pairs).flat_map(of).collect();
            assert_eq!(sums(&cells), [expected, (pairs.len() as u64, 0)]);
        };
        case(&[(5, 0), (0, 2)], (5, 2));
        case(&[(all - 1, 0), (1, 0), (1, 1)], (65_536, 1));
        case(&[(all, all), (0, 0), (3, 2)], (65_538, 65_537));
        case(&[(all, 0), (0, all), (0, 0)], (65_535, 65_535));
        case(&[(u32::MAX, 7), (1, 1)], (u64::from(u32::MAX), 8));
    }
}
