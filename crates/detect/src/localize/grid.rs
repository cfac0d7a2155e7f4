//! Cells row by row, the form that the scans read.

use super::scatter::Scatter;

/// Observed and expected, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) observed: f64,
    pub(super) expected: f64,
}

impl Sum {
    pub(super) fn add(&mut self, other: Sum) {
        self.observed += other.observed;
        self.expected += other.expected;
    }

    pub(super) fn is_zero(self) -> bool {
        self.observed <= 0.0 && self.expected <= 0.0
    }
}

/// The ids of each cell's values, one per attribute, and its sum.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Values per attribute.
    pub(super) sizes: Vec<usize>,
    ids: Vec<u16>,
    pub(super) cells: Vec<Sum>,
}

/// Cells in the order of their ids: all ids, row after row, the sums, and the clients that are known to be behind each.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    pub(super) ids: Vec<u16>,
    pub(super) sums: Vec<Sum>,
    pub(super) clients: Vec<f64>,
}

/// One bit per attribute whose chosen values do not have a cell's value: the cell is in the cohort at zero.
pub(super) type Mask = u16;

/// The bit of an attribute; there are at most `MAX_ATTRIBUTES` = 16.
fn bit(attribute: usize) -> Mask {
    1_u16.wrapping_shl(u32::try_from(attribute).unwrap_or_default())
}

/// Sums per value of one attribute over the cells that the other attributes let in, for each attribute.
pub(super) type Marginals = Vec<Vec<Sum>>;

impl Grid {
    /// `ids` has one id per attribute for each of the `cells`.
    pub(super) fn new(sizes: Vec<usize>, (ids, cells): (Vec<u16>, Vec<Sum>)) -> Self {
        Self { sizes, ids, cells }
    }

    /// Cuts what a cell has beyond [`believed`] and beyond the `clients` that are known to be behind it, one number a cell,
    /// and takes the same share off every expectation. In a cell that expects far less than one event, three are one client
    /// that retried and not three clients in trouble, unless it is known that there are three: breadth counts, not depth.
    pub(super) fn cut_repeats(&mut self, clients: &[f64]) {
        let total = |cells: &[Sum]| cells.iter().map(|cell| cell.observed).sum::<f64>();
        let before = total(&self.cells);
        for (cell, clients) in self
            .cells
            .iter_mut()
            .zip(clients)
            .filter(|(cell, _)| cell.expected > 0.0)
        {
            cell.observed = cell.observed.min(believed(cell.expected).max(*clients));
        }
        let kept = total(&self.cells) / before.max(f64::MIN_POSITIVE);
        for cell in &mut self.cells {
            cell.expected *= kept;
        }
    }

    /// Multiplies every expectation.
    pub(super) fn raise(&mut self, level: f64) {
        for cell in &mut self.cells {
            cell.expected *= level;
        }
    }

    /// Weighs each cell by what it tells against its size: sums then vary by phi times what they expect.
    pub(super) fn weigh(&mut self, scatter: Scatter) {
        for cell in &mut self.cells {
            let weight = scatter.weight(cell.expected);
            cell.observed *= weight;
            cell.expected *= weight;
        }
    }

