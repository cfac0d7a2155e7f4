//! The whole rulebook in one revision: a plan that can be read before anything changes, then all of it or nothing.

use std::collections::{HashMap, HashSet};
use std::mem::take;
use std::slice::from_ref;

use serde::Serialize;
use serde_json::Value;

use super::act::{Act, Target};
use super::change::{Context, PlannedChange, all_faults, carry_out, check, current, with_body};
use super::enforcing::{check_new_version, check_permit, largest_percent};
use super::list_calls::{difference, outline};
use super::mode_body::Permit;
use super::pushed::{PushBody, PushCandidate};
use super::second_person::{ApprovalNeed, denies, is_needed, refuse_where_needed};
use crate::store::{Edit, RuleBookError, RuleBookStore};
use blobwatch_rulebook::{ModeSetting, NamedList, Route, Rule, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem, json_text};

/// Bytes of what the audit log keeps of one push, before and after together: a row holds 2 MB.
const MAX_AUDITED: usize = 1_500_000;

/// One difference between two rulebooks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Difference {
    pub action: Does,
    /// `rules/botnet-sig`, `rules/botnet-sig/modes/hub`, `routes/hub`, `settings`; `rules` or `routes` for their order.
    pub target: String,
    pub before: Value,
    pub after: Value,
}

/// What a push does to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DifferenceAction")
)]
pub(crate) enum Does {
    Add,
    Change,
    Retire,
}

/// What a push does, or would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Push {
    /// Of the rulebook after the call; with `dry_run` the one that the plan is for.
    pub revision: u64,
    pub changed: bool,
    pub changes: Vec<Difference>,
    /// With `dry_run`: everything that the push would be refused for.
    pub errors: Vec<Place>,
}

/// Replaces the whole rulebook, or says what that would do.
///
/// # Errors
/// 400 or 422 naming the places; 409 where enforcement begins or grows without a preview; 412 on another revision.
pub(crate) fn put_rulebook<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    dry_run: bool,
    text: &str,
) -> Result<Push, Problem> {
    if !dry_run {
        required(context)?;
    }
    with_body(context, text, |context, pushed: PushBody| {
        put_read_rulebook(store, context, dry_run, pushed)
    })
}

fn put_read_rulebook<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    dry_run: bool,
    pushed: PushBody,
) -> Result<Push, Problem> {
    let book = current(store, context)?;
    let mut candidate = pushed.candidate(store, &book, context.now_ms)?;
    let faults = take(&mut candidate.faults);
    if context.is_trial {
        return Err(all_faults(faults, candidate.book, ""));
    }
    let changes = differences(&book, &candidate.book);
    let refusals = refusals(store, &book, &candidate, context.now_ms);
    if dry_run {
        let mut errors: Vec<Place> = refusals.into_iter().flat_map(|problem| problem.errors).collect();
        errors.extend(all_faults(faults, candidate.book, "").errors);
        return Ok(Push {
            revision: book.revision,
            changed: false,
            changes,
            errors,
        });
    }
    if !faults.is_empty() {
        return Err(all_faults(faults, candidate.book, ""));
    }
    if let Some(first) = refusals.into_iter().reduce(join_refusals) {
        // What is wrong with the rulebook is told before what it needs.
        check(candidate.book, "")?;
        return Err(first);
    }
    let changed = !changes.is_empty();
    let revision = if changed {
        carry_out(store, context, plan(&book, candidate, &changes)?)?
    } else {
        book.revision
    };
    Ok(Push {
        revision,
        changed,
        changes,
        errors: Vec::new(),
    })
}

/// Who pushes says what it is meant for and why: a file may be old.
fn required(context: &Context<'_>) -> Result<(), Problem> {
    let missing = |place: &str, message: &str| Err(Problem::bad_parameter(Place::new(place, message)));
    if context.expected.is_none() {
        return missing(
            "header.if-match",
            "expected the revision on which the push is based, such as \"12\"",
        );
    }
    if context.reason.is_none() {
        return missing("query.reason", "expected a reason");
    }
    Ok(())
}

