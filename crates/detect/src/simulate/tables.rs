//! Generated tables: four attributes of few values, as a service counts its sessions, and a cohort whose cells have several
//! times as many events as were forecast.
//!
//! Two kinds, because what is right for one is wrong for the other. In tables of small counts a cell expects some ten
//! events, forecasts are nearly right, and every cell of the cohort rose alike: each difference between cells is evidence. In
//! tables of large counts a cell expects up to thousands, each forecast errs, and a rise hits some values more than others:
//! hardly any difference is.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "seeded generators for tests and benchmarks: all indices are of their own tables"
)]

use std::collections::BTreeSet;

use super::Random;
use crate::localize::{Cohort, CrossSection};

/// Attributes of a generated table; a table has three or four of them, each with 2 to 9 values: `v0`, `v1`, …
const ATTRIBUTES: [&str; 4] = ["cdn", "bitrate", "device", "network"];

/// How many events a cell expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Small,
    Large,
}

/// An attribute and the values that are hit.
type Literal = (usize, BTreeSet<usize>);

/// A cell: its values, what was expected, and whether a true cohort has it.
#[derive(Debug, Clone)]
struct Cell {
    values: Vec<usize>,
    expected: f64,
    affected: bool,
}

#[derive(Debug, Clone)]
pub struct Table {
    pub section: CrossSection,
    /// For people.
    pub truth: String,
    cohort: Vec<Literal>,
    cells: Vec<Cell>,
}

/// How true and named elements compare: an element is one value of one attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Elements {
    pub right: usize,
    pub wrong: usize,
    pub missing: usize,
}

impl Elements {
    pub fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missing += other.missing;
    }

    #[must_use]
    pub fn f1(self) -> f64 {
        let twice = 2.0 * self.right as f64;
        twice / (twice + (self.wrong + self.missing) as f64).max(f64::MIN_POSITIVE)
    }
}

/// What is drawn once for a table: how much its forecasts err, and how unevenly a rise hits values and cells.
struct Errors {
    forecast: f64,
    value: f64,
    cell: f64,
}

