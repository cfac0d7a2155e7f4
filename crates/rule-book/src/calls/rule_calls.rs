//! Rules: list, read, write a version, retire.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::act::{Act, Target};
use super::change::{
    ChangeResult, Context, PlannedChange, carry_out, check, checked_name, current, version_after, with_body,
};
use super::ending::{Ending, Retirement, retire};
use super::enforcing::{acts_alike, check_new_version};
use super::guard_calls::guards_by_mode;
use super::mode_calls::ModeItem;
use super::second_person::{denies, refuse_where_needed};
use crate::store::{Edit, Kind, RuleBookStore, StoredVersion};
use blobwatch_pull::{Action, Mode, rule_action};
use blobwatch_rulebook::{ModeSetting, Rule, Rulebook, Volume, warnings};
use blobwatch_rules::RuleWarning;
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Place, Problem, json_text, rfc3339};

/// A rule as it is now, with the modes that are set for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RuleItem {
    #[serde(flatten)]
    pub version: VersionItem,
    pub modes: Vec<ModeItem>,
    /// In the answer to a write: comparisons that can never hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Place>,
}

/// One version of a rule, and who made it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct VersionItem {
    pub id: String,
    pub version: u32,
    pub description: String,
    pub expression: String,
    pub action: Action,
    pub default_mode: Mode,
    pub volume: Option<Volume>,
    /// RFC 3339.
    pub time: String,
    pub actor: String,
    pub reason: Option<String>,
    /// Revisions that it was valid from and until; `null` while it is valid.
    pub since_revision: u64,
    pub until_revision: Option<u64>,
}

impl From<StoredVersion<Rule>> for VersionItem {
    fn from(kept: StoredVersion<Rule>) -> Self {
        let rule = kept.value;
        Self {
            id: rule.id,
            version: rule.version,
            description: rule.description,
            expression: rule.expression,
            action: rule.action,
            default_mode: rule.default_mode,
            volume: rule.volume,
            time: rfc3339(kept.time_ms),
            actor: kept.actor,
            reason: kept.reason,
            since_revision: kept.since,
            until_revision: kept.until,
        }
    }
}

/// A new version of a rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct RuleBody {
    description: String,
    expression: String,
    #[serde(deserialize_with = "rule_action")]
    action: Action,
    #[serde(default)]
    default_mode: Mode,
    volume: Option<Volume>,
    #[serde(default)]
    force: bool,
}

/// Every rule, in the order of evaluation.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_rules<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    page: &Page,
) -> Result<List<RuleItem>, Problem> {
    page.of(items(store, now_ms)?, |item| item.version.id.as_str())
}

/// One rule.
///
/// # Errors
/// 404 when there is none, or it was retired.
pub(crate) fn get_rule<S: Sql>(store: &RuleBookStore<S>, now_ms: u64, id: &str) -> Result<RuleItem, Problem> {
    let items = items(store, now_ms)?;
    match items.iter().find(|item| item.version.id == id) {
        Some(found) => Ok(found.clone()),
        None => Err(no_rule(id, items.iter().map(|item| item.version.id.as_str()))),
    }
}

/// Every version of a rule, newest first, also of a retired one. Cursors are revisions.
///
/// # Errors
/// 404 when there never was one.
pub(crate) fn list_versions<S: Sql>(
    store: &RuleBookStore<S>,
    id: &str,
    page: &Page,
) -> Result<List<VersionItem>, Problem> {
    let versions = store.rule_versions(id)?;
    if versions.is_empty() {
        known_rule(&store.document()?, id)?;
    }
    let keyed = versions
        .into_iter()
        .map(|kept| (kept.since.to_string(), kept.into()))
        .collect();
    page.keyed(keyed)
}

/// Writes a new version of a rule, or a new rule after all others. The same content as now makes no version. Where the
/// rule is enforced, guards watch the new version from its beginning.
///
/// # Errors
/// 400 or 422 naming the place; 409 where the new version would be enforced at once, unless forced; 412 on another revision than expected.
pub(crate) fn put_rule<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    id: &str,
    text: &str,
) -> Result<ChangeResult<RuleItem>, Problem> {
    checked_name("path.rule", id)?;
    with_body(context, text, |context, body: RuleBody| {
        put_read_rule(store, context, id, body)
    })
}

fn put_read_rule<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    id: &str,
    body: RuleBody,
) -> Result<ChangeResult<RuleItem>, Problem> {
    let book = current(store, context)?;
    let at = book.rules.iter().position(|rule| rule.id == id);
    let before = at.and_then(|at| book.rules.get(at)).cloned();
    let version = before.as_ref().map_or(0, |rule| rule.version);
    let force = body.force;
    let same = body.rule(id, version);
    if before.as_ref() == Some(&same) {
        return unchanged(store, context, id, book.revision);
    }
    let rule = Rule {
        version: next_version(store, id)?,
        ..same
    };
    let acts_anew = before.as_ref().is_none_or(|before| !acts_alike(before, &rule));
    let permitted = permitted(store, &book, before.as_ref(), &rule, force, context.now_ms);
    let warnings = warned(&book, &rule);
    let plan = put_plan(book, at, before.as_ref(), &rule, force, acts_anew)?;
    if let Err(needed) = permitted {
        // What is wrong with the rule is told before what it needs.
        check(plan.candidate, &plan.own)?;
        return Err(needed);
    }
    let revision = carry_out(store, context, plan)?;
    let item = RuleItem {
        warnings,
        ..get_rule(store, context.now_ms, id)?
    };
    Ok(ChangeResult {
        item,
        revision,
        changed: true,
        created: before.is_none(),
    })
}

