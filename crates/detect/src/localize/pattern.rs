//! Conjunctions of single values ("fingerprint = f1 and colo = IAD"): starts for the climbs, the simple answer where it
//! is nearly as good, and by themselves the rival that others build (the contrast pattern of DIFF-like operators).

use super::climb::Selection;
use super::cohort::Cohort;
use super::cross_section::CrossSection;
use super::grid::{Grid, Sum};
use super::price::{Noise, Objective};

/// Patterns kept per number of attributes.
const BEAM: usize = 6;

/// Attributes in a pattern; more are names of single cells rather than of cohorts.
const MAX_DEPTH: usize = 2;

/// Entries of a table of all pairs of two attributes' values: 16 bytes each, 4 MB. Larger pairs are reached from the
/// best single values only.
const MAX_PAIRS: usize = 1 << 18;

/// One value for each of some attributes, in the order of attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    pub(super) score: f64,
    pub(super) values: Vec<(usize, u16)>,
}

impl Pattern {
    /// The pattern as a selection.
    pub(super) fn selection(&self, grid: &Grid) -> Selection {
        let mut chosen = Selection::all(grid);
        for (attribute, value) in &self.values {
            if let Some(values) = chosen.get_mut(*attribute) {
                values.iter_mut().zip(0_u16..).for_each(|(c, v)| *c = v == *value);
            }
        }
        Selection {
            score: self.score,
            chosen,
        }
    }
}

/// What a pattern with this sum over these attributes and values is worth.
type Worth<'a> = dyn Fn(Sum, &[(usize, u16)]) -> f64 + 'a;

/// The best patterns of one, two, … attributes, the best first within each length.
fn levels(grid: &Grid, worth: &Worth<'_>) -> Vec<Vec<Pattern>> {
    let mut singles = Beam::new(worth);
    singles.extend(grid, &[]);
    let mut levels = vec![singles.best()];
    for depth in 2..=MAX_DEPTH.min(grid.sizes.len()) {
        let mut beam = Beam::new(worth);
        if depth == 2 {
            beam.pairs(grid);
        }
        for parent in levels.last().into_iter().flatten() {
            beam.extend(&grid.matching(&parent.values), &parent.values);
        }
        levels.push(beam.best());
    }
    levels
}

/// The best patterns by the objective of [`super::price`].
pub(super) fn best_patterns(grid: &Grid, objective: &Objective) -> Vec<Vec<Pattern>> {
    levels(grid, &|sum, values| {
        objective.score(sum, objective.singles(values.iter().map(|(d, _)| *d)))
    })
}

/// The pattern with the largest likelihood ratio: no price, no sets, no test. The rival in our figures.
#[must_use]
pub fn contrast_pattern(section: &CrossSection) -> Option<Cohort> {
    let names = section.value_names();
    let cells = section.cells();
    let grid = Grid::new(names.iter().map(Vec::len).collect(), (cells.ids, cells.sums));
    let poisson = Noise {
        phi: 1.0,
        spread: 0.0,
    };
    let levels = levels(&grid, &|sum, _| poisson.excess(sum));
    let best = levels
        .iter()
        .flatten()
        .fold(None::<&Pattern>, |best, next| match best {
            Some(best) if best.score >= next.score => Some(best),
            _ => Some(next),
        })?;
    Some(Cohort::new(section, &best.selection(&grid).chosen))
}

struct Beam<'a> {
    worth: &'a Worth<'a>,
    kept: Vec<Pattern>,
}

impl<'a> Beam<'a> {
    fn new(worth: &'a Worth<'a>) -> Self {
        Self {
            worth,
            kept: Vec::new(),
        }
    }

    fn best(self) -> Vec<Pattern> {
        self.kept
    }

    /// Keeps the best, by score and then by name, each once.
    fn offer(&mut self, sum: Sum, values: &[(usize, u16)]) {
        let score = (self.worth)(sum, values);
        let full = self.kept.len() == BEAM;
        if full && self.kept.last().is_some_and(|worst| worst.score > score) {
            return;
        }
        let mut values = values.to_vec();
        values.sort_unstable();
        if self.kept.iter().any(|kept| kept.values == values) {
            return;
        }
        self.kept.push(Pattern { score, values });
        self.kept
            .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.values.cmp(&b.values)));
        self.kept.truncate(BEAM);
    }

    /// Offers a pattern with each value of each other attribute added; `inside` has the pattern's cells.
    fn extend(&mut self, inside: &Grid, values: &[(usize, u16)]) {
        for (attribute, sums) in inside.totals().iter().enumerate() {
            if values.iter().any(|(taken, _)| *taken == attribute) {
                continue;
            }
            for (value, sum) in (0_u16..).zip(sums.iter().copied()) {
                if sum.observed > sum.expected {
                    self.offer(sum, &[values, &[(attribute, value)]].concat());
                }
            }
        }
    }

    /// Offers every pair of two attributes' values.
    fn pairs(&mut self, grid: &Grid) {
        let attributes = grid.sizes.len();
        for first in 0..attributes {
            for second in first + 1..attributes {
                self.pairs_of(grid, first, second);
            }
        }
    }

    fn pairs_of(&mut self, grid: &Grid, first: usize, second: usize) {
        let width = grid.size(second);
        let Some(size) = grid
            .size(first)
            .checked_mul(width)
            .filter(|size| *size <= MAX_PAIRS)
        else {
            return;
        };
        let mut table = vec![Sum::default(); size];
        for (row, cell) in grid.rows().zip(&grid.cells) {
            let (Some(a), Some(b)) = (row.get(first), row.get(second)) else {
                continue;
            };
            if let Some(sum) = table.get_mut(usize::from(*a) * width + usize::from(*b)) {
                sum.add(*cell);
            }
        }
        for (a, row) in (0_u16..).zip(table.chunks(width.max(1))) {
            for (b, sum) in (0_u16..).zip(row).filter(|(_, sum)| sum.observed > sum.expected) {
                self.offer(*sum, &[(first, a), (second, b)]);
            }
        }
    }
}
