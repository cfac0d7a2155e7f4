//! What the benchmarks on workerd run against: the runtime, an origin that costs little, and clients.

pub(crate) mod api;
pub(crate) mod load;
mod client;
mod config;
mod origin;
pub(crate) mod rulebook;
mod stored;
mod traffic;
mod workerd;

pub(crate) use api::Api;
pub(crate) use client::Client;
pub(crate) use origin::{GIGABYTE, HUNG, Origin};
pub(crate) use rulebook::RULES;
pub(crate) use stored::{HOUR_MS, StoredStage};
pub(crate) use traffic::{NETWORKS, SOFTWARE, Software, Traffic};
pub(crate) use workerd::{BUNDLE, Worker, Workerd};
