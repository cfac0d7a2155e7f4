use super::{ln_likelihood, ln_rising, margin, odds_times};
use crate::counts::Tally;

fn tally(trials: u32, events: u32) -> Tally {
    Tally {
        trials: trials.into(),
        events: events.into(),
    }
}

/// One Pólya urn draw at a time: the definition, slow and obvious.
fn urn(trials: u32, events: u32, p: f64, rho: f64) -> f64 {
    let strength = 1.0 / rho - 1.0;
    let draw = |already: u32, share: f64, drawn: u32| {
        ((share * strength + f64::from(already)) / (strength + f64::from(drawn))).ln()
    };
    let hits: f64 = (0..events).map(|i| draw(i, p, i)).sum();
    let misses: f64 = (0..trials - events).map(|i| draw(i, 1.0 - p, events + i)).sum();
    hits + misses
}

#[test]
fn likelihood_is_that_of_the_urn() {
    for trials in 0..40 {
        for events in 0..=trials {
            for (p, rho) in [(0.01, 0.002), (0.3, 0.2), (0.0005, 0.9), (0.5, 1e-6)] {
                let (fast, slow) = (
                    ln_likelihood(tally(trials, events), p, rho),
                    urn(trials, events, p, rho),
                );
                assert!(
                    (fast - slow).abs() < 1e-9,
                    "{trials} {events} {p} {rho}: {fast} {slow}"
                );
            }
        }
    }
}

#[test]
fn probabilities_of_a_slot_sum_to_one() {
    let mut coefficient = 1.0;
    let mut total = 0.0;
    for events in 0..=60_u32 {
        total += coefficient * ln_likelihood(tally(60, events), 0.03, 0.05).exp();
        coefficient *= f64::from(60 - events) / f64::from(events + 1);
    }
    assert!((total - 1.0).abs() < 1e-12, "{total}");
}

#[test]
fn rising_factorial_is_the_sum_of_its_logarithms() {
    #[track_caller]
    fn case(a: f64, k: u32) {
        let slow: f64 = (0..k).map(|i| (a + f64::from(i)).ln()).sum();
        let error = (ln_rising(a, k.into()) - slow).abs() / slow.abs().max(1.0);
        assert!(error < 1e-12, "{a} {k}: {error}");
    }
    for a in [1e-3, 0.25, 1.0, 9.99, 10.0, 499.0, 1e6] {
        for k in [0, 1, 8, 9, 100, 5000] {
            case(a, k);
        }
    }
}

#[test]
fn likelihood_without_correlation_is_binomial() {
    let counts = tally(1000, 31);
    let binomial = 31.0 * 0.02_f64.ln() + 969.0 * 0.98_f64.ln();
    for rho in [0.0, 1e-10, 1.001e-9] {
        assert!(
            (ln_likelihood(counts, 0.02, rho) - binomial).abs() < 1e-3,
            "{rho}"
        );
    }
}

#[test]
fn ratio_grows_with_events() {
    for rho in [0.0, 0.002, 0.3] {
        let ratio = |k| ln_likelihood(tally(200, k), 0.04, rho) - ln_likelihood(tally(200, k), 0.01, rho);
        assert!((0..200).all(|k| ratio(k + 1) > ratio(k)), "{rho}");
    }
}

#[test]
fn ratio_without_correlation_is_the_closed_form() {
    let (pm, ratio) = (0.01, 4.0);
    let fast =
        ln_likelihood(tally(300, 9), odds_times(pm, ratio), 0.0) - ln_likelihood(tally(300, 9), pm, 0.0);
    let closed = 9.0 * ratio.ln() - 300.0 * (1.0 - pm + ratio * pm).ln();
    assert!((fast - closed).abs() < 1e-9);
}

#[test]
fn margin_is_wider_for_a_less_certain_baseline_and_above_it() {
    assert!((0..1000).all(|i| margin(f64::from(i) / 1000.0, 0.0) > f64::from(i) / 1000.0));
    assert!((margin(0.01, 0.0) - 0.013).abs() < 1e-12);
    assert!((margin(0.01, 0.001) - 0.0155).abs() < 1e-12);
    assert!((margin(0.4, 0.0) - 0.5).abs() < 1e-12);
}