/// Whether a new version may be enforced by being written.
fn permitted<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    before: Option<&Rule>,
    rule: &Rule,
    force: bool,
    now_ms: u64,
) -> Result<(), Problem> {
    match check_new_version(book, before, rule, now_ms, "body") {
        Err(needed) if !force => Err(needed),
        Err(_) if denies(rule.action) => {
            refuse_where_needed(store, "body.force", "the new version would be enforced at once")
        }
        _ => Ok(()),
    }
}

fn warned(book: &Rulebook, rule: &Rule) -> Vec<Place> {
    let place = |warning: RuleWarning| Place {
        offset: Some(warning.offset),
        ..Place::new("body.expression", warning.message)
    };
    warnings(book, &rule.expression).into_iter().map(place).collect()
}

/// Retires a rule and its modes; its versions stay.
///
/// # Errors
/// 404 when there is none; 412 on another revision than expected.
pub(crate) fn delete_rule<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    id: &str,
) -> Result<ChangeResult<Retirement>, Problem> {
    let mut book = current(store, context)?;
    known_rule(&book, id)?;
    let at = book.rules.iter().position(|rule| rule.id == id);
    let at = at.unwrap_or_default();
    let rule = book.rules.remove(at);
    retire(store, context, book, &Ending::Rule(rule))
}

impl RuleBody {
    fn rule(self, id: &str, version: u32) -> Rule {
        Rule {
            id: id.to_owned(),
            version,
            description: self.description,
            expression: self.expression,
            action: self.action,
            default_mode: self.default_mode,
            volume: self.volume,
        }
    }
}

fn put_plan(
    mut book: Rulebook,
    at: Option<usize>,
    before: Option<&Rule>,
    rule: &Rule,
    force: bool,
    acts_anew: bool,
) -> Result<PlannedChange, Problem> {
    let own = at.unwrap_or(book.rules.len());
    match at.and_then(|at| book.rules.get_mut(at)) {
        Some(slot) => *slot = rule.clone(),
        None => book.rules.push(rule.clone()),
    }
    let mut edits = vec![Edit::rule(rule)?];
    let revision = book.revision + 1;
    for setting in watched(&mut book, &rule.id).filter(|_| acts_anew) {
        setting.guard = Some(revision);
        edits.push(Edit::mode(setting)?);
    }
    Ok(PlannedChange {
        act: Act::RulePut,
        target: Target::Rule(rule.id.clone()),
        own: format!("rules[{own}]."),
        before: before.map(json_text).transpose()?,
        after: Some(json_text(&AuditedRule { rule, forced: force })?),
        edits,
        candidate: book,
    })
}

/// A rule as the audit log shows it.
#[derive(Serialize)]
struct AuditedRule<'a> {
    #[serde(flatten)]
    rule: &'a Rule,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forced: bool,
}

/// Settings of a rule that a guard watches.
fn watched<'a>(book: &'a mut Rulebook, id: &'a str) -> impl Iterator<Item = &'a mut ModeSetting> {
    book.modes
        .iter_mut()
        .filter(move |setting| setting.rule == id && setting.guard.is_some())
}

fn next_version<S: Sql>(store: &RuleBookStore<S>, id: &str) -> Result<u32, Problem> {
    let versions = store.rule_versions(id)?;
    Ok(version_after(&versions))
}

fn unchanged<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    id: &str,
    revision: u64,
) -> Result<ChangeResult<RuleItem>, Problem> {
    let item = get_rule(store, context.now_ms, id)?;
    Ok(ChangeResult {
        item,
        revision,
        changed: false,
        created: false,
    })
}

fn items<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Vec<RuleItem>, Problem> {
    let rules = store.valid::<Rule>(Kind::Rule)?;
    let guards = guards_by_mode(store)?;
    let mut modes: HashMap<String, Vec<ModeItem>> = HashMap::new();
    for kept in store.valid::<ModeSetting>(Kind::Mode)? {
        let of_rule = modes.entry(kept.value.rule.clone()).or_default();
        of_rule.push(ModeItem::new(kept, &guards, now_ms));
    }
    let item = |kept: StoredVersion<Rule>| RuleItem {
        modes: modes.remove(&kept.value.id).unwrap_or_default(),
        warnings: Vec::new(),
        version: kept.into(),
    };
    Ok(rules.into_iter().map(item).collect())
}

/// # Errors
/// 404 for a rule that is not there.
pub(crate) fn known_rule(book: &Rulebook, id: &str) -> Result<(), Problem> {
    let mut ids = book.rules.iter().map(|rule| rule.id.as_str());
    match ids.clone().any(|known| known == id) {
        true => Ok(()),
        false => Err(no_rule(id, &mut ids)),
    }
}

fn no_rule<'n>(id: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    Problem::no_such("rule", id, known)
}
