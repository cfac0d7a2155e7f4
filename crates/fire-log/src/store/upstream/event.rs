//! What others tell of one request, and when it is taken for a record of its own.

use std::collections::HashMap;

use crate::store::FireLogError;
use blobwatch_pull::{Fired, Record};
use blobwatch_records::{ClientSample, RayKey, decode};
use blobwatch_upstream::{UpstreamAnswer, acted};

/// Our own batch of a request's time has come by then: isolates send once a second, and try again for ten.
const STANDS_AFTER_MS: u64 = 30_000;

/// What was only logged went on to us, or to whoever tells of it in another file: it waits for bodies that take long.
const LOGGED_STANDS_AFTER_MS: u64 = 5 * 60_000;

/// One event, or one whole request.
#[derive(Debug, Clone)]
pub(super) struct UpstreamEvent {
    pub(super) record: Record,
    pub(super) is_request: bool,
    /// It came before, and waits.
    pub(super) waits: bool,
}

impl UpstreamEvent {
    /// When it stands alone.
    pub(super) fn stands_ms(&self, now_ms: u64) -> u64 {
        let wait_ms = if self.is_request || acted(&self.record.fired) {
            STANDS_AFTER_MS
        } else {
            LOGGED_STANDS_AFTER_MS
        };
        self.record.id.time_ms().min(now_ms) + wait_ms
    }

    /// Whether it went on to us and the record of it was left out of the sample: it is counted, and no second request.
    pub(super) fn is_of_left_out(&self, sample: &ClientSample) -> bool {
        let reached_us = !self.is_request && !acted(&self.record.fired);
        reached_us && !ClientSample::holds(self.record.client, sample.one_in(&self.record.route))
    }

    /// Takes in what else is told of the same request; whether that is new.
    fn take_in(&mut self, mut other: Self) -> bool {
        let known = self.record.fired.len();
        if other.is_request && !self.is_request {
            std::mem::swap(self, &mut other);
            self.waits &= other.waits;
            self.add(other.record.fired);
            return true;
        }
        self.add(other.record.fired);
        self.record.fired.len() > known
    }

    fn add(&mut self, fired: Vec<Fired>) {
        for one in fired {
            if !self.record.fired.contains(&one) {
                self.record.fired.push(one);
            }
        }
    }
}

pub(super) fn read(segment: &[u8], is_request: bool) -> Result<Vec<UpstreamEvent>, FireLogError> {
    if segment.is_empty() {
        return Ok(Vec::new());
    }
    let told = |record: Record| UpstreamEvent {
        record: Record {
            seen: false,
            ..record
        },
        is_request,
        waits: false,
    };
    Ok(decode(segment)?.into_iter().map(told).collect())
}

/// What waits and what is new, each request once. Of an event that waits already, nothing is new.
pub(super) fn together(
    waiting: Vec<UpstreamEvent>,
    new: Vec<UpstreamEvent>,
    answer: &mut UpstreamAnswer,
) -> Vec<UpstreamEvent> {
    let mut all: Vec<UpstreamEvent> = Vec::with_capacity(waiting.len() + new.len());
    let (mut rays, mut ids) = (HashMap::new(), HashMap::new());
    for told in waiting.into_iter().chain(new) {
        let ray = RayKey::of(&told.record.ray);
        let of_ray = ray.as_ref().and_then(|ray| rays.get(ray));
        let known = of_ray.or_else(|| ids.get(&told.record.id)).copied();
        let Some(known) = known.and_then(|place: usize| all.get_mut(place)) else {
            ids.insert(told.record.id, all.len());
            ray.map(|ray| rays.insert(ray, all.len()));
            all.push(told);
            continue;
        };
        answer.repeats += u64::from(!known.take_in(told));
    }
    all
}
