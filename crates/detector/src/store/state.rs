//! The state in parts that fit in rows, and back.

use serde::{Deserialize, Serialize};

use super::sources::Sources;
use super::{Detector, count, log};
use crate::engine::saved::{Reader, Writer};
use crate::{Admission, Engine, OlderAdmission, OlderEngine};
use blobwatch_sql::{Pace, Sql, SqlValue, StoreError, json, number};

/// Of the saved bytes. It grows with every change of what [`Engine`] or a monitor keeps. A state of a newer format is refused as a
/// database of a newer schema is: saving over it would lose it. One of an older format is left unread: anomalies, marks and roll-ups are rows of their own and stay, and what is normal is learned anew, which
/// takes minutes for the level and days for the hours.
pub(crate) const STATE_FORMAT: u64 = 7;

/// Counts, kinds and anomalies of fixed length, and no families admitted.
const OF_FIXED_LENGTH: u64 = 6;

/// That without what follows the sources: values are admitted anew.
const WITHOUT_ADMISSION: u64 = 5;

/// Bytes of a row are at most 2 MB on the platform.
const PART_BYTES: usize = 1_900_000;

/// What a part costs, in records: more than a slice.
const PART_RECORDS: usize = 1_024;

/// What is read back.
pub(super) struct Saved {
    pub(super) engine: Engine,
    pub(super) sources: Sources,
    /// Newest batch that is in it.
    pub(super) logged: u64,
}

#[derive(Deserialize)]
struct Read<E> {
    engine: E,
    sources: Sources,
}

const HEAD: &str = "meta.value of state";

/// Says which batches are in the parts. Parts of a save that did not end are beyond them.
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
pub(super) async fn read(sql: &impl Sql, pace: &impl Pace) -> Result<Saved, StoreError> {
    let nothing = |logged| Saved {
        engine: Engine::default(),
        sources: Sources::default(),
        logged,
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
    if !matches!(head.format, STATE_FORMAT | OF_FIXED_LENGTH | WITHOUT_ADMISSION) {
        return Ok(nothing(head.logged));
    }
    let mut bytes = Vec::new();
    for part in head.first..head.first + head.parts {
        for row in &mut sql.run("SELECT bytes FROM state WHERE part = ?", &[number(part)])? {
            bytes.extend(row.take_blob(0, "state.bytes")?);
        }
        pace.spent(PART_RECORDS).await;
    }
    // What cannot be read is no reason to see nothing from now on.
    match decode(&bytes, head.format, pace).await {
        Some(Read { engine, sources }) => Ok(Saved {
            engine,
            sources,
            logged: head.logged,
        }),
        None => Ok(nothing(head.logged)),
    }
}

async fn decode(bytes: &[u8], format: u64, pace: &impl Pace) -> Option<Read<Engine>> {
    let mut from = Reader(bytes);
    let mut state = if format == STATE_FORMAT {
        Read {
            engine: Engine::read(&mut from, pace).await?,
            sources: from.take()?,
        }
    } else {
        let older: Read<OlderEngine> = from.take()?;
        Read {
            engine: Engine::from(older.engine),
            sources: older.sources,
        }
    };
    pace.spent(PART_RECORDS).await;
    let (admission, rest) = admission(from.0, format)?;
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
    /// Saves the state and empties the log. The parts are there before the head names them, and those before go after it.
    pub(super) async fn save(&mut self, now_ms: u64, pace: &impl Pace) -> Result<(), StoreError> {
        let unwritten = |error| StoreError::Corrupt(format!("the state ({error})"));
        let bytes = self.state_bytes(pace).await.map_err(unwritten)?;
        let (first, parts) = self.write_parts(&bytes, pace).await?;
        let logged = count(&self.sql, "SELECT coalesce(max(id), 0) FROM batch", &[])?;
        let head = Head {
            format: STATE_FORMAT,
            first,
            parts,
            bytes: bytes.len() as u64,
            logged,
        };
        self.sql.transaction(|| {
            self.sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)",
                &[json(&head, HEAD)?],
            )?;
            // The newest stays, so that its number is never given again.
            self.sql
                .run("DELETE FROM batch WHERE id < ?", &[number(logged)])?;
            Ok::<(), StoreError>(())
        })?;
        self.saved_ms = now_ms;
        self.log = log::Size::default();
        self.forget_parts(first, first + parts, pace).await
    }

    async fn state_bytes(&self, pace: &impl Pace) -> postcard::Result<Vec<u8>> {
        let mut out = Writer::new();
        self.engine.write(&mut out, pace).await?;
        out.put(&self.sources)?;
        pace.spent(PART_RECORDS).await;
        out.put(self.engine.admission())?;
        pace.spent(PART_RECORDS).await;
        out.put(self.engine.traffic())?;
        out.put(self.engine.upstream())?;
        Ok(out.bytes())
    }

    /// Writes the parts behind all others; returns the number of the first and how many there are.
    async fn write_parts(&self, bytes: &[u8], pace: &impl Pace) -> Result<(u64, u64), StoreError> {
        let first = count(&self.sql, "SELECT coalesce(max(part) + 1, 0) FROM state", &[])?;
        let mut next = first;
        for bytes in bytes.chunks(PART_BYTES) {
            pace.spent(PART_RECORDS).await;
            self.sql.run(
                "INSERT INTO state (part, bytes) VALUES (?, ?)",
                &[number(next), SqlValue::Blob(bytes.to_vec())],
            )?;
            next += 1;
        }
        Ok((first, next - first))
    }

    /// Deletes all parts but those from `first` on, before `until`.
    async fn forget_parts(&self, first: u64, until: u64, pace: &impl Pace) -> Result<(), StoreError> {
        let others = "SELECT part FROM state WHERE part < ? OR part >= ?";
        for row in self.sql.run(others, &[number(first), number(until)])? {
            let part = row.integer(0, "state.part")?;
            self.sql
                .run("DELETE FROM state WHERE part = ?", &[number(part)])?;
            pace.spent(PART_RECORDS).await;
        }
        Ok(())
    }
}
