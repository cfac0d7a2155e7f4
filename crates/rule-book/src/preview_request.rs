//! What a preview is asked for, and the plan that comes of it.

#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::calls::{PushedList, known_route, known_rule, suppose_lists};
use crate::preview_plan::PreviewPlan;
use crate::store::RuleBookStore;
use blobwatch_pull::{Action, Mode, some_rule_action};
use blobwatch_rulebook::{Compiled, DocumentError, Rule, Rulebook, Volume, strict_all};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem, parse_rfc3339};

/// Window when the call does not say.
const DEFAULT_WINDOW_MS: u64 = 24 * 3_600_000;

/// The body of `POST previews`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PreviewRequest {
    pub rule: RequestedRule,
    pub route: String,
    /// Lists that are not published, in the form of a rulebook's.
    #[serde(default)]
    pub lists: Vec<PushedList>,
    /// RFC 3339; a day before `until` unless given.
    pub since: Option<String>,
    /// RFC 3339; now unless given.
    pub until: Option<String>,
}

/// A stored rule, or one that is thought of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RequestedRule {
    pub id: Option<String>,
    pub version: Option<u32>,
    pub expression: Option<String>,
    #[serde(default, deserialize_with = "some_rule_action")]
    pub action: Option<Action>,
    pub volume: Option<Volume>,
}

/// Plans a preview against the rulebook as it is now.
///
/// # Errors
/// 400 or 422 naming the place; 404 for a rule, version or route that is not there.
pub fn plan_of<S: Sql>(store: &RuleBookStore<S>, body: &str, now_ms: u64) -> Result<PreviewPlan, Problem> {
    match strict_all(body, "body") {
        Ok(wanted) => plan_read(store, wanted, now_ms),
        Err(unread) => Err(unread.refuse(|rest| plan_read(store, rest.with_an_action(), now_ms).err())),
    }
}

impl PreviewRequest {
    /// For one that is refused: whatever the action should have been, the expression is looked at.
    fn with_an_action(mut self) -> Self {
        if self.rule.expression.is_some() {
            self.rule.action.get_or_insert(Action::Tag);
        }
        self
    }
}

fn plan_read<S: Sql>(
    store: &RuleBookStore<S>,
    wanted: PreviewRequest,
    now_ms: u64,
) -> Result<PreviewPlan, Problem> {
    let mut book = store.document()?;
    known_route(&book, &wanted.route)?;
    let window = window(&wanted, now_ms);
    suppose_lists(&mut book, wanted.lists, store)?;
    let candidate = candidate(store, &book, wanted.rule)?;
    let plan = PreviewPlan::new(&book, candidate, &wanted.route, now_ms);
    match (window, check(&plan)) {
        (Ok((since_ms, until_ms)), Ok(())) => Ok(PreviewPlan {
            since_ms,
            until_ms,
            ..plan
        }),
        (window, checked) => {
            let refused = window.err().into_iter().chain(checked.err());
            Err(Problem::invalid(
                refused.flat_map(|problem| problem.errors).collect(),
            ))
        }
    }
}

fn candidate<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    wanted: RequestedRule,
) -> Result<Rule, Problem> {
    match wanted {
        RequestedRule {
            id: Some(id),
            version,
            expression: None,
            action: None,
            volume: None,
        } => stored(store, book, &id, version),
        RequestedRule {
            id: None,
            version: None,
            expression: Some(expression),
            action: Some(action),
            volume,
        } => Ok(draft(book, expression, action, volume)),
        _ => Err(Problem::bad_parameter(Place::new(
            "body.rule",
            "expected {id, version?} of a stored rule, or {expression, action, volume?}",
        ))),
    }
}

fn stored<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    id: &str,
    version: Option<u32>,
) -> Result<Rule, Problem> {
    known_rule(book, id)?;
    let now = book.rules.iter().find(|rule| rule.id == id);
    let now = now.ok_or_else(|| Problem::not_found(&format!("rule {id:?}")))?;
    let version = version.unwrap_or(now.version);
    if now.version == version {
        return Ok(now.clone());
    }
    let versions = store.rule_versions(id)?;
    versions
        .into_iter()
        .map(|kept| kept.value)
        .find(|rule| rule.version == version)
        .ok_or_else(|| Problem::not_found(&format!("version {version} of the rule {id:?}")))
}

/// A rule of its own, under a name that no rule has.
fn draft(book: &Rulebook, expression: String, action: Action, volume: Option<Volume>) -> Rule {
    let mut names = std::iter::once("draft".to_owned()).chain((1..).map(|n: u32| format!("draft-{n}")));
    let is_free = |name: &String| !book.rules.iter().any(|rule| rule.id == *name);
    Rule {
        id: names.find(is_free).unwrap_or_default(),
        version: 1,
        description: String::new(),
        expression,
        action,
        default_mode: Mode::Monitor,
        volume,
    }
}

/// Faults of the candidate are faults of the body; that of its mode is that its action cannot be done on the route.
fn check(plan: &PreviewPlan) -> Result<(), Problem> {
    let Err(error) = Compiled::build(plan.book.clone()) else {
        return Ok(());
    };
    let DocumentError::Invalid(places) = error else {
        return Err(refuse("body.rule", &error.to_string()));
    };
    let at = plan.book.rules.iter().position(|rule| rule.id == plan.candidate);
    let (rule, mode) = (
        format!("rules[{}].", at.unwrap_or_default()),
        format!("modes[{}].", at.unwrap_or_default()),
    );
    let of_body = |place: &Place| {
        let field = place.place.strip_prefix(&rule);
        let own = field.or_else(|| place.place.strip_prefix(&mode));
        Place {
            place: own.map_or_else(|| place.place.clone(), |field| format!("body.rule.{field}")),
            ..place.clone()
        }
    };
    Err(Problem::invalid(places.iter().map(of_body).collect()))
}

fn window(wanted: &PreviewRequest, now_ms: u64) -> Result<(u64, u64), Problem> {
    let read = |name: &str, text: &Option<String>| match text.as_deref() {
        None => Ok(None),
        Some(text) => parse_rfc3339(text).map(Some).ok_or_else(|| {
            refuse(
                &format!("body.{name}"),
                &format!("expected a time such as 2026-01-31T12:00:00Z, found {text:?}"),
            )
        }),
    };
    let until_ms = read("until", &wanted.until)?.unwrap_or(now_ms).min(now_ms);
    let since_ms = read("since", &wanted.since)?.unwrap_or(until_ms.saturating_sub(DEFAULT_WINDOW_MS));
    if since_ms < until_ms {
        Ok((since_ms, until_ms))
    } else {
        Err(refuse(
            "body.since",
            "expected a time before `until` and in the past",
        ))
    }
}

fn refuse(place: &str, message: &str) -> Problem {
    Problem::invalid(vec![Place::new(place, message)])
}
