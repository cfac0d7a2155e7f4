//! Saving the state in slices, so that no pull waits for the whole of it.
//!
//! Guarantees: the parts are one state, that of one moment, and are named by the head only once all of them are rows. Whatever
//! changes the state in a pause makes the try worthless, and another one begins; the last does not pause. Until then, and
//! where the process dies, the state before and the log after it say the same. Calls read meanwhile what they always read.

use super::state::{HEAD, Head, STATE_FORMAT};
use super::{Detector, count, log};
use crate::engine::pieces::{EnginePlace, Writer};
use blobwatch_sql::{Pace, Row, SLICE_RECORDS, Shared, Sql, SqlValue, StoreError, json, number, undisturbed};

/// Bytes of a row are at most 2 MB on the platform.
const PART_BYTES: usize = 1_900_000;

/// Rows of the log that are forgotten at once: 40 KB each of FireLogs that tell many combinations apart.
const FORGOTTEN_ROWS: u64 = 16;

const FORGET_BATCHES: &str =
    "DELETE FROM batch WHERE id IN (SELECT id FROM batch WHERE id < ? ORDER BY id LIMIT ?) RETURNING id";

const FORGET_PART: &str =
    "DELETE FROM state WHERE part = (SELECT min(part) FROM state) AND part < ? RETURNING part";

/// How far the state is written: the engine, then what is saved beside it.
#[derive(Debug)]
enum Place {
    Engine(EnginePlace),
    Sources,
    Admission,
    Traffic,
    Upstream,
    Mutes,
    /// So many slots, then so many of a slot's batches.
    Waiting(usize, usize),
    End,
}

/// A state on its way to rows.
#[derive(Debug)]
struct Saving {
    /// Number of the try, and what it saves.
    save: u64,
    version: (u64, u64),
    /// Newest batch that is in it.
    logged: u64,
    first: u64,
    parts: u64,
    bytes: u64,
    place: Place,
    out: Writer,
}

/// Saves the state and empties the log, where that is due.
///
/// # Errors
/// When SQLite refuses: the state before stays, with the log after it.
pub async fn save_when_due<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    if shared.with(|store| Ok(store.is_save_due(now_ms)))? {
        save(shared, now_ms, pace).await?;
    }
    Ok(())
}

pub(super) async fn save<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    // Batches come within two seconds of each slot, and a state is saved after them: few tries are worthless.
    match undisturbed(pace, async |pace| try_to_save(shared, now_ms, &pace).await).await? {
        Some(saved) => forget(shared, &saved, pace).await,
        None => Ok(()),
    }
}

/// `None` where the state has changed in a pause.
async fn try_to_save<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<Option<Saving>, L::Error> {
    let mut saving = shared.with(Detector::begin_save)?;
    while shared.with(|store| store.put_piece(&mut saving))? {
        pace.spent(SLICE_RECORDS).await;
    }
    let is_saved = shared.with(|store| store.end_save(&mut saving, now_ms))?;
    Ok(is_saved.then_some(saving))
}

/// Forgets the parts before, and the batches that are in the state. What is left of them where the process dies goes with the
/// next save.
async fn forget<S: Sql, L: Shared<Detector<S>, StoreError>>(
    shared: &L,
    saved: &Saving,
    pace: &impl Pace,
) -> Result<(), L::Error> {
    let run = |statement, parameters: &[SqlValue]| {
        shared.with(|store| Ok::<Vec<Row>, StoreError>(store.sql.run(statement, parameters)?))
    };
    while !run(FORGET_PART, &[number(saved.first)])?.is_empty() {
        pace.spent(SLICE_RECORDS).await;
    }
    // The newest stays, so that its number is never given again.
    while !run(FORGET_BATCHES, &[number(saved.logged), number(FORGOTTEN_ROWS)])?.is_empty() {
        pace.spent(SLICE_RECORDS).await;
    }
    Ok(())
}

impl<S: Sql> Detector<S> {
    fn begin_save(&mut self) -> Result<Saving, StoreError> {
        self.saves += 1;
        Ok(Saving {
            save: self.saves,
            version: self.version(),
            logged: count(&self.sql, "SELECT coalesce(max(id), 0) FROM batch", &[])?,
            first: count(&self.sql, "SELECT coalesce(max(part) + 1, 0) FROM state", &[])?,
            parts: 0,
            bytes: 0,
            place: Place::Engine(EnginePlace::default()),
            out: Writer::default(),
        })
    }

