//! What a guard promises, by the share of a denying rule's clients that pull cleanly.

use super::*;

/// Clients with a past that one FireLog counts for the tests.
const COUNTED: u32 = crate::watch::MAX_WATCHED as u32;

/// Of them, where as many others have no past.
const BESIDE_OTHERS: u32 = COUNTED / 2;

const RUNS: usize = 100;

/// Clients of one report, after the first ones.
const OF_A_REPORT: u32 = 16;

/// Coin tosses that are the same everywhere.
struct Tosses(u64);

impl Tosses {
    fn is_below(&mut self, share: f64) -> bool {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64) < share
    }
}

fn verdict(clients: u32, clean: u32, systems: u32) -> State {
    let of = |system: u32| {
        let part = |of: u32| of / systems + u32::from(system < of % systems);
        let enforced = arm(part(clients), part(clean));
        let os = if system == 0 { "" } else { "linux" };
        let counts = Counts {
            enforced,
            ..Counts::default()
        };
        cohort(Family::Curl, os, counts)
    };
    let mut ledger = Ledger::begin(17, NOW, None);
    ledger.take(&report((0..systems).map(of).collect()), &[]);
    ledger.settle(true, None, NOW + 1_000);
    ledger.state
}

/// Clean clients that were denied when the rule is taken back; `None` where those who are counted do not suffice.
fn denied(share: f64, counted: u32, tosses: &mut Tosses) -> Option<u32> {
    let mut clean = 0;
    (1..=counted).find_map(|clients| {
        clean += u32::from(tosses.is_below(share));
        let is_told = clean >= 5 && (clients < 64 || clients % OF_A_REPORT == 0);
        (is_told && verdict(clients, clean, 2) == State::Demoted).then_some(clean)
    })
}

fn found(share: f64, counted: u32, tosses: &mut Tosses) -> Vec<u32> {
    let runs = (0..RUNS).filter_map(|_| denied(share, counted, tosses));
    let mut found: Vec<u32> = runs.collect();
    found.sort_unstable();
    println!(
        "{share} of {counted}: {} of {RUNS}, {:?} to {:?}",
        found.len(),
        found.get(found.len() / 2),
        found.last()
    );
    found
}

/// docs/safe-enforcement.md has these figures.
#[test]
fn a_rule_is_taken_back_before_200_clean_clients_from_two_in_a_hundred_on() {
    let mut tosses = Tosses(5);
    for share in [0.0, 0.005, 0.01] {
        assert!(found(share, COUNTED, &mut tosses).is_empty(), "{share}");
    }
    found(0.015, COUNTED, &mut tosses);
    for share in [0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.07, 0.1, 0.2, 1.0] {
        let found = found(share, COUNTED, &mut tosses);
        let missed = RUNS - found.len();
        assert!(missed == 0 || share < 0.025 && missed <= RUNS / 50, "{share}");
        assert!(found.iter().all(|denied| *denied < 200), "{share}: {found:?}");
    }
    // Fewer than 200 are denied in all: those that are counted are all that there are.
    for (share, least) in [(0.02, RUNS / 2), (0.025, RUNS * 19 / 20), (0.03, RUNS)] {
        assert!(found(share, BESIDE_OTHERS, &mut tosses).len() >= least, "{share}");
    }
}

/// Clean clients that somebody needs who wants a rule gone, among others who are denied and do not pull cleanly.
#[test]
fn few_clean_clients_take_nothing_back_among_many_others() {
    let needed = |others: u32| (1..400).find(|clean| verdict(others + clean, *clean, 1) == State::Demoted);
    let needed = [0, 10, 100, 300, 1_000, 2_000, 4_000, 8_000].map(needed);
    assert_eq!(
        needed,
        [5, 6, 13, 23, 47, 75, 75, 132].map(Some),
        "docs/safe-enforcement.md has these figures"
    );
}
