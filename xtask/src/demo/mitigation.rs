//! The CDN's mechanism against a botnet: what it does to the connections of one client build.
//!
//! It looks at a request before any worker does, and takes Amazon Linux machines for the botnet. In part of the regions it mostly
//! drops their packets from the first one on, in the others mostly in the middle of a body.

use super::told::{Events, event};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Tells the CDN's own way to the bucket that a body is to stall.
pub(super) const STALLS: &str = "x-demo-stalls";

/// In the kernel's name of an Amazon Linux machine, which docker sends.
const COHORT: &str = "amzn2";

/// Where most connections are dropped before the worker.
const EARLY: [&str; 3] = ["SJC", "DUB", "NRT"];

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Pass,
    /// Nothing is answered, and nothing is passed on.
    Drop,
    /// The body stops in the middle.
    Stall,
}

/// Shares of the connections that are hit.
#[derive(Clone, Copy)]
struct Shares {
    drop: f64,
    stall: f64,
}

const MOSTLY_DROPPED: Shares = Shares {
    drop: 0.5,
    stall: 0.1,
};

const MOSTLY_STALLED: Shares = Shares {
    drop: 0.3,
    stall: 0.15,
};

/// In monitor at first.
#[derive(Default)]
pub(super) struct Mitigation {
    is_active: AtomicBool,
    /// When each client was first hit, by address.
    hit: Mutex<BTreeMap<String, Instant>>,
    /// What it drops, and in monitor would have dropped, in the CDN's own words.
    pub(super) events: Events,
}

impl Mitigation {
    pub(super) fn activate(&self) {
        self.is_active.store(true, Ordering::Relaxed);
    }

    /// What to do with a request that begins so.
    pub(super) fn treat(&self, head: &str) -> Treatment {
        let is_active = self.is_active.load(Ordering::Relaxed);
        let Some(client) = Client::of(head).filter(|client| client.is_of_cohort) else {
            return Treatment::Pass;
        };
        let treatment = shares(&client.colo).treatment(fastrand::f64());
        if treatment == Treatment::Drop {
            self.events.add(client.event(head, is_active));
        }
        if !is_active {
            return Treatment::Pass;
        }
        if treatment != Treatment::Pass {
            let mut hit = self.hit.lock().unwrap_or_else(PoisonError::into_inner);
            hit.entry(client.address).or_insert_with(Instant::now);
        }
        treatment
    }

    /// When clients were first hit, the earliest first.
    pub(super) fn hit(&self) -> Vec<Instant> {
        let hit = self.hit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times: Vec<Instant> = hit.values().copied().collect();
        times.sort();
        times
    }
}

fn shares(colo: &str) -> Shares {
    if EARLY.contains(&colo) {
        MOSTLY_DROPPED
    } else {
        MOSTLY_STALLED
    }
}

impl Shares {
    /// `dice` is uniform in 0 to 1.
    fn treatment(self, dice: f64) -> Treatment {
        if dice < self.drop {
            Treatment::Drop
        } else if dice < self.drop + self.stall {
            Treatment::Stall
        } else {
            Treatment::Pass
        }
    }
}

/// Who connects, as the CDN knows it.
struct Client {
    address: String,
    colo: String,
    is_of_cohort: bool,
    platform: Value,
}

impl Client {
    fn of(head: &str) -> Option<Self> {
        let platform: Value = serde_json::from_str(field(head, super::client::CF)?).ok()?;
        let text = |name: &str| platform.get(name)?.as_str().map(str::to_owned);
        Some(Self {
            address: text("clientIp")?,
            colo: text("colo")?,
            is_of_cohort: field(head, "user-agent")?.contains(COHORT),
            platform,
        })
    }

    fn event(&self, head: &str, acts: bool) -> String {
        let target = head.split(' ').nth(1).unwrap_or_default();
        event(
            &self.platform,
            target,
            field(head, "user-agent").unwrap_or_default(),
            acts,
        )
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .find(|(named, _)| named.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::{MOSTLY_DROPPED, Mitigation, Treatment};

    fn head(user_agent: &str) -> String {
        let platform = r#"{"colo": "NRT", "clientIp": "100.64.0.7"}"#;
        format!("GET / HTTP/1.1\r\nHost: cdn\r\nUser-Agent: {user_agent}\r\ncf-blob: {platform}\r\n\r\n")
    }

    fn treatments(mitigation: &Mitigation, user_agent: &str) -> usize {
        let hit = |_: &i32| mitigation.treat(&head(user_agent)) != Treatment::Pass;
        (0..1_000).filter(hit).count()
    }

    #[test]
    fn one_client_build_is_hit_once_the_mechanism_is_active() {
        let (mitigation, cohort) = (Mitigation::default(), "docker/19.03 kernel/4.14.amzn2.x86_64");
        assert_eq!(treatments(&mitigation, cohort), 0);
        mitigation.activate();
        assert!((450..750).contains(&treatments(&mitigation, cohort)));
        assert_eq!(treatments(&mitigation, "containerd/1.6.21"), 0);
        assert_eq!(mitigation.hit().len(), 1, "one address");
        assert_eq!(mitigation.treat("GET / HTTP/1.1\r\n\r\n"), Treatment::Pass);
    }

    #[test]
    fn the_dice_choose_the_treatment() {
        assert_eq!(MOSTLY_DROPPED.treatment(0.49), Treatment::Drop);
        assert_eq!(MOSTLY_DROPPED.treatment(0.55), Treatment::Stall);
        assert_eq!(MOSTLY_DROPPED.treatment(0.65), Treatment::Pass);
    }
}
