//! The body that sets a mode: `{mode, percent?, stages?, reason, expires?, preview?, force?, guard?}`.

use serde::Deserialize;

use blobwatch_pull::Mode;
use blobwatch_rulebook::{MAX_STEPS, ModeSetting, Stages, Step};
use blobwatch_wire::{Place, Problem, parse_rfc3339, rfc3339};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ModeBody {
    mode: Mode,
    percent: Option<f64>,
    pub(super) reason: String,
    expires: Option<String>,
    stages: Option<Vec<StepBody>>,
    preview: Option<String>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    guard: Guarding,
}

/// Why an enforcement may begin or grow, and whether it is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Permit {
    /// Id of a fresh preview of this rule on this route.
    pub(super) preview: Option<String>,
    /// Without a preview; the audit log says so.
    pub(super) force: bool,
    pub(super) guard: Guarding,
}

/// Whether a guard takes an enforcement back that harms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Guarding {
    #[default]
    Watch,
    /// Whom it hits is known and meant; only with `force`.
    Off,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct StepBody {
    percent: f64,
    minutes: Option<f64>,
}

impl ModeBody {
    pub(super) fn permit(&self) -> Permit {
        Permit {
            preview: self.preview.clone(),
            force: self.force,
            guard: self.guard,
        }
    }

    /// The setting that is asked for, its steps at the first, and everything that is wrong with it, which it does not have.
    pub(super) fn setting(&self, rule: &str, route: &str, now_ms: u64) -> (ModeSetting, Vec<Place>) {
        let mut faults = Vec::new();
        let stages = self.stages.as_deref();
        let stages = stages.and_then(|steps| kept(staged("body.stages", steps, now_ms), &mut faults));
        if self.stages.is_some() && self.percent.is_some() {
            faults.push(Place::new(
                "body.percent",
                "expected no `percent` beside `stages`: each stage has its own",
            ));
        }
        if self.guard == Guarding::Off && !self.force {
            faults.push(Place::new(
                "body.guard",
                "expected `force: true` with `guard: \"off\"`",
            ));
        }
        let expires = self.expires.as_deref();
        let expires_ms = expires.and_then(|text| kept(future("body.expires", text, now_ms), &mut faults));
        let setting = ModeSetting {
            percent: stages.as_ref().map_or(self.percent, Stages::percent),
            expires_ms,
            stages,
            ..ModeSetting::new(rule, route, self.mode)
        };
        (setting, faults)
    }
}

/// What was read; its faults go to the others.
pub(super) fn kept<T>(read: Result<T, Problem>, faults: &mut Vec<Place>) -> Option<T> {
    read.map_err(|refused| faults.extend(refused.errors)).ok()
}

/// A schedule at its first step.
pub(super) fn staged(place: &str, steps: &[StepBody], now_ms: u64) -> Result<Stages, Problem> {
    if steps.is_empty() || steps.len() > MAX_STEPS {
        let message = format!("expected 1 to {MAX_STEPS} stages, found {}", steps.len());
        return Err(refused(place, message));
    }
    let step = |step: &StepBody| Step {
        percent: step.percent,
        // What is no time becomes 0, which the check of the whole rulebook refuses.
        lasts_ms: step.minutes.map(|minutes| (minutes * 60_000.0).round() as u64),
    };
    Ok(Stages::begin(steps.iter().map(step).collect(), now_ms))
}

/// A time that is not over.
pub(super) fn future(place: &str, text: &str, now_ms: u64) -> Result<u64, Problem> {
    let expected = match parse_rfc3339(text) {
        Some(at) if at > now_ms => return Ok(at),
        Some(_) => format!("a time in the future (it is {})", rfc3339(now_ms)),
        None => "a time such as 2026-01-31T12:00:00Z".to_owned(),
    };
    Err(refused(place, format!("expected {expected}, found {text:?}")))
}

fn refused(place: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![Place::new(place, message)])
}
