//! Seeded streams of counts to try the tests on: no fault, or a fault whose place is known.
//!
//! In scope: random numbers that are the same everywhere, slots with correlated events, and cross-sections with a true
//! cohort. Not in scope: registry traffic over months, which is the benchmark's. Nothing outside tests and benchmarks
//! calls it.

pub mod closing;
mod incidents;
mod tables;

pub use incidents::{ATTRIBUTES, Incident, Row, SIZES, Strength};
pub use tables::{Elements, Size, Table};

use crate::counts::Counts;

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform, above 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    /// Poisson: in parts of mean at most 30, so that the product of uniforms stays far from 0.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut left, mut total) = (mean, 0);
        while left > 0.0 {
            total += self.small_poisson(left.min(30.0));
            left -= 30.0;
        }
        total
    }

    fn small_poisson(&mut self, mean: f64) -> u64 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// One slot of `trials` at rate `p` whose trials are correlated by `rho`.
    pub fn slot(&mut self, trials: u64, p: f64, rho: f64) -> Counts {
        let rate = self.rate(p, rho);
        Counts {
            trials,
            events: self.binomial(trials, rate),
        }
    }

    /// A rate around `p` under which trials are correlated by `rho`.
    pub fn rate(&mut self, p: f64, rho: f64) -> f64 {
        let strength = 1.0 / rho - 1.0;
        if rho > 0.0 {
            self.beta(p * strength, (1.0 - p) * strength)
        } else {
            p
        }
    }

    /// Binomial by jumping from event to event: cheap where events are rare.
    pub fn binomial(&mut self, trials: u64, p: f64) -> u64 {
        let (mut at, mut events, step) = (0, 0, (-p).ln_1p());
        if p <= 0.0 {
            return 0;
        }
        loop {
            at += 1 + (self.uniform().ln() / step).min(trials as f64) as u64;
            if at > trials {
                return events;
            }
            events += 1;
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        (x / (x + y)).min(1.0 - 1e-12)
    }

    /// Gamma of shape `a` (Marsaglia and Tsang, 2000).
    fn gamma(&mut self, a: f64) -> f64 {
        if a < 1.0 {
            return self.gamma(a + 1.0) * self.uniform().powf(1.0 / a);
        }
        let d = a - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Several cohorts of one attribute with a daily season, as detection is compared on: volume and rate rise and fall by
/// the hour, and the events of one minute are correlated by [`Stream::RHO`], over all slots of that minute.
#[derive(Clone, Debug)]
pub struct Stream {
    pub cohorts: usize,
    /// Mean trials of one cohort in a minute.
    pub per_minute: f64,
    pub slot_seconds: u64,
    /// Rate without season.
    pub rate: f64,
    random: Random,
    minute: Option<u64>,
    rates: Vec<f64>,
}

impl Stream {
    pub const RHO: f64 = 0.002;

    #[must_use]
    pub fn new(seed: u64, cohorts: usize, per_minute: f64, slot_seconds: u64) -> Self {
        let random = Random::new(seed);
        Self {
            cohorts,
            per_minute,
            slot_seconds,
            rate: 0.01,
            random,
            minute: None,
            rates: Vec::new(),
        }
    }

    /// Counts of every cohort; the first one's rate is multiplied by `rise`.
    pub fn slot(&mut self, slot: u64, rise: f64) -> Vec<Counts> {
        self.slot_where(slot, |rate| rate * rise)
    }

    /// Counts of every cohort; `fault` makes of the first one's rate another.
    pub fn slot_where(&mut self, slot: u64, fault: impl Fn(f64) -> f64) -> Vec<Counts> {
        let phase = self.phase(slot);
        self.draw_rates(
            slot * self.slot_seconds / 60,
            self.rate * (1.0 + 0.3 * phase),
            fault,
        );
        let mean = self.mean(slot, self.per_minute);
        let random = &mut self.random;
        let counts = |rate: &f64| {
            let trials = random.poisson(mean);
            Counts {
                trials,
                events: random.binomial(trials, *rate),
            }
        };
        self.rates.iter().map(counts).collect()
    }

    /// How many come in a slot of what comes so often in a minute.
    pub fn come(&mut self, slot: u64, per_minute: f64) -> u64 {
        let mean = self.mean(slot, per_minute);
        self.random.poisson(mean)
    }

    /// Of the day, from -1 to 1.
    fn phase(&self, slot: u64) -> f64 {
        let seconds = slot * self.slot_seconds;
        (std::f64::consts::TAU * (seconds % 86_400) as f64 / 86_400.0).sin()
    }

    fn mean(&self, slot: u64, per_minute: f64) -> f64 {
        per_minute * (1.0 + 0.5 * self.phase(slot)) * self.slot_seconds as f64 / 60.0
    }

    fn draw_rates(&mut self, minute: u64, rate: f64, fault: impl Fn(f64) -> f64) {
        if self.minute == Some(minute) {
            return;
        }
        self.minute = Some(minute);
        let draw = |cohort| {
            let p = if cohort == 0 { fault(rate) } else { rate };
            self.random.rate(p, Self::RHO)
        };
        self.rates = (0..self.cohorts).map(draw).collect();
    }

    /// Goes on with other random numbers.
    pub fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
        self.minute = None;
    }
}
