//! Watched requests between `decide` and `settle`.

use std::collections::BTreeMap;

use blobwatch_pull::{Outcome, Pending, Record, RecordId, Said};

/// About 1 KB each, so 8 MB of an isolate's 128 MB. An isolate on Cloudflare has far fewer requests at a time.
pub(crate) const MAX_IN_FLIGHT: usize = 8_192;

/// A request that was not answered for this long is not going to be: Cloudflare gives an origin 100 s to begin.
pub(crate) const UNANSWERED_AFTER_MS: u64 = 5 * 60_000;

/// Ordered by id, and so by age. A request whose client left before the origin answered is never settled; it leaves by
/// age, or when room is needed.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    waiting: BTreeMap<RecordId, Pending>,
    /// Answered requests whose body is observed: it may take hours. Their records as they are without its end.
    observed: BTreeMap<RecordId, (Pending, Record)>,
}

impl InFlight {
    /// Keeps a request; answers the record of the oldest one where there is no more room.
    pub(super) fn insert(&mut self, pending: Pending) -> Option<Record> {
        let oldest = if self.waiting.len() + self.observed.len() >= MAX_IN_FLIGHT {
            self.oldest()
        } else {
            None
        };
        self.waiting.insert(pending.record.id, pending);
        oldest
    }

    pub(super) fn answered(&mut self, id: RecordId, said: &Said<'_>) {
        if let Some(pending) = self.waiting.remove(&id) {
            let record = pending.clone().settle(&Said {
                outcome: Outcome::NotObserved,
                ..*said
            });
            self.observed.insert(id, (pending, record));
        }
    }

    pub(super) fn take(&mut self, id: RecordId) -> Option<Pending> {
        let observed = |in_flight: &mut Self| in_flight.observed.remove(&id).map(|(pending, _)| pending);
        self.waiting.remove(&id).or_else(|| observed(self))
    }

    /// Takes out one request that will not be answered any more.
    pub(super) fn take_unanswered(&mut self, now_ms: u64) -> Option<Record> {
        let entry = self.waiting.first_entry()?;
        let is_over = now_ms.saturating_sub(entry.key().time_ms()) > UNANSWERED_AFTER_MS;
        is_over.then(|| entry.remove().record)
    }

    fn oldest(&mut self) -> Option<Record> {
        match self.waiting.pop_first() {
            Some((_, pending)) => Some(pending.record),
            None => self.observed.pop_first().map(|(_, (_, record))| record),
        }
    }
}
