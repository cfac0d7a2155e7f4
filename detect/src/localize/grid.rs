//! Cells by column, the form that the scans read.

use super::cross_section::Cell;

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

/// One column of value ids per attribute, one sum per cell.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Values per attribute.
    pub(super) sizes: Vec<usize>,
    pub(super) columns: Vec<Vec<u16>>,
    pub(super) cells: Vec<Sum>,
}

/// One bit per attribute whose chosen values do not have a cell's value: the cell is in the cohort at zero.
pub(super) type Mask = u16;

/// The bit of an attribute; there are at most `MAX_ATTRIBUTES` = 16.
pub(super) fn bit(attribute: usize) -> Mask {
    1_u16.wrapping_shl(u32::try_from(attribute).unwrap_or_default())
}

impl Grid {
    pub(super) fn new(sizes: Vec<usize>, cells: &[Cell]) -> Self {
        let column = |d: usize| {
            cells
                .iter()
                .map(|(ids, _, _)| ids.get(d).copied().unwrap_or_default())
                .collect()
        };
        Self {
            columns: (0..sizes.len()).map(column).collect(),
            cells: cells
                .iter()
                .map(|&(_, observed, expected)| Sum { observed, expected })
                .collect(),
            sizes,
        }
    }

    pub(super) fn column(&self, attribute: usize) -> &[u16] {
        self.columns.get(attribute).map_or(&[], Vec::as_slice)
    }

    pub(super) fn size(&self, attribute: usize) -> usize {
        self.sizes.get(attribute).copied().unwrap_or_default()
    }

    /// Sums per value of one attribute over the cells that the other attributes let in.
    pub(super) fn marginal(&self, attribute: usize, masks: &[Mask]) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); self.size(attribute)];
        let others = !bit(attribute);
        for ((value, mask), cell) in self.column(attribute).iter().zip(masks).zip(&self.cells) {
            if mask & others != 0 {
                continue;
            }
            if let Some(sum) = sums.get_mut(usize::from(*value)) {
                sum.add(*cell);
            }
        }
        sums
    }

    /// Writes one attribute's choice into the masks.
    pub(super) fn mark(&self, attribute: usize, chosen: &[bool], masks: &mut [Mask]) {
        let bit = bit(attribute);
        for (value, mask) in self.column(attribute).iter().zip(masks) {
            let inside = chosen.get(usize::from(*value)).copied().unwrap_or(false);
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
        let mut cells: Vec<usize> = (0..self.cells.len()).collect();
        for (attribute, value) in values {
            let column = self.column(*attribute);
            cells.retain(|cell| column.get(*cell) == Some(value));
        }
        fn pick<T: Copy>(items: &[T], cells: &[usize]) -> Vec<T> {
            cells
                .iter()
                .filter_map(|cell| items.get(*cell).copied())
                .collect()
        }
        Self {
            sizes: self.sizes.clone(),
            columns: self.columns.iter().map(|column| pick(column, &cells)).collect(),
            cells: pick(&self.cells, &cells),
        }
    }

    /// The cells outside a selection.
    pub(super) fn without(&self, masks: &[Mask]) -> Self {
        fn outside<T: Copy>(items: &[T], masks: &[Mask]) -> Vec<T> {
            items
                .iter()
                .zip(masks)
                .filter(|(_, mask)| **mask != 0)
                .map(|(item, _)| *item)
                .collect()
        }
        Self {
            sizes: self.sizes.clone(),
            columns: self.columns.iter().map(|column| outside(column, masks)).collect(),
            cells: outside(&self.cells, masks),
        }
    }

    /// Every count divided by `unit`.
    pub(super) fn in_units(mut self, unit: f64) -> Self {
        for cell in &mut self.cells {
            cell.observed /= unit;
            cell.expected /= unit;
        }
        self
    }
}
