//! A sample in the making.

use std::collections::HashMap;
use std::hash::Hash;

use super::{Bounds, Cuts, Further, STRATA, SampledRequest, Strata, bit};
use blobwatch_pull::{BlobKey, ClientKey, NetworkKey};
use blobwatch_wire::splitmix;

/// Groups of blobs of one client that are told apart in a slot.
const BLOB_GROUPS: u64 = 4;

/// Who asked for which blob in which slot: what a sample tells apart.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub client: ClientKey,
    pub network: NetworkKey,
    pub blob: BlobKey<'a>,
    pub slot: u64,
}

impl Asked<'_> {
    fn hash(&self) -> u32 {
        let blob = match self.blob {
            BlobKey::Digest(digest) => digest
                .bytes()
                .fold(0, |sum, byte| splitmix(sum ^ u64::from(byte))),
            BlobKey::Object(object) => splitmix(object),
        };
        folded(splitmix(self.client.0 ^ splitmix(self.slot)) ^ splitmix(blob % BLOB_GROUPS))
    }
}

fn folded(value: u64) -> u32 {
    (splitmix(value) >> 32) as u32
}

/// A sample in the making.
#[derive(Debug, Clone)]
pub struct Sampler<K> {
    requests: Vec<(K, SampledRequest)>,
    /// Strata in which each hash stands already.
    held: HashMap<u32, u32>,
    cuts: Cuts,
    bounds: Bounds,
}

impl<K> Sampler<K> {
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            requests: Vec::new(),
            held: HashMap::new(),
            cuts: Cuts::default(),
            bounds,
        }
    }

    /// Takes in a request, if its hash is among the smallest of a stratum. What it costs otherwise is the hash.
    pub fn offer(
        &mut self,
        asked: &Asked<'_>,
        strata: Strata,
        key: impl FnOnce() -> K,
        values: impl FnOnce() -> Further,
    ) {
        if strata.0 == 0 {
            return;
        }
        let hash = asked.hash();
        let below = self.cuts.0.iter().enumerate().filter(|(_, cut)| hash < **cut);
        let below = below.fold(0, |all, (stratum, _)| all | bit(stratum));
        let held = self.held.get(&hash).copied().unwrap_or_default();
        let strata = strata.0 & below & !held;
        if strata == 0 {
            return;
        }
        self.held.insert(hash, held | strata);
        let request = SampledRequest {
            hash,
            client: folded(asked.client.0),
            network: folded(asked.network.0),
            strata,
            values: values().into(),
        };
        self.requests.push((key(), request));
        if self.requests.len() >= 2 * STRATA * self.bounds.trials {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.cuts.trim(&mut self.requests, self.bounds);
        self.held.clear();
        for (_, request) in &self.requests {
            *self.held.entry(request.hash).or_default() |= request.strata;
        }
    }

    /// The sample; less of it where it would take more than `most_bytes`.
    #[must_use]
    pub fn finish(mut self, most_bytes: usize) -> (Vec<(K, SampledRequest)>, Cuts) {
        self.trim();
        let bytes = |requests: &[(K, SampledRequest)]| -> usize {
            requests.iter().map(|(_, request)| request.bytes()).sum()
        };
        while bytes(&self.requests) > most_bytes && self.bounds.trials > 0 {
            self.bounds.with_event /= 2;
            self.bounds.trials /= 2;
            self.trim();
        }
        (self.requests, self.cuts)
    }
}

impl<K: Hash + Eq> Sampler<K> {
    /// The sample by key.
    #[must_use]
    pub fn by_key(self, most_bytes: usize) -> (HashMap<K, Vec<SampledRequest>>, Cuts) {
        let (requests, cuts) = self.finish(most_bytes);
        let mut by_key: HashMap<K, Vec<SampledRequest>> = HashMap::new();
        for (key, request) in requests {
            by_key.entry(key).or_default().push(request);
        }
        (by_key, cuts)
    }
}
