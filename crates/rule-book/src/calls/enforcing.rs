//! When an enforcement begins or grows: what it needs, who watches it, and what the audit log says of both.

use serde::Serialize;

use super::mode_body::{Guarding, Permit};
use crate::preview_freshness::preview_is_fresh;
use crate::store::RuleBookStore;
use blobwatch_pull::Mode;
use blobwatch_rulebook::{ModeSetting, Rule, Rulebook, Stages};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem, json_text};

/// How far a rule's enforcement on a route goes at a time, by itself: the largest percentage that is set or scheduled.
pub(super) fn largest_percent(book: &Rulebook, rule: &str, route: &str, now_ms: u64) -> f64 {
    let setting = (book.modes.iter()).find(|known| known.is_of(rule, route));
    let default = (book.rules.iter())
        .find(|known| known.id == rule)
        .map(|known| known.default_mode);
    match setting.filter(|setting| setting.expires_ms.is_none_or(|at| at > now_ms)) {
        Some(setting) => setting.goal(),
        None if default == Some(Mode::Enforce) => 100.0,
        None => 0.0,
    }
}

/// The setting as it goes on from `before`: the same steps continue where they are, and a guard watches anew from
/// `revision` on when more clients are hit than before.
pub(super) fn continued(
    asked: ModeSetting,
    before: Option<&ModeSetting>,
    guard: Guarding,
    revision: u64,
) -> ModeSetting {
    let steps = |setting: &ModeSetting| {
        setting
            .stages
            .as_ref()
            .map(|stages: &Stages| stages.steps.clone())
    };
    let goes_on = before.filter(|before| asked.stages.is_some() && steps(before) == steps(&asked));
    let (percent, stages) = match goes_on {
        Some(before) => (before.percent, before.stages.clone()),
        None => (asked.percent, asked.stages.clone()),
    };
    let hit = |setting: &ModeSetting| match setting.mode {
        Mode::Enforce => setting.percent.unwrap_or(100.0),
        Mode::Off | Mode::Monitor => 0.0,
    };
    let next = ModeSetting {
        percent,
        stages,
        ..asked
    };
    let watched = before
        .filter(|before| hit(&next) <= hit(before))
        .and_then(|before| before.guard);
    let guard = match guard {
        Guarding::Watch if next.mode == Mode::Enforce => Some(watched.unwrap_or(revision)),
        Guarding::Watch | Guarding::Off => None,
    };
    ModeSetting { guard, ..next }
}

/// What an enforcement that begins or grows on a route needs: a fresh preview, or to be forced. `book` is the rulebook
/// that the preview has to hold for.
///
/// # Errors
/// 409 saying how to get there.
pub(super) fn check_permit<S: Sql>(
    store: &RuleBookStore<S>,
    book: &Rulebook,
    now_ms: u64,
    permit: &Permit,
    setting: (&str, &str),
    place: &str,
) -> Result<(), Problem> {
    let (rule, route) = setting;
    let why = match &permit.preview {
        _ if permit.force => return Ok(()),
        None => "no preview is named".to_owned(),
        Some(id) => match store.preview(id)? {
            None => format!("there is no finished preview {id:?} that is less than an hour old"),
            Some(stamp) => match preview_is_fresh(&stamp, book, rule, route, now_ms) {
                Ok(()) => return Ok(()),
                Err(error) => format!("the preview {id:?} {error}"),
            },
        },
    };
    Err(preview_needed(&format!("{place}.preview"), &why, rule, route))
}

/// Whether two versions do the same to every request.
pub(super) fn acts_alike(a: &Rule, b: &Rule) -> bool {
    (&a.expression, a.action, a.default_mode, a.volume) == (&b.expression, b.action, b.default_mode, b.volume)
}

/// A version that nobody has seen in monitor may not be enforced by being written; `place` is the rule's.
///
/// # Errors
/// 409 where it would be.
pub(super) fn check_new_version(
    book: &Rulebook,
    before: Option<&Rule>,
    rule: &Rule,
    now_ms: u64,
    place: &str,
) -> Result<(), Problem> {
    if before.is_some_and(|before| acts_alike(before, rule)) {
        return Ok(());
    }
    if rule.default_mode == Mode::Enforce {
        let why = "a default mode applies to every route and cannot have a preview";
        return Err(preview_needed(
            &format!("{place}.default_mode"),
            why,
            &rule.id,
            "*",
        ));
    }
    let enforced =
        (book.routes.iter()).find(|route| largest_percent(book, &rule.id, &route.name, now_ms) > 0.0);
    match enforced {
        Some(route) => {
            let why = "the rule is enforced, so its new version would be enforced at once";
            Err(preview_needed(
                &format!("{place}.expression"),
                why,
                &rule.id,
                &route.name,
            ))
        }
        None => Ok(()),
    }
}

/// 409: enforcement begins or grows, and nobody has seen lately whom it would hit.
pub(super) fn preview_needed(place: &str, why: &str, rule: &str, route: &str) -> Problem {
    let detail = format!(
        "{why}: enforcing {rule:?} on the route {route:?} requires a preview that is less than an hour old. Create one \
         with POST previews {{\"rule\": {{\"id\": {rule:?}}}, \"route\": {route:?}}}, read it, and name its id in \
         `preview`; or set `force: true`, which the audit log shows with your reason"
    );
    Problem {
        errors: vec![Place::new(place, why)],
        ..Problem::new(409, "preview-needed", "A recent preview is required", detail)
    }
}

/// A setting as the audit log shows it, with what permitted it.
#[derive(Serialize)]
struct AuditedMode<'a> {
    #[serde(flatten)]
    setting: &'a ModeSetting,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forced: bool,
    /// Who asked for it, where the actor approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_by: Option<&'a str>,
}

/// JSON of a setting for the audit log.
pub(super) fn shown(
    setting: &ModeSetting,
    permit: Option<&Permit>,
    proposed_by: Option<&str>,
) -> Result<String, Problem> {
    let forced = permit.is_some_and(|permit| permit.force);
    let preview = permit
        .and_then(|permit| permit.preview.as_deref())
        .filter(|_| !forced);
    json_text(&AuditedMode {
        setting,
        preview,
        forced,
        proposed_by,
    })
}