/// Enforcements that begin or grow by the push and may not. A preview has to hold for the rulebook that the push makes, but for
/// the other enforcements that begin or grow in it: each of them needs a preview of its own, and two rules together hit nobody
/// that neither was seen to hit.
fn refusals<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    candidate: &PushCandidate,
    now_ms: u64,
) -> Vec<Problem> {
    let rules = candidate
        .rules()
        .enumerate()
        .filter(|(_, (_, forced))| !forced)
        .filter_map(|(at, (rule, _))| {
            let before = book.rules.iter().find(|known| known.id == rule.id);
            check_new_version(book, before, rule, now_ms, &format!("body.rules[{at}]")).err()
        });
    let grows =
        |setting: &ModeSetting| setting.goal() > largest_percent(book, &setting.rule, &setting.route, now_ms);
    let modes = candidate
        .modes()
        .enumerate()
        .filter(|(_, (setting, permit))| !permit.force && grows(setting));
    let standing = as_before(book, &candidate.book, grows);
    let modes = modes.filter_map(|(at, (setting, permit))| {
        check_permit(
            store,
            &with(&standing, setting),
            now_ms,
            permit,
            (&setting.rule, &setting.route),
            &format!("body.modes[{at}]"),
        )
        .err()
    });
    rules
        .chain(modes)
        .chain(second_persons(store, candidate, grows))
        .chain(forced_versions(store, book, candidate, now_ms))
        .collect()
}

/// A push cannot wait for a second person.
fn second_persons<S: Sql>(
    store: &RuleBookStore<S>,
    candidate: &PushCandidate,
    grows: impl Fn(&ModeSetting) -> bool,
) -> Vec<Problem> {
    let modes = candidate.modes().enumerate();
    let modes = modes.filter(|(_, (setting, _))| grows(setting));
    let refused = |(at, (setting, permit)): (usize, (&ModeSetting, &Permit))| {
        let needed = is_needed(store, &candidate.book, setting, permit);
        match needed {
            Ok(ApprovalNeed::No) => None,
            Ok(ApprovalNeed::Yes(_)) => {
                let what = format!(
                    "{:?} would be enforced on the route {:?}",
                    setting.rule, setting.route
                );
                refuse_where_needed(store, &format!("body.modes[{at}]"), &what).err()
            }
            Err(problem) => Some(problem),
        }
    };
    modes.filter_map(refused).collect()
}

/// Nor can a version that is enforced by being written.
fn forced_versions<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    candidate: &PushCandidate,
    now_ms: u64,
) -> Vec<Problem> {
    let rules = candidate.rules().enumerate();
    let forced = rules.filter(|(_, (rule, forced))| *forced && denies(rule.action));
    let refused = |(at, (rule, _)): (usize, (&Rule, bool))| {
        let place = format!("body.rules[{at}]");
        let before = book.rules.iter().find(|known| known.id == rule.id);
        check_new_version(book, before, rule, now_ms, &place).err()?;
        let what = format!("the new version of {:?} would be enforced at once", rule.id);
        refuse_where_needed(store, &place, &what).err()
    };
    forced.filter_map(refused).collect()
}

/// The candidate with those of its settings as they were that grow.
fn as_before(book: &Rulebook, candidate: &Rulebook, grows: impl Fn(&ModeSetting) -> bool) -> Rulebook {
    let standing = |setting: &ModeSetting| {
        if grows(setting) {
            book.modes
                .iter()
                .find(|known| known.is_of(&setting.rule, &setting.route))
                .cloned()
        } else {
            Some(setting.clone())
        }
    };
    Rulebook {
        modes: candidate.modes.iter().filter_map(standing).collect(),
        ..candidate.clone()
    }
}

/// A rulebook with a setting in it.
fn with(book: &Rulebook, setting: &ModeSetting) -> Rulebook {
    let others = book
        .modes
        .iter()
        .filter(|known| !known.is_of(&setting.rule, &setting.route));
    Rulebook {
        modes: others.chain([setting]).cloned().collect(),
        ..book.clone()
    }
}

/// One problem with the places of two.
fn join_refusals(mut first: Problem, second: Problem) -> Problem {
    first.errors.extend(second.errors);
    first
}

