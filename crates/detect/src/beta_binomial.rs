//! The likelihood of one slot: a beta-binomial, because retries of one client cluster and a binomial test of clustered
//! counts raises floods of false alarms.
//!
//! With mean `p` and intra-slot correlation `rho`, `a = p (1/rho - 1)` and `b = (1 - p)(1/rho - 1)`; the variance of the
//! events is `n p (1 - p)(1 + rho (n - 1))`. As `rho` goes to 0 it is the binomial.

use crate::counts::Tally;

/// Below this correlation a slot is treated as binomial: 1/rho would eat the digits of the counts.
const MIN_RHO: f64 = 1e-9;

/// Up to this many factors a rising factorial is one product: (1e9 + 8)^8 is far inside an `f64`.
const PRODUCT: f64 = 8.0;

/// From here on Stirling's series with four terms is exact to 1e-12 (first term left out: 1/(1188 x^9)).
const STIRLING: f64 = 10.0;

/// `ln Γ(a + k) - ln Γ(a)` for `a > 0`, `k >= 0`.
///
/// The difference is formed analytically: two separate logarithms of Γ would lose their digits when `a` is large.
#[must_use]
pub fn ln_rising(a: f64, k: f64) -> f64 {
    if k <= 0.0 {
        return 0.0;
    }
    if k <= PRODUCT && k.fract() == 0.0 {
        return product(a, k).ln();
    }
    let (mut a, mut shift) = (a, 0.0);
    while a < STIRLING {
        shift += (a / (a + k)).ln();
        a += 1.0;
    }
    shift + (a - 0.5) * (k / a).ln_1p() + k * (a + k).ln() - k + stirling(a + k) - stirling(a)
}

/// `a (a + 1) … (a + k - 1)`.
fn product(a: f64, k: f64) -> f64 {
    let (mut product, mut i) = (1.0, 0.0);
    while i < k {
        product *= a + i;
        i += 1.0;
    }
    product
}

fn stirling(x: f64) -> f64 {
    let x2 = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * x2)) / x2) / x2) / x
}

/// Log probability of one particular order of `counts.events` events in `counts.trials` trials; the binomial
/// coefficient is left out because it cancels in every ratio. `p` is strictly between 0 and 1.
#[must_use]
pub fn ln_likelihood(counts: Tally, p: f64, rho: f64) -> f64 {
    let shared = if rho < MIN_RHO {
        0.0
    } else {
        ln_rising(1.0 / rho - 1.0, counts.trials)
    };
    ln_weight(counts, p, rho) - shared
}

/// [`ln_likelihood`] but for a term that is the same for every `p`: what a ratio of two needs.
#[must_use]
pub fn ln_weight(counts: Tally, p: f64, rho: f64) -> f64 {
    let Tally { trials, events } = counts;
    if rho < MIN_RHO {
        return events * p.ln() + (trials - events) * (-p).ln_1p();
    }
    let strength = 1.0 / rho - 1.0;
    ln_rising(p * strength, events) + ln_rising((1.0 - p) * strength, trials - events)
}

/// `p` with its odds multiplied by `ratio`.
#[must_use]
pub fn odds_times(p: f64, ratio: f64) -> f64 {
    ratio * p / (1.0 - p + ratio * p)
}

/// The largest rate that still counts as healthy, from the baseline `p0` and its standard error: "is it different at
/// all" is a question that large counts always answer with yes. A quarter more, at most a half; beyond a half a quarter
/// more in odds, so that it stays above the baseline.
#[must_use]
pub fn margin(p0: f64, sd: f64) -> f64 {
    let known = (p0 + 2.0 * sd).min(1.0 - 1e-6);
    (1.25 * known + 0.0005).min(0.5).max(odds_times(known, 1.25))
}

#[cfg(test)]
mod tests;
