//! The verdict on what was counted: pass, wait, or take it back.
//!
//! Two tests, by what the rule does. Where it denies, whom it denies is the harm: too many of the clients that it fires on,
//! denied or still held out, pull cleanly, or too many of one cohort. Where it lets through (a detour), how they fare is:
//! more of their first minutes go wrong than of those held out, or, where nobody is held out, than before.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::LN_10;
use std::slice;

use serde::{Deserialize, Serialize};

use super::counts::{Arm, Cohort, CohortCounts, Counts, MAX_COHORTS, total};
use super::evidence::{
    ALPHA, HARM, HARMLESS, ODDS, ln_harmless, ln_many, ln_mean, ln_one_arm, ln_ratio, ln_some, ln_two_arms,
};
use super::networks::MAX_CLIENTS;
use blobwatch_pull::NetworkKey;

/// Clients that must be told before a step passes.
pub(crate) const MIN_CLIENTS: u32 = 20;

/// Clean clients, or bad first minutes, below which nothing is taken back: one flat with a handful of machines is not a
/// cohort.
pub const MIN_HARMED: u32 = 5;

/// Clean clients, of at least 19 networks (`networks`), below which a share of two or three in a hundred takes nothing back.
/// Of fewer clients than 3,750 they are more than two in a hundred; with them, 200 are far from being denied.
const MIN_SOME: u32 = 75;

/// And networks of those, as for anomalies: one address can have five names.
pub const MIN_NETWORKS: usize = 5;

/// Clean clients, also such without a past, below which no step waits. Of one network eight count at most (`networks`): none can
/// hold a step by itself.
const MIN_DOUBTED: u32 = 9;

/// Evidence for harm at which a step no longer passes, and for harmlessness at which it does: 20 to 1.
const LN_20: f64 = 2.995_732_273_553_991;

/// Held-out clients from which on their rate says what is usual.
const MIN_BASE: u32 = 20;

/// Clients that stand for "5 % of first minutes go wrong" until there is something to see.
const PRIOR: (f64, f64) = (1.0, 20.0);

/// What follows from the counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Judgement {
    /// Nothing yet.
    Open,
    /// It is as harmless as it must be.
    Pass,
    /// It harms.
    Harm(Harm),
}

/// What the clients on which a rule acts are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// A rule that denies: what `HARMLESS` promises of those whom it fires on.
    #[default]
    Harmless,
    /// A rule that lets through: the clients outside its percentage.
    HeldOut,
}

/// Whom an enforcement harms.
#[derive(Debug, Clone, PartialEq)]
pub struct Harm {
    /// `None`: no cohort stands out.
    pub cohort: Option<Cohort>,
    /// Clients whose past is known, or whose first minute was judged.
    pub clients: u32,
    /// Of them: that pull cleanly, or whose first minute went wrong.
    pub harmed: u32,
    /// What `harmed` is held against.
    pub against: Against,
    /// Share of the clients that would be harmed where the rule is harmless.
    pub expected: f64,
    /// For the audit log and the anomaly.
    pub text: String,
}

/// Evidence that the arms differ, for each alternative; kept from report to report.
pub(super) type Outcome = [f64; ODDS.len()];

/// Adds what one report brought to the evidence. `before` are the totals until then, `base` the held-out arm of earlier
/// steps.
pub(super) fn advance(outcome: &mut Outcome, before: &Counts, news: &Counts, base: Arm) {
    if news.enforced.judged == 0 {
        return;
    }
    let ratios = if news.held_out.judged > 0 {
        ln_two_arms(news.enforced, news.held_out, held_out_rate(before, base))
    } else {
        ln_one_arm(news.enforced, usual_rate(before, base))
    };
    for (sum, ratio) in outcome.iter_mut().zip(ratios) {
        *sum += ratio;
    }
}

fn held_out_rate(before: &Counts, base: Arm) -> f64 {
    let judged = f64::from(before.held_out.judged) + f64::from(base.judged);
    let bad = f64::from(before.held_out.bad_clients) + f64::from(base.bad_clients);
    (bad + PRIOR.0) / (judged + PRIOR.1)
}

/// The rate of bad first minutes that is usual, with a margin: of those held out before, or of the clients' own past.
fn usual_rate(before: &Counts, base: Arm) -> f64 {
    let judged = before.held_out.judged + base.judged;
    if judged >= MIN_BASE {
        let rate = held_out_rate(before, base);
        let deviation = (rate * (1.0 - rate) / f64::from(judged)).sqrt();
        return (1.25 * (rate + 2.0 * deviation) + 0.005).min(0.5);
    }
    let past = before.past;
    let rate = (f64::from(past.bad) + PRIOR.0) / (f64::from(past.good + past.bad) + PRIOR.1);
    let pulls = f64::from(before.enforced.pulls.max(1)) / f64::from(before.enforced.judged.max(1));
    // A mean number of pulls is at least as bad as numbers around it: 1 - (1 - p)^n is concave.
    (1.25 * (1.0 - (1.0 - rate).powf(pulls)) + 0.02).min(0.5)
}

