//! The two halves of a pull whose blob is elsewhere: the registry's redirect, and the fetch to which it leads.
//!
//! In scope: which fetch follows which redirect, where Blobwatch stands at both hosts, and what the fetch takes over. Not in
//! scope: what the pair is in the client's history (`history`), and stored records (`crates/fire-log`).
//!
//! A fetch follows a redirect if the same client asks for the same blob at another host within [`FOLLOWED_WITHIN_MS`]. Its
//! path says no repository, and maybe no digest: it takes over those of the redirect. Batches come in any order, so a fetch
//! waits for its redirect as long.

use std::sync::Arc;

use blobwatch_pull::{BlobKey, ClientKey, Method, Record, RecordId};

use crate::fair::FairMap;
use crate::history::blob_hash;

/// A client follows a redirect at once, but one that it does not reach it tries again.
pub const FOLLOWED_WITHIN_MS: u64 = 60_000;

/// Halves of one kind that wait for others. One is 200 bytes, and 1 KB with the longest texts: 16 MB at most for the two
/// kinds, of an object's 128. At 100 redirects a second it is more than the window.
const MAX_WAITING: usize = 8_192;

/// What a fetch takes over of the redirect that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstHalf {
    pub repository: Arc<str>,
    pub digest: Arc<str>,
}

impl FirstHalf {
    /// Gives a record what its path did not say.
    pub fn complete(&self, record: &mut Record) {
        self.repository.as_ref().clone_into(&mut record.repository);
        self.digest.as_ref().clone_into(&mut record.digest);
        record.object = 0;
        record.joined = true;
    }
}

type Key = (ClientKey, u64);

/// Of one client and blob, the newest.
#[derive(Debug)]
struct Redirect {
    time_ms: u64,
    host: Arc<str>,
    sent_to: Arc<str>,
    half: FirstHalf,
}

#[derive(Debug, Clone)]
struct Fetch {
    id: RecordId,
    host: String,
}

/// The halves that one FireLog has seen, until the others come.
#[derive(Debug)]
pub struct Halves {
    redirects: FairMap<Key, Arc<Redirect>>,
    fetches: FairMap<Key, Fetch>,
}

impl Default for Halves {
    fn default() -> Self {
        Self {
            redirects: FairMap::with_room(MAX_WAITING),
            fetches: FairMap::with_room(MAX_WAITING),
        }
    }
}

impl Halves {
    /// How many went for want of room since this was last asked.
    pub fn take_evicted(&mut self) -> u32 {
        (self.redirects.take_evicted()).saturating_add(self.fetches.take_evicted())
    }

    /// Remembers a redirect; the fetch that it led to, if that came before.
    pub fn take_redirect(&mut self, record: &Record) -> Option<(RecordId, FirstHalf)> {
        if !is_redirect(record) || record.digest.is_empty() {
            return None;
        }
        let time_ms = record.id.time_ms();
        let redirect = Arc::new(Redirect {
            time_ms,
            host: record.profile.host.as_str().into(),
            sent_to: record.sent_to.as_str().into(),
            half: FirstHalf {
                repository: record.repository.as_str().into(),
                digest: record.digest.as_str().into(),
            },
        });
        let keys = keys_of(record);
        for key in &keys {
            self.redirects.sweep(time_ms, FOLLOWED_WITHIN_MS);
            let redirect = Arc::clone(&redirect);
            self.redirects.put(*key, record.network, time_ms, redirect);
        }
        let follows = |fetch: &&Fetch| redirect.leads_to(fetch.id.time_ms(), &fetch.host);
        let fetch = keys
            .iter()
            .find_map(|key| self.fetches.get(key).filter(follows))?;
        Some((fetch.id, redirect.half.clone()))
    }

    /// What a fetch takes over; one whose redirect is not there yet is remembered.
    pub fn take_fetch(&mut self, record: &Record) -> Option<FirstHalf> {
        if !is_fetch(record) {
            return None;
        }
        let key = key_of(record.client, record.blob_key());
        let (time_ms, host) = (record.id.time_ms(), &record.profile.host);
        let led = |redirect: &&Arc<Redirect>| redirect.leads_to(time_ms, host);
        if let Some(redirect) = self.redirects.get(&key).filter(led) {
            return Some(redirect.half.clone());
        }
        self.fetches.sweep(time_ms, FOLLOWED_WITHIN_MS);
        let fetch = Fetch {
            id: record.id,
            host: host.clone(),
        };
        self.fetches.put(key, record.network, time_ms, fetch);
        None
    }
}

impl Redirect {
    fn leads_to(&self, time_ms: u64, host: &str) -> bool {
        let is_then = (self.time_ms..=self.time_ms.saturating_add(FOLLOWED_WITHIN_MS)).contains(&time_ms);
        is_then && (*self.host != *host || *self.sent_to == *host)
    }
}

/// Whether a record is a registry's half.
#[must_use]
pub fn is_redirect(record: &Record) -> bool {
    record.method == Method::Get && matches!(record.status, 301 | 302 | 303 | 307 | 308)
}

/// Whether a record may be the other half: of a path that says no repository.
fn is_fetch(record: &Record) -> bool {
    record.method == Method::Get && record.repository.is_empty()
}

/// Whether a stored fetch followed a stored redirect.
#[must_use]
pub fn follows(fetch: &Record, redirect: &Record) -> bool {
    let (from_ms, time_ms) = (redirect.id.time_ms(), fetch.id.time_ms());
    let is_same = fetch.client == redirect.client
        && keys_of(redirect).contains(&key_of(fetch.client, fetch.blob_key()));
    let is_then = (from_ms..=from_ms.saturating_add(FOLLOWED_WITHIN_MS)).contains(&time_ms);
    let is_elsewhere = fetch.profile.host != redirect.profile.host || fetch.profile.host == redirect.sent_to;
    fetch.id != redirect.id && fetch.method == Method::Get && is_same && is_then && is_elsewhere
}

fn key_of(client: ClientKey, blob: BlobKey<'_>) -> Key {
    (client, blob_hash(blob))
}

/// By its digest, and by what its address names.
fn keys_of(record: &Record) -> Vec<Key> {
    let object = (record.sent_object != 0).then_some(BlobKey::Object(record.sent_object));
    let blobs = std::iter::once(record.blob_key()).chain(object);
    blobs.map(|blob| key_of(record.client, blob)).collect()
}

#[cfg(test)]
mod tests;