    /// The ids of each cell.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u16]> {
        self.ids.chunks(self.sizes.len().max(1))
    }

    pub(super) fn size(&self, attribute: usize) -> usize {
        self.sizes.get(attribute).copied().unwrap_or_default()
    }

    /// Where each attribute's values begin in one table of all values, and how many there are.
    fn offsets(&self) -> (Vec<usize>, usize) {
        let mut all = 0;
        let begin = |size: &usize| {
            all += size;
            all - size
        };
        (self.sizes.iter().map(begin).collect(), all)
    }

    fn split(&self, mut sums: Vec<Sum>) -> Marginals {
        let mut split: Marginals = self
            .sizes
            .iter()
            .rev()
            .map(|size| sums.split_off(sums.len().saturating_sub(*size)))
            .collect();
        split.reverse();
        split
    }

    /// One pass for all attributes: a cell that one attribute keeps out counts for that attribute only, one that two
    /// keep out for none.
    pub(super) fn marginals(&self, masks: &[Mask]) -> Marginals {
        let (offsets, all) = self.offsets();
        let mut sums = vec![Sum::default(); all];
        for ((row, mask), cell) in self.rows().zip(masks).zip(&self.cells) {
            if *mask == 0 {
                add_to_all(&mut sums, &offsets, row, *cell);
            } else if mask.is_power_of_two() {
                let attribute = mask.trailing_zeros() as usize;
                let place = offsets.get(attribute).zip(row.get(attribute));
                add_to(&mut sums, place, *cell);
            }
        }
        self.split(sums)
    }

    /// Sums per value of each attribute, over all cells.
    pub(super) fn totals(&self) -> Marginals {
        let (offsets, all) = self.offsets();
        let mut sums = vec![Sum::default(); all];
        for (row, cell) in self.rows().zip(&self.cells) {
            add_to_all(&mut sums, &offsets, row, *cell);
        }
        self.split(sums)
    }

    /// Writes one attribute's choice into the masks.
    pub(super) fn mark(&self, attribute: usize, chosen: &[bool], masks: &mut [Mask]) {
        let bit = bit(attribute);
        for (row, mask) in self.rows().zip(masks) {
            let value = row.get(attribute).copied().unwrap_or_default();
            let inside = chosen.get(usize::from(value)).copied().unwrap_or(false);
            *mask = if inside { *mask & !bit } else { *mask | bit };
        }
    }

    /// Masks of a whole selection, one list of chosen values per attribute.
    pub(super) fn masks(&self, chosen: &[Vec<bool>]) -> Vec<Mask> {
        let mut masks = vec![0; self.cells.len()];
        for (attribute, chosen) in chosen.iter().enumerate().filter(|(_, c)| c.contains(&false)) {
            self.mark(attribute, chosen, &mut masks);
        }
        masks
    }

    /// Sum of the cells inside a selection.
    pub(super) fn inside(&self, masks: &[Mask]) -> Sum {
        let mut total = Sum::default();
        for (cell, _) in self.cells.iter().zip(masks).filter(|(_, mask)| **mask == 0) {
            total.add(*cell);
        }
        total
    }

    /// The cells with these values.
    pub(super) fn matching(&self, values: &[(usize, u16)]) -> Self {
        self.only(|row, _| values.iter().all(|(d, value)| row.get(*d) == Some(value)))
    }

    /// The cells outside a selection.
    pub(super) fn without(&self, masks: &[Mask]) -> Self {
        self.only(|_, at| masks.get(at).is_some_and(|mask| *mask != 0))
    }

    fn only(&self, keeps: impl Fn(&[u16], usize) -> bool) -> Self {
        let (mut ids, mut cells) = (Vec::new(), Vec::new());
        for (at, (row, cell)) in self.rows().zip(&self.cells).enumerate() {
            if keeps(row, at) {
                ids.extend_from_slice(row);
                cells.push(*cell);
            }
        }
        Self::new(self.sizes.clone(), (ids, cells))
    }
}

/// Events of one cell that may be as many clients. A cell that expects a hundredth of an event has one or two requests,
/// one that expects half an event has dozens, all of which a fault may hit: 1.3, and 260.
fn believed(expected: f64) -> f64 {
    1.0 + 20.0 * expected + 1000.0 * expected.powi(2)
}

fn add_to_all(sums: &mut [Sum], offsets: &[usize], row: &[u16], cell: Sum) {
    for place in offsets.iter().zip(row) {
        add_to(sums, Some(place), cell);
    }
}

fn add_to(sums: &mut [Sum], place: Option<(&usize, &u16)>, cell: Sum) {
    let at = place.map_or(usize::MAX, |(offset, value)| offset + usize::from(*value));
    if let Some(sum) = sums.get_mut(at) {
        sum.add(cell);
    }
}
