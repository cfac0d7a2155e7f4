//! Generated incidents: 60,000 requests over six attributes, a baseline that is nearly right, and a cohort in which
//! events are several times as frequent.
//!
//! Popularity is Zipf 1.1, ASNs belong to countries, colos are near countries, families go with an OS and fingerprints
//! with a family, as in registry traffic. Events cluster (one retry brings others), and the baseline errs by some per
//! cent per value.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "seeded generators for tests and benchmarks: all indices are of their own tables"
)]

use std::collections::BTreeMap;

use super::Random;
use crate::localize::{Cohort, CrossSection};

/// Attributes of a generated incident, and how many values each has: `v0`, `v1`, …
pub const ATTRIBUTES: [&str; 6] = ["route", "colo", "country", "asn", "os", "fingerprint"];
pub const SIZES: [usize; 6] = [6, 30, 40, 120, 8, 60];

const REQUESTS: usize = 60_000;
const BASE_RATE: f64 = 0.01;

/// What a true cohort is worth to who knows it: 100 nats or more, or 20 to 45.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    Strong,
    Weak,
}

/// One literal of a true cohort: an attribute, values, and whether it says "in" or "not in".
type Truth = Vec<(usize, Vec<usize>, bool)>;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub values: [usize; 6],
    pub requests: f64,
    pub observed: f64,
    pub expected: f64,
    /// In a true cohort.
    pub affected: bool,
}

#[derive(Debug, Clone)]
pub struct Incident {
    pub section: CrossSection,
    /// For people.
    pub truth: String,
    rows: Vec<Row>,
}

