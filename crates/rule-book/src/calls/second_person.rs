//! Four eyes: an enforcement that would hit many clients that pull cleanly waits until another person says yes.
//!
//! In scope: when that is needed, what waits, and how it ends. What is taken back (monitor, off, `panic-off`) never waits.

use serde::{Deserialize, Serialize};

use super::act::Target;
use super::change::{ChangeResult, Context, body, checked_reason};
use super::mode_body::Permit;
use super::mode_calls::{ModeItem, set_mode};
use super::schedule::SCHEDULE;
use crate::preview_freshness::Healthy;
use crate::store::{Change, NoticeKind, PendingMode, RuleBookStore};
use blobwatch_pull::{Action, Mode};
use blobwatch_rulebook::{Cause, ChangeNotice, ModeSetting, PartChange, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Place, Problem, json_text, rfc3339};

/// How long one waits: its preview is no older than that.
const PENDING_MS: u64 = 3_600_000;

/// Those that wait at a time: nobody reads more.
const MAX_PENDING: usize = 64;

/// From which share of healthy clients on a second person is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct SecondPerson {
    /// Percent of the clients that pull cleanly; `null`: never.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "blobwatch_wire::Nullable<f64>"))]
    pub above: Option<f64>,
}

/// # Errors
/// When the store cannot be read.
pub(crate) fn get_second_person<S: Sql>(store: &RuleBookStore<S>) -> Result<SecondPerson, Problem> {
    let above = store.second_person_above()?;
    Ok(SecondPerson { above })
}

/// Sets it: `{above}`, a percentage or `null`.
///
/// # Errors
/// 400 or 422 naming the place.
pub(crate) fn put_second_person<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    text: &str,
) -> Result<SecondPerson, Problem> {
    let asked: SecondPerson = body(text)?;
    if asked.above.is_some_and(|above| !(0.0..100.0).contains(&above)) {
        let message = "expected a percentage from 0 to below 100, or null";
        return Err(Problem::invalid(vec![Place::new("body.above", message)]));
    }
    let before = get_second_person(store)?;
    if before != asked {
        let change = Change {
            before: Some(json_text(&before)?),
            after: Some(json_text(&asked)?),
            ..change(context, "second-person.put", "second-person")
        };
        store.set_second_person_above(asked.above, &change)?;
    }
    get_second_person(store)
}

/// An enforcement that waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PendingItem {
    pub id: String,
    pub rule: String,
    pub route: String,
    pub version: u32,
    /// Who asked for it.
    pub actor: String,
    pub reason: String,
    /// RFC 3339.
    pub created: String,
    pub expires: String,
    /// The largest percentage of clients that it comes to.
    pub percent: f64,
    /// Whom its preview hits of the clients that pull cleanly; `null` where that is not known.
    pub healthy: Option<Healthy>,
    /// In words, why it waits.
    pub sentence: String,
}

/// What waits now.
///
/// # Errors
/// When the store cannot be read; 400 for a cursor that no longer stands.
pub(crate) fn list_pending<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    page: &Page,
) -> Result<List<PendingItem>, Problem> {
    page.keyed(
        waiting(store, now_ms)?
            .into_iter()
            .map(|pending| {
                let key = format!("{}/{}", pending.rule, pending.route);
                (key, PendingItem::new(pending))
            })
            .collect(),
    )
}

fn waiting<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Vec<PendingMode>, Problem> {
    let mut waiting = store.pending_modes()?;
    waiting.retain(|pending| pending.expires_ms > now_ms);
    Ok(waiting)
}

/// How many wait.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn pending_count<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<usize, Problem> {
    Ok(waiting(store, now_ms)?.len())
}

impl PendingItem {
    fn new(pending: PendingMode) -> Self {
        let percent = goal_of(&pending);
        Self {
            sentence: sentence(&pending, percent),
            percent,
            id: pending.id,
            rule: pending.rule,
            route: pending.route,
            version: pending.version,
            actor: pending.actor,
            reason: pending.reason,
            created: rfc3339(pending.created_ms),
            expires: rfc3339(pending.expires_ms),
            healthy: pending.healthy,
        }
    }
}

/// The largest percentage that the body of a proposal comes to.
fn goal_of(pending: &PendingMode) -> f64 {
    let asked = body::<super::mode_body::ModeBody>(&pending.body);
    let setting = asked.map(|asked| asked.setting(&pending.rule, &pending.route, pending.created_ms));
    match setting {
        Ok((setting, faults)) if faults.is_empty() => setting.goal(),
        _ => 100.0,
    }
}

fn sentence(pending: &PendingMode, percent: f64) -> String {
    let PendingMode {
        actor, rule, route, ..
    } = pending;
    let whom = match pending.healthy {
        Some(healthy) => format!(
            "{} of {} clients that pull cleanly match",
            healthy.hit, healthy.clients
        ),
        None => "nobody knows how many clients that pull cleanly match".to_owned(),
    };
    format!("{actor} wants to enforce {rule:?} on the route {route:?} for {percent} % of the clients: {whom}")
}