fn differences(book: &Rulebook, candidate: &Rulebook) -> Vec<Difference> {
    let mut found = Vec::new();
    let route = |route: &Route| format!("routes/{}", route.name);
    compare(&mut found, &book.routes, &candidate.routes, route);
    compare(&mut found, &book.rules, &candidate.rules, rule_target);
    compare(&mut found, &book.modes, &candidate.modes, mode_target);
    compare(&mut found, &book.lists, &candidate.lists, list_target);
    found
        .iter_mut()
        .for_each(|change| tell_list(change, book, candidate));
    let (before, after) = (from_ref(&book.settings), from_ref(&candidate.settings));
    compare(&mut found, before, after, |_| "settings".to_owned());
    for (target, before, after) in [
        ("routes", route_names(book), route_names(candidate)),
        ("rules", rule_ids(book), rule_ids(candidate)),
    ] {
        if after != appended(&before, &after) {
            found.push(Difference {
                action: Does::Change,
                target: target.to_owned(),
                before: before.into(),
                after: after.into(),
            });
        }
    }
    found
}

fn list_target(list: &NamedList) -> String {
    format!("lists/{}", list.name)
}

/// Of a list, what came and what went instead of all items.
fn tell_list(change: &mut Difference, book: &Rulebook, candidate: &Rulebook) {
    let Some(name) = change.target.strip_prefix("lists/") else {
        return;
    };
    let of = |book: &'_ Rulebook| book.lists.iter().find(|list| list.name == name).cloned();
    let (before, after) = (of(book), of(candidate));
    change.before = before.as_ref().map_or(Value::Null, outline);
    change.after = after.map_or(Value::Null, |after| difference(before.as_ref(), &after));
}

fn rule_target(rule: &Rule) -> String {
    format!("rules/{}", rule.id)
}

fn mode_target(setting: &ModeSetting) -> String {
    format!("rules/{}/modes/{}", setting.rule, setting.route)
}

fn route_names(book: &Rulebook) -> Vec<String> {
    book.routes.iter().map(|route| route.name.clone()).collect()
}

fn rule_ids(book: &Rulebook) -> Vec<String> {
    book.rules.iter().map(|rule| rule.id.clone()).collect()
}

/// The order that comes by itself: what stays keeps its place, what is new comes last.
fn appended(before: &[String], after: &[String]) -> Vec<String> {
    let stays = before.iter().filter(|name| after.contains(name));
    stays
        .chain(after.iter().filter(|name| !before.contains(name)))
        .cloned()
        .collect()
}

fn compare<T: PartialEq + Serialize>(
    found: &mut Vec<Difference>,
    before: &[T],
    after: &[T],
    target: impl Fn(&T) -> String,
) {
    let value = |part: Option<&T>| {
        part.and_then(|part| serde_json::to_value(part).ok())
            .unwrap_or(Value::Null)
    };
    let known: HashMap<String, &T> = before.iter().map(|part| (target(part), part)).collect();
    let mut kept = HashSet::new();
    for part in after {
        let target = target(part);
        let was = known.get(&target).copied();
        let action = if was.is_some() { Does::Change } else { Does::Add };
        kept.insert(target.clone());
        if was != Some(part) {
            found.push(Difference {
                action,
                target,
                before: value(was),
                after: value(Some(part)),
            });
        }
    }
    for part in before {
        let target = target(part);
        if !kept.contains(&target) {
            found.push(Difference {
                action: Does::Retire,
                target,
                before: value(Some(part)),
                after: Value::Null,
            });
        }
    }
}

fn plan(book: &Rulebook, candidate: PushCandidate, changes: &[Difference]) -> Result<PlannedChange, Problem> {
    let edits = edits(book, &candidate.book, changes)?;
    let (before, after) = audited(&permitted_by(changes, &candidate))?;
    let candidate = candidate.book;
    Ok(PlannedChange {
        act: Act::RulebookPut,
        target: Target::Rulebook,
        own: String::new(),
        before: Some(before),
        after: Some(after),
        candidate,
        edits,
    })
}

