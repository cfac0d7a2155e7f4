//! The hand brake: everything that is enforced, on a route or everywhere, goes to monitor in one revision.

use serde::{Deserialize, Serialize};

use super::act::{Act, Target};
use super::change::{ChangeResult, Context, PlannedChange, body, carry_out, checked_reason, current};
use super::route_calls::known_route;
use super::second_person::supersede;
use crate::store::{Edit, RuleBookStore};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{ModeSetting, Policy, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, json_text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct PanicBody {
    route: Option<String>,
    reason: String,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct TakenBack {
    /// `null`: everywhere.
    pub route: Option<String>,
    pub modes: Vec<Pair>,
}

/// A rule on a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RuleOnRoute")
)]
pub(crate) struct Pair {
    pub rule: String,
    pub route: String,
}

/// Sets everything to monitor that is enforced on a route, or everywhere: `{route?, reason}`.
///
/// # Errors
/// 404 for a route that is not there; 400 or 422 naming the place; 412 on another revision than expected.
pub(crate) fn panic_off<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    text: &str,
) -> Result<ChangeResult<TakenBack>, Problem> {
    let body: PanicBody = body(text)?;
    let reason = checked_reason("body.reason", Some(&body.reason))?;
    let book = current(store, context)?;
    if let Some(name) = &body.route {
        known_route(&book, name)?;
    }
    let monitored = enforced(&book, body.route.as_deref(), context.now_ms);
    supersede(store, context, None, body.route.as_deref())?;
    let pair = |setting: &ModeSetting| Pair {
        rule: setting.rule.clone(),
        route: setting.route.clone(),
    };
    let item = TakenBack {
        modes: monitored.iter().map(pair).collect(),
        route: body.route,
    };
    if monitored.is_empty() {
        return Ok(ChangeResult {
            item,
            revision: book.revision,
            changed: false,
            created: false,
        });
    }
    let target = Target::Modes(item.route.clone());
    let context = Context {
        reason,
        ..context.clone()
    };
    let revision = carry_out(store, &context, plan(book, monitored, target)?)?;
    Ok(ChangeResult {
        item,
        revision,
        changed: true,
        created: false,
    })
}

/// Monitor for every rule that acts on a route now, or will by itself when a setting expires.
fn enforced(book: &Rulebook, route: Option<&str>, now_ms: u64) -> Vec<ModeSetting> {
    let policy = Policy::new(book);
    let mut monitored = Vec::new();
    for (route_at, on) in book.routes.iter().enumerate() {
        if route.is_some_and(|name| name != on.name) {
            continue;
        }
        for (rule_at, rule) in book.rules.iter().enumerate() {
            let is_enforced = policy.mode(route_at, rule_at, now_ms).mode == Mode::Enforce;
            let may_come_back = rule.default_mode == Mode::Enforce && policy.expires(route_at, rule_at);
            if is_enforced || may_come_back {
                monitored.push(ModeSetting::new(&rule.id, &on.name, Mode::Monitor));
            }
        }
    }
    monitored
}

fn plan(mut book: Rulebook, monitored: Vec<ModeSetting>, target: Target) -> Result<PlannedChange, Problem> {
    let same = |a: &ModeSetting, b: &ModeSetting| a.is_of(&b.rule, &b.route);
    let before: Vec<&ModeSetting> = (book.modes.iter())
        .filter(|known| monitored.iter().any(|setting| same(setting, known)))
        .collect();
    let (before, after) = (json_text(&before)?, json_text(&monitored)?);
    let edits = monitored.iter().map(Edit::mode).collect::<Result<_, _>>()?;
    for setting in monitored {
        match book.modes.iter_mut().find(|known| same(known, &setting)) {
            Some(slot) => *slot = setting,
            None => book.modes.push(setting),
        }
    }
    Ok(PlannedChange {
        act: Act::PanicOff,
        target,
        own: String::from("-"),
        before: Some(before),
        after: Some(after),
        candidate: book,
        edits,
    })
}
