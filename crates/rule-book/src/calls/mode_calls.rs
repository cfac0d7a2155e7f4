//! Modes: the switch of one rule on one route.

use serde::Serialize;

use super::act::{Act, Target};
use super::change::{
    ChangeResult, Context, PlannedChange, all_faults, carry_out, carry_out_with, check, checked_reason,
    current, with_body,
};
use super::enforcing::{check_permit, continued, largest_percent, shown};
use super::guard_calls::{GuardItem, Guards, guard_of, guards_by_mode};
use super::mode_body::{ModeBody, Permit};
use super::route_calls::known_route;
use super::rule_calls::known_rule;
use super::second_person::{ApprovalNeed, PendingItem, is_needed, propose, refuse_where_needed, supersede};
use crate::preview_freshness::Healthy;
use crate::store::{Edit, Kind, RuleBookStore, StoredVersion};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{ModeSetting, Rulebook, Stages};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Problem, json_text, rfc3339};

/// The mode that is set for a rule on a route.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ModeItem {
    pub rule: String,
    pub route: String,
    pub mode: Mode,
    pub percent: Option<f64>,
    /// RFC 3339.
    pub expires: Option<String>,
    /// Whether that time has come: the rule's default holds again.
    pub expired: bool,
    /// RFC 3339.
    pub time: String,
    pub actor: String,
    pub reason: Option<String>,
    pub since_revision: u64,
    /// The steps, where the percentage has some.
    pub stage: Option<StageItem>,
    /// Who watches it, or took it back.
    pub guard: Option<GuardItem>,
}

/// Where a schedule is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StageItem {
    /// Of the current step, from 0.
    pub index: usize,
    pub count: usize,
    pub percent: f64,
    /// RFC 3339: when the current step may end; `null` on the last.
    pub next: Option<String>,
    pub steps: Vec<StepItem>,
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StepItem {
    pub percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
}

impl From<Stages> for StageItem {
    fn from(stages: Stages) -> Self {
        Self {
            index: stages.index,
            count: stages.steps.len(),
            percent: stages.percent().unwrap_or_default(),
            next: stages.until_ms.map(rfc3339),
            steps: (stages.steps.iter())
                .map(|step| StepItem {
                    percent: step.percent,
                    minutes: step.lasts_ms.map(|lasts| lasts as f64 / 60_000.0),
                })
                .collect(),
        }
    }
}

impl ModeItem {
    pub(super) fn new(kept: StoredVersion<ModeSetting>, guards: &Guards, now_ms: u64) -> Self {
        let guard = guard_of(&kept, guards, now_ms);
        let setting = kept.value;
        Self {
            rule: setting.rule,
            route: setting.route,
            mode: setting.mode,
            percent: setting.percent,
            expires: setting.expires_ms.map(rfc3339),
            expired: setting.expires_ms.is_some_and(|at| at <= now_ms),
            time: rfc3339(kept.time_ms),
            actor: kept.actor,
            reason: kept.reason,
            since_revision: kept.since,
            stage: setting.stages.map(StageItem::from),
            guard,
        }
    }
}

/// Modes that are set, of one rule or of all.
///
/// # Errors
/// 404 for a rule that is not there; 400 for a cursor that no longer stands.
pub(crate) fn list_modes<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    rule: Option<&str>,
    page: &Page,
) -> Result<List<ModeItem>, Problem> {
    if let Some(id) = rule {
        let book = store.document()?;
        known_rule(&book, id)?;
    }
    let kept = store.valid::<ModeSetting>(Kind::Mode)?;
    let guards = guards_by_mode(store)?;
    let keyed = kept
        .into_iter()
        .filter(|kept| rule.is_none_or(|id| kept.value.rule == id))
        .map(|kept| {
            (
                format!("{}/{}", kept.value.rule, kept.value.route),
                ModeItem::new(kept, &guards, now_ms),
            )
        })
        .collect();
    page.keyed(keyed)
}

