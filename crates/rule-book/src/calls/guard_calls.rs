//! Guards as people see them, and what FireLogs report for them.

use std::collections::HashMap;

use serde::Serialize;

use super::change::carry_out_with;
use super::schedule::demotion;
use crate::store::{GuardEntry, GuardUpdate, NoticeKind, Reading, RuleBookStore, StoredVersion};
use blobwatch_guard::{Arm, Cohort, CohortCounts, Harm, HarmNotice, Ledger, Report, State, WatchReport};
use blobwatch_pull::Action;
use blobwatch_rulebook::ModeSetting;
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Problem, json_text, rfc3339};

/// Who takes back what harms, in the audit log; no token may have this name.
pub(crate) const GUARD: &str = "guard";

/// How long until a FireLog reports again.
const AGAIN_MS: u64 = 10_000;

/// The same where every guard has let its last step pass.
const AGAIN_PASSED_MS: u64 = 60_000;

/// Where the guard of a mode stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct GuardItem {
    pub state: State,
    /// RFC 3339: when it began to watch.
    pub since: String,
    /// Clients that were denied: those that pulled cleanly before, those that did not, and those of which nothing is known.
    pub denied_clients: u32,
    pub denied_healthy: u32,
    pub denied_unhealthy: u32,
    pub denied_unknown: u32,
    /// The most pasts of clients for which one FireLog had no room since the guard began.
    pub pasts_evicted: u64,
    pub harm: Arms,
    /// Clients that the rule fires on, denied or held out, by what they are.
    pub cohorts: Vec<CohortItem>,
    pub text: Option<String>,
}

/// First minutes of clients that were let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardArms")
)]
pub(crate) struct Arms {
    pub enforced: ArmItem,
    pub held_out: ArmItem,
}

/// Pulls, and those of them that failed or got stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardArm")
)]
pub(crate) struct ArmItem {
    pub pulls: u32,
    pub bad: u32,
    pub clients: u32,
    pub bad_clients: u32,
}

/// How many clients of one kind a rule fires on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardCohort")
)]
pub(crate) struct CohortItem {
    #[serde(flatten)]
    pub cohort: Cohort,
    pub clients: u32,
    pub healthy: u32,
    pub unhealthy: u32,
    pub unknown: u32,
}

/// A guard with whose it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct GuardOf {
    pub rule: String,
    pub route: String,
    #[serde(flatten)]
    pub guard: GuardItem,
}

/// What a FireLog is told after its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct NextReport {
    /// Milliseconds until the next report.
    pub again_ms: u64,
}

/// What a report came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportOutcome {
    pub next: NextReport,
    /// Whether something is to be done now: a step that may go on, or a rulebook to push and a harm to tell of.
    pub is_due: bool,
}

/// Guards of modes that are set, by rule and route.
pub(super) type Guards = HashMap<(String, String), Ledger>;

pub(super) fn guards_by_mode<S: Sql>(store: &RuleBookStore<S>) -> Result<Guards, Problem> {
    let guards = store.guards()?;
    let keyed = |GuardEntry { rule, route, ledger }| ((rule, route), ledger);
    Ok(guards.into_iter().map(keyed).collect())
}

/// The guard of a setting: the one that watches it, or the one that took it back.
pub(super) fn guard_of(kept: &StoredVersion<ModeSetting>, guards: &Guards, now_ms: u64) -> Option<GuardItem> {
    let setting = &kept.value;
    let ledger = guards.get(&(setting.rule.clone(), setting.route.clone()));
    match setting.guard {
        Some(guard) => {
            let begun = || Ledger::begin(guard, kept.time_ms, None);
            let ledger = ledger.filter(|ledger| ledger.guard == guard).cloned();
            Some(item(&ledger.unwrap_or_else(begun), until(setting), now_ms))
        }
        None => ledger
            .filter(|ledger| ledger.state == State::Demoted && kept.actor == GUARD)
            .map(|ledger| item(ledger, None, now_ms)),
    }
}

fn until(setting: &ModeSetting) -> Option<u64> {
    setting.stages.as_ref().and_then(|stages| stages.until_ms)
}

fn item(ledger: &Ledger, until_ms: Option<u64>, now_ms: u64) -> GuardItem {
    let (enforced, held_out) = ledger.arms();
    let arm = |arm: Arm| ArmItem {
        pulls: arm.pulls,
        bad: arm.bad_pulls,
        clients: arm.judged,
        bad_clients: arm.bad_clients,
    };
    let cohort = |counts: &CohortCounts| {
        let both = counts.counts.both();
        CohortItem {
            cohort: counts.cohort.clone(),
            clients: both.clients,
            healthy: both.healthy,
            unhealthy: both.unhealthy(),
            unknown: both.unknown,
        }
    };
    GuardItem {
        state: ledger.state_at(until_ms, now_ms),
        since: rfc3339(ledger.since_ms),
        denied_clients: enforced.clients,
        denied_healthy: enforced.healthy,
        denied_unhealthy: enforced.unhealthy(),
        denied_unknown: enforced.unknown,
        pasts_evicted: ledger.evicted,
        harm: Arms {
            enforced: arm(enforced),
            held_out: arm(held_out),
        },
        cohorts: ledger.cohorts.iter().map(cohort).collect(),
        text: ledger.text.clone(),
    }
}

