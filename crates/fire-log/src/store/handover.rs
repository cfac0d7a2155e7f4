//! What a FireLog knows of clients goes with them when the number of its colo's FireLogs changes: who pulls cleanly, whom guards
//! count already, and what was asked for in the last half hour, which tells a resume from a first request.
//!
//! Records stay where they are. Nothing of it is lost where a handover fails: its clients are new ones here then, which is counted.

use std::collections::BTreeMap;

use super::wake::newest;
use super::{FireLog, FireLogError, losses, refine};
use blobwatch_guard::Health;
use blobwatch_pull::ClientKey;
use blobwatch_records::{Builder, decode, fire_log_name, place_of};
use blobwatch_sql::{Pace, Shared, Sql};
use blobwatch_wire::{DecodeError, Reader, put_all, put_bytes, put_long_text, put_varint};

const MAGIC: &[u8; 3] = b"BWO";
const VERSION: u8 = 1;

/// Isolates go by a new layout within seconds, and until then clients go on to come to the old one: after this, it is asked once more.
const FOLLOWED_MS: u64 = 10_000;

/// What is handed over bears on requests of this long: as much as a FireLog reads again when it wakes.
const BEARS_MS: u64 = 30 * 60_000;

/// Records of one handover: those of a FireLog that wakes.
const MAX_RECORDS: usize = refine::MAX_REMEMBERED;

/// What one FireLog knows of the clients of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handover {
    /// [`Health`], encoded.
    pub(super) health: Vec<u8>,
    /// Of each guard: rule, route, revision, and what is counted for it.
    pub(super) guards: Vec<(String, String, u64, Vec<u8>)>,
    /// The newest records; empty where there are none.
    pub(super) segment: Vec<u8>,
}

impl Handover {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        put_bytes(&mut out, &self.health);
        put_all(
            &mut out,
            self.guards.iter(),
            |out, (rule, route, guard, counts)| {
                put_long_text(out, rule);
                put_long_text(out, route);
                put_varint(out, *guard);
                put_bytes(out, counts);
            },
        );
        put_bytes(&mut out, &self.segment);
        out
    }

    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a handover", VERSION)?;
        Ok(Self {
            health: reader.bytes()?.to_vec(),
            guards: reader.all(|reader| {
                let (rule, route) = (reader.long_text()?.to_owned(), reader.long_text()?.to_owned());
                Ok((rule, route, reader.varint()?, reader.bytes()?.to_vec()))
            })?,
            segment: reader.bytes()?.to_vec(),
        })
    }
}

/// Whether a client comes to that place among so many FireLogs.
fn comes(client: ClientKey, fire_logs: u32, place: u32) -> bool {
    client.0 % u64::from(fire_logs.max(1)) == u64::from(place)
}

/// What this FireLog knows of the clients of that place among so many.
///
/// # Errors
/// When SQLite refuses.
pub async fn handover<S: Sql, L: Shared<FireLog<S>, FireLogError>>(
    log: &L,
    (fire_logs, place): (u32, u32),
    pace: &impl Pace,
) -> Result<Handover, L::Error> {
    let mut records = newest(log, pace).await?;
    records.retain(|record| comes(record.client, fire_logs, place));
    let over = records.len().saturating_sub(MAX_RECORDS);
    let mut builder = Builder::default();
    records.drain(over..).for_each(|record| builder.push(record));
    log.with(|log| {
        let counts = log.guards.watches.handover();
        Ok(Handover {
            health: log.guards.health.encode(),
            guards: counts
                .map(|(rule, route, guard, counts)| (rule.to_owned(), route.to_owned(), guard, counts))
                .collect(),
            segment: if builder.is_empty() {
                Vec::new()
            } else {
                builder.encode()
            },
        })
    })
}

impl<S: Sql> FireLog<S> {
    /// FireLogs that are to be asked for a handover now, and what for; none where nothing has changed lately. Whoever asks them
    /// says so with [`Self::takes_over`].
    #[must_use]
    pub fn predecessors(&self, now_ms: u64) -> Option<(u32, u32, Vec<String>)> {
        let source = self.outbox.source();
        let layout = self.rulebook.as_ref()?.layout(source)?;
        let followed_ms = layout.since_ms.saturating_add(FOLLOWED_MS);
        let is_due =
            self.took_over_ms < layout.since_ms || (self.took_over_ms < followed_ms && followed_ms <= now_ms);
        let bears = now_ms < layout.since_ms.saturating_add(BEARS_MS);
        let (place, before) = (place_of(source)?, layout.earlier.first()?);
        if !is_due || !bears || place >= layout.count {
            return None;
        }
        // Clients of this place have these, one after the other.
        let places = (0..before.count).filter(|old| shares(*old, before.count, place, layout.count));
        let names = places.map(|old| fire_log_name(&layout.colo, ClientKey(u64::from(old)), before.count));
        let others: Vec<String> = names.filter(|name| name != source).collect();
        Some((layout.count, place, others))
    }

    /// Somebody asks the predecessors now.
    pub fn takes_over(&mut self, now_ms: u64) {
        self.took_over_ms = now_ms;
    }

    /// Takes over what another FireLog knows of clients that come here.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub fn take_handover(
        &mut self,
        bytes: &[u8],
        (fire_logs, place): (u32, u32),
    ) -> Result<(), FireLogError> {
        self.wake_at_once()?;
        let handover = Handover::decode(bytes)?;
        let health = Health::decode(&handover.health)?;
        let records = if handover.segment.is_empty() {
            Vec::new()
        } else {
            decode(&handover.segment)?
        };
        let guards = &mut self.guards;
        guards.health.take_over(&health);
        for (rule, route, guard, counts) in &handover.guards {
            let of = (rule.as_str(), route.as_str(), *guard);
            let is_ours = |client| comes(client, fire_logs, place);
            guards.watches.take_over(of, counts, is_ours)?;
        }
        refine::take_over(records, &mut self.past);
        Ok(())
    }

    /// A predecessor did not hand over what it knows.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn handover_failed(&self, now_ms: u64) -> Result<(), FireLogError> {
        losses::add(
            &self.sql,
            &BTreeMap::from([("handover_failed".to_owned(), 1)]),
            now_ms,
        )
    }
}

/// Whether some client has both places: their numbers agree as far as both numbers of FireLogs tell.
fn shares(old: u32, before: u32, place: u32, count: u32) -> bool {
    let (mut a, mut b) = (before.max(1), count.max(1));
    while b > 0 {
        (a, b) = (b, a % b);
    }
    old % a == place % a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_pinned() {
        let handover = Handover {
            health: vec![1, 2],
            guards: vec![("a".to_owned(), "hub".to_owned(), 7, vec![3])],
            segment: vec![4],
        };
        let bytes = b"BWO\x01\x02\x01\x02\x01\x01a\x03hub\x07\x01\x03\x01\x04";
        assert_eq!(handover.encode(), bytes);
        assert_eq!(Handover::decode(bytes), Ok(handover));
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic() {
        bolero::check!().with_max_len(128).for_each(|bytes: &[u8]| {
            let _ = Handover::decode(&[b"BWO\x01", bytes].concat());
        });
    }

    /// Against trying clients.
    #[test]
    fn places_that_share_clients_are_found() {
        for before in 1..9 {
            for count in 1..9 {
                for (old, place) in (0..before).flat_map(|old| (0..count).map(move |place| (old, place))) {
                    let client = (0..72).any(|n| n % before == old && n % count == place);
                    assert_eq!(shares(old, before, place, count), client);
                }
            }
        }
    }
}
