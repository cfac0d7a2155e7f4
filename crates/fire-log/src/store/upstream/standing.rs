//! Records that others told of and that stand alone, for as long as our own may still come: that of a body that took long.

use std::collections::{HashMap, VecDeque};

use blobwatch_pull::{Fired, Record};
use blobwatch_records::RayKey;

/// At some 250 bytes each 4 MB.
const MAX_STANDING: usize = 16_384;

/// A client gives a body up within that time.
const STANDS_MS: u64 = 15 * 60_000;

/// In memory only: after a restart such a request has two records.
#[derive(Debug, Default)]
pub(in crate::store) struct Standing {
    by_ray: HashMap<RayKey, Vec<Fired>>,
    oldest: VecDeque<(u64, RayKey)>,
}

impl Standing {
    pub(super) fn add(&mut self, record: &Record, now_ms: u64) {
        let Some(ray) = RayKey::of(&record.ray) else {
            return;
        };
        self.by_ray.insert(ray.clone(), record.fired.clone());
        self.oldest.push_back((now_ms, ray));
        while let Some((since_ms, _)) = self.oldest.front()
            && (self.oldest.len() > MAX_STANDING || since_ms + STANDS_MS < now_ms)
        {
            if let Some((_, ray)) = self.oldest.pop_front() {
                self.by_ray.remove(&ray);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_ray.is_empty()
    }

    pub(super) fn take(&mut self, ray: &RayKey) -> Option<Vec<Fired>> {
        self.by_ray.remove(ray)
    }
}
