//! What the RuleBook keeps of one guard: totals of all FireLogs, evidence, and where it stands.

use serde::{Deserialize, Serialize};

use super::counts::{
    Arm, Cohort, CohortCounts, MAX_COHORTS, MAX_EVIDENCE, MAX_TOLD_IN_ALL, WatchReport, told, total,
};
use super::judge::{EvidenceStrength, Harm, Judgement, Outcome, advance, judge, strength};

/// Without steps, a guard that cannot tell after this long is said to hold.
pub(super) const PATIENCE_MS: u64 = 10 * 60_000;

/// Where a guard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardState")
)]
pub enum State {
    /// It counts.
    #[default]
    Watching,
    /// The step's time is over, and what was counted says neither yes nor no: the step waits.
    Holding,
    /// Harmless so far; it goes on counting.
    Passed,
    /// It harmed, and was taken back.
    Demoted,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Watching, Self::Holding, Self::Passed, Self::Demoted];

    /// As stored and as answered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Holding => "holding",
            Self::Passed => "passed",
            Self::Demoted => "demoted",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// One guard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Revision that it began with.
    pub guard: u64,
    /// Milliseconds since 1970.
    pub since_ms: u64,
    pub state: State,
    pub cohorts: Vec<CohortCounts>,
    /// Records of clean clients that were denied.
    pub evidence: Vec<String>,
    /// The most pasts for which one FireLog had no room since the guard began.
    #[serde(default)]
    pub evicted: u64,
    /// Why it was taken back.
    pub text: Option<String>,
    /// Evidence that the arms differ.
    outcome: Outcome,
    /// The held-out arm of the steps before.
    base: Arm,
}

impl Ledger {
    /// A guard that begins, after the one of the step before.
    #[must_use]
    pub fn begin(guard: u64, now_ms: u64, before: Option<&Self>) -> Self {
        let base = before.map(|before| {
            let held = total(&before.cohorts).held_out;
            Arm {
                judged: before.base.judged.saturating_add(held.judged),
                bad_clients: before.base.bad_clients.saturating_add(held.bad_clients),
                ..Arm::default()
            }
        });
        Self {
            guard,
            since_ms: now_ms,
            base: base.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Takes in what a FireLog reports: `known` are its totals as they were when it last did.
    pub fn take(&mut self, report: &WatchReport, known: &[CohortCounts]) {
        let before = total(&self.cohorts);
        for cohort in report.cohorts.iter().take(MAX_COHORTS + 1) {
            let known = known.iter().find(|known| known.cohort == cohort.cohort);
            self.add(cohort.since(known));
        }
        let news = total(&self.cohorts).since(before);
        advance(&mut self.outcome, &before, &news, self.base);
        self.evicted = self.evicted.max(report.evicted);
        for id in &report.evidence {
            if self.evidence.len() < MAX_EVIDENCE && !self.evidence.contains(id) {
                self.evidence.push(id.clone());
            }
        }
    }

    fn add(&mut self, news: CohortCounts) {
        let is_full = self.cohorts.len() >= MAX_COHORTS;
        let is_known = self.cohorts.iter().any(|known| known.cohort == news.cohort);
        let cohort = if is_full && !is_known {
            Cohort::default()
        } else {
            news.cohort.clone()
        };
        if !self.cohorts.iter().any(|known| known.cohort == cohort) {
            self.cohorts.push(CohortCounts::of(cohort.clone()));
        }
        let room = MAX_TOLD_IN_ALL.saturating_sub(told(&self.cohorts));
        if let Some(known) = self.cohorts.iter_mut().find(|known| known.cohort == cohort) {
            known.add(news, room);
        }
    }

    /// Where it stands now. `denies`: the rule blocks or throttles; `until_ms`: the end of the current step.
    /// Answers the harm where it is to be taken back.
    pub fn settle(&mut self, denies: bool, until_ms: Option<u64>, now_ms: u64) -> Option<Harm> {
        if self.state == State::Demoted {
            return None;
        }
        match judge(&self.cohorts, &self.outcome, self.base, denies) {
            Judgement::Harm(harm) => {
                self.state = State::Demoted;
                self.text = Some(harm.text.clone());
                return Some(harm);
            }
            Judgement::Pass => self.state = State::Passed,
            Judgement::Open => self.state = State::Watching,
        }
        self.state = self.state_at(until_ms, now_ms);
        None
    }

    /// Where it stands at a time without further counts: one that cannot tell holds the step when its time is over.
    #[must_use]
    pub fn state_at(&self, until_ms: Option<u64>, now_ms: u64) -> State {
        let is_over = until_ms.unwrap_or(self.since_ms + PATIENCE_MS) <= now_ms;
        match self.state {
            State::Watching if is_over => State::Holding,
            state => state,
        }
    }

    /// How strong the evidence is that it harms, and that it does not.
    #[must_use]
    pub fn strength(&self, denies: bool) -> EvidenceStrength {
        strength(&self.cohorts, &self.outcome, self.base, denies)
    }

    /// Both arms.
    #[must_use]
    pub fn arms(&self) -> (Arm, Arm) {
        let counts = total(&self.cohorts);
        (counts.enforced, counts.held_out)
    }
}