/// Guards of modes that are set, by rule and route.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_guards<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    page: &Page,
) -> Result<List<GuardOf>, Problem> {
    let guards = guards_by_mode(store)?;
    let kept = store.valid::<ModeSetting>(crate::store::Kind::Mode)?;
    let keyed = kept.into_iter().filter_map(|kept| {
        let guard = guard_of(&kept, &guards, now_ms)?;
        let ModeSetting { rule, route, .. } = kept.value;
        Some((format!("{rule}/{route}"), GuardOf { rule, route, guard }))
    });
    page.keyed(keyed.collect())
}

/// Where each guard of a mode that is set stands.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn guard_states<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Vec<State>, Problem> {
    let guards = guards_by_mode(store)?;
    let kept = store.valid::<ModeSetting>(crate::store::Kind::Mode)?;
    let states = kept.iter().filter_map(|kept| guard_of(kept, &guards, now_ms));
    Ok(states.map(|guard| guard.state).collect())
}

/// Takes in what a FireLog counted. What harms is taken back, and waits to be told to the Detector.
///
/// # Errors
/// When the store refuses; what it took in before stays, and the report may come again.
pub fn take_report<S: Sql>(
    store: &RuleBookStore<S>,
    report: &Report,
    now_ms: u64,
) -> Result<ReportOutcome, Problem> {
    let again_ms = AGAIN_PASSED_MS;
    let mut taken = ReportOutcome {
        next: NextReport { again_ms },
        is_due: false,
    };
    for watch in &report.watches {
        let setting = store.mode_entry(&watch.rule, &watch.route)?;
        // A FireLog that has not heard of a change yet reports for a guard that is over.
        let Some(kept) = setting.filter(|kept| kept.value.guard == Some(watch.guard)) else {
            continue;
        };
        let state = take(store, &report.source, watch, &kept, now_ms)?;
        let until = until(&kept.value);
        taken.is_due |= match state {
            State::Demoted => true,
            State::Passed => until.is_some_and(|until| until <= now_ms),
            State::Watching | State::Holding => false,
        };
        if state != State::Passed || until.is_some() {
            taken.next.again_ms = AGAIN_MS;
        }
    }
    Ok(taken)
}

fn take<S: Sql>(
    store: &RuleBookStore<S>,
    source: &str,
    watch: &WatchReport,
    kept: &StoredVersion<ModeSetting>,
    now_ms: u64,
) -> Result<State, Problem> {
    let (rule, route) = (watch.rule.as_str(), watch.route.as_str());
    let before = store.guard(rule, route)?;
    let mut ledger = match before {
        Some(ledger) if ledger.guard == watch.guard => ledger,
        before => Ledger::begin(watch.guard, kept.time_ms, before.as_ref()),
    };
    let known = store.guard_counts(rule, route, source, watch.guard)?;
    ledger.take(watch, &known);
    let denies = denies(store, rule)?;
    let harm = ledger.settle(denies, until(&kept.value), now_ms);
    let counts = at_most_back(&watch.cohorts, &known);
    let reported = GuardUpdate {
        of: (rule, route),
        ledger: &ledger,
        reading: &Reading::of(&ledger, denies),
        source,
        counts: &counts,
    };
    match harm {
        Some(harm) => take_back(store, &reported, harm, now_ms)?,
        None => store.keep_guard(&reported, now_ms)?,
    }
    Ok(ledger.state)
}

/// The verdict, the mode that follows from it and the harm to tell of: all or none.
fn take_back<S: Sql>(
    store: &RuleBookStore<S>,
    reported: &GuardUpdate<'_>,
    harm: Harm,
    now_ms: u64,
) -> Result<(), Problem> {
    let ((rule, route), ledger) = (reported.of, reported.ledger);
    let book = store.document()?;
    let mut modes = book.modes.iter().enumerate();
    let Some((at, setting)) = modes.find(|(_, known)| known.is_of(rule, route)) else {
        // It was read as set a moment ago, and nothing else writes.
        return Ok(store.keep_guard(reported, now_ms)?);
    };
    let (context, plan) = demotion(&book, at, setting, ledger, now_ms)?;
    let epoch = store.epoch()?;
    let cohort = harm.cohort.unwrap_or_default();
    let notice = HarmNotice {
        id: format!("{epoch}-{}-{rule}-{route}", ledger.guard),
        time: rfc3339(now_ms),
        since: Some(rfc3339(ledger.since_ms)),
        rule: rule.to_owned(),
        route: route.to_owned(),
        text: harm.text,
        family: cohort.family.map(|family| family.as_str().to_owned()),
        os: Some(cohort.system().to_owned()),
        clients: harm.clients.into(),
        harmed: harm.harmed.into(),
        against: harm.against,
        expected: harm.expected,
        evidence: ledger.evidence.clone(),
    };
    let body = json_text(&notice)?;
    carry_out_with(store, &context, plan, || {
        store.write_guard(reported, now_ms)?;
        store.put_notice(NoticeKind::Harm, (&notice.id, &body), 0, now_ms)
    })
    .map(drop)
}

/// Whether the rule's action refuses requests.
fn denies<S: Sql>(store: &RuleBookStore<S>, rule: &str) -> Result<bool, Problem> {
    let versions = store.rule_versions(rule)?;
    let action = versions.first().map(|kept| kept.value.action);
    Ok(matches!(action, Some(Action::Block | Action::Throttle)))
}

/// The totals to tell what is new of the next report by: a report that comes late does not set them back.
fn at_most_back(reported: &[CohortCounts], known: &[CohortCounts]) -> Vec<CohortCounts> {
    let mut totals = known.to_vec();
    for cohort in reported {
        match totals.iter_mut().find(|known| known.cohort == cohort.cohort) {
            Some(known) => known.counts = known.counts.or_more(cohort.counts),
            None => totals.push(cohort.clone()),
        }
    }
    totals
}
