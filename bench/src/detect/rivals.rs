//! What else people run on the same counts: one statistic a cohort and minute, higher is more alarming.
//!
//! All know the same past: counts by hour of day and over all hours, decayed, learned when an hour is over. Thresholds
//! are not theirs to choose: [`delay`](super::delay) sets them to the same rate of false alarms.

use blobwatch_detect::beta_binomial::{ln_likelihood, margin, odds_times};
use blobwatch_detect::counts::Tally;
use std::collections::VecDeque;

/// Correlation that the streams have.
const RHO: f64 = 0.002;

/// In the order of the table.
pub(super) const NAMES: [&str; 7] = [
    "z-score of 5 minutes over 4 h",
    "two-window burn rate",
    "EWMA of binomial residuals",
    "CUSUM, odds ratio 3",
    "SR mixture, binomial",
    "SR mixture, beta-binomial, margin null",
    "dyadic Poisson GLR over dispersion",
];

/// Minutes of four hours, and of the windows.
const LONG: usize = 240;
const SHORT: usize = 5;
const HOUR: usize = 60;

/// Decay of the past a day, and trials that the rate over all hours is worth in one hour.
const KEEP: f64 = 0.9;
const PRIOR: f64 = 200.0;

const ODDS: [f64; 3] = [2.0, 4.0, 10.0];

/// One cohort, watched by all rivals.
#[derive(Clone)]
pub(super) struct Rivals {
    hours: [Tally; 24],
    all: Tally,
    current: Tally,
    recent: VecDeque<Tally>,
    expected: VecDeque<f64>,
    ewma: f64,
    cusum: f64,
    binomial: [f64; 3],
    beta: [f64; 3],
}

impl Rivals {
    pub(super) fn new() -> Self {
        Self {
            hours: [Tally::default(); 24],
            all: Tally::default(),
            current: Tally::default(),
            recent: VecDeque::new(),
            expected: VecDeque::new(),
            ewma: 0.0,
            cusum: 0.0,
            binomial: [f64::NEG_INFINITY; 3],
            beta: [f64::NEG_INFINITY; 3],
        }
    }

    /// Takes in a minute, and says what each rival makes of it. Nothing in the first day.
    pub(super) fn observe(&mut self, minute: u64, counts: Tally) -> [f64; 7] {
        let hour = (minute / 60 % 24) as usize;
        let (p, sd) = self.past(hour);
        self.recent.push_back(counts);
        self.expected.push_back(counts.trials * p);
        if self.recent.len() > LONG + SHORT {
            self.recent.pop_front();
            self.expected.pop_front();
        }
        let known = self.all.trials > 100.0;
        let statistics = if known {
            self.statistics(counts, p, sd)
        } else {
            [0.0; 7]
        };
        self.learn(minute, hour, counts);
        statistics
    }

    fn past(&self, hour: usize) -> (f64, f64) {
        let all = (self.all.events + 0.5) / (self.all.trials + 1.0);
        let seen = self.hours.get(hour).copied().unwrap_or_default();
        let trials = seen.trials + PRIOR;
        let p = ((seen.events + PRIOR * all) / trials).clamp(1e-6, 0.5);
        let known = 1.0 / (1.0 / trials + 1.0 / (self.all.trials + 1.0));
        (p, (p.max(1.0 / known) * (1.0 - p) / known).sqrt())
    }

    fn learn(&mut self, minute: u64, hour: usize, counts: Tally) {
        self.current += counts;
        if minute % 60 == 59 {
            let keep = |tally: Tally, keep: f64| Tally {
                trials: tally.trials * keep,
                events: tally.events * keep,
            };
            if let Some(seen) = self.hours.get_mut(hour) {
                *seen = keep(*seen, KEEP);
                *seen += self.current;
            }
            self.all = keep(self.all, KEEP.powf(1.0 / 24.0));
            self.all += std::mem::take(&mut self.current);
        }
    }

    fn statistics(&mut self, counts: Tally, p: f64, sd: f64) -> [f64; 7] {
        let Tally { trials, events } = counts;
        let w = |ratio: f64, p: f64, rho: f64| {
            ln_likelihood(counts, odds_times(p, ratio), rho) - ln_likelihood(counts, p, rho)
        };
        if trials > 0.0 {
            let residual = (events - trials * p) / (trials * p * (1.0 - p)).sqrt();
            self.ewma += 0.1 * (residual - self.ewma);
            self.cusum = (self.cusum + w(3.0, p, 0.0)).max(0.0);
            let healthy = margin(p, sd);
            for (at, ratio) in ODDS.into_iter().enumerate() {
                for (m, w) in [
                    (self.binomial.get_mut(at), w(ratio, p, 0.0)),
                    (self.beta.get_mut(at), w(ratio, healthy, RHO)),
                ] {
                    if let Some(m) = m {
                        *m = one_plus(*m) + w;
                    }
                }
            }
        }
        [
            self.z_score(),
            self.burn(p),
            self.ewma,
            self.cusum,
            mean(&self.binomial),
            mean(&self.beta),
            self.glr(),
        ]
    }

    /// Sum of the newest minutes, before which `skip` are left out.
    fn sum(&self, minutes: usize, skip: usize) -> Tally {
        let mut sum = Tally::default();
        for tally in self.recent.iter().rev().skip(skip).take(minutes) {
            sum += *tally;
        }
        sum
    }

    fn z_score(&self) -> f64 {
        if self.recent.len() < LONG + SHORT {
            return 0.0;
        }
        let ratios: Vec<f64> = (0..LONG / SHORT)
            .map(|window| self.sum(SHORT, SHORT * (window + 1)).rate())
            .collect();
        let n = ratios.len() as f64;
        let mean = ratios.iter().sum::<f64>() / n;
        let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (n - 1.0);
        if variance > 0.0 {
            (self.sum(SHORT, 0).rate() - mean) / variance.sqrt()
        } else {
            0.0
        }
    }

    /// How many times the usual rate both windows burn.
    fn burn(&self, p: f64) -> f64 {
        (self.sum(SHORT, 0).rate() / p).min(self.sum(HOUR, 0).rate() / p)
    }

    fn glr(&self) -> f64 {
        let (mut observed, mut expected, mut best) = (0.0, 0.0, 0.0_f64);
        let mut pairs = 0.0;
        let minutes = self.recent.iter().rev().zip(self.expected.iter().rev());
        for (at, (tally, e)) in minutes.enumerate() {
            observed += tally.events;
            expected += e;
            pairs += e * (1.0 + RHO * (tally.trials - 1.0).max(0.0));
            if (at + 1).is_power_of_two() && observed > expected && expected > 0.0 {
                let phi = pairs / expected;
                best = best.max((observed * (observed / expected).ln() - observed + expected) / phi);
            }
        }
        best
    }
}

fn one_plus(ln_m: f64) -> f64 {
    ln_m.max(0.0) + (-ln_m.abs()).exp().ln_1p()
}

/// Logarithm of the mean.
fn mean(ln_m: &[f64; 3]) -> f64 {
    let largest = ln_m.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return 0.0;
    }
    largest + (ln_m.iter().map(|m| (m - largest).exp()).sum::<f64>() / 3.0).ln()
}
