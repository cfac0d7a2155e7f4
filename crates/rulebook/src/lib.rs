//! The rulebook: routes, rules and the mode of each rule on each route.
//!
//! In scope: the document that travels from the RuleBook object to every FireLog, its validation, and its compiled
//! form, which goes on to every isolate. Not in scope: the rule language (`rule`) and what is done with a match (`verdict`).

mod answer;
mod change_notice;
mod compiled;
mod document;
mod edge_cache;
mod exact;
mod fire_logs;
mod ingest;
mod json_path;
mod json_words;
mod keep_addresses;
mod name;
mod named_list;
mod plan;
mod policy;
mod program;
mod read;
mod retention;
mod route;
mod stages;
mod starter;
mod unread;
mod validate;
mod verdict;

pub use answer::{OriginFailure, Refusal, fired, is_disclosed, refusal, unreachable};
pub use blobwatch_pull::{Action, Mode};
pub use blobwatch_rules::{ListKind, MAX_LIST_ITEMS, check_list_name};
pub use change_notice::{
    Cause, ChangeNotice, MAX_PARTS, ModeValue, PartChange, RouteValue, RuleValue, SettingsValue,
};
pub use compiled::{Compiled, check, warnings};
pub use document::{
    AnomalyBreadth, DEFAULT_ROUTE, Disclose, ModeSetting, Redirects, Route, Rule, Rulebook, SCHEMA, Settings,
    Volume, VolumeKey,
};
pub use edge_cache::EdgeCache;
pub use fire_logs::{EVERY_COLO, FULL, FireLogBounds, FireLogLayout, LoadReport};
pub use ingest::{IngestMapping, KNOWN_SOURCES};
pub use keep_addresses::KeepAddresses;
pub use name::{check_name, check_origin};
pub use named_list::{KindName, ListItem, NamedList, check_list_source, lists_of};
pub use plan::{Plan, Watched};
pub(crate) use policy::PolicyRule;
pub use policy::{ModeSource, Policy};
pub use program::{FORM, Program};
pub use read::{DocumentError, MAX_DOCUMENT, strict};
pub use retention::Retention;
pub use route::{RouteError, RouteTable};
pub use stages::{MAX_STEPS, Stages, Step};
pub use starter::{STARTER, starter};
pub use unread::strict_all;
pub use validate::{MAX_ANOMALY_BREADTH, MAX_LAYOUTS, faults};
pub use verdict::{HotKey, HotKeys, Subject, Verdict, decide, in_percent, volume_key};
