//! What is remembered of a client beside its chains: that it came before, and how it and its build space parallel
//! starts.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::fair::FairMap;
use blobwatch_pull::{ClientKey, Record, TILE_UNIT};

/// Clients remembered: 56 bytes each and their place in a map, 8 MB at most.
const MAX_CLIENTS: usize = 65_536;

/// A client is known for one to two days.
const KNOWN_MS: u64 = 24 * 3_600_000;

/// Builds whose spacing is remembered, at some 100 bytes 100 KB.
const MAX_BUILDS: usize = 1024;

/// Clients of one build that must space alike before all of it is believed to: what one client does is its own.
const BUILD_CLIENTS: usize = 3;

/// Hash of what records name a client build by: nothing is allocated for a request.
type Build = u64;

/// How a build spaces its starts, and the clients that showed it.
#[derive(Debug, Default)]
struct BuildSpacing {
    spacing: u64,
    clients: Vec<ClientKey>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Client {
    first_ms: u64,
    /// Bytes from one start of a parallel fetch to the next; 0 while none was seen. It is a setting of the client's.
    spacing: u64,
}

#[derive(Debug)]
pub(super) struct Clients {
    seen: FairMap<ClientKey, Client>,
    builds: FairMap<Build, BuildSpacing>,
}

impl Clients {
    /// Those that so many asks are of.
    pub(super) fn of_asks(asks: usize) -> Self {
        Self {
            seen: FairMap::with_room(asks.min(MAX_CLIENTS)),
            builds: FairMap::with_room(MAX_BUILDS),
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn take_evicted(&mut self) -> u32 {
        self.seen
            .take_evicted()
            .saturating_add(self.builds.take_evicted())
    }

    /// Remembers a client; whether it was known.
    pub(super) fn see(&mut self, record: &Record) -> bool {
        let now_ms = record.id.time_ms();
        self.seen.sweep(now_ms, KNOWN_MS);
        let first = || Client {
            first_ms: now_ms,
            spacing: 0,
        };
        let client = self.seen.used(record.client, record.network, now_ms, first);
        client.first_ms < now_ms
    }

    /// Whether a client had come before this time.
    pub(super) fn is_known(&self, client: ClientKey, time_ms: u64) -> bool {
        self.find(client).is_some_and(|client| client.first_ms < time_ms)
    }

    /// Of the client, or else of its build.
    pub(super) fn spacing(&self, record: &Record) -> Option<u64> {
        self.spacing_of(record.client).or_else(|| {
            let spaced = self.builds.get(&build(record))?;
            (spaced.clients.len() >= BUILD_CLIENTS).then_some(spaced.spacing)
        })
    }

    pub(super) fn spacing_of(&self, client: ClientKey) -> Option<u64> {
        self.find(client)
            .map(|client| client.spacing)
            .filter(|spacing| *spacing > 0)
    }

    pub(super) fn keep_spacing(&mut self, record: &Record, spacing: u64) {
        if let Some(client) = self.seen.get_mut(&record.client) {
            client.spacing = spacing;
        }
        // Smaller ones are near enough to what a resume may start at.
        if spacing.is_multiple_of(TILE_UNIT) {
            self.keep_of_build(record, spacing);
        }
    }

    fn keep_of_build(&mut self, record: &Record, spacing: u64) {
        let (build, now_ms) = (build(record), record.id.time_ms());
        self.builds.sweep(now_ms, KNOWN_MS);
        let is_other =
            |known: &BuildSpacing| known.spacing != spacing && known.clients.len() >= BUILD_CLIENTS;
        // It is learned anew when nobody has shown the known one for long.
        if self.builds.get(&build).is_some_and(is_other) {
            return;
        }
        let spaced = self
            .builds
            .used(build, record.network, now_ms, BuildSpacing::default);
        if spaced.spacing != spacing {
            (spaced.spacing, spaced.clients) = (spacing, Vec::new());
        }
        let is_new = !spaced.clients.contains(&record.client);
        if is_new && spaced.clients.len() < BUILD_CLIENTS {
            spaced.clients.push(record.client);
        }
    }

    fn find(&self, client: ClientKey) -> Option<&Client> {
        self.seen.get(&client)
    }
}

fn build(record: &Record) -> Build {
    let mut hasher = FxHasher::default();
    (record.family, &record.version, &record.fingerprint).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Clients, MAX_BUILDS};
    use blobwatch_pull::{ClientKey, NetworkKey, Record, TILE_UNIT, sample};

    const SPACING: u64 = 4 * TILE_UNIT;

    fn of(client: u64, version: &str) -> Record {
        Record {
            client: ClientKey(client),
            network: NetworkKey(client),
            version: version.into(),
            ..sample::full()
        }
    }

    #[test]
    fn invented_builds_keep_no_build_from_being_learned() {
        let mut clients = Clients::of_asks(1_000);
        for n in 0..3 * MAX_BUILDS as u64 {
            for client in 0..3 {
                clients.keep_of_build(&of(client, &format!("9.{n}")), SPACING);
            }
        }
        for client in 0..3 {
            clients.keep_of_build(&of(client, "1.7"), 2 * SPACING);
        }
        assert_eq!(clients.spacing(&of(99, "1.7")), Some(2 * SPACING));
        assert!(clients.builds.len() <= MAX_BUILDS);
    }
}
