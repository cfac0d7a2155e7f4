//! What is remembered of a client beside its chains: that it came before, and how it spaces parallel starts.

use std::collections::HashMap;

use blobwatch_pull::ClientKey;

/// Clients remembered: 24 bytes each and their place in a map, 6 MB at most.
const MAX_CLIENTS: usize = 65_536;

/// A client is known for one to two days.
const TURN_MS: u64 = 24 * 3_600_000;

#[derive(Debug, Clone, Copy, Default)]
struct Client {
    first_ms: u64,
    /// Bytes from one start of a parallel fetch to the next; 0 while none was seen. It is a setting of the client's.
    spacing: u64,
}

/// Two generations, as [`super::History`] keeps its chains.
#[derive(Debug, Default)]
pub(super) struct Clients {
    young: HashMap<ClientKey, Client>,
    old: HashMap<ClientKey, Client>,
    turned_ms: u64,
}

impl Clients {
    /// Remembers a client; whether it was known.
    pub(super) fn see(&mut self, client: ClientKey, now_ms: u64) -> bool {
        let is_due = now_ms.saturating_sub(self.turned_ms) > TURN_MS;
        if is_due || self.young.len() >= MAX_CLIENTS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.turned_ms = now_ms;
        }
        let known = self.young.contains_key(&client);
        if known {
            return self.is_known(client, now_ms);
        }
        let old = self.old.remove(&client);
        let first = Client {
            first_ms: now_ms,
            spacing: 0,
        };
        self.young.insert(client, old.unwrap_or(first));
        old.is_some()
    }

    /// Whether a client had come before this time.
    pub(super) fn is_known(&self, client: ClientKey, time_ms: u64) -> bool {
        self.find(client).is_some_and(|client| client.first_ms < time_ms)
    }

    pub(super) fn spacing(&self, client: ClientKey) -> Option<u64> {
        self.find(client)
            .map(|client| client.spacing)
            .filter(|spacing| *spacing > 0)
    }

    pub(super) fn keep_spacing(&mut self, client: ClientKey, spacing: u64) {
        if let Some(client) = self.young.get_mut(&client) {
            client.spacing = spacing;
        }
    }

    fn find(&self, client: ClientKey) -> Option<&Client> {
        self.young.get(&client).or_else(|| self.old.get(&client))
    }
}
