//! Everything of Blobwatch that can be said without naming a platform, in the order a request meets it.
//!
//! In scope: what a request says, which rules it matches, what is done about it, what is recorded and how that
//! is stored and queried. Not in scope: sockets, clocks, randomness, Durable Objects (`src/edge` of the worker).

pub mod answer;
pub mod auth;
pub mod bytes;
pub mod client;
pub mod digest;
pub mod explain;
pub mod facts;
pub mod fingerprint;
pub mod flush;
pub mod path;
pub mod problem;
pub mod query;
pub mod range;
pub mod record;
pub mod route;
pub mod rule;
pub mod rulebook;
pub mod segment;
pub mod settle;
pub mod store;
pub mod time;
pub mod user_agent;
pub mod verdict;
