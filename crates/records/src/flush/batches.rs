//! An isolate's bounded buffer: records in, numbered batches out, nothing kept twice and every loss counted.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::queue::{Losses, MIN_URGENT_GAP_MS, Queue, unacknowledged};
use super::{MAX_VOLUMES, RulebookVersion};
use blobwatch_pull::{ClientKey, MAX_ISOLATE, NetworkKey, Record};

/// Records that wait in one isolate, over all FireLogs: 16 batches. Encoded, about 100 bytes each.
pub(crate) const MAX_BUFFERED_RECORDS: usize = 4096;

/// Bytes of batches that wait in one isolate, open and closed. Its memory is 128 MB.
pub(crate) const MAX_BUFFERED_BYTES: usize = 4 << 20;

/// FireLogs that one isolate sends to at a time. On Cloudflare an isolate is in one colo, which has up to 64, and for
/// [`IDLE_AFTER_MS`] those of a smaller `fire_logs`; on workerd one isolate has the clients of all colos. Queues are some 400
/// bytes when nothing waits in them: 100 KB.
pub(crate) const MAX_TARGETS: usize = 256;

/// Keys of volumes that wait in one isolate, over all FireLogs: at 100 bytes each 1.6 MB.
const MAX_WAITING_KEYS: usize = 16_384;

/// A queue in which nothing waited for this long is removed.
const IDLE_AFTER_MS: u64 = 60_000;

/// The batches of one isolate, for all its FireLogs. The counts of losses are named where they happen; [`Batches`] itself counts `flush_failed` (tries)
/// and `records_dropped`.
#[derive(Debug)]
pub struct Batches {
    isolate: u64,
    queues: BTreeMap<String, Queue>,
    /// The highest number of a batch of the queues that were removed: a FireLog takes a lower one for a repeat.
    removed_seq: u64,
    tickets: u64,
    waiting_records: usize,
    waiting_bytes: usize,
    /// Whether something was lost since [`Batches::unacknowledged`] was asked.
    has_lost: bool,
    /// Records by network since the buffer was last less than half full.
    crowd: HashMap<NetworkKey, usize>,
}

/// One batch to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Name of the FireLog.
    pub to: String,
    /// Of this try: give it back with [`Batches::acknowledged`] or [`Batches::failed`].
    pub ticket: u64,
    /// A [`super::Flush`], encoded.
    pub body: Vec<u8>,
    /// What is lost where it never arrives: its records as `records_lost`, and the losses that it tells.
    pub carries: Losses,
}

impl Batches {
    /// `isolate` is random; the bits above 48 are cut off.
    #[must_use]
    pub fn new(isolate: u64) -> Self {
        Self {
            isolate: isolate & MAX_ISOLATE,
            queues: BTreeMap::new(),
            removed_seq: 0,
            tickets: 0,
            waiting_records: 0,
            waiting_bytes: 0,
            has_lost: false,
            crowd: HashMap::new(),
        }
    }

    /// The number that the isolate's record ids carry.
    #[must_use]
    pub fn isolate(&self) -> u64 {
        self.isolate
    }

    /// Buffers a record for a FireLog; where there is no room for it, it is dropped and counted. `held` is the
    /// rulebook that the isolate holds.
    pub fn push(&mut self, to: &str, record: Record, held: RulebookVersion, now_ms: u64) {
        let has_room = self.has_room(record.network);
        if !has_room {
            self.count_loss(to, "records_dropped", 1, now_ms);
            return;
        }
        let isolate = self.isolate;
        let Some(queue) = self.queue_or_first(to, now_ms) else {
            return;
        };
        queue.push(record, now_ms);
        let grown = queue.close_full(isolate, held, now_ms);
        self.waiting_records += 1;
        self.waiting_bytes += grown;
    }

    /// Whether there is room for a record of a network. Of the second half of the buffer a network gets as much as it leaves
    /// free, so a flood of one network leaves a quarter to all others.
    fn has_room(&mut self, network: NetworkKey) -> bool {
        let open: usize = self.queues.values().map(Queue::open_bytes).sum();
        let free_bytes = MAX_BUFFERED_BYTES.saturating_sub(self.waiting_bytes + open);
        let free_records = MAX_BUFFERED_RECORDS.saturating_sub(self.waiting_records);
        // In records of the size at which both bounds are reached together.
        let free = free_records.min(free_bytes.div_ceil(MAX_BUFFERED_BYTES / MAX_BUFFERED_RECORDS));
        if free > MAX_BUFFERED_RECORDS / 2 {
            self.crowd.clear();
            return true;
        }
        if free == 0 {
            return false;
        }
        let of_network = self.crowd.entry(network).or_default();
        let has_room = *of_network < free;
        *of_network += usize::from(has_room);
        has_room
    }

    /// Counts something lost, to be reported with the next batch to a FireLog.
    pub fn count_loss(&mut self, to: &str, name: &'static str, times: u32, now_ms: u64) {
        if let Some(queue) = self.queue_or_first(to, now_ms) {
            queue.count_loss(name, times, now_ms);
        }
        self.has_lost = true;
    }