/// Whether an enforcement that begins or grows needs a second person, and what its preview says of healthy clients.
pub(super) enum ApprovalNeed {
    No,
    Yes(Option<Healthy>),
}

/// Whether clients notice that it is enforced.
pub(super) const fn denies(action: Action) -> bool {
    !matches!(action, Action::None | Action::Tag | Action::Allow)
}

/// `setting` would be enforced, by `permit`.
pub(super) fn is_needed<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    setting: &ModeSetting,
    permit: &Permit,
) -> Result<ApprovalNeed, Problem> {
    let Some(above) = store.second_person_above()? else {
        return Ok(ApprovalNeed::No);
    };
    let rule = book.rules.iter().find(|rule| rule.id == setting.rule);
    if setting.mode != Mode::Enforce || !rule.is_some_and(|rule| denies(rule.action)) {
        return Ok(ApprovalNeed::No);
    }
    let stamp = match &permit.preview {
        Some(id) if !permit.force => store.preview(id)?,
        _ => None,
    };
    let healthy = stamp.and_then(|stamp| stamp.healthy);
    let hit = healthy.map(|healthy| healthy.percent() * setting.goal() / 100.0);
    Ok(match hit {
        Some(hit) if hit <= above => ApprovalNeed::No,
        _ => ApprovalNeed::Yes(healthy),
    })
}

/// 409 where an enforcement that needs a second person comes on a way that cannot wait for one.
///
/// # Errors
/// That one.
pub(super) fn refuse_where_needed<S: Sql>(
    store: &RuleBookStore<S>,
    place: &str,
    what: &str,
) -> Result<(), Problem> {
    let Some(above) = store.second_person_above()? else {
        return Ok(());
    };
    let detail = format!(
        "{what}, and this deployment asks for a second person where more than {above} % of the clients that pull cleanly \
         may be hit: set the mode with PUT rules/{{id}}/modes/{{route}}, which another person then approves"
    );
    Err(Problem {
        errors: vec![Place::new(place, detail.clone())],
        ..Problem::new(409, "second-person-needed", "A second person is required", detail)
    })
}

/// Lets an enforcement wait.
///
/// # Errors
/// 409 where one waits already for this rule and route, or too many wait.
pub(super) fn propose<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    book: &Rulebook,
    setting: &ModeSetting,
    text: &str,
    healthy: Option<Healthy>,
) -> Result<PendingItem, Problem> {
    expire_pending(store, context.now_ms)?;
    if let Some(known) = store.pending_mode(&setting.rule, &setting.route)? {
        let detail = format!("{:?} is waiting already: approve or decline it first", known.id);
        return Err(Problem::new(409, "pending", "An enforcement is waiting", detail));
    }
    if store.pending_modes()?.len() >= MAX_PENDING {
        let detail = format!("{MAX_PENDING} enforcements are waiting: approve or decline some first");
        return Err(Problem::new(
            409,
            "pending",
            "Too many enforcements are waiting",
            detail,
        ));
    }
    let rule = book.rules.iter().find(|rule| rule.id == setting.rule);
    let pending = PendingMode {
        id: format!("pm-{}", context.now_ms),
        rule: setting.rule.clone(),
        route: setting.route.clone(),
        version: rule.map_or(0, |rule| rule.version),
        actor: context.actor.to_owned(),
        reason: context.reason.clone().unwrap_or_default(),
        created_ms: context.now_ms,
        expires_ms: context.now_ms + PENDING_MS,
        healthy,
        body: text.to_owned(),
    };
    let item = PendingItem::new(pending.clone());
    let target = Target::mode(&pending.rule, &pending.route).to_string();
    let change = Change {
        after: Some(json_text(&item)?),
        ..change(context, "mode.propose", &target)
    };
    let notice = json_text(&notice(store, &pending, &item)?)?;
    let told = || store.put_notice(NoticeKind::Change, (&pending.id, &notice), 0, context.now_ms);
    store.propose_mode(&pending, &change, told)?;
    Ok(item)
}

/// What webhooks are told: somebody should look.
fn notice<S: Sql>(
    store: &RuleBookStore<S>,
    pending: &PendingMode,
    item: &PendingItem,
) -> Result<ChangeNotice, Problem> {
    Ok(ChangeNotice {
        id: format!("{}-{}", store.epoch()?, pending.id),
        revision: store.revision()?,
        time_ms: pending.created_ms,
        actor: pending.actor.clone(),
        cause: Cause::Proposal,
        action: "mode.propose".to_owned(),
        target: Target::mode(&pending.rule, &pending.route).to_string(),
        parts: vec![PartChange::Proposal {
            rule: pending.rule.clone(),
            route: pending.route.clone(),
            text: item.sentence.clone(),
        }],
    })
}

