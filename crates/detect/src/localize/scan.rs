//! The best values of one attribute while the others are fixed.
//!
//! Without a price the best set is a prefix of the values ordered by c/e, because the score is convex in (c, e), grows
//! with c and falls with e. With a price per number of values the best set of each size is a prefix of an order by what a
//! value adds to the score, to first order around a set (c ln q - e (q - 1) where baselines do not err, if the cohort's
//! ratio is q), so the scan goes on around the best set so far until nothing is gained.

use super::grid::Sum;
use super::price::{Objective, Price};

/// Orders by contribution that are tried after the one by c/e; two are nearly always enough.
const MAX_REFINEMENTS: usize = 4;

/// The best choice found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) score: f64,
    pub(super) chosen: Vec<bool>,
}

/// `sums` per value of `attribute`, `rest` the price of the other attributes.
pub(super) fn best_values(sums: &[Sum], objective: &Objective, attribute: usize, rest: Price) -> Choice {
    let scan = Scan {
        sums,
        objective,
        attribute,
        rest,
        absent: sums.iter().filter(|s| s.is_zero()).count(),
    };
    let mut best = scan.prefixes(&scan.ordered(|sum| {
        if sum.expected > 0.0 {
            sum.observed / sum.expected
        } else {
            f64::INFINITY
        }
    }));
    for _ in 0..MAX_REFINEMENTS {
        let (by_observed, by_expected) = objective.noise.slopes(best.sum);
        let next =
            scan.prefixes(&scan.ordered(|sum| sum.observed * by_observed + sum.expected * by_expected));
        if next.score <= best.score {
            break;
        }
        best = next;
    }
    Choice {
        score: best.score,
        chosen: scan.mark(&best),
    }
}

struct Scan<'a> {
    sums: &'a [Sum],
    objective: &'a Objective,
    attribute: usize,
    rest: Price,
    /// Values without a cell among the others' choice: they may be in or out, whichever is shorter to say.
    absent: usize,
}

struct Prefix {
    score: f64,
    sum: Sum,
    members: Vec<usize>,
    with_absent: bool,
}

impl Scan<'_> {
    /// Values that have cells, the highest key first and by name on ties.
    fn ordered(&self, key: impl Fn(&Sum) -> f64) -> Vec<usize> {
        let mut keyed: Vec<(f64, usize)> = self
            .sums
            .iter()
            .enumerate()
            .filter(|(_, s)| !s.is_zero())
            .map(|(v, s)| (key(s), v))
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        keyed.into_iter().map(|(_, value)| value).collect()
    }

    /// The best prefix of an order; the shorter one wins ties.
    fn prefixes(&self, order: &[usize]) -> Prefix {
        let (mut best, mut length) = (Prefix::nothing(), 0);
        let mut sum = Sum::default();
        for (i, value) in order.iter().enumerate() {
            sum.add(self.sums.get(*value).copied().unwrap_or_default());
            for with_absent in [false, true] {
                let score = self.score(sum, i + 1, with_absent);
                if score > best.score {
                    best = Prefix {
                        score,
                        sum,
                        members: Vec::new(),
                        with_absent,
                    };
                    length = i + 1;
                }
            }
        }
        best.members = order.iter().take(length).copied().collect();
        best
    }

    fn score(&self, sum: Sum, members: usize, with_absent: bool) -> f64 {
        let members = if with_absent {
            members + self.absent
        } else {
            members
        };
        let prices = self.objective.of(self.attribute);
        let price = prices.get(members).copied().unwrap_or_default();
        self.objective.score(sum, self.rest.plus(price))
    }

    fn mark(&self, prefix: &Prefix) -> Vec<bool> {
        let mut chosen: Vec<bool> = self
            .sums
            .iter()
            .map(|s| prefix.with_absent && s.is_zero())
            .collect();
        for member in &prefix.members {
            if let Some(value) = chosen.get_mut(*member) {
                *value = true;
            }
        }
        chosen
    }
}

impl Prefix {
    fn nothing() -> Self {
        Self {
            score: f64::NEG_INFINITY,
            sum: Sum::default(),
            members: Vec::new(),
            with_absent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::price::Noise;
    use super::*;

    fn objective(size: usize, spread: f64) -> Objective {
        Objective::new(&[size], Noise { phi: 1.0, spread })
    }

    /// xorshift64: counts for small cases.
    fn counts(seed: u64, size: usize) -> Vec<Sum> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 20) % n) as f64
        };
        (0..size)
            .map(|_| Sum {
                observed: below(30),
                expected: below(120) / 10.0,
            })
            .collect()
    }

    /// The best score over all sets of values, one by one.
    fn by_brute_force(sums: &[Sum], objective: &Objective, rest: Price) -> f64 {
        let score_of = |set: u32| {
            let mut sum = Sum::default();
            let members = sums.iter().enumerate().filter(|(v, _)| set >> v & 1 == 1);
            members.for_each(|(_, value)| sum.add(*value));
            objective.score(sum, rest.plus(objective.of(0)[set.count_ones() as usize]))
        };
        (1..1 << sums.len())
            .map(score_of)
            .fold(f64::NEG_INFINITY, f64::max)
    }

    fn free(size: usize) -> Objective {
        objective(size, 0.0).priced(vec![Price::default(); size + 1])
    }

    fn gap(seed: u64, objective: &Objective, sums: &[Sum]) -> f64 {
        let rest = Price {
            literals: 1,
            cost: 2.0,
        };
        let best = by_brute_force(sums, objective, rest);
        let found = best_values(sums, objective, 0, rest);
        let mut sum = Sum::default();
        sums.iter()
            .zip(&found.chosen)
            .filter(|(_, c)| **c)
            .for_each(|(value, _)| sum.add(*value));
        let members = found.chosen.iter().filter(|c| **c).count();
        let told = objective.score(sum, rest.plus(objective.of(0)[members]));
        assert!(
            (told - found.score).abs() < 1e-9,
            "seed {seed}: {} is told for {told}",
            found.score
        );
        best - found.score
    }

    #[test]
    fn without_a_price_the_scan_is_exact() {
        for seed in 1..300 {
            let sums = counts(seed, 2 + (seed % 9) as usize);
            let gap = gap(seed, &free(sums.len()), &sums);
            assert!(gap.abs() < 1e-9, "seed {seed}: brute force is {gap} better");
        }
    }

    #[test]
    fn with_a_price_the_scan_is_nearly_always_exact() {
        let mut missed = 0;
        for seed in 1..300 {
            let sums = counts(seed, 2 + (seed % 9) as usize);
            for spread in [0.0, 0.05] {
                let gap = gap(seed, &objective(sums.len(), spread), &sums);
                assert!(
                    (-1e-9..2.0).contains(&gap),
                    "seed {seed}: brute force is {gap} better"
                );
                missed += u32::from(gap > 1e-9);
            }
        }
        assert!(missed <= 30, "{missed} of 598 missed");
    }

    #[test]
    fn first_by_name_wins_ties() {
        let same = Sum {
            observed: 40.0,
            expected: 4.0,
        };
        let quiet = Sum {
            observed: 4.0,
            expected: 4.0,
        };
        let dear = Price {
            literals: 9,
            cost: 900.0,
        };
        let objective = objective(3, 0.0).priced(vec![Price::default(), Price::default(), dear, dear]);
        let found = best_values(&[same, quiet, same], &objective, 0, Price::default());
        assert_eq!(found.chosen, [true, false, false]);
    }
}
