//! What all changes have in common: who, on which revision, checked as a whole, then written.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::act::{Act, Target};
use super::layouts::{changed_layouts, within_bounds};
use super::notices::notice;
use crate::store::{Change, Edit, NoticeKind, RuleBookError, RuleBookStore, StoredVersion};
use blobwatch_rulebook::{
    ChangeNotice, Compiled, DocumentError, MAX_DOCUMENT, MAX_PARTS, Rule, Rulebook, check_name, strict_all,
};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem, json_text};

/// Bytes of a reason: a paragraph.
pub(crate) const MAX_REASON: usize = 1_000;

/// Who makes a change, when, why and on which revision.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    pub actor: &'a str,
    pub now_ms: u64,
    /// The change is made only on this revision (`If-Match`).
    pub expected: Option<u64>,
    pub reason: Option<String>,
    /// Nothing is written: a part of the body cannot be read, and it is asked what else is wrong with it.
    pub is_trial: bool,
}

/// What is there after a call that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Changed{T}")
)]
pub(crate) struct ChangeResult<T> {
    #[serde(flatten)]
    pub item: T,
    /// Of the rulebook after the call.
    pub revision: u64,
    /// False when everything was so already: no revision was made.
    pub changed: bool,
    /// Whether something is there that was not.
    #[serde(skip)]
    pub created: bool,
}

/// A change that was thought through: the rulebook it makes, what is written, and what the audit log says.
pub(crate) struct PlannedChange {
    pub(super) act: Act,
    pub(super) target: Target,
    /// Place of the part that changes in the candidate (`rules[3].`), so that faults in it are those of the body.
    pub(super) own: String,
    pub(super) candidate: Rulebook,
    pub(super) edits: Vec<Edit>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// Checks a plan and carries it out; answers the new revision.
pub(super) fn carry_out<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    plan: PlannedChange,
) -> Result<u64, Problem> {
    carry_out_with(store, context, plan, || Ok(()))
}

/// The same, and in one with it what `also` writes.
pub(super) fn carry_out_with<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    plan: PlannedChange,
    also: impl FnOnce() -> Result<(), RuleBookError>,
) -> Result<u64, Problem> {
    let before = store.document()?;
    let epoch = store.epoch()?;
    let plan = PlannedChange {
        candidate: within_bounds(plan.candidate, &before, context.now_ms),
        ..plan
    };
    let layouts = changed_layouts(&before, &plan.candidate);
    let told = notice(
        context,
        (plan.act, &plan.target),
        (&before, &plan.candidate),
        epoch,
    );
    check(plan.candidate, &plan.own)?;
    if context.is_trial {
        return Err(trial());
    }
    let (told, left_out) = written(told)?;
    let target = plan.target.to_string();
    let change = Change {
        actor: context.actor,
        now_ms: context.now_ms,
        action: plan.act.name(),
        target: &target,
        before: plan.before,
        after: plan.after,
        reason: context.reason.as_deref(),
        expected: context.expected,
    };
    let also = || {
        also()?;
        for layout in &layouts {
            store.put_layout(layout)?;
        }
        match &told {
            Some((id, body)) => store.put_notice(NoticeKind::Change, (id, body), left_out, context.now_ms),
            None => Ok(()),
        }
    };
    Ok(store.change_with(&change, &plan.edits, also)?)
}

/// The end of a trial that found nothing; nobody is told of it.
fn trial() -> Problem {
    Problem::new(
        500,
        "trial",
        "Nothing is written",
        "a part of the body cannot be read",
    )
}

/// Id and JSON of a notice within its bound, and how many parts are left out.
fn written(notice: Option<ChangeNotice>) -> Result<(Option<(String, String)>, u64), Problem> {
    let Some(mut notice) = notice else {
        return Ok((None, 0));
    };
    let left_out = notice.parts.len().saturating_sub(MAX_PARTS);
    notice.parts.truncate(MAX_PARTS);
    Ok((Some((notice.id.clone(), json_text(&notice)?)), left_out as u64))
}

/// Checks a rulebook whole; places below `own` become those of the body.
///
/// # Errors
/// 422 with everything that is wrong with it.
pub(super) fn check(mut candidate: Rulebook, own: &str) -> Result<(), Problem> {
    candidate.revision += 1;
    let size = json_text(&candidate)?.len();
    if size > MAX_DOCUMENT {
        return Err(refused(&DocumentError::TooLarge { bytes: size }, own));
    }
    Compiled::build(candidate)
        .map(drop)
        .map_err(|error| refused(&error, own))
}

