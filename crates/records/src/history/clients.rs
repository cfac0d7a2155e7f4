//! What is remembered of a client beside its chains: that it came before, and how it and its build space parallel
//! starts.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::generations::Generations;
use blobwatch_pull::{ClientKey, Record, TILE_UNIT};

/// Clients remembered: 24 bytes each and their place in a map, 6 MB at most.
const MAX_CLIENTS: usize = 65_536;

/// A client is known for one to two days.
const TURN_MS: u64 = 24 * 3_600_000;

/// Builds whose spacing is remembered, at some 100 bytes 100 KB; those that were not seen for longest go.
const MAX_BUILDS: usize = 1024;

/// Clients of one build that must space alike before all of it is believed to: what one client does is its own.
const BUILD_CLIENTS: usize = 3;

/// Hash of what records name a client build by: nothing is allocated for a request.
type Build = u64;

/// How a build spaces its starts, and the clients that showed it.
#[derive(Debug, Default)]
struct Spaced {
    spacing: u64,
    clients: Vec<ClientKey>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Client {
    first_ms: u64,
    /// Bytes from one start of a parallel fetch to the next; 0 while none was seen. It is a setting of the client's.
    spacing: u64,
}

#[derive(Debug, Default)]
pub(super) struct Clients {
    seen: Generations<ClientKey, Client>,
    builds: Generations<Build, Spaced>,
}

impl Clients {
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let (young, old) = self.seen.sizes();
        young + old
    }

    /// Remembers a client; whether it was known.
    pub(super) fn see(&mut self, client: ClientKey, now_ms: u64) -> bool {
        self.seen.turn(now_ms, TURN_MS, MAX_CLIENTS);
        if let Some(known) = self.seen.young_mut(&client) {
            return known.first_ms < now_ms;
        }
        let old = self.seen.take_old(&client);
        let first = Client {
            first_ms: now_ms,
            spacing: 0,
        };
        self.seen.insert(client, old.unwrap_or(first));
        old.is_some()
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
        if let Some(client) = self.seen.young_mut(&record.client) {
            client.spacing = spacing;
        }
        // Smaller ones are near enough to what a resume may start at.
        if spacing.is_multiple_of(TILE_UNIT) {
            self.keep_of_build(record, spacing);
        }
    }

    fn keep_of_build(&mut self, record: &Record, spacing: u64) {
        let build = build(record);
        self.builds.turn(record.id.time_ms(), TURN_MS, MAX_BUILDS);
        if self.builds.young_mut(&build).is_none() {
            // Another spacing than in the generation before is learned anew.
            let known = self.builds.take_old(&build);
            let known = known.filter(|known| known.spacing == spacing).unwrap_or_default();
            self.builds.insert(build, known);
        }
        let Some(spaced) = self.builds.young_mut(&build) else {
            return;
        };
        if spaced.spacing != spacing && spaced.clients.len() < BUILD_CLIENTS {
            (spaced.spacing, spaced.clients) = (spacing, Vec::new());
        }
        let is_new = spaced.spacing == spacing && !spaced.clients.contains(&record.client);
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
    use blobwatch_pull::{ClientKey, Record, TILE_UNIT, sample};

    const SPACING: u64 = 4 * TILE_UNIT;

    fn of(client: u64, version: &str) -> Record {
        Record {
            client: ClientKey(client),
            version: version.into(),
            ..sample::full()
        }
    }

    #[test]
    fn invented_builds_keep_no_build_from_being_learned() {
        let mut clients = Clients::default();
        for n in 0..3 * MAX_BUILDS as u64 {
            for client in 0..3 {
                clients.keep_of_build(&of(client, &format!("9.{n}")), SPACING);
            }
        }
        for client in 0..3 {
            clients.keep_of_build(&of(client, "1.7"), 2 * SPACING);
        }
        assert_eq!(clients.spacing(&of(99, "1.7")), Some(2 * SPACING));
        let (young, old) = clients.builds.sizes();
        assert!(young + old <= MAX_BUILDS, "{young} {old}");
    }
}
