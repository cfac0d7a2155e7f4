//! Pulls that never stop, and how they came out.

use super::cast::Cast;
use super::cdn::{BUCKET, HOST};
use super::client::{Outcome, Pull};
use crate::registry::Registry;
use anyhow::{Context, Result};
use reqwest::Client;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// About 30 MB/s of bodies.
const PULLS_PER_SECOND: u32 = 24;

/// Hosts are drawn from it.
const SEED: u64 = 2020;

/// How many pulls came out how.
#[derive(Clone, Default)]
pub(super) struct Score(Arc<Mutex<BTreeMap<Outcome, u64>>>);

impl Score {
    fn add(&self, outcome: Outcome) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(outcome).or_default() += 1;
    }
}

impl Display for Score {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |outcome| counts.get(&outcome).copied().unwrap_or(0);
        write!(
            f,
            "{} pulls done, {} of them late, {} failed",
            of(Outcome::Done) + of(Outcome::DoneLate),
            of(Outcome::DoneLate),
            of(Outcome::Failed) + of(Outcome::Refused)
        )
    }
}

/// Pulls through the worker on `port` at an even pace until it is aborted.
pub(super) async fn traffic(port: u16, score: Score) -> Result<()> {
    let (path, size) = Registry::app_blob()?;
    let url: Arc<str> = format!("http://127.0.0.1:{port}{path}").into();
    let http = client()?;
    let mut cast = Cast::new(SEED);
    let mut pace = interval(Duration::from_secs(1) / PULLS_PER_SECOND);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(host) = cast.next() {
        pace.tick().await;
        let (http, url, score) = (http.clone(), Arc::clone(&url), score.clone());
        tokio::spawn(async move {
            let pull = Pull {
                http: &http,
                url: &url,
                size,
            };
            score.add(pull.run(&host).await);
        });
    }
    Ok(())
}

/// Each request has a connection of its own: hosts share none.
fn client() -> Result<Client> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let client = Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .resolve(HOST, loopback)
        .resolve(BUCKET, loopback);
    client.build().context("failed to make a client")
}