/// The changes, each enforcement with what permitted it.
fn permitted_by(changes: &[Difference], candidate: &PushCandidate) -> Vec<Difference> {
    let rules = candidate.rules();
    let rules = rules.map(|(rule, forced)| (rule_target(rule), forced, None));
    let modes = candidate.modes();
    let modes =
        modes.map(|(setting, permit)| (mode_target(setting), permit.force, permit.preview.as_deref()));
    let permits: HashMap<String, (bool, Option<&str>)> = rules
        .chain(modes)
        .map(|(target, forced, preview)| (target, (forced, preview)))
        .collect();
    let shown = |change: &Difference| {
        let mut change = change.clone();
        if let (Value::Object(after), Some((forced, preview))) =
            (&mut change.after, permits.get(&change.target))
        {
            if *forced {
                after.insert("forced".to_owned(), Value::Bool(true));
            } else if let Some(preview) = preview {
                after.insert("preview".to_owned(), Value::from(*preview));
            }
        }
        change
    };
    changes.iter().map(shown).collect()
}

/// What the audit log keeps: each part before and after by its target; only the targets where that is too much.
fn audited(changes: &[Difference]) -> Result<(String, String), Problem> {
    let of = |pick: fn(&Difference) -> &Value| {
        let parts = changes
            .iter()
            .map(|change| (change.target.clone(), pick(change).clone()));
        json_text(&Value::Object(
            parts.filter(|(_, value)| !value.is_null()).collect(),
        ))
    };
    let (before, after) = (of(|change| &change.before)?, of(|change| &change.after)?);
    if before.len() + after.len() <= MAX_AUDITED {
        return Ok((before, after));
    }
    let targets: Vec<&str> = changes.iter().map(|change| change.target.as_str()).collect();
    Ok(("null".to_owned(), json_text(&targets)?))
}

fn edits(book: &Rulebook, candidate: &Rulebook, changes: &[Difference]) -> Result<Vec<Edit>, RuleBookError> {
    let is_changed = |target: &str| changes.iter().any(|change| change.target == target);
    let (routes_move, rules_move) = (is_changed("routes"), is_changed("rules"));
    let mut edits = Vec::new();
    for setting in book
        .modes
        .iter()
        .filter(|setting| is_gone(&candidate.modes, setting, mode_target))
    {
        edits.push(Edit::end_mode(&setting.rule, &setting.route));
    }
    for rule in book
        .rules
        .iter()
        .filter(|rule| is_gone(&candidate.rules, rule, rule_target))
    {
        edits.push(Edit::end_rule(&rule.id));
    }
    for route in book
        .routes
        .iter()
        .filter(|route| is_gone(&candidate.routes, route, |route| route.name.clone()))
    {
        edits.push(Edit::end_route(&route.name));
    }
    for (at, route) in candidate.routes.iter().enumerate() {
        if routes_move || is_changed(&format!("routes/{}", route.name)) {
            edits.push(placed(Edit::route(route)?, at, routes_move));
        }
    }
    for (at, rule) in candidate.rules.iter().enumerate() {
        if rules_move || is_changed(&rule_target(rule)) {
            edits.push(placed(Edit::rule(rule)?, at, rules_move));
        }
    }
    for list in book
        .lists
        .iter()
        .filter(|list| is_gone(&candidate.lists, list, list_target))
    {
        edits.push(Edit::end_list(&list.name));
    }
    for list in candidate
        .lists
        .iter()
        .filter(|list| is_changed(&list_target(list)))
    {
        edits.push(Edit::list(list)?);
    }
    for setting in candidate
        .modes
        .iter()
        .filter(|setting| is_changed(&mode_target(setting)))
    {
        edits.push(Edit::mode(setting)?);
    }
    if is_changed("settings") {
        edits.push(Edit::settings(&candidate.settings)?);
    }
    Ok(edits)
}

fn is_gone<T>(after: &[T], part: &T, target: impl Fn(&T) -> String) -> bool {
    !after.iter().any(|other| target(other) == target(part))
}

fn placed(edit: Edit, at: usize, moves: bool) -> Edit {
    if moves { edit.at(at as u64 + 1) } else { edit }
}
