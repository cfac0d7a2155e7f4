//! What changes by itself: steps that are over, settings that expire, enforcements that a guard found to harm. The
//! RuleBook's alarm calls it; each change is a revision of its own with an entry of the audit log, by the actor `schedule`
//! or `guard`.
//!
//! Isolates need no clock for a step: they get its revision. An expiry they see by their own clock at once, and the
//! revision that records it follows.

use super::act::{Act, Target};
use super::change::{Context, PlannedChange, carry_out};
use super::enforcing::shown;
use super::guard_calls::GUARD;
use super::second_person::{expire_pending, next_lapse_ms};
use crate::store::{Edit, RuleBookStore};
use blobwatch_guard::{Ledger, State};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{ModeSetting, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::Problem;

/// Who makes these changes, in the audit log; no token may have this name.
pub(crate) const SCHEDULE: &str = "schedule";

/// Makes every change that is due. A step waits where its guard has not let it pass.
///
/// # Errors
/// When the store refuses; changes made before stay.
pub fn advance<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<(), Problem> {
    // One at a time: each is checked against the rulebook that the one before made.
    while let Some((context, plan)) = next(store, now_ms)? {
        carry_out(store, &context, plan)?;
    }
    expire_pending(store, now_ms)
}

/// When [`advance`] has something to do next, steps that wait for their guard left out.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn next_change_ms<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Option<u64>, Problem> {
    // What the process left undone: a step that its guard had let pass, say.
    if next(store, now_ms)?.is_some() {
        return Ok(Some(now_ms));
    }
    let book = store.document()?;
    let step = |setting: &ModeSetting| {
        let until = setting.stages.as_ref().and_then(|stages| stages.until_ms);
        until.filter(|at| *at > now_ms)
    };
    let times = book
        .modes
        .iter()
        .flat_map(|setting| [step(setting), setting.expires_ms]);
    Ok(times.chain([next_lapse_ms(store)?]).flatten().min())
}

fn next<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
) -> Result<Option<(Context<'static>, PlannedChange)>, Problem> {
    let book = store.document()?;
    let context = |reason: String| Context {
        actor: SCHEDULE,
        now_ms,
        expected: Some(book.revision),
        reason: Some(reason),
        is_trial: false,
    };
    for (at, setting) in book.modes.iter().enumerate() {
        if setting.expires_ms.is_some_and(|expires| expires <= now_ms) {
            let context = context("the mode expired: the rule's default applies again".to_owned());
            return Ok(Some((context, expiry(&book, at, setting)?)));
        }
        let ledger = ledger(store, setting)?;
        let state = ledger.as_ref().map(|ledger| ledger.state);
        // Since the verdict and its change are one, this is of a database that an older build left in between.
        if let Some(ledger) = ledger.filter(|ledger| ledger.state == State::Demoted) {
            return demotion(&book, at, setting, &ledger, now_ms).map(Some);
        }
        let may_pass = setting.guard.is_none() || state == Some(State::Passed);
        let Some(following) = setting.next_stage(now_ms).filter(|_| may_pass) else {
            continue;
        };
        let context = context(reason(&following, setting.guard.is_some()));
        return Ok(Some((context, step(&book, at, setting, following)?)));
    }
    Ok(None)
}

fn reason(following: &ModeSetting, guarded: bool) -> String {
    let (index, count) = following
        .stages
        .as_ref()
        .map_or((0, 0), |stages| (stages.index + 1, stages.steps.len()));
    let percent = following.percent.unwrap_or(100.0);
    let why = if guarded {
        "the guard passed the previous stage"
    } else {
        "no guard is set"
    };
    format!("stage {index} of {count}, {percent} %: {why}")
}

/// The guard that watches a setting; none before its first report.
fn ledger<S: Sql>(store: &RuleBookStore<S>, setting: &ModeSetting) -> Result<Option<Ledger>, Problem> {
    let Some(guard) = setting.guard else {
        return Ok(None);
    };
    let found = store.guard(&setting.rule, &setting.route)?;
    Ok(found.filter(|ledger| ledger.guard == guard))
}

/// Why a guard takes back, with records that show it.
fn harm(ledger: &Ledger) -> String {
    let text = ledger.text.as_deref().unwrap_or("it harms healthy clients");
    match ledger.evidence.as_slice() {
        [] => text.to_owned(),
        records => format!("{text}; for instance {}", records.join(" ")),
    }
}

/// Takes an enforcement back, in the name of the guard that found it to harm.
pub(super) fn demotion(
    book: &Rulebook,
    at: usize,
    setting: &ModeSetting,
    ledger: &Ledger,
    now_ms: u64,
) -> Result<(Context<'static>, PlannedChange), Problem> {
    let context = Context {
        actor: GUARD,
        now_ms,
        expected: Some(book.revision),
        reason: Some(harm(ledger)),
        is_trial: false,
    };
    let mut candidate = book.clone();
    let monitored = ModeSetting::new(&setting.rule, &setting.route, Mode::Monitor);
    let edit = Edit::mode(&monitored)?;
    let after = shown(&monitored, None, None)?;
    if let Some(slot) = candidate.modes.get_mut(at) {
        *slot = monitored;
    }
    let plan = PlannedChange {
        act: Act::ModeDemote,
        target: Target::mode(&setting.rule, &setting.route),
        own: String::from("-"),
        before: Some(shown(setting, None, None)?),
        after: Some(after),
        candidate,
        edits: vec![edit],
    };
    Ok((context, plan))
}

fn expiry(book: &Rulebook, at: usize, setting: &ModeSetting) -> Result<PlannedChange, Problem> {
    let mut candidate = book.clone();
    candidate.modes.remove(at);
    Ok(PlannedChange {
        act: Act::ModeExpire,
        target: Target::mode(&setting.rule, &setting.route),
        own: String::from("-"),
        before: Some(shown(setting, None, None)?),
        after: None,
        candidate,
        edits: vec![Edit::end_mode(&setting.rule, &setting.route)],
    })
}

fn step(
    book: &Rulebook,
    at: usize,
    setting: &ModeSetting,
    following: ModeSetting,
) -> Result<PlannedChange, Problem> {
    let following = ModeSetting {
        guard: setting.guard.map(|_| book.revision + 1),
        ..following
    };
    let mut candidate = book.clone();
    let (after, edit) = (shown(&following, None, None)?, Edit::mode(&following)?);
    if let Some(slot) = candidate.modes.get_mut(at) {
        *slot = following;
    }
    Ok(PlannedChange {
        act: Act::ModeStage,
        target: Target::mode(&setting.rule, &setting.route),
        own: format!("modes[{at}]."),
        before: Some(shown(setting, None, None)?),
        after: Some(after),
        candidate,
        edits: vec![edit],
    })
}
