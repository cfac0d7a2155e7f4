//! Why one request was treated as it was.
//!
//! In scope: from a stored record and the rulebook of its revision to what was true in each expression and where
//! each mode came from, also for a request that no rule fired on. Not in scope: finding the record (`query`) and the
//! rulebook (`crates/rule-book`).
//!
//! What fired is the record's word. The clauses are worked out again from what was recorded, so a part that reads a
//! fact which is not kept (an address, a cookie) says `null`, not false.

mod facts;
mod why;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::followed::Followed;
use blobwatch_guard::{GuardThen, State};
use blobwatch_pull::{Action, Fired, Mode, Record, RecordValues};
use blobwatch_rulebook::{ModeSetting, ModeSource, Policy, Rule, Rulebook, Volume, check, in_percent};
use blobwatch_rules::{CheckedExpression, Field, Values};
use blobwatch_wire::{Place, rfc3339};

/// One record explained.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation<'a> {
    pub record: &'a Record,
    /// What became of a redirect: `null` where no fetch followed it; absent where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<Option<Followed>>,
    /// What was done to the request as a whole, in words.
    pub why: String,
    /// What expressions read, by its name in the rule language; `null` where the request did not have it, or it is
    /// not kept.
    pub facts: BTreeMap<&'static str, Json>,
    /// Fields that this record does not keep: `null` in `facts` says nothing about them.
    pub not_recorded: Vec<&'static str>,
    /// Every rule of the rulebook, in its order.
    pub rules: Vec<RuleExplanation>,
    /// Of the rulebook that decided; 0 is the one that ships with the build.
    pub revision: u64,
    /// Whether the rulebook is another one now.
    pub rulebook_changed_since: bool,
}

/// One rule as it was for one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleExplanation {
    pub rule: String,
    pub version: u32,
    /// Whether the record says that it fired.
    pub fired: bool,
    /// Whether the expression was true; `null` where that depends on a fact that is not kept and the rule did not fire.
    pub matched: Option<bool>,
    /// Why the rule did what it did, or did not, in words.
    pub why: String,
    /// Above which it acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    pub clauses: Vec<ClauseExplanation>,
    pub mode: ModeExplanation,
    /// What enforcement does.
    pub would: Action,
    /// What was done because of it.
    pub applied: Action,
}

/// One part of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClauseExplanation {
    pub text: String,
    /// Bytes of the expression: first, and after the last.
    pub start: usize,
    pub end: usize,
    /// `null` for a comparison of what the request did not have, and for what depends on facts that are not kept.
    pub value: Option<bool>,
}

/// The mode that held at the time of the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModeExplanation {
    pub value: Mode,
    pub from: ModeSource,
    /// Of client keys; `null` unless the mode is enforce.
    pub percent: Option<f64>,
    /// Whether the client was among them; `null` unless the mode is enforce.
    pub in_percent: Option<bool>,
    /// Which step of its schedule; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageExplanation>,
    /// Who watched whom this enforcement hits, or had taken it back; absent without a guard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardExplanation>,
}

/// Where a guard stood at the time of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuardExplanation {
    /// Of the rulebook that it began with.
    pub revision: u64,
    /// `null` where it is no longer known: docs/safe-enforcement.md says for how long it is.
    pub state: Option<State>,
    /// RFC 3339: when it came to stand so; `null` like `state`.
    pub since: Option<String>,
    /// Why it had taken the enforcement back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The step that an enforcement was at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageExplanation {
    /// From 0.
    pub index: usize,
    pub count: usize,
}

/// Explains a record by the rulebook of its revision; `guards` are those of its route as they stood at its time, `current`
/// is the revision now.
///
/// # Errors
/// The places at which the rulebook is not one: it was written by another build.
pub fn explain<'a>(
    record: &'a Record,
    book: &Rulebook,
    guards: &[GuardThen],
    current: u64,
) -> Result<Explanation<'a>, Vec<Place>> {
    let checked = check(book)?;
    let policy = Policy::new(book);
    let texts = RecordValues::of(record);
    let (values, unknown) = (texts.values(), texts.not_recorded());
    let route = book.routes.iter().position(|route| route.name == *record.route);
    let rules = book.rules.iter().zip(&checked).enumerate();
    let explained = rules.map(|(at, (rule, checked))| {
        let set = book.modes.iter().find(|set| set.is_of(&rule.id, &record.route));
        let guard = guards.iter().find(|guard| guard.rule == rule.id);
        let mode = mode(&policy, record, route, at, rule, set, guard);
        explain_rule(record, rule, checked, &values, &unknown, mode)
    });
    Ok(Explanation {
        record,
        followed: None,
        why: why::of_record(record),
        facts: facts::facts(&values),
        not_recorded: unknown.iter().map(|field| field.name()).collect(),
        rules: explained.collect(),
        revision: record.revision,
        rulebook_changed_since: record.revision != current,
    })
}

fn explain_rule(
    record: &Record,
    rule: &Rule,
    checked: &CheckedExpression,
    values: &Values<'_>,
    unknown: &[Field],
    mode: ModeExplanation,
) -> RuleExplanation {
    let fired: Option<&Fired> = record.fired.iter().find(|fired| *fired.rule == rule.id);
    let judged = checked.judge(values, unknown);
    let mut explained = RuleExplanation {
        rule: rule.id.clone(),
        version: rule.version,
        fired: fired.is_some(),
        matched: if fired.is_some() { Some(true) } else { judged },
        why: String::new(),
        volume: rule.volume,
        clauses: clauses(checked, values, unknown),
        mode,
        would: rule.action,
        applied: fired.map_or(Action::None, |fired| fired.applied),
    };
    explained.why = why::of_rule(record, &explained);
    explained
}

fn clauses(checked: &CheckedExpression, values: &Values<'_>, unknown: &[Field]) -> Vec<ClauseExplanation> {
    let explained = checked.explain(values, unknown).into_iter();
    explained
        .map(|clause| ClauseExplanation {
            text: clause.text,
            start: clause.start,
            end: clause.end,
            value: clause.value,
        })
        .collect()
}

fn mode(
    policy: &Policy,
    record: &Record,
    route: Option<usize>,
    at: usize,
    rule: &Rule,
    set: Option<&ModeSetting>,
    guard: Option<&GuardThen>,
) -> ModeExplanation {
    // A route that the rulebook does not have has no settings: the rule's default held.
    let effective = policy.mode(route.unwrap_or(usize::MAX), at, record.id.time_ms());
    let is_enforced = effective.mode == Mode::Enforce;
    let is_set = effective.from == ModeSource::RuleOnRoute;
    let set = set.filter(|_| is_enforced && is_set);
    let stages = set.and_then(|set| set.stages.as_ref());
    ModeExplanation {
        value: effective.mode,
        from: effective.from,
        percent: is_enforced.then_some(effective.percent),
        in_percent: is_enforced.then(|| in_percent(record.client, &rule.id, effective.percent)),
        stage: stages.map(|stages| StageExplanation {
            index: stages.index,
            count: stages.steps.len(),
        }),
        guard: guard.filter(|_| is_set).map(guard_then),
    }
}

fn guard_then(then: &GuardThen) -> GuardExplanation {
    GuardExplanation {
        revision: then.guard,
        state: then.stood.map(|stood| stood.state),
        since: then.stood.map(|stood| rfc3339(stood.since_ms)),
        text: then.text.clone(),
    }
}

#[cfg(test)]
mod tests;