/// Cumulative Zipf 1.1 over `n` values.
fn zipf(n: usize) -> Vec<f64> {
    let weights: Vec<f64> = (1..=n).map(|rank| (rank as f64).powf(-1.1)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights
        .iter()
        .map(|w| {
            sum += w / total;
            sum
        })
        .collect()
}

fn draw(cumulative: &[f64], random: &mut Random) -> usize {
    let u = random.uniform();
    cumulative
        .iter()
        .position(|c| u < *c)
        .unwrap_or(cumulative.len() - 1)
}

fn below(random: &mut Random, n: usize) -> usize {
    ((random.uniform() * n as f64) as usize).min(n - 1)
}

/// A scrambled but fixed companion of a value.
fn near(value: usize, salt: usize, n: usize) -> usize {
    (value * 7 + salt * 13 + value * salt) % n
}

fn requests(random: &mut Random) -> Vec<[usize; 6]> {
    let popularity: Vec<Vec<f64>> = SIZES.iter().map(|n| zipf(*n)).collect();
    let request = |random: &mut Random| {
        let country = draw(&popularity[2], random);
        let colo = if random.uniform() < 0.8 {
            near(country, 1, SIZES[1])
        } else {
            draw(&popularity[1], random)
        };
        let asn = if random.uniform() < 0.6 {
            near(country, below(random, 4), SIZES[3])
        } else {
            draw(&popularity[3], random)
        };
        let os = draw(&popularity[4], random);
        let fingerprint = if random.uniform() < 0.7 {
            near(os, below(random, 6), SIZES[5])
        } else {
            draw(&popularity[5], random)
        };
        [draw(&popularity[0], random), colo, country, asn, os, fingerprint]
    };
    (0..REQUESTS).map(|_| request(random)).collect()
}

/// A true cohort of one of eight shapes, around values of a request so that it has traffic.
fn cohort(shape: usize, requests: &[[usize; 6]], random: &mut Random) -> Truth {
    let (one, two) = (
        requests[below(random, REQUESTS)],
        requests[below(random, REQUESTS)],
    );
    match shape {
        0 => vec![(5, vec![one[5]], true), (1, vec![two[1]], false)],
        1 => vec![(4, vec![one[4]], true), (3, vec![one[3]], true)],
        2 => vec![(5, vec![one[5], two[5]], true)],
        3 => vec![(3, vec![one[3]], true)],
        4 => vec![
            (
                1,
                (0..6).map(|_| requests[below(random, REQUESTS)][1]).collect(),
                true,
            ),
            (4, vec![one[4]], true),
        ],
        5 => vec![(4, vec![one[4]], true), (2, vec![two[2]], false)],
        6 => vec![(0, vec![one[0]], true), (2, vec![one[2], two[2]], true)],
        _ => vec![(5, vec![one[5]], true), (0, vec![one[0]], true)],
    }
}

fn holds(truth: &Truth, row: &[usize; 6]) -> bool {
    truth
        .iter()
        .all(|(d, values, inside)| values.contains(&row[*d]) == *inside)
}

fn factors(n: usize, spread: f64, random: &mut Random) -> Vec<f64> {
    (0..n).map(|_| (spread * random.normal()).exp()).collect()
}

/// Cohorts of 0.5 to 40 % of the requests; a strong one is worth 100 nats or more to who
/// knows it, a weak one 20 to 45.
fn truths(
    requests: &[[usize; 6]],
    strength: Strength,
    causes: usize,
    random: &mut Random,
) -> Vec<(Truth, f64)> {
    let mut truths: Vec<(Truth, f64)> = Vec::new();
    while truths.len() < causes {
        let shape = below(random, 8);
        let truth = cohort(shape, requests, random);
        let held = requests.iter().filter(|row| holds(&truth, row)).count() as f64;
        let apart = truths.iter().all(|(other, _)| {
            let both = requests
                .iter()
                .filter(|row| holds(&truth, row) && holds(other, row))
                .count() as f64;
            both < 0.1 * held
        });
        let share = held / REQUESTS as f64;
        let lift = match strength {
            Strength::Strong => [5.0, 8.0, 12.0, 20.0][below(random, 4)],
            Strength::Weak => [2.0, 3.0, 4.0, 6.0][below(random, 4)],
        };
        let expected = held * BASE_RATE;
        let worth = expected * (lift * f64::ln(lift) - lift + 1.0);
        let fits = match strength {
            Strength::Strong => worth >= 100.0,
            Strength::Weak => (20.0..=45.0).contains(&worth),
        };
        if apart && fits && (0.005..=0.4).contains(&share) {
            truths.push((truth, lift));
        }
    }
    truths
}

impl Incident {
    /// A null cross-section (`strength` none) or one with `causes` true cohorts.
    pub fn generate(seed: u64, strength: Option<Strength>, causes: usize) -> Self {
        let mut random = Random::new(seed);
        let requests = requests(&mut random);
        let truths = match strength {
            None => Vec::new(),
            Some(strength) => truths(&requests, strength, causes, &mut random),
        };
        let levels: Vec<Vec<f64>> = SIZES.iter().map(|n| factors(*n, 0.25, &mut random)).collect();
        let errors: Vec<Vec<f64>> = SIZES.iter().map(|n| factors(*n, 0.03, &mut random)).collect();
        let product = |factors: &[Vec<f64>], row: &[usize; 6]| -> f64 {
            factors.iter().zip(row).map(|(f, v)| f[*v]).product()
        };
        let mut cells = BTreeMap::<[usize; 6], (f64, f64, f64)>::new();
        for row in &requests {
            let rate = BASE_RATE * product(&levels, row);
            let lift: f64 = truths
                .iter()
                .filter(|(truth, _)| holds(truth, row))
                .map(|(_, lift)| *lift)
                .product();
            let (n, c, e) = cells.entry(*row).or_default();
            *n += 1.0;
            *e += rate * product(&errors, row);
            // One event in eight brings others: mean 8/7 a cluster, taken off the rate.
            if random.uniform() < (rate * lift * 7.0 / 8.0).min(0.9) {
                *c += 1.0;
                while random.uniform() < 0.125 {
                    *c += 1.0;
                }
            }
        }
        Self::of_cells(cells, &truths)
    }

    fn of_cells(cells: BTreeMap<[usize; 6], (f64, f64, f64)>, truths: &[(Truth, f64)]) -> Self {
        let mut section = CrossSection::new(&ATTRIBUTES).unwrap();
        let mut rows = Vec::new();
        for (values, (requests, observed, expected)) in cells {
            let names = values.map(|v| format!("v{v}"));
            section
                .push(&names.each_ref().map(String::as_str), observed, expected)
                .unwrap();
            rows.push(Row {
                values,
                requests,
                observed,
                expected,
                affected: truths.iter().any(|(truth, _)| holds(truth, &values)),
            });
        }
        Self {
            section,
            truth: format!("{truths:?}"),
            rows,
        }
    }

    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Intersection over union, by requests, of the true cohorts and the named ones taken together.
    #[must_use]
    pub fn overlap(&self, named: &[Cohort]) -> f64 {
        let (mut both, mut either) = (0.0, 0.0);
        let sets: Vec<Vec<Vec<bool>>> = named.iter().map(chosen).collect();
        for row in &self.rows {
            let inside = sets
                .iter()
                .any(|set| set.iter().zip(row.values).all(|(chosen, v)| chosen[v]));
            both += if inside && row.affected { row.requests } else { 0.0 };
            either += if inside || row.affected { row.requests } else { 0.0 };
        }
        if either == 0.0 { 1.0 } else { both / either }
    }
}

fn chosen(cohort: &Cohort) -> Vec<Vec<bool>> {
    let mut chosen: Vec<Vec<bool>> = SIZES.iter().map(|n| vec![true; *n]).collect();
    for literal in &cohort.literals {
        let d = ATTRIBUTES.iter().position(|a| *a == literal.attribute).unwrap();
        for (v, inside) in chosen[d].iter_mut().enumerate() {
            *inside = literal.values.contains(&format!("v{v}"));
        }
    }
    chosen
}