/// The mode that is set for a rule on a route.
///
/// # Errors
/// 404 when none is: the rule's default holds.
pub(crate) fn get_mode<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    rule: &str,
    route: &str,
) -> Result<ModeItem, Problem> {
    let found = store.mode_entry(rule, route)?;
    let guards = guards_by_mode(store)?;
    found
        .map(|kept| ModeItem::new(kept, &guards, now_ms))
        .ok_or_else(|| no_mode(rule, route))
}

/// Sets the mode of a rule on a route; the body is `mode_body`'s.
///
/// # Errors
/// 404 for a rule or route that is not there; 400 or 422 naming the place; 409 where enforcement begins or grows without
/// a preview; 412 on another revision than expected.
pub(crate) fn put_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: &str,
    route: &str,
    text: &str,
) -> Result<ModeChange, Problem> {
    set_mode(store, context, rule, route, text, None)
}

/// What comes of a call that sets a mode.
pub(crate) enum ModeChange {
    Made(Box<ChangeResult<ModeItem>>),
    /// A second person decides.
    Waits(Box<WaitingMode>),
}

/// The answer where a second person decides: nothing has changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WaitingMode {
    pub pending: PendingItem,
    pub revision: u64,
    pub changed: bool,
}

impl ModeChange {
    /// What was made, by a call that never waits.
    pub(super) fn made(self) -> Result<ChangeResult<ModeItem>, Problem> {
        match self {
            Self::Made(made) => Ok(*made),
            Self::Waits(waiting) => {
                let detail = format!("{:?} waits for a second person", waiting.pending.id);
                Err(Problem::new(409, "pending", "An enforcement is waiting", detail))
            }
        }
    }
}

/// Sets a mode that somebody asks for, or that `proposed_by` asked for and the actor approves.
pub(super) fn set_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: &str,
    route: &str,
    text: &str,
    proposed_by: Option<&str>,
) -> Result<ModeChange, Problem> {
    with_body(context, text, |context, body: ModeBody| {
        let asked = AskedMode {
            of: (rule, route),
            body,
            text,
            proposed_by,
        };
        set_read_mode(store, context, &asked)
    })
}

/// A call that sets a mode, its body read.
struct AskedMode<'a> {
    /// Rule and route.
    of: (&'a str, &'a str),
    body: ModeBody,
    text: &'a str,
    proposed_by: Option<&'a str>,
}

fn set_read_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    call: &AskedMode<'_>,
) -> Result<ModeChange, Problem> {
    let AskedMode {
        of: (rule, route),
        body,
        text,
        proposed_by,
    } = call;
    let (rule, route, proposed_by) = (*rule, *route, *proposed_by);
    let permit = body.permit();
    let (asked, mut faults) = body.setting(rule, route, context.now_ms);
    let reason = checked_reason("body.reason", Some(&body.reason)).unwrap_or_else(|refused| {
        faults.extend(refused.errors);
        None
    });
    let book = current(store, context)?;
    known_rule(&book, rule)?;
    known_route(&book, route)?;
    let before = store.mode_entry(rule, route)?;
    let standing = before.as_ref().map(|kept| &kept.value);
    let setting = continued(asked, standing, permit.guard, book.revision + 1);
    if !faults.is_empty() {
        let plan = put_plan(book, None, setting, None, None)?;
        return Err(all_faults(faults, plan.candidate, &plan.own));
    }
    let is_same = before
        .as_ref()
        .is_some_and(|kept| kept.value == setting && kept.reason == reason);
    if is_same {
        let item = get_mode(store, context.now_ms, rule, route)?;
        return Ok(ModeChange::Made(Box::new(ChangeResult {
            item,
            revision: book.revision,
            changed: false,
            created: false,
        })));
    }
    let context = Context {
        reason: reason.or_else(|| context.reason.clone()),
        ..context.clone()
    };
    if setting.goal() > largest_percent(&book, rule, route, context.now_ms) {
        if let Err(needed) = check_permit(store, &book, context.now_ms, &permit, (rule, route), "body") {
            // What is wrong with the setting is told before what it needs.
            let plan = put_plan(book, None, setting, None, None)?;
            check(plan.candidate, &plan.own)?;
            return Err(needed);
        }
        if proposed_by.is_none()
            && !context.is_trial
            && let ApprovalNeed::Yes(healthy) = is_needed(store, &book, &setting, &permit)?
        {
            return wait(store, &context, book, setting, text, healthy);
        }
    }
    let plan = put_plan(book, standing, setting, Some(&permit), proposed_by)?;
    let revision = match proposed_by {
        Some(_) => carry_out_with(store, &context, plan, || store.end_pending(rule, route))?,
        None => carry_out(store, &context, plan)?,
    };
    supersede(store, &context, Some(rule), Some(route))?;
    let item = get_mode(store, context.now_ms, rule, route)?;
    Ok(ModeChange::Made(Box::new(ChangeResult {
        item,
        revision,
        changed: true,
        created: before.is_none(),
    })))
}

