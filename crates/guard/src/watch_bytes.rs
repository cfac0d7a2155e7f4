//! The bytes of one guard's counts in a FireLog: totals and the clients that they are of stay together, so that a client
//! counts once across restarts.

use std::collections::hash_map::Entry;

use super::counts::CohortCounts;
use super::networks::{NetworkShare, Networks};
use super::watch::{Client, GuardedEnforcement, MAX_WATCHED, Open, Watch, Watches};
use blobwatch_pull::NetworkKey;
use blobwatch_wire::{DecodeError, Reader, put_text, put_varint};

const MAGIC: &[u8; 3] = b"BWG";

/// 1 knew neither networks nor client builds, and not since when the rule was enforced.
const VERSION: u8 = 2;

/// Longest totals, as JSON: 25 cohorts of under 1 KB each; version 1 had a User-Agent's system in each.
const MAX_TOTALS: usize = 64 << 10;

/// Flags of a client.
const OPEN: u8 = 1;
const ENFORCED: u8 = 2;
const KNOWN: u8 = 4;

impl Watches {
    /// Guards whose counts changed since the last time, and their bytes.
    pub fn changed_bytes(&mut self) -> Vec<(GuardedEnforcement, Vec<u8>)> {
        let changed = self.0.iter_mut().filter_map(|watch| {
            let is_changed = std::mem::take(&mut watch.is_changed);
            is_changed.then(|| (watch.of.clone(), watch.encode()))
        });
        changed.collect()
    }

    /// Goes on with counts that were kept, where the guard is still there and nothing was counted for it yet. Of an earlier
    /// step of the enforcement, with when it began.
    ///
    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn restore(&mut self, rule: &str, route: &str, guard: u64, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut watches = self.0.iter_mut();
        let watch = watches.find(|watch| watch.of.is_of(rule, route) && watch.clients.is_empty());
        if let Some(watch) = watch {
            let of = GuardedEnforcement {
                guard,
                ..watch.of.clone()
            };
            let kept = Watch::decode(of, bytes)?;
            *watch = if watch.of == kept.of {
                kept
            } else {
                Watch::new(watch.of.clone(), Some(&kept))
            };
        }
        Ok(())
    }
}

impl Watch {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.clients.len() * 20);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        let numbers = [
            u64::from(self.of.version),
            self.enforced_ms.unwrap_or(0),
            self.taken_ms,
            self.evicted,
        ];
        numbers
            .into_iter()
            .for_each(|number| put_varint(&mut out, number));
        // The totals are what goes over the wire anyway; a number that grows by one is not worth a format of its own.
        let totals = serde_json::to_vec(&self.tally.cohorts).unwrap_or_default();
        put_varint(&mut out, totals.len() as u64);
        out.extend_from_slice(&totals);
        put_varint(&mut out, self.evidence.len() as u64);
        for id in &self.evidence {
            put_text(&mut out, id);
        }
        put_networks(&mut out, &self.tally.networks);
        put_varint(&mut out, self.clients.len() as u64);
        for (key, client) in &self.clients {
            out.extend_from_slice(&key.to_le_bytes());
            put_client(&mut out, client);
        }
        out
    }

    pub(super) fn decode(of: GuardedEnforcement, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "the counts of a guard", VERSION)?;
        let is_first = bytes.get(MAGIC.len()) == Some(&1);
        let mut watch = Self::new(of, None);
        if !is_first {
            watch.of.version = reader.narrow("version of a rule")?;
            watch.enforced_ms = Some(reader.varint()?).filter(|time_ms| *time_ms > 0);
            (watch.taken_ms, watch.evicted) = (reader.varint()?, reader.varint()?);
        }
        watch.tally.cohorts = totals(&mut reader)?;
        for _ in 0..reader.count(1)? {
            watch.evidence.push(reader.text()?.to_owned());
        }
        if !is_first {
            watch.tally.networks = networks(&mut reader)?;
        }
        for _ in 0..reader.count(9)?.min(MAX_WATCHED) {
            let key = reader.word()?;
            let client = client(&mut reader, is_first)?;
            if let Entry::Vacant(place) = watch.clients.entry(key) {
                place.insert(client);
            }
        }
        reader.finish()?;
        Ok(watch)
    }
}

fn totals(reader: &mut Reader<'_>) -> Result<Vec<CohortCounts>, DecodeError> {
    let length: usize = reader.narrow("length of totals")?;
    if length > MAX_TOTALS {
        return Err(DecodeError::Invalid("length of totals"));
    }
    serde_json::from_slice(reader.take(length)?).map_err(|_| DecodeError::Invalid("totals"))
}

fn put_networks(out: &mut Vec<u8>, networks: &Networks) {
    put_varint(out, networks.0.len() as u64);
    for (key, taken) in &networks.0 {
        out.extend_from_slice(&key.to_le_bytes());
        out.extend_from_slice(&[taken.known, taken.new, taken.cohorts]);
    }
}

fn networks(reader: &mut Reader<'_>) -> Result<Networks, DecodeError> {
    let mut networks = Networks::default();
    for _ in 0..reader.count(11)?.min(MAX_WATCHED) {
        let key = reader.word()?;
        let [known, new, cohorts] = reader.array()?;
        networks.0.insert(key, NetworkShare { known, new, cohorts });
    }
    Ok(networks)
}

fn put_client(out: &mut Vec<u8>, client: &Client) {
    let Client::Open(open) = client else {
        out.push(0);
        return;
    };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    out.push(OPEN | flag(open.enforced, ENFORCED) | flag(open.is_known, KNOWN));
    out.extend_from_slice(&[open.cohort, open.good, open.bad]);
    put_varint(out, open.first_ms);
    out.extend_from_slice(&open.build.to_le_bytes());
    out.extend_from_slice(&open.network.0.to_le_bytes());
}

fn client(reader: &mut Reader<'_>, is_first: bool) -> Result<Client, DecodeError> {
    let flags = reader.byte()?;
    if flags & OPEN == 0 {
        return Ok(Client::Counted);
    }
    let (cohort, good, bad) = (reader.byte()?, reader.byte()?, reader.byte()?);
    let first_ms = reader.varint()?;
    let (build, network) = if is_first {
        (0, 0)
    } else {
        (reader.word()?, reader.word()?)
    };
    Ok(Client::Open(Open {
        first_ms,
        cohort,
        enforced: flags & ENFORCED != 0,
        is_known: flags & KNOWN != 0,
        good,
        bad,
        build,
        network: NetworkKey(network),
    }))
}