/// What the totals of a guard say. `denies`: the rule's action is block or throttle.
pub(super) fn judge(cohorts: &[CohortCounts], outcome: &Outcome, base: Arm, denies: bool) -> Judgement {
    if denies {
        denial(cohorts)
    } else {
        passage(cohorts, outcome, base)
    }
}

/// Clients as a test takes them.
struct TestedClients {
    clients: u32,
    clean: u32,
    networks: usize,
}

impl TestedClients {
    /// Those with a past: what was done to clients that came afterwards takes nothing back.
    fn known(cohorts: &[CohortCounts]) -> Self {
        let (sample, surplus) = (total(cohorts).sample, surplus(cohorts));
        Self {
            clients: sample.known.saturating_sub(surplus),
            clean: sample.clean.saturating_sub(surplus),
            networks: networks(cohorts, |cohort| &cohort.clean_networks),
        }
    }

    /// And those without one that were let through.
    fn all(cohorts: &[CohortCounts]) -> Self {
        let (sample, known) = (total(cohorts).sample, Self::known(cohorts));
        Self {
            clients: known.clients.saturating_add(sample.new),
            clean: known.clean.saturating_add(sample.new_clean),
            ..known
        }
    }

    fn is_harmed(&self) -> bool {
        self.clean >= MIN_HARMED && self.networks >= MIN_NETWORKS
    }

    fn is_harmed_by_few(&self) -> bool {
        self.clean >= MIN_SOME && self.networks >= MIN_NETWORKS
    }

    fn is_doubtful(&self) -> bool {
        self.clean >= MIN_DOUBTED
    }

    fn is_doubtful_by_few(&self) -> bool {
        self.clean >= MIN_SOME
    }
}

/// Clean clients beyond those that their network may have: each FireLog counts the first few of it, and clients are spread over all.
fn surplus(cohorts: &[CohortCounts]) -> u32 {
    let mut of_networks: BTreeMap<NetworkKey, u32> = BTreeMap::new();
    for (network, clients) in cohorts.iter().flat_map(|cohort| &cohort.clean_clients) {
        let sum = of_networks.entry(*network).or_default();
        *sum = sum.saturating_add(*clients);
    }
    let beyond = |clients: u32| clients.saturating_sub(MAX_CLIENTS.into());
    of_networks.into_values().map(beyond).fold(0, u32::saturating_add)
}

/// Networks that are named, each once.
fn networks(cohorts: &[CohortCounts], of: fn(&CohortCounts) -> &Vec<NetworkKey>) -> usize {
    cohorts.iter().flat_map(of).collect::<BTreeSet<_>>().len()
}

/// How a test weighs clients, and from how many on it does.
type Test = (fn(u32, u32) -> f64, fn(&TestedClients) -> bool);

/// What takes a rule back that denies: many clean clients, or some of very many.
const HARM_TESTS: [Test; 2] = [
    (ln_many, TestedClients::is_harmed),
    (ln_some, TestedClients::is_harmed_by_few),
];

/// What makes a step wait.
const DOUBT_TESTS: [Test; 2] = [
    (ln_many, TestedClients::is_doubtful),
    (ln_some, TestedClients::is_doubtful_by_few),
];

/// The evidence of one test, from those groups that are enough for it. Half of the weight is on all clients together, the
/// rest on the cohorts that there is room for.
fn evidence(cohorts: &[CohortCounts], told: fn(&[CohortCounts]) -> TestedClients, test: Test) -> f64 {
    let (ln_evidence, is_enough) = test;
    let of = |group: &[CohortCounts], share: f64| {
        let told = told(group);
        let ln = ln_evidence(told.clients, told.clean) - share.ln();
        if is_enough(&told) {
            ln.min(700.0).exp()
        } else {
            0.0
        }
    };
    let share = 2.0 * (MAX_COHORTS as f64 + 1.0);
    let each = cohorts.iter().map(|cohort| of(slice::from_ref(cohort), share));
    of(cohorts, 2.0) + each.sum::<f64>()
}

/// How strong the evidence of a guard is, as powers of ten; 0 is none, or less than counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EvidenceStrength {
    /// At 4, the power of 1 / [`ALPHA`], the enforcement is taken back.
    pub harm: f64,
    /// From 1.3 on, 20 to 1, a step passes where nothing speaks against it.
    pub harmless: f64,
}

impl EvidenceStrength {
    fn of_ln(harm: f64, harmless: f64) -> Self {
        let power = |ln: f64| (ln / LN_10).max(0.0);
        Self {
            harm: power(harm),
            harmless: power(harmless),
        }
    }
}