    /// Records that no FireLog has acknowledged.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.waiting_records
    }

    /// Whether something was lost since [`Batches::unacknowledged`] was asked.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// What is lost where the isolate ends now: its records as `records_lost`, and the losses that no FireLog was told.
    pub fn unacknowledged(&mut self) -> Losses {
        self.has_lost = false;
        let mut losses = Losses::new();
        self.queues
            .values()
            .for_each(|queue| queue.add_losses(&mut losses));
        unacknowledged(self.waiting_records, losses)
    }

    /// Counts a match of a rule with a volume, by a key, of a client in a network. Only `to` counts this key, so the match is
    /// lost where it has no room.
    pub fn count_volume(&mut self, to: &str, rule: &str, version: u32, key: (u64, NetworkKey), now_ms: u64) {
        let room = (MAX_WAITING_KEYS / self.queues.len().max(1)).min(MAX_VOLUMES);
        let is_counted = self.has_queue(to, now_ms)
            && self
                .queues
                .get_mut(to)
                .is_some_and(|queue| queue.count_volume(rule, version, key, room, now_ms));
        if !is_counted {
            self.count_loss(to, "volume_keys_dropped", 1, now_ms);
        }
    }

    /// Notes what is kept of a client's address, for the FireLog that has the client's records.
    pub fn keep_address(&mut self, to: &str, client: ClientKey, address: IpAddr, now_ms: u64) {
        let queue = self.queue_or_first(to, now_ms);
        if queue.is_some_and(|queue| !queue.keep_address(client, address)) {
            self.count_loss(to, "addresses_dropped", 1, now_ms);
        }
    }

    /// Makes a queue for a FireLog unless it has one; `false` where there is no room for another.
    fn has_queue(&mut self, to: &str, now_ms: u64) -> bool {
        if self.queues.contains_key(to) {
            return true;
        }
        if self.queues.len() >= MAX_TARGETS {
            self.remove_idle(MIN_URGENT_GAP_MS, now_ms);
        }
        let has_room = self.queues.len() < MAX_TARGETS;
        if has_room {
            self.queues.insert(to.to_owned(), Queue::after(self.removed_seq));
        }
        has_room
    }

    /// The queue of a FireLog. Where there is no room for another, the first one takes what is for others: a record in
    /// another FireLog is found all the same.
    fn queue_or_first(&mut self, to: &str, now_ms: u64) -> Option<&mut Queue> {
        if self.has_queue(to, now_ms) {
            self.queues.get_mut(to)
        } else {
            self.queues.values_mut().next()
        }
    }

    fn remove_idle(&mut self, after_ms: u64, now_ms: u64) {
        let removed_seq = &mut self.removed_seq;
        self.queues.retain(|_, queue| {
            let is_idle = queue.is_idle(after_ms, now_ms);
            if is_idle {
                *removed_seq = queue.last_seq().max(*removed_seq);
            }
            !is_idle
        });
    }

    /// When [`Batches::next`] may have something, in milliseconds since 1970; `None` while nothing waits.
    #[must_use]
    pub fn due_at_ms(&self) -> Option<u64> {
        self.queues.values().filter_map(Queue::due_at_ms).min()
    }

    /// What time a request says that it is; a clock that was set back delays nothing.
    pub fn is_at(&mut self, now_ms: u64) {
        self.queues.values_mut().for_each(|queue| queue.is_at(now_ms));
    }

    /// The next batch to send, if one is due; call until there is none. One batch a FireLog is under way at a time.
    pub fn next(&mut self, held: RulebookVersion, now_ms: u64) -> Option<Outgoing> {
        self.remove_idle(IDLE_AFTER_MS, now_ms);
        let isolate = self.isolate;
        for (to, queue) in &mut self.queues {
            if queue.expire(now_ms) {
                queue.count_loss("flush_failed", 1, now_ms);
            }
            let given_up = queue.give_up(now_ms);
            self.waiting_records = self.waiting_records.saturating_sub(given_up.records);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(given_up.bytes);
            if given_up.records > 0 {
                queue.count_loss("records_dropped", given_up.records as u32, now_ms);
            }
            let (grown, sent) = queue.send(isolate, held, self.tickets + 1, now_ms);
            self.waiting_bytes += grown;
            if let Some(sent) = sent {
                self.tickets += 1;
                return Some(Outgoing {
                    to: to.clone(),
                    ticket: self.tickets,
                    body: sent.body,
                    carries: sent.carries,
                });
            }
        }
        None
    }

    /// A FireLog answered: it holds batch `ack`.
    pub fn acknowledged(&mut self, to: &str, ack: u64) {
        let Some(queue) = self.queues.get_mut(to) else {
            return;
        };
        let done = queue.acknowledged(ack);
        self.waiting_records = self.waiting_records.saturating_sub(done.records);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(done.bytes);
    }

    /// A try failed: the batch is kept, and sent again with the same number.
    pub fn failed(&mut self, to: &str, ticket: u64, now_ms: u64) {
        if let Some(queue) = self.queues.get_mut(to)
            && queue.failed(ticket, now_ms)
        {
            queue.count_loss("flush_failed", 1, now_ms);
        }
    }
}