impl Table {
    /// A table with a cause, or without one.
    #[must_use]
    pub fn generate(seed: u64, size: Size, has_cause: bool) -> Self {
        let mut random = Random::new(seed);
        let attributes = 3 + below(&mut random, 2);
        let sizes: Vec<usize> = (0..attributes).map(|_| 2 + below(&mut random, 8)).collect();
        let mut cells = cells(&sizes, size, &mut random);
        let cohort = match has_cause {
            true => cohort(&sizes, &mut cells, size, &mut random),
            false => Vec::new(),
        };
        let errors = match size {
            Size::Small => Errors {
                forecast: 0.0,
                value: 0.0,
                cell: 0.0,
            },
            Size::Large => Errors {
                forecast: 0.1 + 0.2 * random.uniform(),
                value: 0.6 * random.uniform(),
                cell: 0.2 + 0.4 * random.uniform(),
            },
        };
        let rise = 3.0 * 5_f64.powf(random.uniform());
        let hits: Vec<Vec<f64>> = sizes
            .iter()
            .map(|size| {
                (0..*size)
                    .map(|_| (errors.value * random.normal()).exp())
                    .collect()
            })
            .collect();
        let mut section = CrossSection::new(&ATTRIBUTES[..attributes]).unwrap();
        for cell in &cells {
            let hit: f64 = cell
                .values
                .iter()
                .zip(&hits)
                .map(|(value, hits)| hits[*value])
                .product();
            let odds = match cell.affected {
                true => (rise * hit * (errors.cell * random.normal()).exp()).max(1.0),
                false => 1.0,
            };
            let mean = cell.expected * odds * (errors.forecast * random.normal()).exp();
            let names: Vec<String> = cell.values.iter().map(|value| format!("v{value}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let observed = random.poisson(mean) as f64;
            section.push(&names, observed, cell.expected).unwrap();
        }
        Self {
            section,
            truth: words(&cohort),
            cohort,
            cells,
        }
    }

    /// Intersection over union, by what was expected, of the true cohort and the named ones taken together.
    #[must_use]
    pub fn overlap(&self, named: &[Cohort]) -> f64 {
        let (mut both, mut either) = (0.0, 0.0);
        for cell in &self.cells {
            let names: Vec<String> = cell.values.iter().map(|value| format!("v{value}")).collect();
            let value_of = |name: &str| {
                let at = ATTRIBUTES
                    .iter()
                    .position(|attribute| *attribute == name)
                    .unwrap();
                names[at].as_str()
            };
            let inside = named.iter().any(|cohort| cohort.contains(value_of));
            both += if inside && cell.affected {
                cell.expected
            } else {
                0.0
            };
            either += if inside || cell.affected {
                cell.expected
            } else {
                0.0
            };
        }
        if either == 0.0 { 1.0 } else { both / either }
    }

    #[must_use]
    pub fn elements(&self, named: &[Cohort]) -> Elements {
        let element = |attribute: &str, value: &str| (attribute.to_owned(), value.to_owned());
        let truth: BTreeSet<(String, String)> = self
            .cohort
            .iter()
            .flat_map(|(at, values)| {
                values
                    .iter()
                    .map(|value| element(ATTRIBUTES[*at], &format!("v{value}")))
            })
            .collect();
        let named: BTreeSet<(String, String)> = named
            .iter()
            .flat_map(|cohort| &cohort.literals)
            .flat_map(|literal| {
                literal
                    .values
                    .iter()
                    .map(|value| element(&literal.attribute, value))
            })
            .collect();
        let right = truth.intersection(&named).count();
        Elements {
            right,
            wrong: named.len() - right,
            missing: truth.len() - right,
        }
    }
}

/// Cells of all combinations of values but some, the larger ones more seldom left out.
fn cells(sizes: &[usize], size: Size, random: &mut Random) -> Vec<Cell> {
    let spread = match size {
        Size::Small => 0.3,
        Size::Large => 1.0,
    };
    let weights: Vec<Vec<f64>> = sizes
        .iter()
        .map(|size| (0..*size).map(|_| (spread * random.normal()).exp()).collect())
        .collect();
    let scale = match size {
        Size::Small => 6.0 + 8.0 * random.uniform(),
        Size::Large => 10.0 * 30_f64.powf(random.uniform()),
    };
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for size in sizes {
        let longer = |row: &Vec<usize>| {
            let row = row.clone();
            (0..*size).map(move |value| [row.as_slice(), &[value]].concat())
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    rows.into_iter()
        .map(|values| {
            let weight: f64 = values
                .iter()
                .zip(&weights)
                .map(|(value, weights)| weights[*value])
                .product();
            Cell {
                values,
                expected: scale * weight,
                affected: false,
            }
        })
        .filter(|cell| cell.expected > 0.02)
        .collect()
}

/// Draws cohorts until one has between 2 and 60 % of what is expected and, of small counts, enough to be found.
fn cohort(sizes: &[usize], cells: &mut [Cell], size: Size, random: &mut Random) -> Vec<Literal> {
    let all: f64 = cells.iter().map(|cell| cell.expected).sum();
    loop {
        let cohort = draw(sizes, size, random);
        for cell in cells.iter_mut() {
            cell.affected = cohort
                .iter()
                .all(|(at, values)| values.contains(&cell.values[*at]));
        }
        let held: f64 = cells
            .iter()
            .filter(|cell| cell.affected)
            .map(|cell| cell.expected)
            .sum();
        if held >= 20.0 && (0.02..0.6).contains(&(held / all)) {
            return cohort;
        }
    }
}

/// One value, of one, two or three attributes; or, instead of the last of them, a list of two or three, or all values but one
/// or two. What all values but some are hit by is no cohort of large counts: their forecasts cannot show it.
fn draw(sizes: &[usize], size: Size, random: &mut Random) -> Vec<Literal> {
    let length = 1 + below(random, 3).min(below(random, 3));
    let mut attributes: Vec<usize> = (0..sizes.len()).collect();
    let mut cohort: Vec<Literal> = Vec::new();
    while cohort.len() < length {
        let at = attributes.remove(below(random, attributes.len()));
        cohort.push((at, BTreeSet::from([below(random, sizes[at])])));
    }
    let (at, values) = cohort.last_mut().unwrap();
    let all = sizes[*at];
    let (listed, spared) = match (size, below(random, 4)) {
        (_, 0) if all >= 6 => (2 + below(random, 2), 0),
        (Size::Small, 1) if all >= 4 && length > 1 => (0, 1),
        (Size::Small, 2) if all >= 6 && length > 1 => (0, 2),
        _ => return cohort,
    };
    if spared > 0 {
        *values = (0..all).collect();
    }
    while values.len() < listed {
        values.insert(below(random, all));
    }
    while spared > 0 && values.len() > all - spared {
        values.remove(&below(random, all));
    }
    cohort
}

fn words(cohort: &[Literal]) -> String {
    let literal = |(at, values): &Literal| format!("{} {values:?}", ATTRIBUTES[*at]);
    cohort.iter().map(literal).collect::<Vec<_>>().join(", ")
}

fn below(random: &mut Random, n: usize) -> usize {
    ((random.uniform() * n as f64) as usize).min(n - 1)
}
