//! An archive that is written to: the manifest is told before files appear, and again when all of them are there.

use super::manifest::{Manifest, VERSION};
use super::parts::Part;
use super::place::Place;
use crate::problem::Problem;

pub(super) const MANIFEST: &str = "manifest.json";

pub(super) struct Book<'a> {
    pub(super) place: &'a Place,
    pub(super) manifest: Manifest,
}

impl<'a> Book<'a> {
    /// Reads the manifest, and removes what a killed run left: its records are archived again.
    ///
    /// # Errors
    /// It cannot be read, or a newer version wrote it.
    pub(super) fn open(place: &'a Place, oldest_ms: u64) -> Result<Self, Problem> {
        let mut book = Self {
            place,
            manifest: match place.get(MANIFEST)? {
                Some(bytes) => read(&bytes)?,
                None => Manifest::beginning_at(oldest_ms),
            },
        };
        book.discard_pending()?;
        Ok(book)
    }

    fn discard_pending(&mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.manifest.pending) {
            self.place.remove(&name)?;
        }
        self.save()
    }

    pub(super) fn save(&self) -> Result<(), Problem> {
        let text = serde_json::to_vec_pretty(&self.manifest).unwrap_or_default();
        self.place.put(MANIFEST, &text)
    }

    /// Adds files, and notes in the manifest what they are: both or, seen from the next run, neither.
    pub(super) fn add(&mut self, parts: &[Part], note: impl FnOnce(&mut Manifest)) -> Result<(), Problem> {
        if !parts.is_empty() {
            self.manifest.pending = parts.iter().map(|part| part.name.clone()).collect();
            self.save()?;
            for part in parts {
                self.place.put(&part.name, &part.bytes)?;
            }
            self.manifest.pending.clear();
        }
        note(&mut self.manifest);
        self.save()
    }
}

fn read(bytes: &[u8]) -> Result<Manifest, Problem> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u32,
    }
    let problem = |expected: String| Problem::File {
        file: MANIFEST.to_owned(),
        expected,
    };
    let versioned = serde_json::from_slice(bytes).map(|Versioned { version }| version);
    match versioned {
        Ok(version) if version > VERSION => Err(problem(format!(
            "version {VERSION} or older, found {version}: a newer blobwatch wrote this archive"
        ))),
        _ => serde_json::from_slice(bytes)
            .map_err(|error| problem(format!("what `blobwatch archive` wrote: {error}"))),
    }
}