    const fn version(&self) -> (u64, u64) {
        (self.engine.version(), self.sources.version())
    }

    /// Whether it saves what is, and nobody saves something newer.
    fn is_current(&self, saving: &Saving) -> bool {
        saving.version == self.version() && saving.save == self.saves
    }

    /// Writes the next piece; whether there is another one.
    fn put_piece(&mut self, saving: &mut Saving) -> Result<bool, StoreError> {
        if !self.is_current(saving) {
            return Ok(false);
        }
        let place = std::mem::replace(&mut saving.place, Place::End);
        let written = self.put(place, &mut saving.out);
        saving.place = written.map_err(|error| StoreError::Corrupt(format!("the state ({error})")))?;
        while saving.out.0.len() >= PART_BYTES {
            let later = saving.out.0.split_off(PART_BYTES);
            saving.put_part(&self.sql, later)?;
        }
        Ok(!matches!(saving.place, Place::End))
    }

    fn put(&self, place: Place, out: &mut Writer) -> postcard::Result<Place> {
        let engine = &self.engine;
        Ok(match place {
            Place::Engine(place) => match engine.put_piece(place, out)? {
                Some(next) => Place::Engine(next),
                None => Place::Sources,
            },
            Place::Sources => out.put(&*self.sources).map(|()| Place::Admission)?,
            Place::Admission => out.put(engine.admission()).map(|()| Place::Traffic)?,
            Place::Traffic => out.put(engine.traffic()).map(|()| Place::Upstream)?,
            Place::Upstream => out.put(engine.upstream()).map(|()| Place::Mutes)?,
            Place::Mutes => {
                out.put(engine.mutes())?;
                out.put(&engine.waiting().len())?;
                Place::Waiting(0, 0)
            }
            Place::Waiting(at, batch) => self.put_waiting(at, batch, out)?,
            Place::End => Place::End,
        })
    }

    /// A batch that waits for its slot, with the head of the slot before the first one.
    fn put_waiting(&self, at: usize, batch: usize, out: &mut Writer) -> postcard::Result<Place> {
        let Some((slot, batches)) = self.engine.waiting().into_iter().nth(at) else {
            return Ok(Place::End);
        };
        if batch == 0 {
            out.put(&(slot, batches.len()))?;
        }
        let Some(bytes) = batches.get(batch) else {
            return Ok(Place::Waiting(at + 1, 0));
        };
        out.put_bytes(bytes)?;
        Ok(Place::Waiting(at, batch + 1))
    }

    /// Names the parts; `false` where the state has changed.
    fn end_save(&mut self, saving: &mut Saving, now_ms: u64) -> Result<bool, StoreError> {
        if !self.is_current(saving) {
            return Ok(false);
        }
        let sql = &self.sql;
        sql.transaction(|| {
            if !saving.out.0.is_empty() {
                saving.put_part(sql, Vec::new())?;
            }
            sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)",
                &[json(&saving.head(), HEAD)?],
            )
            .map_err(StoreError::from)
        })?;
        self.saved_ms = now_ms;
        self.saved_bytes = saving.bytes;
        self.log = log::Size::default();
        Ok(true)
    }
}

impl Saving {
    /// Writes what came so far as a row; what is `later` begins the next one.
    fn put_part(&mut self, sql: &impl Sql, later: Vec<u8>) -> Result<(), StoreError> {
        let bytes = std::mem::replace(&mut self.out.0, later);
        self.bytes += bytes.len() as u64;
        let part = [number(self.first + self.parts), SqlValue::Blob(bytes)];
        self.parts += 1;
        sql.run("INSERT INTO state (part, bytes) VALUES (?, ?)", &part)?;
        Ok(())
    }

    const fn head(&self) -> Head {
        Head {
            format: STATE_FORMAT,
            first: self.first,
            parts: self.parts,
            bytes: self.bytes,
            logged: self.logged,
        }
    }
}
