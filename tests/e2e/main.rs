//! End to end: the worker on the real runtime, before a real registry, pulled from by real clients.
//!
//! `cargo xtask test` builds the worker first and then runs these.

// `clippy.toml` lets tests unwrap; the attribute tells clippy that the harness is one.
#[cfg(test)]
mod harness;

#[cfg(test)]
mod access;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod anomalies;
#[cfg(test)]
mod api;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod august_2026;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod broken_origin;
#[cfg(test)]
mod broken_rulebook;
#[cfg(test)]
mod cells;
#[cfg(test)]
mod clouds;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod dist;
#[cfg(test)]
mod fail_open;
#[cfg(test)]
mod fidelity;
#[cfg(test)]
mod fire_logs;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod harm;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod july_2020;
#[cfg(test)]
mod july_2020_cdn;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod large_bodies;
#[cfg(test)]
mod many_hosts;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod misconfigured;
#[cfg(test)]
mod modes;
#[cfg(test)]
mod odd_calls;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod push_only;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod real_clients;
#[cfg(test)]
mod redirects;
#[cfg(test)]
mod sampling;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod set_back;
#[cfg(test)]
mod switching;
#[cfg(test)]
mod tls_proxy;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod worked_example;
