//! The state in parts that fit in rows, and back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sources::Sources;
use super::{Detector, count, log};
use crate::coverage::RecentTraffic;
use crate::handling::Mute;
use crate::upstream::UpstreamFires;
use crate::{Admission, Engine, OlderAdmission, OlderEngine};
use blobwatch_sql::{Sql, SqlValue, StoreError, json, number};

/// Of the saved bytes. It grows with every change of what [`Engine`] or a monitor keeps. A state of a newer format is refused as a
/// database of a newer schema is: saving over it would lose it. One of an older format is left unread: anomalies, marks and roll-ups are rows of their own and stay, and what is normal is learned anew, which
/// takes minutes for the level and days for the hours.
pub(crate) const STATE_FORMAT: u64 = 8;

/// What waited for its slot as cells, and nothing after the mutes.
const WITH_WAITING_CELLS: u64 = 7;

/// Counts, kinds and anomalies of fixed length, and no families admitted.
const OF_FIXED_LENGTH: u64 = 6;

/// That without what follows the sources: values are admitted anew.
const WITHOUT_ADMISSION: u64 = 5;

/// Bytes of a row are at most 2 MB on the platform.
const PART_BYTES: usize = 1_900_000;

/// What is saved.
#[derive(Serialize)]
struct State<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    admission: &'a Admission,
    traffic: &'a RecentTraffic,
    upstream: &'a UpstreamFires,
    mutes: &'a [Mute],
    waiting: BTreeMap<u64, &'a [Vec<u8>]>,
}

/// What is read back.
pub(super) struct Saved {
    pub(super) engine: Engine,
    pub(super) sources: Sources,
    /// Newest batch that is in it.
    pub(super) logged: u64,
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
struct Read<E> {
    engine: E,
    sources: Sources,
}

const HEAD: &str = "meta.value of state";

/// Says which batches are in the parts. What is beyond them an older build left of a save that did not end.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u64,
    /// Of the first part. Builds before this one had 0, and read all that there are.
    #[serde(default)]
    first: u64,
    parts: u64,
    bytes: u64,
    logged: u64,
}

/// All that is sure of the head that a newer build writes.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

/// The state that was saved last; an empty one where there is none, or one of an older format.
pub(super) fn read(sql: &impl Sql) -> Result<Saved, StoreError> {
    let nothing = |logged| Saved {
        engine: Engine::default(),
        sources: Sources::default(),
        logged,
        bytes: 0,
    };
    let rows = sql.run("SELECT value FROM meta WHERE key = 'state'", &[])?;
    let Some(row) = rows.first() else {
        return Ok(nothing(0));
    };
    let Format { format } = row.json(0, HEAD)?;
    if format > STATE_FORMAT {
        return Err(StoreError::NewerSchema {
            found: format,
            known: STATE_FORMAT,
        });
    }
    let head: Head = row.json(0, HEAD)?;
    if !matches!(
        head.format,
        STATE_FORMAT | WITH_WAITING_CELLS | OF_FIXED_LENGTH | WITHOUT_ADMISSION
    ) {
        return Ok(nothing(head.logged));
    }
    let mut bytes = Vec::new();
    for part in head.first..head.first + head.parts {
        for row in &mut sql.run("SELECT bytes FROM state WHERE part = ?", &[number(part)])? {
            bytes.extend(row.take_blob(0, "state.bytes")?);
        }
    }
    // What cannot be read is no reason to see nothing from now on.
    match decode(&bytes, head.format) {
        Some(Read { engine, sources }) => Ok(Saved {
            engine,
            sources,
            logged: head.logged,
            bytes: head.bytes,
        }),
        None => Ok(nothing(head.logged)),
    }
}