/// What somebody says of one that waits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Decision {
    /// Which one is meant: another may have taken its place.
    id: String,
    reason: Option<String>,
}

/// Another person says yes: the mode is set as it was asked for.
///
/// # Errors
/// 403 for the one who asked; 404 where none waits; 409 where its preview no longer holds, or the rule is another version.
pub(crate) fn approve_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: &str,
    route: &str,
    text: &str,
) -> Result<ChangeResult<ModeItem>, Problem> {
    let (pending, context) = decided(store, context, rule, route, text)?;
    if pending.actor == context.actor {
        let detail = format!(
            "{:?} asked for this enforcement: another person has to approve it",
            pending.actor
        );
        return Err(Problem::new(
            403,
            "second-person",
            "Not the second person",
            detail,
        ));
    }
    let book = store.document()?;
    let current = book.rules.iter().find(|known| known.id == rule);
    if current.is_none_or(|current| current.version != pending.version) {
        let detail = format!(
            "version {} of the rule was to be enforced, and it is another now: decline this, and ask anew",
            pending.version
        );
        return Err(Problem::new(409, "rule-changed", "The rule has changed", detail));
    }
    set_mode(store, &context, rule, route, &pending.body, Some(&pending.actor))?.made()
}

/// Anybody who may switch the rule there says no; also the one who asked.
///
/// # Errors
/// 404 where none waits.
pub(crate) fn decline_mode<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: &str,
    route: &str,
    text: &str,
) -> Result<PendingItem, Problem> {
    let (pending, context) = decided(store, context, rule, route, text)?;
    end(store, &context, &pending, "no reason was given")
}

/// The one that is meant, and with which reason it is decided.
fn decided<'a, S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'a>,
    rule: &str,
    route: &str,
    text: &str,
) -> Result<(PendingMode, Context<'a>), Problem> {
    let decision: Decision = body(text)?;
    let reason = checked_reason("body.reason", decision.reason.as_deref())?;
    let waiting = store.pending_mode(rule, route)?;
    let waiting = waiting.filter(|pending| pending.expires_ms > context.now_ms && pending.id == decision.id);
    let pending = waiting.ok_or_else(|| {
        Problem::not_found(&format!(
            "enforcement {:?} that waits for {rule:?} on the route {route:?}",
            decision.id
        ))
    })?;
    let context = Context {
        reason: reason.or_else(|| context.reason.clone()),
        ..context.clone()
    };
    Ok((pending, context))
}

/// Ends what waits where the mode is set otherwise: of a rule on a route, or all of them.
///
/// # Errors
/// When the store refuses.
pub(super) fn supersede<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    rule: Option<&str>,
    route: Option<&str>,
) -> Result<(), Problem> {
    let is_of = |asked: Option<&str>, own: &str| asked.is_none_or(|asked| asked == own);
    let ended = store.pending_modes()?.into_iter();
    for pending in ended.filter(|pending| is_of(rule, &pending.rule) && is_of(route, &pending.route)) {
        end(store, context, &pending, "the mode was set otherwise")?;
    }
    Ok(())
}

fn end<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    pending: &PendingMode,
    reason: &str,
) -> Result<PendingItem, Problem> {
    let target = Target::mode(&pending.rule, &pending.route).to_string();
    let item = PendingItem::new(pending.clone());
    let change = Change {
        before: Some(json_text(&item)?),
        reason: Some(context.reason.as_deref().unwrap_or(reason)),
        ..change(context, "mode.decline", &target)
    };
    store.decline_mode(pending, &change)?;
    Ok(item)
}

/// Ends those that waited for too long.
///
/// # Errors
/// When the store refuses.
pub(crate) fn expire_pending<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<(), Problem> {
    let over = store.pending_modes()?.into_iter();
    for pending in over.filter(|pending| pending.expires_ms <= now_ms) {
        let target = Target::mode(&pending.rule, &pending.route).to_string();
        let item = json_text(&PendingItem::new(pending.clone()))?;
        let change = Change {
            before: Some(item),
            reason: Some("no second person decided within an hour"),
            ..Change::new(SCHEDULE, now_ms, "mode.lapse", &target)
        };
        store.decline_mode(&pending, &change)?;
    }
    Ok(())
}

/// When the next of them is over.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn next_lapse_ms<S: Sql>(store: &RuleBookStore<S>) -> Result<Option<u64>, Problem> {
    let waiting = store.pending_modes()?;
    Ok(waiting.iter().map(|pending| pending.expires_ms).min())
}

fn change<'a>(context: &'a Context<'_>, action: &'a str, target: &'a str) -> Change<'a> {
    Change {
        reason: context.reason.as_deref(),
        ..Change::new(context.actor, context.now_ms, action, target)
    }
}
