//! A sample of the requests behind a batch's counts, with the attributes that cells do not have.
//!
//! Cells tell apart what sequential tests can follow. A repository, a blob or a version has too many values for that, but
//! a few dozen requests that have an event, beside a few dozen that could have had it, show which value the events share.
//!
//! Strata: for each event, the requests that show it, and those in which it could have been (the trials of its
//! test). Of each stratum the requests with the smallest hashes are kept (bottom-k), so that samples of several batches
//! merge to a sample of all of them, and `2^32 / cut` says how many requests each stands for. What is hashed is the
//! client, one of four groups of blobs, and the slot: a client is at most four requests of a stratum in a slot, however
//! many it sends.

mod sampler;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Event;
use super::tally::{is_behind, is_fetched, is_large, is_observed, is_ranged, is_redirected};
use crate::history::{Classification, Pace};
use blobwatch_pull::Record;
pub use sampler::{SampleKey, Sampler};
pub(super) use values::TCP;
pub use values::{DIGEST, FURTHER, Further, SIZE, version_of};

const EVENTS: usize = Event::ALL.len();

/// Requests with an event, and requests in which it could have been, for each event.
pub(crate) const STRATA: usize = 2 * EVENTS;

/// What a stratum holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub with_event: usize,
    pub trials: usize,
}

impl Bounds {
    /// Of one batch: at most 528 requests, a hundred in practice, as most are in several strata.
    pub const BATCH: Self = Self {
        with_event: 16,
        trials: 32,
    };

    fn of(self, stratum: usize) -> usize {
        if stratum < EVENTS {
            self.with_event
        } else {
            self.trials
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SampledRequest {
    pub(crate) hash: u32,
    pub client: u32,
    pub network: u32,
    /// One bit for each stratum that it is in.
    pub(crate) strata: u32,
    /// In the order of [`FURTHER`]; empty where it is not known.
    #[serde(with = "values::stored")]
    pub values: [Arc<str>; FURTHER.len()],
}

/// For each stratum the hash from which on nothing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cuts(pub(crate) [u32; STRATA]);

/// Nothing was left out.
impl Default for Cuts {
    fn default() -> Self {
        Self([u32::MAX; STRATA])
    }
}

/// The strata of a request, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strata(pub(crate) u32);

fn place(event: Event) -> usize {
    event as usize
}

fn bit(stratum: usize) -> u32 {
    1_u32.wrapping_shl(u32::try_from(stratum).unwrap_or_default())
}

impl SampledRequest {
    /// Whether it is kept as one that shows the event.
    #[must_use]
    pub fn shows(&self, event: Event) -> bool {
        self.strata & bit(place(event)) != 0
    }

    /// Whether it is kept as one in which the event could have been.
    #[must_use]
    pub fn is_trial(&self, event: Event) -> bool {
        self.strata & bit(EVENTS + place(event)) != 0
    }

    /// Where it stands among others: the smallest are kept.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.hash
    }

    pub(super) fn has_tcp(&self) -> bool {
        self.values.get(TCP).is_some_and(|tcp| !tcp.is_empty())
    }

    /// About; texts that others share counted whole.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts: usize = self.values.iter().map(|text| text.len()).sum();
        texts + size_of::<Self>()
    }
}

/// One of a sample, with its texts or before they are written.
pub trait Ranked {
    /// Where it stands among others: the smallest are kept.
    fn rank(&self) -> u32;

    /// One bit for each stratum that it is in.
    fn strata(&self) -> u32;

    /// Takes it out of all strata but these.
    fn stay_in(&mut self, strata: u32);
}

impl Ranked for SampledRequest {
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

impl Cuts {
    /// Takes in what another sample left out.
    pub fn merge(&mut self, other: &Self) {
        for (cut, other) in self.0.iter_mut().zip(other.0) {
            *cut = other.min(*cut);
        }
    }

    /// The cut of requests that show an event.
    #[must_use]
    pub fn with_event(&self, event: Event) -> u32 {
        self.0.get(place(event)).copied().unwrap_or(u32::MAX)
    }

    /// The cut of requests in which an event could have been.
    #[must_use]
    pub fn trials(&self, event: Event) -> u32 {
        self.0.get(EVENTS + place(event)).copied().unwrap_or(u32::MAX)
    }

    /// Lowers the cuts until each stratum is within its bound.
    pub fn tighten<'a, R: Ranked + 'a>(
        &mut self,
        requests: impl Iterator<Item = &'a R> + Clone,
        bounds: Bounds,
    ) {
        for (stratum, cut) in self.0.iter_mut().enumerate() {
            let kept = requests
                .clone()
                .filter(|request| request.strata() & bit(stratum) != 0 && request.rank() < *cut);
            let mut hashes: Vec<u32> = kept.map(Ranked::rank).collect();
            let most = bounds.of(stratum);
            if hashes.len() > most {
                let (_, first_out, _) = hashes.select_nth_unstable(most);
                *cut = *first_out;
            }
        }
    }

    /// Takes a request out of the strata whose cut it is beyond; whether it is still in one.
    pub fn keep(&self, request: &mut impl Ranked) -> bool {
        let cuts = self.0.iter().enumerate();
        let kept = cuts.filter(|(_, cut)| request.rank() < **cut);
        request.stay_in(kept.fold(0, |all, (stratum, _)| all | bit(stratum)));
        request.strata() != 0
    }

    /// Leaves out what is beyond the cuts, and then beyond the bounds.
    pub fn trim<K>(&mut self, requests: &mut Vec<(K, impl Ranked)>, bounds: Bounds) {
        self.tighten(requests.iter().map(|(_, request)| request), bounds);
        requests.retain_mut(|(_, request)| self.keep(request));
    }
}

impl Strata {
    /// What one request is a part of.
    #[must_use]
    pub fn of(record: &Record, judged: &Classification) -> Self {
        let large = is_large(record);
        let bits = Event::ALL.into_iter().map(|event| {
            let is_shown = event.is_shown(record, judged) && (event != Event::Resume || large);
            let is_trial = is_shown || is_trial(event, record, judged, large);
            let with_event = if is_shown { bit(place(event)) } else { 0 };
            with_event | if is_trial { bit(EVENTS + place(event)) } else { 0 }
        });
        Self(bits.fold(0, |all, bits| all | bits))
    }

    /// Of a 401 that no success followed.
    #[must_use]
    pub fn turned_away() -> Self {
        let trials = [Event::TurnedAway, Event::Failed].map(|event| bit(EVENTS + place(event)));
        Self(
            trials
                .into_iter()
                .fold(bit(place(Event::TurnedAway)), |all, bits| all | bits),
        )
    }
}

/// Whether the test of an event counts a request among its trials, beside those that show the event
/// (`CellCounts::of`, and `AnomalyKind::counts` of the Detector).
fn is_trial(event: Event, record: &Record, judged: &Classification, large: bool) -> bool {
    let is_asked = || {
        let others = [Event::Failed, Event::TurnedAway];
        judged.start || others.iter().any(|event| event.is_shown(record, judged))
    };
    match event {
        Event::Resume => judged.start && large,
        Event::Repeat => Event::Resume.is_shown(record, judged),
        Event::Restart => judged.start && judged.known_client,
        Event::Refused => is_ranged(record),
        Event::Aborted => is_observed(record, judged),
        Event::Failed | Event::TurnedAway => is_asked(),
        Event::Unreached => judged.start && is_redirected(record),
        Event::Looped => is_asked() || judged.behind && is_behind(record),
        Event::Slow => judged.pace != Pace::Unknown,
        Event::Suspect => is_fetched(record, judged),
    }
}
