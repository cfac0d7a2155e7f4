//! What one isolate holds between requests: the rulebook in force, the requests in flight, the batches to flush.
//!
//! In scope: the synchronous calls of the data plane as one state that can be tested without a platform. Not in
//! scope: awaiting anything (`src/data_plane`). All of it is a cache: an isolate may vanish at any time.

mod config;
mod decide;
mod in_flight;
mod learn;
mod memory;
mod readings;

pub use config::Config;

use blobwatch_pull::{ObservedAnswer, Record, RecordId};
use blobwatch_records::{Batches, History, Losses, Outgoing, RulebookVersion, fire_log_name};
use blobwatch_rulebook::{HotKeys, Program};
use blobwatch_rules::Scratch;
use blobwatch_tokens::Tries;
use in_flight::InFlight;
use memory::Memory;

/// The state of one isolate.
#[derive(Debug)]
pub struct Isolate {
    config: Config,
    book: Program,
    scratch: Scratch,
    hot: HotKeys,
    in_flight: InFlight,
    memory: Memory,
    /// Tokens that were not known, by address.
    tries: Tries,
    batches: Batches,
    /// What came through this isolate: a quick answer for rules. The FireLog has the true one.
    history: History,
    /// Counter of record ids.
    next: u32,
    /// Of `book`; `None` while it is the one that ships, until a FireLog sends one.
    epoch: Option<u64>,
}

/// Asks that an isolate remembers: 1.3 MB of its 128 MB.
const MAX_RECENT: usize = 8_192;

/// What an isolate can lose, by the names that the API shows. The edge may count these and no others: those that happen to it,
/// and those of an instance that trapped.
pub const LOSSES: [&str; 13] = [
    "decide_trap",
    "settle_trap",
    "flush_trap",
    "reply_unread",
    "records_lost",
    "rulebook_unread",
    "rulebook_refused",
    "flush_failed",
    "records_dropped",
    "volume_keys_dropped",
    "addresses_dropped",
    "answers_unrecorded",
    "history_evicted",
];

impl Isolate {
    /// Starts with the rulebook that ships, until a FireLog sends the current one.
    #[must_use]
    pub fn new(config: Config, shipped: Program) -> Self {
        Self {
            batches: Batches::new(config.isolate),
            scratch: Scratch::new(&shipped.engine),
            hot: HotKeys::default(),
            in_flight: InFlight::default(),
            history: History::with_room(MAX_RECENT),
            memory: Memory::default(),
            tries: Tries::default(),
            book: shipped,
            config,
            next: 0,
            epoch: None,
        }
    }

    /// The rulebook that a FireLog sent; none before the first.
    #[must_use]
    pub fn held(&self) -> RulebookVersion {
        self.epoch
            .map_or_else(RulebookVersion::default, |epoch| RulebookVersion {
                epoch,
                revision: self.book.revision(),
            })
    }

    /// The origin answered and its body is observed: what is known now is kept, should the end never be told.
    pub fn answered(&mut self, id: RecordId, said: &ObservedAnswer<'_>) {
        self.in_flight.answered(id, said);
    }

    /// Completes the record of a request and buffers it. A request that is not in flight any more was recorded when
    /// room was made for others.
    pub fn settle(&mut self, id: RecordId, said: &ObservedAnswer<'_>) {
        if let Some(pending) = self.in_flight.take(id) {
            let mut record = pending.settle(said);
            record.range.kind = self.history.take(&record).kind;
            self.count_forgotten(&record, said.time_ms);
            self.buffer(record, said.time_ms);
        }
        while let Some(record) = self.in_flight.take_unanswered(said.time_ms) {
            self.buffer(record, said.time_ms);
        }
    }

    /// Records the oldest requests as they stand where there is no room for one of so many bytes.
    fn make_room(&mut self, bytes: usize, now_ms: u64) {
        while let Some(record) = self.in_flight.take_surplus(bytes) {
            let to = self.fire_log(&record.colo, record.client);
            self.batches.count_loss(&to, "answers_unrecorded", 1, now_ms);
            self.buffer(record, now_ms);
        }
    }

    fn count_forgotten(&mut self, record: &Record, now_ms: u64) {
        let evicted = self.history.take_evicted();
        if evicted > 0 {
            let to = self.fire_log(&record.colo, record.client);
            self.batches.count_loss(&to, "history_evicted", evicted, now_ms);
        }
    }

    fn buffer(&mut self, record: Record, now_ms: u64) {
        let to = self.fire_log(&record.colo, record.client);
        self.batches.push(&to, record, self.held(), now_ms);
    }

    fn fire_log(&self, colo: &str, client: blobwatch_pull::ClientKey) -> String {
        fire_log_name(colo, client, self.book.fire_logs(colo))
    }

    /// When the next flush is due; `None` while nothing waits.
    #[must_use]
    pub fn flush_due_ms(&self) -> Option<u64> {
        self.batches.due_at_ms()
    }

    /// Records that no FireLog has acknowledged.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.batches.buffered()
    }

    /// Whether something was lost since [`Isolate::unacknowledged`] was asked.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.batches.has_lost()
    }

    /// What is lost where the isolate ends now: records that no FireLog has as `records_lost`, and the losses that none was told.
    pub fn unacknowledged(&mut self) -> Losses {
        self.batches.unacknowledged()
    }

    /// The next flush that is due.
    pub fn next_flush(&mut self, now_ms: u64) -> Option<Outgoing> {
        self.batches.next(self.held(), now_ms)
    }

    /// A flush was not acknowledged.
    pub fn flush_failed(&mut self, to: &str, ticket: u64, now_ms: u64) {
        self.batches.failed(to, ticket, now_ms);
    }

    /// Counts what the edge lost; a name that is not in [`LOSSES`] is the edge's mistake and is left out.
    pub fn count_loss(&mut self, colo: &str, name: &str, times: u32, now_ms: u64) {
        let to = self.fire_log(colo, blobwatch_pull::ClientKey::default());
        if let Some(known) = LOSSES.iter().find(|known| **known == name) {
            self.batches.count_loss(&to, known, times, now_ms);
        }
    }
}

#[cfg(test)]
mod tests;
