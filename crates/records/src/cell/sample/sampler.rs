//! A sample in the making.

use std::collections::HashMap;
use std::hash::Hash;

use super::{Bounds, Cuts, Further, Ranked, STRATA, SampledRequest, Strata, bit};
use blobwatch_pull::{BlobKey, ClientKey, NetworkKey};
use blobwatch_wire::splitmix;

/// Groups of blobs of one client that are told apart in a slot.
const BLOB_GROUPS: u64 = 4;

/// Who asked for which blob in which slot: what a sample tells apart.
#[derive(Debug, Clone, Copy)]
pub struct SampleKey<'a> {
    pub client: ClientKey,
    pub network: NetworkKey,
    pub blob: BlobKey<'a>,
    pub slot: u64,
}

impl SampleKey<'_> {
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

/// A sample in the making: who asked, and of each what its texts are made of.
#[derive(Debug, Clone)]
pub struct Sampler<S> {
    requests: Vec<(S, Draft)>,
    /// Strata in which each hash stands already.
    held: HashMap<u32, u32>,
    cuts: Cuts,
    bounds: Bounds,
}

/// A request before its texts are written: of most that are taken in they are not needed in the end.
#[derive(Debug, Clone, Copy)]
struct Draft {
    hash: u32,
    client: u32,
    network: u32,
    strata: u32,
}

impl Ranked for Draft {
    fn rank(&self) -> u32 {
        self.hash
    }

    fn strata(&self) -> u32 {
        self.strata
    }

    fn stay_in(&mut self, strata: u32) {
        self.strata &= strata;
    }
}

impl<S> Sampler<S> {
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            requests: Vec::new(),
            held: HashMap::new(),
            cuts: Cuts::default(),
            bounds,
        }
    }

    /// Takes in a request, if its hash is among the smallest of a stratum. What it costs otherwise is the hash. `source` is
    /// what its key and its texts are made of by [`finish`](Self::finish).
    pub fn offer(&mut self, asked: &SampleKey<'_>, strata: Strata, source: impl FnOnce() -> S) {
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
        let draft = Draft {
            hash,
            client: folded(asked.client.0),
            network: folded(asked.network.0),
            strata,
        };
        self.requests.push((source(), draft));
        if self.requests.len() >= 2 * STRATA * self.bounds.trials {
            self.trim();
            self.held.clear();
            for (_, draft) in &self.requests {
                *self.held.entry(draft.hash).or_default() |= draft.strata;
            }
        }
    }

    fn trim(&mut self) {
        self.cuts.trim(&mut self.requests, self.bounds);
    }

    /// The sample, with a key and texts made of each source; less of it where it would take more than `most_bytes`.
    #[must_use]
    pub fn finish<K>(
        mut self,
        most_bytes: usize,
        written: impl Fn(S) -> (K, Further),
    ) -> (Vec<(K, SampledRequest)>, Cuts) {
        self.trim();
        let write = |(source, draft): (S, Draft)| {
            let (key, values) = written(source);
            (key, draft.with(values))
        };
        let mut requests: Vec<(K, SampledRequest)> = self.requests.into_iter().map(write).collect();
        let bytes = |requests: &[(K, SampledRequest)]| -> usize {
            requests.iter().map(|(_, request)| request.bytes()).sum()
        };
        while bytes(&requests) > most_bytes && self.bounds.trials > 0 {
            self.bounds.with_event /= 2;
            self.bounds.trials /= 2;
            self.cuts.trim(&mut requests, self.bounds);
        }
        (requests, self.cuts)
    }

    /// The sample by key.
    #[must_use]
    pub fn by_key<K: Hash + Eq>(
        self,
        most_bytes: usize,
        written: impl Fn(S) -> (K, Further),
    ) -> (HashMap<K, Vec<SampledRequest>>, Cuts) {
        let (requests, cuts) = self.finish(most_bytes, written);
        let mut by_key: HashMap<K, Vec<SampledRequest>> = HashMap::new();
        for (key, request) in requests {
            by_key.entry(key).or_default().push(request);
        }
        (by_key, cuts)
    }
}

impl Draft {
    fn with(self, values: Further) -> SampledRequest {
        SampledRequest {
            hash: self.hash,
            client: self.client,
            network: self.network,
            strata: self.strata,
            values: values.into(),
        }
    }
}
