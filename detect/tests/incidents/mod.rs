//! Generated incidents: 60,000 requests over six attributes, a baseline that is nearly right, and a cohort in which
//! events are several times as frequent.
//!
//! Popularity is Zipf 1.1, ASNs belong to countries, colos are near countries, families go with an OS and fingerprints
//! with a family, as in registry traffic. Events cluster (one retry brings others), and the baseline errs by some per
//! cent per value.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a generator for tests: all indices are of its own tables"
)]

use blobwatch_detect::localize::{Cohort, CrossSection};

pub(crate) const ATTRIBUTES: [&str; 6] = ["route", "colo", "country", "asn", "os", "fingerprint"];
const SIZES: [usize; 6] = [6, 30, 40, 120, 8, 60];
const REQUESTS: usize = 60_000;
const BASE_RATE: f64 = 0.01;

/// xorshift64*: the same incidents everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n - 1)
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strength {
    Strong,
    Weak,
}

/// One literal of a true cohort: an attribute, values, and whether it says "in" or "not in".
type Truth = Vec<(usize, Vec<usize>, bool)>;

pub(crate) struct Incident {
    pub(crate) section: CrossSection,
    /// Values, requests, in a true cohort or not.
    rows: Vec<([usize; 6], f64, bool)>,
    pub(crate) truth: String,
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
    let u = random.unit();
    cumulative
        .iter()
        .position(|c| u < *c)
        .unwrap_or(cumulative.len() - 1)
}

/// A scrambled but fixed companion of a value.
fn near(value: usize, salt: usize, n: usize) -> usize {
    (value * 7 + salt * 13 + value * salt) % n
}

fn requests(random: &mut Random) -> Vec<[usize; 6]> {
    let popularity: Vec<Vec<f64>> = SIZES.iter().map(|n| zipf(*n)).collect();
    let request = |random: &mut Random| {
        let country = draw(&popularity[2], random);
        let colo = if random.unit() < 0.8 {
            near(country, 1, SIZES[1])
        } else {
            draw(&popularity[1], random)
        };
        let asn = if random.unit() < 0.6 {
            near(country, random.below(4), SIZES[3])
        } else {
            draw(&popularity[3], random)
        };
        let os = draw(&popularity[4], random);
        let fingerprint = if random.unit() < 0.7 {
            near(os, random.below(6), SIZES[5])
        } else {
            draw(&popularity[5], random)
        };
        [draw(&popularity[0], random), colo, country, asn, os, fingerprint]
    };
    (0..REQUESTS).map(|_| request(random)).collect()
}

/// A true cohort of one of eight shapes, around values of a request so that it has traffic.
fn cohort(shape: usize, requests: &[[usize; 6]], random: &mut Random) -> Truth {
    let (one, two) = (requests[random.below(REQUESTS)], requests[random.below(REQUESTS)]);
    match shape {
        0 => vec![(5, vec![one[5]], true), (1, vec![two[1]], false)],
        1 => vec![(4, vec![one[4]], true), (3, vec![one[3]], true)],
        2 => vec![(5, vec![one[5], two[5]], true)],
        3 => vec![(3, vec![one[3]], true)],
        4 => vec![
            (
                1,
                (0..6).map(|_| requests[random.below(REQUESTS)][1]).collect(),
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

/// A null cross-section (`strength` none) or one with `causes` true cohorts.
pub(crate) fn generate(seed: u64, strength: Option<Strength>, causes: usize) -> Incident {
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
    let mut cells = std::collections::BTreeMap::<[usize; 6], (f64, f64, f64)>::new();
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
        if random.unit() < (rate * lift * 7.0 / 8.0).min(0.9) {
            *c += 1.0;
            while random.unit() < 0.125 {
                *c += 1.0;
            }
        }
    }
    incident(cells, &truths)
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
        let shape = random.below(8);
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
            Strength::Strong => [5.0, 8.0, 12.0, 20.0][random.below(4)],
            Strength::Weak => [2.0, 3.0, 4.0, 6.0][random.below(4)],
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

fn incident(
    cells: std::collections::BTreeMap<[usize; 6], (f64, f64, f64)>,
    truths: &[(Truth, f64)],
) -> Incident {
    let mut section = CrossSection::new(&ATTRIBUTES).unwrap();
    let mut rows = Vec::new();
    for (row, (n, c, e)) in cells {
        let names = row.map(|v| format!("v{v}"));
        section.push(&names.each_ref().map(String::as_str), c, e).unwrap();
        rows.push((row, n, truths.iter().any(|(truth, _)| holds(truth, &row))));
    }
    Incident {
        section,
        rows,
        truth: format!("{truths:?}"),
    }
}

impl Incident {
    /// Intersection over union, by requests, of the true cohorts and the named ones taken together.
    pub(crate) fn overlap(&self, named: &[&Cohort]) -> f64 {
        let (mut both, mut either) = (0.0, 0.0);
        let sets: Vec<Vec<Vec<bool>>> = named.iter().map(|cohort| chosen(cohort)).collect();
        for (row, requests, truth) in &self.rows {
            let inside = sets
                .iter()
                .any(|set| set.iter().zip(row).all(|(chosen, v)| chosen[*v]));
            both += if inside && *truth { *requests } else { 0.0 };
            either += if inside || *truth { *requests } else { 0.0 };
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
