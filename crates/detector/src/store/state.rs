//! The state in parts that fit in rows, and back.

use std::collections::BTreeMap;

use postcard::ser_flavors::Flavor;
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

/// Room that is made at once for a state that is read: of 300 FireLogs one has 30 MB.
const MAX_STATE_BYTES: usize = 64_000_000;

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
    // Grown step by step, it would take twice its room.
    let mut bytes = Vec::with_capacity(usize::try_from(head.bytes).unwrap_or(0).min(MAX_STATE_BYTES));
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
        let logged = count(&self.sql, "SELECT coalesce(max(id), 0) FROM batch", &[])?;
        let bytes = self.sql.transaction(|| {
            let first = count(&self.sql, "SELECT coalesce(max(part) + 1, 0) FROM state", &[])?;
            let (parts, bytes) = self.write_parts(first)?;
            let head = Head {
                format: STATE_FORMAT,
                first,
                parts,
                bytes,
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
            Ok::<u64, StoreError>(bytes)
        })?;
        self.saved_ms = now_ms;
        self.saved_bytes = bytes;
        self.log = log::Size::default();
        Ok(())
    }

    /// Writes the parts as they fill, the first under this number: all of them at once would take as much room as the state does.
    /// Returns how many there are, and their bytes.
    fn write_parts(&self, first: u64) -> Result<(u64, u64), StoreError> {
        let state = State {
            engine: &self.engine,
            sources: &self.sources,
            admission: self.engine.admission(),
            traffic: self.engine.traffic(),
            upstream: self.engine.upstream(),
            mutes: self.engine.mutes(),
            waiting: self.engine.waiting(),
        };
        let mut refused = None;
        let parts = Parts {
            sql: &self.sql,
            room: PART_BYTES,
            next: first,
            bytes: Vec::new(),
            total: 0,
            refused: &mut refused,
        };
        let written = postcard::serialize_with_flavor(&state, parts);
        let corrupt = |error| StoreError::Corrupt(format!("the state ({error})"));
        let (next, bytes) = written.map_err(|error| refused.unwrap_or_else(|| corrupt(error)))?;
        Ok((next - first, bytes))
    }
}

/// Rows that are written as they fill.
pub(super) struct Parts<'a, S> {
    pub(super) sql: &'a S,
    /// Bytes of one.
    pub(super) room: usize,
    /// The number of the next.
    pub(super) next: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) total: u64,
    /// Why SQLite refused one: the serializer has no error for it.
    pub(super) refused: &'a mut Option<StoreError>,
}

impl<S: Sql> Parts<'_, S> {
    fn write(&mut self) -> postcard::Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        self.total += bytes.len() as u64;
        let part = [number(self.next), SqlValue::Blob(bytes)];
        self.next += 1;
        let written = self
            .sql
            .run("INSERT INTO state (part, bytes) VALUES (?, ?)", &part);
        written.map(drop).map_err(|error| {
            *self.refused = Some(error.into());
            postcard::Error::SerializeBufferFull
        })
    }
}

impl<S: Sql> Flavor for Parts<'_, S> {
    /// The number after the last, and the bytes of all.
    type Output = (u64, u64);

    fn try_extend(&mut self, mut data: &[u8]) -> postcard::Result<()> {
        while let Some((now, later)) = data.split_at_checked(self.room - self.bytes.len()) {
            self.bytes.extend_from_slice(now);
            self.write()?;
            data = later;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(mut self) -> postcard::Result<(u64, u64)> {
        if !self.bytes.is_empty() {
            self.write()?;
        }
        Ok((self.next, self.total))
    }
}
