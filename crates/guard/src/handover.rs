//! What a FireLog takes over of another one whose clients come to it from now on: who pulls cleanly, and who is counted already.
//!
//! In scope: the state of both, put together. What was counted stays counted where it was, so nothing is counted twice, whether a
//! handover comes once, again, or from several FireLogs. Not in scope: which clients come (`crates/fire-log`).

use super::health::{Health, MAX_PASTS};
use super::watch::{Client, MAX_WATCHED, Watch, Watches};
use blobwatch_pull::ClientKey;
use blobwatch_wire::DecodeError;

impl Health {
    /// Takes over pasts of clients of which nothing is known here. Without room the rest is unknown, as a new client is.
    pub fn take_over(&mut self, other: &Self) {
        for (key, past) in &other.pasts {
            if self.pasts.len() >= MAX_PASTS {
                return;
            }
            self.is_changed |= !self.pasts.contains_key(key);
            self.pasts.entry(*key).or_insert(*past);
        }
    }
}

impl Watches {
    /// Counts of every guard, as they are kept: rule, route, revision and bytes.
    pub fn handover(&self) -> impl Iterator<Item = (&str, &str, u64, Vec<u8>)> {
        let of = |watch: &Watch| watch.encode();
        let all = self.0.iter();
        all.map(move |watch| (&*watch.of.rule, &*watch.of.route, watch.of.guard, of(watch)))
    }

    /// Knows clients that another FireLog counts for the same guard.
    ///
    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn take_over(
        &mut self,
        (rule, route, guard): (&str, &str, u64),
        bytes: &[u8],
        comes: impl Fn(ClientKey) -> bool,
    ) -> Result<(), DecodeError> {
        let mut watches = self.0.iter_mut();
        let found = watches.find(|watch| watch.of.is_of(rule, route) && watch.of.guard == guard);
        if let Some(watch) = found {
            let other = Watch::decode(watch.of.clone(), bytes)?;
            watch.take_over(&other, comes);
        }
        Ok(())
    }
}

impl Watch {
    fn take_over(&mut self, other: &Self, comes: impl Fn(ClientKey) -> bool) {
        if other.of.version != self.of.version {
            return;
        }
        self.is_changed = true;
        self.enforced_ms = [self.enforced_ms, other.enforced_ms].into_iter().flatten().min();
        for key in other.clients.keys().filter(|key| comes(ClientKey(**key))) {
            if self.clients.len() >= MAX_WATCHED {
                break;
            }
            // One whose first minute runs is judged where it began.
            self.clients.entry(*key).or_insert(Client::Counted);
        }
        // A network is sampled once, in whichever FireLogs its clients are.
        for (network, share) in &other.tally.networks.0 {
            self.tally.networks.0.entry(*network).or_insert(*share);
        }
    }
}
