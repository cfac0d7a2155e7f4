//! The bytes of one guard's counts in a FireLog: totals and the clients that they are of stay together, so that a client
//! counts once across restarts.

use std::collections::hash_map::Entry;

use super::counts::CohortCounts;
use super::watch::{Client, Guarded, MAX_WATCHED, Open, Watch, Watches};
use blobwatch_wire::{DecodeError, Reader, put_text, put_varint};

const MAGIC: &[u8; 3] = b"BWG";
const VERSION: u8 = 1;

/// Longest totals, as JSON: 25 cohorts of a User-Agent's system each.
const MAX_TOTALS: usize = 64 << 10;

/// Flags of a client.
const OPEN: u8 = 1;
const ENFORCED: u8 = 2;

impl Watches {
    /// Guards whose counts changed since the last time, and their bytes.
    pub fn changed_bytes(&mut self) -> Vec<(Guarded, Vec<u8>)> {
        let changed = self.0.iter_mut().filter_map(|watch| {
            let is_changed = std::mem::take(&mut watch.is_changed);
            is_changed.then(|| (watch.of.clone(), watch.encode()))
        });
        changed.collect()
    }

    /// Goes on with counts that were kept, where the guard is still there and nothing was counted for it yet.
    ///
    /// # Errors
    /// When the bytes are not these, or a newer build's.
    pub fn restore(&mut self, of: &Guarded, bytes: &[u8]) -> Result<(), DecodeError> {
        let kept = Watch::decode(of.clone(), bytes)?;
        if let Some(watch) = self
            .0
            .iter_mut()
            .find(|watch| watch.of == *of && watch.clients.is_empty())
        {
            *watch = kept;
        }
        Ok(())
    }
}

impl Watch {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.clients.len() * 9);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        // The totals are what goes over the wire anyway; a number that grows by one is not worth a format of its own.
        let totals = serde_json::to_vec(&self.cohorts).unwrap_or_default();
        put_varint(&mut out, totals.len() as u64);
        out.extend_from_slice(&totals);
        put_varint(&mut out, self.evidence.len() as u64);
        for id in &self.evidence {
            put_text(&mut out, id);
        }
        put_varint(&mut out, self.clients.len() as u64);
        for (key, client) in &self.clients {
            out.extend_from_slice(&key.to_le_bytes());
            put_client(&mut out, client);
        }
        out
    }

    fn decode(of: Guarded, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "the counts of a guard", VERSION)?;
        let length: usize = reader.narrow("length of totals")?;
        if length > MAX_TOTALS {
            return Err(DecodeError::Invalid("length of totals"));
        }
        let totals = reader.take(length)?;
        let cohorts: Vec<CohortCounts> =
            serde_json::from_slice(totals).map_err(|_| DecodeError::Invalid("totals"))?;
        let mut watch = Self {
            cohorts,
            ..Self::new(of)
        };
        for _ in 0..reader.count(1)? {
            watch.evidence.push(reader.text()?.to_owned());
        }
        for _ in 0..reader.count(9)?.min(MAX_WATCHED) {
            let key = reader.word()?;
            let client = client(&mut reader)?;
            if let Entry::Vacant(place) = watch.clients.entry(key) {
                place.insert(client);
            }
        }
        reader.finish()?;
        Ok(watch)
    }
}

fn put_client(out: &mut Vec<u8>, client: &Client) {
    let Client::Open(open) = client else {
        out.push(0);
        return;
    };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    out.push(OPEN | flag(open.enforced, ENFORCED));
    out.extend_from_slice(&[open.cohort, open.good, open.bad]);
    put_varint(out, open.first_ms);
}

fn client(reader: &mut Reader<'_>) -> Result<Client, DecodeError> {
    let flags = reader.byte()?;
    if flags & OPEN == 0 {
        return Ok(Client::Counted);
    }
    let (cohort, good, bad) = (reader.byte()?, reader.byte()?, reader.byte()?);
    Ok(Client::Open(Open {
        first_ms: reader.varint()?,
        cohort,
        enforced: flags & ENFORCED != 0,
        good,
        bad,
    }))
}
