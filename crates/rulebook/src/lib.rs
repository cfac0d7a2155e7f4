//! The rulebook: routes, rules and the mode of each rule on each route.
//!
//! In scope: the document that travels from the RuleBook object to every FireLog, its validation, and its compiled
//! form, which goes on to every isolate. Not in scope: the rule language (`rule`) and what is done with a match (`verdict`).

mod answer;
mod compiled;
mod document;
mod json_path;
mod name;
mod plan;
mod policy;
mod program;
mod read;
mod route;
mod stages;
mod starter;
mod validate;
mod verdict;

pub use answer::{OriginFailure, fired, is_disclosed, refusal, unreachable};
pub use blobwatch_pull::{Action, Mode};
pub use compiled::{Compiled, check};
pub use document::{
    DEFAULT_ROUTE, Disclose, ModeSetting, Redirects, Route, Rule, Rulebook, SCHEMA, Settings, Volume,
    VolumeKey,
};
pub use name::{MAX_HOST, MAX_NAME, check_host, check_name, check_origin};
pub use plan::{Plan, Watched};
pub use policy::{EffectiveMode, ModeSource, Policy, PolicyRoute, PolicyRule};
pub use program::{FORM, Program};
pub use read::{DocumentError, MAX_DOCUMENT, strict};
pub use stages::{MAX_STEP_MS, MAX_STEPS, MIN_STEP_MS, Stages, Step};
pub use starter::{STARTER, starter};
pub use validate::{
    MAX_DESCRIPTION, MAX_EXPRESSION, MAX_FIRE_LOGS_PER_COLO, MAX_MODES, MAX_PLACES, MAX_RULES,
    MAX_VOLUME_SECONDS, faults,
};
pub use verdict::{HotKey, HotKeys, Subject, Verdict, decide, in_percent, volume_key};
