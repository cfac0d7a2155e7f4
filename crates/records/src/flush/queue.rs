//! One isolate's batches for one FireLog: one open, those that wait, one under way.
//!
//! A batch gets its number and its bytes when it is first sent, and keeps both until it is answered or given up:
//! whoever receives it twice can tell.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::{ClientAddress, Flush, MAX_ADDRESSES, RulebookVersion, VolumeCount};
use crate::segment::Builder;
use blobwatch_pull::{ClientKey, NetworkKey, Record};

/// Oldest record that waits.
pub(crate) const DUE_AFTER_MS: u64 = 1_000;

/// Most records of one batch.
pub(crate) const MAX_BATCH_RECORDS: usize = 256;

/// A batch is closed at this size: 256 records with the longest texts would be 2 MB and more than a row holds.
const MAX_BATCH_BYTES: usize = 512 * 1024;

/// A flush that is not answered by then counts as failed.
pub(crate) const ANSWER_WITHIN_MS: u64 = 10_000;

/// Least time between the sends of urgent batches. An attack that is refused at 10,000 requests a second must not
/// become as many object requests: 10 a second and isolate cost 0.005 USD an hour.
pub(crate) const MIN_URGENT_GAP_MS: u64 = 100;

/// Of the keys of volumes that one batch counts, those that clients of one network bring in: a fingerprint is cheap.
pub(crate) const MAX_KEYS_OF_NETWORK: u32 = 256;

/// A batch is given up this long after its first send: FireLogs forget the numbers of isolates after an hour.
pub(crate) const MAX_RETRY_AGE_MS: u64 = 10 * 60_000;

/// Longest wait after a failure; the first is 1 s, each further one twice the one before.
const MAX_BACKOFF_MS: u64 = 30_000;

/// Requests of an isolate read the clock at their own pace: one may be so far ahead of another.
pub(crate) const MAX_AHEAD_MS: u64 = 1_000;

/// How often something was lost, by its name.
pub type Losses = BTreeMap<&'static str, u32>;

/// The batches of one isolate for one FireLog.
#[derive(Debug, Default)]
pub(super) struct Queue {
    open: Open,
    sealed: VecDeque<SealedBatch>,
    /// Of the newest batch.
    last_seq: u64,
    under_way: Option<UnderWay>,
    last_sent_ms: u64,
    failures: u32,
    not_before_ms: u64,
}

#[derive(Debug, Default)]
struct Open {
    records: Builder,
    since_ms: Option<u64>,
    urgent: bool,
    losses: Losses,
    volumes: BTreeMap<(String, u32, u64), u32>,
    addresses: BTreeMap<u64, IpAddr>,
    /// Of `volumes`, those that a network brought in.
    keys_of: BTreeMap<NetworkKey, u32>,
}

#[derive(Debug)]
struct SealedBatch {
    seq: u64,
    records: usize,
    sealed_ms: u64,
    losses: Losses,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    ticket: u64,
    seq: u64,
    sent_ms: u64,
}

/// A batch as it is sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) body: Vec<u8>,
    pub(super) carries: Losses,
}

/// What is lost where a FireLog never gets so many records and these losses.
pub(super) fn unacknowledged(records: usize, mut losses: Losses) -> Losses {
    if records > 0 {
        let lost = losses.entry("records_lost").or_default();
        *lost = lost.saturating_add(u32::try_from(records).unwrap_or(u32::MAX));
    }
    losses
}