/// A setting that could be made but for the second person.
fn wait<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    book: Rulebook,
    setting: ModeSetting,
    text: &str,
    healthy: Option<Healthy>,
) -> Result<ModeChange, Problem> {
    let revision = book.revision;
    let plan = put_plan(book.clone(), None, setting.clone(), None, None)?;
    check(plan.candidate, &plan.own)?;
    let pending = propose(store, context, &book, &setting, text, healthy)?;
    Ok(ModeChange::Waits(Box::new(WaitingMode {
        pending,
        revision,
        changed: false,
    })))
}

/// Takes a mode back: the rule's default holds again.
///
/// # Errors
/// 404 when none is set; 412 on another revision than expected; 422 when the default cannot hold there.
pub(crate) fn delete_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: &str,
    route: &str,
) -> Result<ChangeResult<Unset>, Problem> {
    let mut book = current(store, context)?;
    let at = position(&book, rule, route).ok_or_else(|| no_mode(rule, route))?;
    let standing = largest_percent(&book, rule, route, context.now_ms);
    let before = json_text(&book.modes.remove(at))?;
    if largest_percent(&book, rule, route, context.now_ms) > standing {
        refuse_where_needed(store, "path.route", "the rule's default is to enforce")?;
    }
    let default = book
        .rules
        .iter()
        .find(|known| known.id == rule)
        .map(|known| known.default_mode);
    let plan = PlannedChange {
        act: Act::ModeDelete,
        target: Target::mode(rule, route),
        own: String::from("-"),
        before: Some(before),
        after: None,
        candidate: book,
        edits: vec![Edit::end_mode(rule, route)],
    };
    let revision = carry_out(store, context, plan)?;
    supersede(store, context, Some(rule), Some(route))?;
    let item = Unset {
        rule: rule.to_owned(),
        route: route.to_owned(),
        mode: default.unwrap_or_default(),
    };
    Ok(ChangeResult {
        item,
        revision,
        changed: true,
        created: false,
    })
}

/// The mode that holds after a setting was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Unset {
    pub rule: String,
    pub route: String,
    /// The rule's default.
    pub mode: Mode,
}

fn put_plan(
    mut book: Rulebook,
    before: Option<&ModeSetting>,
    setting: ModeSetting,
    permit: Option<&Permit>,
    proposed_by: Option<&str>,
) -> Result<PlannedChange, Problem> {
    let at = position(&book, &setting.rule, &setting.route);
    let own = at.unwrap_or(book.modes.len());
    let (after, edit) = (shown(&setting, permit, proposed_by)?, Edit::mode(&setting)?);
    let target = Target::mode(&setting.rule, &setting.route);
    match at.and_then(|at| book.modes.get_mut(at)) {
        Some(slot) => *slot = setting,
        None => book.modes.push(setting),
    }
    Ok(PlannedChange {
        act: Act::ModePut,
        target,
        own: format!("modes[{own}]."),
        before: before.map(json_text).transpose()?,
        after: Some(after),
        candidate: book,
        edits: vec![edit],
    })
}

fn position(book: &Rulebook, rule: &str, route: &str) -> Option<usize> {
    book.modes.iter().position(|known| known.is_of(rule, route))
}

fn no_mode(rule: &str, route: &str) -> Problem {
    Problem::not_found(&format!("mode set for the rule {rule:?} on the route {route:?}"))
}