/// The evidence that [`judge`] decides by.
pub(super) fn strength(
    cohorts: &[CohortCounts],
    outcome: &Outcome,
    base: Arm,
    denies: bool,
) -> EvidenceStrength {
    if denies {
        EvidenceStrength::of_ln(denial_evidence(cohorts).ln(), denial_harmless(cohorts))
    } else {
        let harm = if is_broad(cohorts) { ln_mean(*outcome) } else { 0.0 };
        EvidenceStrength::of_ln(harm, passage_harmless(&total(cohorts), base))
    }
}

fn denial_evidence(cohorts: &[CohortCounts]) -> f64 {
    let of = |test| evidence(cohorts, TestedClients::known, test);
    HARM_TESTS.into_iter().map(of).fold(0.0, f64::max)
}

/// Logarithm; none of fewer clients than a step needs.
fn denial_harmless(cohorts: &[CohortCounts]) -> f64 {
    let TestedClients { clients, clean, .. } = TestedClients::all(cohorts);
    if clients < MIN_CLIENTS {
        return 0.0;
    }
    ln_harmless(clients, clean)
}

fn denial(cohorts: &[CohortCounts]) -> Judgement {
    if denial_evidence(cohorts) >= 1.0 / ALPHA {
        return Judgement::Harm(denial_harm(cohorts));
    }
    let doubts = |test| evidence(cohorts, TestedClients::all, test) >= LN_20.exp();
    if denial_harmless(cohorts) >= LN_20 && !DOUBT_TESTS.into_iter().any(doubts) {
        Judgement::Pass
    } else {
        Judgement::Open
    }
}

/// The cohort with the strongest evidence.
fn worst(cohorts: &[CohortCounts]) -> Option<&CohortCounts> {
    let evidence = |cohort: &CohortCounts| {
        let sample = cohort.counts.sample;
        ln_many(sample.known, sample.clean)
    };
    let named = cohorts.iter().filter(|cohort| cohort.cohort.family.is_some());
    named.max_by(|a, b| evidence(a).total_cmp(&evidence(b)))
}

fn denial_harm(cohorts: &[CohortCounts]) -> Harm {
    let all = total(cohorts);
    let named = worst(cohorts).filter(|cohort| cohort.counts.both().healthy * 2 >= all.both().healthy);
    let counts = named.map_or(all, |cohort| cohort.counts);
    let (clients, clean) = (counts.both().known(), counts.both().healthy);
    let denied = counts.enforced.healthy;
    let cohort = named.map(|cohort| cohort.cohort.clone());
    let who = cohort
        .as_ref()
        .map_or_else(|| "clients".to_owned(), |cohort| format!("clients of {cohort}"));
    let percent = HARMLESS * 100.0;
    let text = format!(
        "{clean} of the {clients} {who} on which it fires pull cleanly, and {denied} of those were denied; \
         for a harmless rule, at most {percent} % pull cleanly"
    );
    Harm {
        cohort,
        clients,
        harmed: clean,
        against: Against::Harmless,
        expected: HARMLESS,
        text,
    }
}

/// Whether enough clients of enough networks had a bad first minute.
fn is_broad(cohorts: &[CohortCounts]) -> bool {
    total(cohorts).enforced.bad_clients >= MIN_HARMED
        && networks(cohorts, |cohort| &cohort.bad_networks) >= MIN_NETWORKS
}

/// Logarithm; none of fewer clients than a step needs.
fn passage_harmless(counts: &Counts, base: Arm) -> f64 {
    let arm = counts.enforced;
    if arm.judged < MIN_CLIENTS {
        return 0.0;
    }
    let usual = usual_rate(counts, base);
    ln_ratio(arm.judged, arm.bad_clients, usual, (usual + HARM).min(0.9))
}

fn passage(cohorts: &[CohortCounts], outcome: &Outcome, base: Arm) -> Judgement {
    let counts = &total(cohorts);
    let evidence = ln_mean(*outcome);
    let arm = counts.enforced;
    if evidence >= -ALPHA.ln() && is_broad(cohorts) {
        let held = (
            counts.held_out.bad_clients + base.bad_clients,
            counts.held_out.judged + base.judged,
        );
        let text = format!(
            "the first minute went wrong for {} of {} clients that it acted on, compared with {} of {} \
             that it did not act on",
            arm.bad_clients, arm.judged, held.0, held.1
        );
        return Judgement::Harm(Harm {
            cohort: None,
            clients: arm.judged,
            harmed: arm.bad_clients,
            against: Against::HeldOut,
            expected: match held {
                (_, 0) => usual_rate(counts, base),
                (bad, judged) => f64::from(bad) / f64::from(judged),
            },
            text,
        });
    }
    if passage_harmless(counts, base) >= LN_20 && evidence < LN_20 {
        Judgement::Pass
    } else {
        Judgement::Open
    }
}
