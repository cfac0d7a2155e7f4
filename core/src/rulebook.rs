//! The rulebook: routes, rules and the mode of each rule on each route.
//!
//! In scope: the document that travels from the RuleBook object to every isolate, its validation and its compiled
//! form. Not in scope: the rule language (`rule`) and what is done with a match (`verdict`).

mod document;

pub use document::{
    Action, DEFAULT_ROUTE, Disclose, Mode, ModeSetting, Redirects, Route, Rule, Rulebook, SCHEMA, Settings,
    Volume, VolumeKey,
};
