use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option, sample};

use super::*;
use crate::verdict::HotKey;
use crate::{ModeSetting, Route, Rule, Rulebook, SCHEMA, Settings, Volume};

const NOW: u64 = 1_000;

fn route(name: &str, detour: bool) -> Route {
    Route {
        detour: detour.then(|| "https://bucket.example".to_owned()),
        ..Route::named(name)
    }
}

fn rule(id: &str, action: Action, default_mode: Mode) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        description: String::new(),
        expression: "true".to_owned(),
        action,
        default_mode,
        volume: None,
    }
}

fn book(rules: Vec<Rule>, modes: Vec<ModeSetting>) -> Rulebook {
    Rulebook {
        schema: SCHEMA,
        revision: 7,
        routes: vec![route("default", false), route("detours", true)],
        rules,
        modes,
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

fn subject(route: usize) -> Subject<'static> {
    Subject {
        route,
        client: ClientKey(42),
        network: NetworkKey(24),
        fingerprint: "bw1-a-b",
        asn: Some(16_509),
        now_ms: NOW,
        degraded: false,
    }
}

fn all(book: &Rulebook, subject: &Subject<'_>) -> Verdict {
    decide(
        &Policy::new(book),
        subject,
        0..book.rules.len(),
        &HotKeys::default(),
    )
}

fn outcomes(verdict: &Verdict) -> Vec<(&str, Mode, Action, Action)> {
    (verdict.fired.iter())
        .map(|f| (&*f.rule, f.mode, f.would, f.applied))
        .collect()
}

#[test]
fn the_first_enforced_terminal_action_decides_and_later_matches_are_still_recorded() {
    let rules = vec![
        rule("seen", Action::Block, Mode::Monitor),
        rule("marked", Action::Tag, Mode::Enforce),
        rule("slowed", Action::Throttle, Mode::Enforce),
        rule("denied", Action::Block, Mode::Enforce),
        rule("gone", Action::Block, Mode::Off),
        rule("late-mark", Action::Tag, Mode::Enforce),
    ];
    let verdict = all(&book(rules, vec![]), &subject(0));
    assert_eq!(
        outcomes(&verdict),
        [
            ("seen", Mode::Monitor, Action::Block, Action::None),
            ("marked", Mode::Enforce, Action::Tag, Action::Tag),
            ("slowed", Mode::Enforce, Action::Throttle, Action::Throttle),
            ("denied", Mode::Enforce, Action::Block, Action::None),
            ("late-mark", Mode::Enforce, Action::Tag, Action::Tag),
        ]
    );
    assert_eq!((verdict.action, verdict.decided_by), (Action::Throttle, Some(2)));
}

#[test]
fn a_tag_alone_decides_nothing() {
    let verdict = all(
        &book(vec![rule("marked", Action::Tag, Mode::Enforce)], vec![]),
        &subject(0),
    );
    assert_eq!((verdict.action, verdict.decided_by), (Action::Tag, None));
}

#[test]
fn a_detour_without_an_origin_lets_the_pull_go_on_and_decides_nothing() {
    let rules = vec![
        rule("around", Action::Detour, Mode::Enforce),
        rule("denied", Action::Block, Mode::Enforce),
    ];
    let book = book(rules, vec![]);
    let without = all(&book, &subject(0));
    assert_eq!((without.action, without.decided_by), (Action::Block, Some(1)));
    let with = all(&book, &subject(1));
    assert_eq!((with.action, with.decided_by), (Action::Detour, Some(0)));
}

#[test]
fn a_volume_counts_every_match_and_fires_only_while_its_key_is_hot() {
    #[track_caller]
    fn case(by: VolumeKey, key: u64) {
        let mut swept = rule("sweep", Action::Block, Mode::Enforce);
        swept.volume = Some(Volume {
            by,
            requests: 10,
            seconds: 10,
        });
        let policy = Policy::new(&book(vec![swept], vec![]));
        let mut hot = HotKeys::default();
        let cold = decide(&policy, &subject(1), [0], &hot);
        let count = VolumeCount {
            rule: "sweep".into(),
            version: 1,
            key,
        };
        assert_eq!(
            (cold.fired.len(), cold.counts.as_slice()),
            (0, &[count.clone()][..])
        );
        let until = HotKey {
            rule: "sweep".to_owned(),
            version: 1,
            key,
            until_ms: NOW + 1,
        };
        hot.update([until], NOW);
        let above = decide(&policy, &subject(1), [0], &hot);
        assert_eq!((above.action, above.counts), (Action::Block, vec![count]));
        let later = Subject {
            now_ms: NOW + 1,
            ..subject(1)
        };
        assert_eq!(decide(&policy, &later, [0], &hot).fired, []);
    }
    case(VolumeKey::Fingerprint, number_of("bw1-a-b"));
    case(VolumeKey::Asn, 16_509);
    case(VolumeKey::Client, 42);
    case(VolumeKey::Network, 24);
    case(VolumeKey::Route, number_of("detours"));
}

#[test]
fn a_volume_by_what_the_request_does_not_say_is_silent() {
    let mut swept = rule("sweep", Action::Block, Mode::Enforce);
    swept.volume = Some(Volume {
        by: VolumeKey::Asn,
        requests: 1,
        seconds: 1,
    });
    let unknown = Subject {
        asn: None,
        ..subject(0)
    };
    assert_eq!(all(&book(vec![swept], vec![]), &unknown), Verdict::default());
}

#[test]
fn a_rule_that_is_off_does_not_count_its_volume() {
    let mut swept = rule("sweep", Action::Block, Mode::Off);
    swept.volume = Some(Volume {
        by: VolumeKey::Asn,
        requests: 1,
        seconds: 1,
    });
    assert_eq!(all(&book(vec![swept], vec![]), &subject(0)), Verdict::default());
}

fn setting(rule: &str, route: &str, mode: Mode) -> ModeSetting {
    ModeSetting::new(rule, route, mode)
}

#[test]
fn a_setting_goes_before_the_default_on_its_route_until_it_expires() {
    #[track_caller]
    fn case(route: usize, now_ms: u64, expected: Action) {
        let set = ModeSetting {
            expires_ms: Some(NOW),
            ..setting("denied", "detours", Mode::Enforce)
        };
        let book = book(vec![rule("denied", Action::Block, Mode::Monitor)], vec![set]);
        assert_eq!(
            all(
                &book,
                &Subject {
                    now_ms,
                    ..subject(route)
                }
            )
            .action,
            expected
        );
    }
    case(0, NOW - 1, Action::None);
    case(1, NOW - 1, Action::Block);
    case(1, NOW, Action::None);
}

#[test]
fn a_percentage_holds_nobody_while_client_keys_are_not_to_be_trusted() {
    let part = ModeSetting {
        percent: Some(99.999_999),
        ..setting("denied", "default", Mode::Enforce)
    };
    let rules = vec![rule("denied", Action::Block, Mode::Monitor)];
    let degraded = Subject {
        degraded: true,
        ..subject(0)
    };
    let in_part = all(&book(rules.clone(), vec![part]), &degraded);
    assert_eq!(
        outcomes(&in_part),
        [("denied", Mode::Enforce, Action::Block, Action::None)]
    );
    let whole = all(
        &book(rules, vec![setting("denied", "default", Mode::Enforce)]),
        &degraded,
    );
    assert_eq!(whole.action, Action::Block);
}

#[test]
fn a_percentage_takes_about_its_share_of_clients_and_differs_by_rule() {
    let clients = 20_000_u64;
    let keys = || (0..clients).map(|n| ClientKey(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let share =
        |rule: &str| keys().filter(|key| in_percent(*key, rule, 25.0)).count() as f64 / clients as f64;
    assert!((share("one") - 0.25).abs() < 0.02, "{}", share("one"));
    let both = keys()
        .filter(|key| in_percent(*key, "one", 25.0) && in_percent(*key, "two", 25.0))
        .count();
    let both = both as f64 / clients as f64;
    assert!((both - 0.0625).abs() < 0.02, "independent shares: {both}");
}

fn any_mode() -> impl Strategy<Value = Mode> {
    sample::select(vec![Mode::Off, Mode::Monitor, Mode::Enforce])
}

fn any_rule(at: usize) -> impl Strategy<Value = Rule> {
    let by = sample::select(vec![
        VolumeKey::Fingerprint,
        VolumeKey::Asn,
        VolumeKey::Client,
        VolumeKey::Route,
        VolumeKey::Network,
    ]);
    let volume = by.prop_map(|by| Volume {
        by,
        requests: 5,
        seconds: 5,
    });
    let action = sample::select(vec![
        Action::Tag,
        Action::Allow,
        Action::Detour,
        Action::Throttle,
        Action::Block,
    ]);
    (action, any_mode(), option::of(volume)).prop_map(move |(action, mode, volume)| Rule {
        volume,
        ..rule(&format!("r{at}"), action, mode)
    })
}

/// Rules with any mode by default or by setting, and which of them matched.
fn any_book() -> impl Strategy<Value = (Rulebook, Vec<usize>, HotKeys)> {
    let rules = (1_usize..8).prop_flat_map(|count| (0..count).map(any_rule).collect::<Vec<_>>());
    rules
        .prop_flat_map(|rules| {
            let count = rules.len();
            let setting = (
                any_mode(),
                prop_oneof![Just(None), Just(Some(NOW)), Just(Some(NOW + 1))],
                0.1..=100.0_f64,
            );
            let settings = collection::vec(collection::vec(option::of(setting), 2), count);
            let hot = collection::vec(any::<bool>(), count);
            let matched = sample::subsequence((0..count).collect::<Vec<_>>(), 0..=count);
            (Just(rules), settings, hot, matched)
        })
        .prop_map(|(rules, settings, hot, matched)| {
            let mut modes = Vec::new();
            for (at, by_route) in settings.into_iter().enumerate() {
                for (route, chosen) in by_route.into_iter().enumerate() {
                    let Some((mode, expires_ms, percent)) = chosen else {
                        continue;
                    };
                    let name = if route == 0 { "default" } else { "detours" };
                    let percent = (mode == Mode::Enforce).then_some(percent);
                    modes.push(ModeSetting {
                        percent,
                        expires_ms,
                        ..setting(&format!("r{at}"), name, mode)
                    });
                }
            }
            let mut keys = HotKeys::default();
            for (at, _) in hot.into_iter().enumerate().filter(|(_, is_hot)| *is_hot) {
                for key in [
                    16_509,
                    42,
                    number_of("bw1-a-b"),
                    number_of("default"),
                    number_of("detours"),
                ] {
                    let hot = HotKey {
                        rule: format!("r{at}"),
                        version: 1,
                        key,
                        until_ms: NOW + 1,
                    };
                    keys.update([hot], NOW);
                }
            }
            (book(rules, modes), matched, keys)
        })
}

/// The same rulebook with every `from` replaced by `to`, defaults and settings alike.
fn with_mode(book: &Rulebook, from: Mode, to: Mode) -> Rulebook {
    let mut book = book.clone();
    for rule in &mut book.rules {
        if rule.default_mode == from {
            rule.default_mode = to;
        }
    }
    for setting in &mut book.modes {
        if setting.mode == from {
            setting.mode = to;
            setting.percent = None;
        }
    }
    book
}

proptest! {
    #[test]
    fn monitor_is_enforce_without_the_effect((book, matched, hot) in any_book(), route in 0_usize..2) {
        let enforced = with_mode(&book, Mode::Monitor, Mode::Enforce);
        let monitored = with_mode(&enforced, Mode::Enforce, Mode::Monitor);
        let subject = subject(route);
        let act = decide(&Policy::new(&enforced), &subject, matched.iter().copied(), &hot);
        let watch = decide(&Policy::new(&monitored), &subject, matched.iter().copied(), &hot);
        let what = |verdict: &Verdict| {
            verdict.fired.iter().map(|f| (f.rule.clone(), f.version, f.would)).collect::<Vec<_>>()
        };
        assert_eq!(what(&act), what(&watch));
        assert_eq!(&act.counts, &watch.counts);
        assert_eq!(watch.action, Action::None);
        assert!(watch.fired.iter().all(|f| f.applied == Action::None && f.mode == Mode::Monitor));
    }

    #[test]
    fn off_is_absence((book, matched, hot) in any_book(), route in 0_usize..2) {
        let policy = Policy::new(&book);
        let subject = subject(route);
        let is_on = |at: &usize| policy.mode(route, *at, NOW).mode != Mode::Off;
        let without = decide(&policy, &subject, matched.iter().copied().filter(is_on), &hot);
        assert_eq!(decide(&policy, &subject, matched.iter().copied(), &hot), without);
    }

    #[test]
    fn what_is_applied_is_what_the_verdict_says((book, matched, hot) in any_book(), route in 0_usize..2) {
        let verdict = decide(&Policy::new(&book), &subject(route), matched, &hot);
        let terminal: Vec<usize> = (verdict.fired.iter().enumerate())
            .filter(|(_, f)| f.applied > Action::Tag)
            .map(|(at, _)| at)
            .collect();
        assert!(terminal.len() <= 1, "one rule decides");
        assert_eq!(terminal.first().copied(), verdict.decided_by);
        assert_eq!(verdict.fired.iter().map(|f| f.applied).max().unwrap_or_default(), verdict.action);
        assert!(verdict.fired.iter().all(|f| f.applied == Action::None || f.applied == f.would));
    }

    #[test]
    fn a_larger_percentage_holds_everybody_a_smaller_one_does(key: u64, small in 0.001..=100.0_f64, more in 0.0..=100.0_f64) {
        let large = (small + more).min(100.0);
        assert!(!in_percent(ClientKey(key), "r", small) || in_percent(ClientKey(key), "r", large));
        assert!(in_percent(ClientKey(key), "r", 100.0));
    }
}

/// The FireLog counts under this number: isolates of two builds must agree on it.
#[test]
fn the_number_of_a_text_is_pinned() {
    assert_eq!(number_of("default"), 0x37a8_eec1_ce19_687d);
}

#[test]
fn what_is_let_through_is_not_acted_on_by_later_rules_and_they_are_still_recorded() {
    let rules = vec![
        rule("marked", Action::Tag, Mode::Enforce),
        rule("mirror", Action::Allow, Mode::Enforce),
        rule("seen", Action::Block, Mode::Monitor),
        rule("denied", Action::Block, Mode::Enforce),
        rule("late-mark", Action::Tag, Mode::Enforce),
    ];
    let verdict = all(&book(rules, vec![]), &subject(0));
    assert_eq!(
        outcomes(&verdict),
        [
            ("marked", Mode::Enforce, Action::Tag, Action::Tag),
            ("mirror", Mode::Enforce, Action::Allow, Action::Allow),
            ("seen", Mode::Monitor, Action::Block, Action::None),
            ("denied", Mode::Enforce, Action::Block, Action::None),
            ("late-mark", Mode::Enforce, Action::Tag, Action::None),
        ]
    );
    assert_eq!((verdict.action, verdict.decided_by), (Action::Allow, Some(1)));
}

#[test]
fn what_comes_before_it_acts_and_in_monitor_it_lets_nothing_through() {
    let denied = || rule("denied", Action::Block, Mode::Enforce);
    let after = vec![denied(), rule("mirror", Action::Allow, Mode::Enforce)];
    let verdict = all(&book(after, vec![]), &subject(0));
    assert_eq!((verdict.action, verdict.decided_by), (Action::Block, Some(0)));
    let watched = vec![rule("mirror", Action::Allow, Mode::Monitor), denied()];
    let verdict = all(&book(watched, vec![]), &subject(0));
    assert_eq!((verdict.action, verdict.decided_by), (Action::Block, Some(1)));
}
