//! The best values of one attribute while the others are fixed.
//!
//! Without a price the best set is a prefix of the values ordered by c/e, because the score is convex in (c, e), grows
//! with c and falls with e. With a price per number of values the best set of each size is a prefix of an order by
//! c ln q - e (q - 1) for some q (what a value adds to the likelihood if the cohort's ratio is q), so the scan goes on
//! with the q of the best set so far until nothing is gained.

use super::grid::Sum;
use super::price::{Price, ratio, score};

/// Orders by contribution that are tried after the one by c/e; two are nearly always enough.
const MAX_REFINEMENTS: usize = 4;

/// The best choice found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) score: f64,
    pub(super) chosen: Vec<bool>,
}

/// `sums` per value, `prices` by number of values, `rest` the price of the other attributes.
pub(super) fn best_values(sums: &[Sum], prices: &[Price], rest: Price) -> Choice {
    let scan = Scan {
        sums,
        prices,
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
        let q = ratio(best.sum).max(1.0 + f64::EPSILON);
        let next = scan.prefixes(&scan.ordered(|sum| sum.observed * q.ln() - sum.expected * (q - 1.0)));
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
    prices: &'a [Price],
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
        let price = self.prices.get(members).copied().unwrap_or_default();
        score(sum, self.rest.plus(price))
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
    use super::super::price::Prices;
    use super::*;

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
    fn by_brute_force(sums: &[Sum], prices: &[Price], rest: Price) -> f64 {
        let score_of = |set: u32| {
            let mut sum = Sum::default();
            let members = sums.iter().enumerate().filter(|(v, _)| set >> v & 1 == 1);
            members.for_each(|(_, value)| sum.add(*value));
            score(sum, rest.plus(prices[set.count_ones() as usize]))
        };
        (1..1 << sums.len())
            .map(score_of)
            .fold(f64::NEG_INFINITY, f64::max)
    }

    fn gap(seed: u64, prices: &[Price], sums: &[Sum]) -> f64 {
        let rest = Price {
            literals: 1,
            cost: 2.0,
        };
        let best = by_brute_force(sums, prices, rest);
        let found = best_values(sums, prices, rest);
        let mut sum = Sum::default();
        sums.iter()
            .zip(&found.chosen)
            .filter(|(_, c)| **c)
            .for_each(|(value, _)| sum.add(*value));
        let members = found.chosen.iter().filter(|c| **c).count();
        let told = score(sum, rest.plus(prices[members]));
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
            let gap = gap(seed, &vec![Price::default(); sums.len() + 1], &sums);
            assert!(gap.abs() < 1e-9, "seed {seed}: brute force is {gap} better");
        }
    }

    #[test]
    fn with_a_price_the_scan_is_nearly_always_exact() {
        let mut missed = 0;
        for seed in 1..300 {
            let sums = counts(seed, 2 + (seed % 9) as usize);
            let gap = gap(seed, Prices::new(&[sums.len()]).of(0), &sums);
            assert!(
                (-1e-9..2.0).contains(&gap),
                "seed {seed}: brute force is {gap} better"
            );
            missed += u32::from(gap > 1e-9);
        }
        assert!(missed <= 15, "{missed} of 299 missed");
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
        let prices = [Price::default(), Price::default(), dear, dear];
        let found = best_values(&[same, quiet, same], &prices, Price::default());
        assert_eq!(found.chosen, [true, false, false]);
    }
}
