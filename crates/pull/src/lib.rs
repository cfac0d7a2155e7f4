//! Everything of Blobwatch that can be said without naming a platform, in the order a request meets it.
//!
//! In scope: what a request says, which rules it matches, what is done about it, what is recorded and how that
//! is stored and queried. Not in scope: sockets, clocks, randomness, Durable Objects (`src/edge` of the worker).

pub mod facts;
pub mod action;
pub mod path;
pub mod digest;
pub mod route;
pub mod range;
pub mod user_agent;
pub mod fingerprint;
pub mod client;
pub mod request;
pub mod rule;
pub mod rulebook;
pub mod verdict;
pub mod answer;
pub mod plan;
pub mod settle;
pub mod record;
pub mod history;
pub mod cell;
pub mod detector;
pub mod segment;
pub mod flush;
pub mod isolate;
pub mod store;
pub mod query;
pub mod explain;
pub mod guard;
pub mod preview;
pub mod audit;
pub mod webhook;
pub mod detector_api;
pub mod auth;
pub mod access;
pub mod session;
pub mod page;
pub mod validator;
pub mod problem;
pub mod time;
pub mod bytes;