fn decode(bytes: &[u8], format: u64) -> Option<Read<Engine>> {
    let (mut state, rest) = if format >= WITH_WAITING_CELLS {
        postcard::take_from_bytes::<Read<Engine>>(bytes).ok()?
    } else {
        let (older, rest) = postcard::take_from_bytes::<Read<OlderEngine>>(bytes).ok()?;
        let engine = Engine::from(older.engine);
        (
            Read {
                engine,
                sources: older.sources,
            },
            rest,
        )
    };
    let (admission, rest) = admission(rest, format)?;
    state.engine.restore(admission);
    if rest.is_empty() {
        // As the builds before wrote it: who sends requests is known anew within the hour.
        return Some(state);
    }
    let (traffic, rest) = postcard::take_from_bytes(rest).ok()?;
    state.engine.restore_traffic(traffic);
    if rest.is_empty() {
        // Likewise: other parties tell again.
        return Some(state);
    }
    let (upstream, rest) = postcard::take_from_bytes(rest).ok()?;
    state.engine.restore_upstream(upstream);
    if rest.is_empty() {
        // Likewise: mutes are rows too.
        return Some(state);
    }
    let (mutes, rest) = postcard::take_from_bytes(rest).ok()?;
    state.engine.set_mutes(mutes);
    if format < STATE_FORMAT {
        return rest.is_empty().then_some(state);
    }
    let (waiting, rest) = postcard::take_from_bytes(rest).ok()?;
    state.engine.restore_waiting(waiting);
    rest.is_empty().then_some(state)
}

/// What follows the sources.
fn admission(bytes: &[u8], format: u64) -> Option<(Admission, &[u8])> {
    match format {
        WITHOUT_ADMISSION => Some((Admission::default(), bytes)),
        OF_FIXED_LENGTH => {
            let (older, rest) = postcard::take_from_bytes::<OlderAdmission>(bytes).ok()?;
            Some((older.into(), rest))
        }
        _ => postcard::take_from_bytes(bytes).ok(),
    }
}

impl<S: Sql> Detector<S> {
    /// Saves the state and empties the log.
    pub(super) fn save(&mut self, now_ms: u64) -> Result<(), StoreError> {
        let bytes = self.state_bytes()?;
        let logged = count(&self.sql, "SELECT coalesce(max(id), 0) FROM batch", &[])?;
        self.sql.transaction(|| {
            let first = count(&self.sql, "SELECT coalesce(max(part) + 1, 0) FROM state", &[])?;
            let parts = self.write_parts(first, &bytes)?;
            let head = Head {
                format: STATE_FORMAT,
                first,
                parts,
                bytes: bytes.len() as u64,
                logged,
            };
            self.sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)",
                &[json(&head, HEAD)?],
            )?;
            self.sql
                .run("DELETE FROM state WHERE part < ?", &[number(first)])?;
            // The newest stays, so that its number is never given again.
            self.sql
                .run("DELETE FROM batch WHERE id < ?", &[number(logged)])?;
            Ok::<(), StoreError>(())
        })?;
        self.saved_ms = now_ms;
        self.saved_bytes = bytes.len() as u64;
        self.log = log::Size::default();
        Ok(())
    }

    fn state_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let state = State {
            engine: &self.engine,
            sources: &self.sources,
            admission: self.engine.admission(),
            traffic: self.engine.traffic(),
            upstream: self.engine.upstream(),
            mutes: self.engine.mutes(),
            waiting: self.engine.waiting(),
        };
        postcard::to_allocvec(&state).map_err(|error| StoreError::Corrupt(format!("the state ({error})")))
    }

    /// Writes the parts, the first under this number; returns how many there are.
    fn write_parts(&self, first: u64, bytes: &[u8]) -> Result<u64, StoreError> {
        let mut next = first;
        for bytes in bytes.chunks(PART_BYTES) {
            self.sql.run(
                "INSERT INTO state (part, bytes) VALUES (?, ?)",
                &[number(next), SqlValue::Blob(bytes.to_vec())],
            )?;
            next += 1;
        }
        Ok(next - first)
    }
}