/// What left the queue for good without being acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct GivenUp {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Queue {
    /// Its batches have numbers above `seq`.
    pub(super) fn after(seq: u64) -> Self {
        Self {
            last_seq: seq,
            ..Self::default()
        }
    }

    /// Of the newest batch; 0 before the first.
    pub(super) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Whether nothing waits, and nothing was sent for `after_ms`.
    pub(super) fn is_idle(&self, after_ms: u64, now_ms: u64) -> bool {
        self.due_at_ms().is_none() && self.last_sent_ms + after_ms <= now_ms
    }

    pub(super) fn push(&mut self, record: Record, now_ms: u64) {
        self.open.urgent |= record.fired.iter().any(|fired| fired.applied.intervenes());
        self.open.records.push(record);
        self.open.since_ms.get_or_insert(now_ms);
    }

    pub(super) fn count_loss(&mut self, name: &'static str, count: u32, now_ms: u64) {
        let losses = self.open.losses.entry(name).or_default();
        *losses = losses.saturating_add(count);
        self.open.since_ms.get_or_insert(now_ms);
    }

    /// Counts a match of a rule with a volume; `false` where there are `room` keys already, or the network brought in as many
    /// as it may, and this is another.
    pub(super) fn count_volume(
        &mut self,
        rule: &str,
        version: u32,
        (key, network): (u64, NetworkKey),
        room: usize,
        now_ms: u64,
    ) -> bool {
        let is_full = self.open.volumes.len() >= room;
        let name = (rule.to_owned(), version, key);
        if !self.open.volumes.contains_key(&name) {
            let of_network = self.open.keys_of.get(&network).copied().unwrap_or_default();
            if is_full || of_network >= MAX_KEYS_OF_NETWORK {
                return false;
            }
            self.open.keys_of.insert(network, of_network + 1);
        }
        let requests = self.open.volumes.entry(name).or_default();
        *requests = requests.saturating_add(1);
        self.open.since_ms.get_or_insert(now_ms);
        true
    }

    /// Notes a client's address for the batch that is open; `false` where there is no room for another. It makes no batch due: a
    /// record of the client follows.
    pub(super) fn keep_address(&mut self, client: ClientKey, address: IpAddr) -> bool {
        let full = self.open.addresses.len() >= MAX_ADDRESSES;
        if full && !self.open.addresses.contains_key(&client.0) {
            return false;
        }
        self.open.addresses.insert(client.0, address);
        true
    }

    /// The clock was set back, perhaps: what was noted of a time that is still to come is noted of now, so that nothing waits until
    /// the clock has caught up.
    pub(super) fn is_at(&mut self, now_ms: u64) {
        let clamp = |time_ms: &mut u64, most_ms: u64| {
            if *time_ms > now_ms + most_ms + MAX_AHEAD_MS {
                *time_ms = now_ms;
            }
        };
        self.open.since_ms.iter_mut().for_each(|since| clamp(since, 0));
        self.under_way
            .iter_mut()
            .for_each(|sent| clamp(&mut sent.sent_ms, 0));
        clamp(&mut self.last_sent_ms, 0);
        clamp(&mut self.not_before_ms, MAX_BACKOFF_MS);
        for sealed in &mut self.sealed {
            clamp(&mut sealed.sealed_ms, 0);
        }
    }

    /// When the next batch may be sent, if there is one.
    pub(super) fn due_at_ms(&self) -> Option<u64> {
        if let Some(under_way) = self.under_way {
            return Some(under_way.sent_ms + ANSWER_WITHIN_MS);
        }
        let due = match (self.sealed.is_empty(), self.open.since_ms) {
            (false, _) => 0,
            (true, None) => return None,
            (true, Some(_)) if self.is_full() => 0,
            (true, Some(_)) if self.open.urgent => self.last_sent_ms + MIN_URGENT_GAP_MS,
            (true, Some(since)) => since + DUE_AFTER_MS,
        };
        Some(due.max(self.not_before_ms))
    }

    /// Adds the losses that no FireLog has acknowledged.
    pub(super) fn add_losses(&self, to: &mut Losses) {
        let batches = self.sealed.iter().map(|sealed| &sealed.losses);
        for (name, count) in batches.chain([&self.open.losses]).flatten() {
            let losses = to.entry(name).or_default();
            *losses = losses.saturating_add(*count);
        }
    }

    /// What the open batch holds in memory: its texts are there twice, each with its length and its place.
    pub(super) fn open_bytes(&self) -> usize {
        if self.open.records.is_empty() {
            0
        } else {
            3 * self.open.records.bytes()
        }
    }

    fn is_full(&self) -> bool {
        self.open.records.len() >= MAX_BATCH_RECORDS || self.open.records.bytes() >= MAX_BATCH_BYTES
    }

    /// Closes the open batch where it is full, so that no batch is too large for a row.
    pub(super) fn close_full(&mut self, isolate: u64, held: RulebookVersion, now_ms: u64) -> usize {
        if self.is_full() {
            self.seal(isolate, held, now_ms)
        } else {
            0
        }
    }

    /// The batch to send now: the oldest that waits, or the open one. `grown` is what closing it added in bytes.
    pub(super) fn send(
        &mut self,
        isolate: u64,
        held: RulebookVersion,
        ticket: u64,
        now_ms: u64,
    ) -> (usize, Option<Sent>) {
        let due = self.due_at_ms().is_some_and(|due| due <= now_ms);
        if !due || self.under_way.is_some() {
            return (0, None);
        }
        let grown = if self.sealed.is_empty() {
            self.seal(isolate, held, now_ms)
        } else {
            0
        };
        let Some(first) = self.sealed.front() else {
            return (grown, None);
        };
        self.under_way = Some(UnderWay {
            ticket,
            seq: first.seq,
            sent_ms: now_ms,
        });
        self.last_sent_ms = now_ms;
        let sent = Sent {
            body: first.body.clone(),
            carries: unacknowledged(first.records, first.losses.clone()),
        };
        (grown, Some(sent))
    }

    fn seal(&mut self, isolate: u64, held: RulebookVersion, now_ms: u64) -> usize {
        let open = std::mem::take(&mut self.open);
        let records = open.records.len();
        self.last_seq += 1;
        let losses = open.losses.clone();
        let address = |(client, address)| ClientAddress {
            client: ClientKey(client),
            address,
        };
        let volume = |((rule, version, key), requests)| VolumeCount {
            rule,
            version,
            key,
            requests,
        };
        let mut body = Flush {
            isolate,
            seq: self.last_seq,
            held,
            losses: open
                .losses
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            volumes: open.volumes.into_iter().map(volume).collect(),
            addresses: open.addresses.into_iter().map(address).collect(),
            segment: if records == 0 {
                Vec::new()
            } else {
                open.records.encode()
            },
        }
        .encode();
        body.shrink_to_fit(); // it may wait for minutes, with as much room again
        let bytes = body.len();
        self.sealed.push_back(SealedBatch {
            seq: self.last_seq,
            records,
            sealed_ms: now_ms,
            losses,
            body,
        });
        bytes
    }

    /// The FireLog holds the batch, however late it says so and whichever try it answers. What left is returned.
    pub(super) fn acknowledged(&mut self, seq: u64) -> GivenUp {
        let mut done = GivenUp::default();
        self.sealed.retain(|sealed| {
            if sealed.seq == seq {
                done.records += sealed.records;
                done.bytes += sealed.body.len();
            }
            sealed.seq != seq
        });
        if self.under_way.is_some_and(|under_way| under_way.seq == seq) {
            self.under_way = None;
            self.failures = 0;
            self.not_before_ms = 0;
        }
        done
    }

    /// A try failed; `true` where it was the one under way.
    pub(super) fn failed(&mut self, ticket: u64, now_ms: u64) -> bool {
        let is_it = self.under_way.is_some_and(|under_way| under_way.ticket == ticket);
        if is_it {
            self.under_way = None;
            self.not_before_ms = now_ms + (1_000 << self.failures.min(10)).min(MAX_BACKOFF_MS);
            self.failures = self.failures.saturating_add(1);
        }
        is_it
    }

    /// Ends a try that was not answered in time; `true` where there was one.
    pub(super) fn expire(&mut self, now_ms: u64) -> bool {
        let expired = |under_way: &UnderWay| under_way.sent_ms + ANSWER_WITHIN_MS <= now_ms;
        self.under_way
            .filter(expired)
            .is_some_and(|under_way| self.failed(under_way.ticket, now_ms))
    }

    /// Drops batches that were tried for too long. The losses they carried are reported again: where only the
    /// answer was lost they count twice, which is better than not at all.
    pub(super) fn give_up(&mut self, now_ms: u64) -> GivenUp {
        let mut given_up = GivenUp::default();
        if self.under_way.is_some() {
            return given_up;
        }
        while let Some(old) = self
            .sealed
            .pop_front_if(|s| s.sealed_ms + MAX_RETRY_AGE_MS <= now_ms)
        {
            given_up.records += old.records;
            given_up.bytes += old.body.len();
            old.losses
                .into_iter()
                .for_each(|(name, count)| self.count_loss(name, count, now_ms));
        }
        given_up
    }
}
