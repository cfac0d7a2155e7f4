//! The state that was saved last, read back from its parts.

use serde::{Deserialize, Serialize};

use super::sources::Sources;
use crate::{Admission, Engine, OlderAdmission, OlderEngine};
use blobwatch_sql::{Sql, StoreError, number};

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

/// Room that is made at once for a state that is read: of 300 FireLogs one has 30 MB.
const MAX_STATE_BYTES: usize = 64_000_000;

/// What is read back.
pub(super) struct SavedState {
    pub(super) engine: Engine,
    pub(super) sources: Sources,
    /// Newest batch that is in it.
    pub(super) logged: u64,
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
struct StateBody<E> {
    engine: E,
    sources: Sources,
}

pub(super) const HEAD: &str = "meta.value of state";

/// Says which batches are in the parts. What is beyond them was left by a save that did not end.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u64,
    /// Of the first part. Builds before this one had 0, and read all that there are.
    #[serde(default)]
    pub(super) first: u64,
    pub(super) parts: u64,
    pub(super) bytes: u64,
    pub(super) logged: u64,
}

/// All that is sure of the head that a newer build writes.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

/// The state that was saved last; an empty one where there is none, or one of an older format.
pub(super) fn read(sql: &impl Sql) -> Result<SavedState, StoreError> {
    let nothing = |logged| SavedState {
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
        Some(StateBody { engine, sources }) => Ok(SavedState {
            engine,
            sources,
            logged: head.logged,
            bytes: head.bytes,
        }),
        None => Ok(nothing(head.logged)),
    }
}

fn decode(bytes: &[u8], format: u64) -> Option<StateBody<Engine>> {
    let (mut state, rest) = if format >= WITH_WAITING_CELLS {
        postcard::take_from_bytes::<StateBody<Engine>>(bytes).ok()?
    } else {
        let (older, rest) = postcard::take_from_bytes::<StateBody<OlderEngine>>(bytes).ok()?;
        let engine = Engine::from(older.engine);
        (
            StateBody {
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