/// Numbers go on where a retired rule of this id stopped: a version means one content for ever.
pub(super) fn version_after(versions: &[StoredVersion<Rule>]) -> u32 {
    versions.iter().map(|kept| kept.value.version).max().unwrap_or(0) + 1
}

/// The rulebook that a change starts from.
pub(super) fn current<S: Sql>(store: &RuleBookStore<S>, context: &Context<'_>) -> Result<Rulebook, Problem> {
    let book = store.document()?;
    match context.expected {
        Some(expected) if expected != book.revision => Err(RuleBookError::Revision {
            expected,
            found: book.revision,
        }
        .into()),
        _ => Ok(book),
    }
}

/// Reads a body; its faults are at `body.…`.
pub(super) fn body<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    strict_all(text, "body").map_err(Problem::from)
}

/// Reads the body of a change and makes it. Where parts of the body cannot be read, the rest is tried, so that all that is wrong
/// with it is told at once. `make` writes by [`carry_out`] alone.
pub(super) fn with_body<T: DeserializeOwned, R>(
    context: &Context<'_>,
    text: &str,
    make: impl FnOnce(&Context<'_>, T) -> Result<R, Problem>,
) -> Result<R, Problem> {
    match strict_all(text, "body") {
        Ok(body) => make(context, body),
        Err(unread) => {
            let trial = Context {
                is_trial: true,
                ..context.clone()
            };
            Err(unread.refuse(|rest| make(&trial, rest).err()))
        }
    }
}

/// 422 with what is known to be wrong, and with what else is wrong with the candidate.
pub(super) fn all_faults(mut faults: Vec<Place>, candidate: Rulebook, own: &str) -> Problem {
    let others = check(candidate, own).err().map(|problem| problem.errors);
    for other in others.into_iter().flatten() {
        if !faults.iter().any(|known| known.place == other.place) {
            faults.push(other);
        }
    }
    Problem::invalid(faults)
}

/// The name of something new in the path.
pub(super) fn checked_name(place: &str, name: &str) -> Result<(), Problem> {
    check_name(name).map_err(|expected| {
        Problem::bad_parameter(Place::new(place, format!("expected {expected}, found {name:?}")))
    })
}

/// A reason that says something, or none.
pub fn checked_reason(place: &str, reason: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(reason) = reason.map(str::trim) else {
        return Ok(None);
    };
    if (1..=MAX_REASON).contains(&reason.len()) {
        return Ok(Some(reason.to_owned()));
    }
    let message = format!(
        "expected a reason of 1 to {MAX_REASON} bytes, found {}",
        reason.len()
    );
    Err(Problem::invalid(vec![Place::new(place, message)]))
}

/// Reads `If-Match`: a revision in quotes, as `ETag` gave it.
///
/// # Errors
/// 400 for anything else but `*`, which is any revision.
pub(crate) fn expected_revision(if_match: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = if_match.map(str::trim).filter(|text| *text != "*") else {
        return Ok(None);
    };
    let revision = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .and_then(|t| t.parse().ok());
    revision.map(Some).ok_or_else(|| {
        let message = format!("expected a revision in quotes such as \"12\", found {text:?}");
        Problem::bad_parameter(Place::new("header.if-match", message))
    })
}

/// Faults of the part that changes are faults of the body; the others stay where they are in the rulebook.
fn refused(error: &DocumentError, own: &str) -> Problem {
    let DocumentError::Invalid(places) = error else {
        return Problem::invalid(vec![Place::new("rulebook", error.to_string())]);
    };
    let of_body = |place: &Place| match place.place.strip_prefix(own) {
        Some(field) => Place {
            place: format!("body.{field}"),
            ..place.clone()
        },
        None => place.clone(),
    };
    Problem::invalid(places.iter().map(of_body).collect())
}

impl From<RuleBookError> for Problem {
    fn from(error: RuleBookError) -> Self {
        match error {
            RuleBookError::Store(error) => error.into(),
            RuleBookError::Revision { expected, found } => {
                let detail = format!(
                    "the rulebook is at revision {found}, not {expected}: somebody changed it; read it again and \
                     repeat the change"
                );
                Self::new(412, "revision-mismatch", "The rulebook has changed", detail)
            }
        }
    }
}
