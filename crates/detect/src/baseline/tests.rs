use super::{Baseline, Estimate, Hour, IGNORANCE, expected_level};
use crate::counts::Tally;

fn tally(trials: f64, events: f64) -> Tally {
    Tally { trials, events }
}

/// A baseline that saw 1,000 trials an hour for `days`, at 3 % in the first hour of the day and 1 % in the others.
fn seasonal(days: u64) -> Baseline {
    let mut baseline = Baseline::new(0);
    for hour in 0..days * 24 {
        baseline.enter(hour * 3600);
        let events = if hour % 24 == 0 { 30.0 } else { 10.0 };
        (0..60).for_each(|_| baseline.learn(tally(1000.0 / 60.0, events / 60.0)));
    }
    baseline
}

fn root_rate(baseline: &Baseline) -> f64 {
    baseline.root_rate(baseline.level(IGNORANCE, 0.0), 0.0).rate
}

#[test]
fn hours_and_weekends_of_the_calendar() {
    #[track_caller]
    fn case(seconds: u64, of_day: u8, weekend: bool) {
        assert_eq!(Hour::of(seconds), Hour { weekend, of_day });
    }
    case(0, 0, false);
    case(2 * 86_400 - 1, 23, false);
    case(2 * 86_400, 0, true);
    case(4 * 86_400, 0, false);
    case(1_593_975_600, 19, true); // Sunday, 2020-07-05T19:00:00Z
}

#[test]
fn an_hour_that_is_always_worse_is_expected_to_be() {
    let mut baseline = seasonal(28);
    baseline.enter(28 * 86_400);
    let night = root_rate(&baseline);
    baseline.enter(28 * 86_400 + 12 * 3600);
    let noon = root_rate(&baseline);
    assert!(
        (0.025..0.031).contains(&night) && (0.0095..0.0115).contains(&noon),
        "{night} {noon}"
    );
}

#[test]
fn another_cohort_borrows_the_daily_shape_of_the_root() {
    let mut root = seasonal(28);
    root.enter(28 * 86_400);
    let (mut young, level) = (Baseline::new(27 * 86_400 + 12 * 3600), root.level(IGNORANCE, 0.0));
    (0..100).for_each(|_| young.learn(tally(10.0, 0.1)));
    young.enter(28 * 86_400);
    let own = young.level(expected_level(level, &[]), 0.0);
    let rate = young.rate(own, level, root.root_rate(level, 0.0), 0.0).rate;
    assert!(rate > 0.02, "{rate}");
}

#[test]
fn a_pair_is_expected_where_both_its_margins_move_it() {
    let at = |rate| Estimate { rate, trials: 1e6 };
    let pair = expected_level(at(0.01), &[at(0.02), at(0.04)]).rate;
    assert!((0.07..0.085).contains(&pair), "{pair}");
}

#[test]
fn what_an_anomaly_brought_is_forgotten() {
    let mut baseline = seasonal(7);
    let before = root_rate(&baseline);
    (0..60).for_each(|_| baseline.hold(tally(1000.0, 500.0)));
    assert!((root_rate(&baseline) - before).abs() < 1e-12);
    baseline.discard();
    baseline.enter((7 * 24 + 8) * 3600);
    assert!(
        (root_rate(&baseline) - before).abs() < 1e-3,
        "{before} {}",
        root_rate(&baseline)
    );
}

#[test]
fn what_a_passing_suspicion_held_back_is_learned() {
    let (mut held, mut direct) = (seasonal(7), seasonal(7));
    for _ in 0..10 {
        held.hold(tally(100.0, 3.0));
        direct.learn(tally(100.0, 3.0));
    }
    held.learn(tally(100.0, 1.0));
    direct.learn(tally(100.0, 1.0));
    assert!((root_rate(&held) - root_rate(&direct)).abs() < 1e-12);
}

#[test]
fn a_suspicion_of_a_day_is_the_new_normal() {
    let mut baseline = seasonal(7);
    for hour in 0..30 {
        baseline.enter((7 * 24 + hour) * 3600);
        baseline.hold(tally(100_000.0, 5000.0));
    }
    assert!(root_rate(&baseline) > 0.02);
}

#[test]
fn correlated_trials_teach_less() {
    let baseline = seasonal(7);
    let sd = |rho| baseline.level(IGNORANCE, rho).sd();
    assert!(sd(0.2) > 1.5 * sd(0.0));
}

#[test]
fn a_lucky_beginning_is_not_certainty() {
    let mut baseline = Baseline::new(0);
    (0..50).for_each(|_| baseline.learn(tally(3.0, 0.0)));
    let level = baseline.level(
        Estimate {
            rate: 0.001,
            trials: 50.0,
        },
        0.0,
    );
    assert!(level.rate + 2.0 * level.sd() > 0.01, "{level:?}");
}

#[test]
fn an_hour_that_only_the_other_days_had_is_expected_to_be_as_then() {
    // Thursday and Friday, and then the first hours of a Saturday.
    let mut baseline = seasonal(2);
    baseline.enter(2 * 86_400);
    let rate = root_rate(&baseline);
    assert!((0.022..0.03).contains(&rate), "{rate}");
}

#[test]
fn a_rare_event_is_known_as_well_as_a_frequent_one() {
    #[track_caller]
    fn case(level: f64) {
        let mut baseline = Baseline::new(0);
        for hour in 0..12 {
            baseline.enter(hour * 3600);
            (0..60).for_each(|_| baseline.learn(tally(10_000.0, 10_000.0 * level)));
        }
        baseline.enter(12 * 3600);
        let rate = baseline.root_rate(baseline.level(IGNORANCE, 0.0), 0.0);
        let most = rate.rate + 2.0 * rate.sd();
        assert!((1.5 * level..1.9 * level).contains(&most), "{most} at {level}");
    }
    case(0.02);
    case(0.005);
    case(0.0005);
}
