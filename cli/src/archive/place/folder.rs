//! A folder on this machine.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::whole::{unfinished, write};

/// Held while one process writes.
const LOCK: &str = "lock";

pub(in crate::archive) struct Folder {
    folder: PathBuf,
    /// Held, never read.
    _lock: File,
}

impl Folder {
    /// Makes the folder, or takes the one that is there.
    ///
    /// # Errors
    /// It cannot be written, or another process archives to it.
    pub(super) fn open(to: &str) -> Result<Self, Problem> {
        let folder = PathBuf::from(to);
        let failed = |source| failed(&folder, source);
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Problem::Usage(format!(
                "another process archives to {to}: expected one at a time"
            ))),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// `None` where there is no such file.
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Problem::Read {
                file: path.display().to_string(),
                source,
            }),
        }
    }

    /// Writes a file, or puts it in the place of the one that is there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let path = self.folder.join(name);
        write(&path, bytes).map_err(|source| failed(&path, source))
    }

    /// Removes what [`Self::put`] wrote, or had begun to write.
    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        let path = self.folder.join(name);
        for path in [unfinished(&path), path] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&path, error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> Problem {
    Problem::Create {
        file: path.display().to_string(),
        source,
    }
}
