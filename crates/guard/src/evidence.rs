//! E-values: evidence that may be looked at after every client without raising the rate of false alarms.
//!
//! A product of likelihood ratios is a supermartingale while the hypothesis holds, so it ever reaches 1 / alpha with a
//! probability of at most alpha, whenever one stops (Ville 1939; Ramdas et al., "Game-theoretic statistics and safe anytime-
//! valid inference", 2023). A weighted mean of such products is one too.

use super::counts::Arm;

/// Largest share of clients that pull cleanly among those that a harmless rule fires on: bots behind an address that
/// somebody healthy has too, with the same build.
pub(crate) const HARMLESS: f64 = 0.01;

/// From this share on a rule harms. Between the two nothing is promised: no count of clients tells neighbouring shares apart.
pub(crate) const HARMFUL: f64 = 0.02;

/// From this share on a step does not pass.
pub(crate) const HARM: f64 = 0.2;

/// Of each test of each step: a rule that denies has two tests, and up to five steps stay within 1 in 1,000 promotions.
pub const ALPHA: f64 = 1e-4;

/// Shares of clean clients that the alternatives of the test for many of them assume.
const SHARES: [f64; 5] = [0.05, 0.1, 0.2, 0.4, 0.8];

/// How many times the odds of a bad first minute the alternatives assume.
pub(super) const ODDS: [f64; 3] = [2.0, 4.0, 10.0];

/// Logarithm of the evidence that far more than [`HARMFUL`] of the clients pull cleanly: `clean` of `clients` do.
///
/// A handful of clients decides. They are compared with a harmful share, because a handful can be chosen: whoever has five
/// clean clients must not be able to vouch for more who are not.
pub(super) fn ln_many(clients: u32, clean: u32) -> f64 {
    ln_mean(SHARES.map(|share| ln_ratio(clients, clean, share, HARMFUL)))
}

/// Logarithm of the evidence that more than [`HARMLESS`] of them do: the fastest test at [`HARMFUL`], and faster above.
pub(super) fn ln_some(clients: u32, clean: u32) -> f64 {
    ln_ratio(clients, clean, HARMFUL, HARMLESS)
}

/// Logarithm of the evidence that fewer than [`HARM`] of them do.
pub(super) fn ln_harmless(clients: u32, clean: u32) -> f64 {
    ln_ratio(clients, clean, HARMFUL, HARM)
}

/// Logarithm of the likelihood of `events` of `trials` at rate `p` over that at rate `q`; rates within (0, 1).
pub(super) fn ln_ratio(trials: u32, events: u32, p: f64, q: f64) -> f64 {
    let others = f64::from(trials.saturating_sub(events));
    f64::from(events) * (p / q).ln() + others * ((1.0 - p) / (1.0 - q)).ln()
}

/// Logarithm of the mean of exponentials.
pub(super) fn ln_mean<const N: usize>(ln: [f64; N]) -> f64 {
    let largest = ln.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = ln.iter().map(|value| (value - largest).exp()).sum();
    largest + (sum / N as f64).ln()
}

/// Odds of `p` times `ratio`, as a rate.
pub(super) fn odds_times(p: f64, ratio: f64) -> f64 {
    ratio * p / (1.0 - p + ratio * p)
}

/// What the clients of one report say about "the enforced arm has more bad first minutes than the other", for each of
/// [`ODDS`]: the exact sequential two-sample test of Turner, Ly and Grünwald ("Generic E-variables for exact sequential
/// k-sample tests", 2024). `rate` is that of the held-out arm, from before these clients.
///
/// The divisor at the weighted mean makes each factor's expectation at most 1 under every pair of rates of which the
/// enforced one is not larger, by the inequality of the means, whatever `rate` is.
pub(super) fn ln_two_arms(enforced: Arm, held_out: Arm, rate: f64) -> [f64; 3] {
    let (a, b) = (f64::from(enforced.judged), f64::from(held_out.judged));
    ODDS.map(|ratio| {
        let raised = odds_times(rate, ratio);
        let pooled = (a * raised + b * rate) / (a + b).max(1.0);
        ln_ratio(enforced.judged, enforced.bad_clients, raised, pooled)
            + ln_ratio(held_out.judged, held_out.bad_clients, rate, pooled)
    })
}

/// The same where nobody is held out: against a rate that includes its margin.
pub(super) fn ln_one_arm(enforced: Arm, rate: f64) -> [f64; 3] {
    ODDS.map(|ratio| {
        ln_ratio(
            enforced.judged,
            enforced.bad_clients,
            odds_times(rate, ratio),
            rate,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(judged: u32, bad_clients: u32) -> Arm {
        Arm {
            judged,
            bad_clients,
            ..Arm::default()
        }
    }

    fn binomial(n: u32, k: u32, p: f64) -> f64 {
        let choose = (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1));
        choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    }

    /// The expectation over all outcomes of a block is at most 1 for all rates of the null, also unequal ones.
    #[test]
    fn two_arms_are_evidence_whatever_the_rates_are() {
        for (a, b) in [(1, 1), (2, 7), (9, 3)] {
            for rate in [0.01, 0.1, 0.4] {
                for (p, q) in [(0.1, 0.1), (0.05, 0.2), (0.4, 0.4), (0.9, 0.9), (0.3, 0.8)] {
                    let mut expected = [0.0; 3];
                    for j in 0..=a {
                        for k in 0..=b {
                            let likely = binomial(a, j, p) * binomial(b, k, q);
                            let ln = ln_two_arms(arm(a, j), arm(b, k), rate);
                            for (sum, ln) in expected.iter_mut().zip(ln) {
                                *sum += likely * ln.exp();
                            }
                        }
                    }
                    assert!(
                        expected.iter().all(|e| *e <= 1.0 + 1e-9),
                        "{a} {b} {rate} {p} {q}: {expected:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn clean_clients_are_evidence_that_a_harmless_rule_does_not_give() {
        #[track_caller]
        fn case(evidence: fn(u32, u32) -> f64, share: f64, most: f64) {
            let of = |share: f64| -> f64 {
                (0..=30)
                    .map(|k| binomial(30, k, share) * evidence(30, k).exp())
                    .sum()
            };
            assert!((of(share) - 1.0).abs() < 1e-9, "{}", of(share));
            assert!(of(most) <= 1.0 + 1e-9, "{}", of(most));
        }
        case(ln_many, HARMFUL, HARMLESS);
        case(ln_some, HARMLESS, 0.0);
        case(ln_harmless, HARM, 0.5);
        assert!(ln_many(5, 5) > 15.0 && ln_many(1000, 20) < 0.0);
        assert!(ln_some(5_000, 100) > 15.0 && ln_some(5_000, 50) < 0.0);
    }
}
