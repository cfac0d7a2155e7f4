//! The databases of an installation, looked at while nothing serves them.
//!
//! workerd keeps the alarms of each kind of object in `metadata.sqlite`. A damaged one keeps workerd from starting, and no pull
//! is served; it holds nothing that the objects do not set again when they are next called. So it is moved away. Whatever else
//! is damaged is named and left as it is.

use std::fs::{read_dir, rename};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::data_folder::DataFolder;

/// The alarms of one kind of object.
const ALARMS: &str = "metadata.sqlite";

/// What SQLite keeps beside a file.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// A file of alarms that was moved away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DamagedAlarms {
    pub(crate) file: PathBuf,
    pub(crate) damage: String,
    pub(crate) moved_to: String,
}

/// Moves damaged files of alarms away.
///
/// # Errors
/// A file cannot be read, or not moved.
pub(crate) fn mend_alarms(data: &DataFolder) -> Result<Vec<DamagedAlarms>> {
    let mut moved = Vec::new();
    for folder in data.objects()? {
        let file = folder.join(ALARMS);
        if let Some(damage) = damage(&file)? {
            move_away(&folder)?;
            moved.push(DamagedAlarms {
                file,
                damage,
                moved_to: format!("{ALARMS}.damaged"),
            });
        }
    }
    Ok(moved)
}

fn move_away(folder: &Path) -> Result<()> {
    for part in PARTS {
        let from = folder.join(format!("{ALARMS}{part}"));
        if from.exists() {
            let to = folder.join(format!("{ALARMS}{part}.damaged"));
            rename(&from, &to).with_context(|| format!("failed to move {} away", from.display()))?;
        }
    }
    Ok(())
}

/// Every database, those of the alarms first.
pub(crate) fn files(data: &DataFolder) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in data.objects()? {
        let entries = read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        files.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "sqlite")));
    }
    files.sort_by_key(|path| (!is_alarms(path), path.clone()));
    Ok(files)
}

pub(crate) fn is_alarms(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == ALARMS)
}

/// What is wrong with a file, in SQLite's words.
///
/// # Errors
/// The file cannot be read, which says nothing of what is in it.
pub(crate) fn damage(file: &Path) -> Result<Option<String>> {
    match file.try_exists() {
        Ok(false) => return Ok(None),
        found => found.with_context(|| format!("failed to find {}", file.display()))?,
    };
    match check(file) {
        Ok(verdict) => Ok(Some(verdict).filter(|verdict| verdict != "ok")),
        Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(error).with_context(|| format!("failed to read {}", file.display())),
    }
}

/// The version of an object's tables, where it has any.
pub(crate) fn schema(file: &Path) -> Option<u64> {
    let query = "SELECT value FROM meta WHERE key = 'schema'";
    let found: i64 = open(file).ok()?.query_row(query, [], |row| row.get(0)).ok()?;
    u64::try_from(found).ok()
}

fn check(file: &Path) -> rusqlite::Result<String> {
    open(file)?.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
}

/// Writable where it can be: what a killed process left in the log belongs to the database.
fn open(file: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, read, write};
    use std::path::Path;

    use rusqlite::Connection;

    use super::{damage, files, mend_alarms, schema};
    use crate::data_folder::DataFolder;

    fn database(path: &Path) {
        let rows = "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID; INSERT INTO meta VALUES ('schema', 7);
            CREATE TABLE rows (text); INSERT INTO rows SELECT hex(randomblob(2000)) FROM (VALUES (1),(2),(3),(4));";
        Connection::open(path).unwrap().execute_batch(rows).unwrap();
    }

    /// Ways in which a disk and a person break a file.
    fn broken(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut overwritten = bytes.to_vec();
        overwritten[4096..].fill(0x5a);
        let mut head = bytes.to_vec();
        head[..16].fill(0);
        vec![
            ("no database", b"not a database, and longer than the head of one is: it has more than a hundred bytes, so that SQLite reads it".to_vec()),
            ("no head", head),
            ("cut off", bytes[..5000].to_vec()),
            ("overwritten", overwritten),
        ]
    }

    #[test]
    fn every_way_of_damage_is_seen_and_only_alarms_are_moved() {
        let folder = tempfile::tempdir().unwrap();
        let objects = folder.path().join("blobwatch-fire-log");
        create_dir(&objects).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let (alarms, object) = (objects.join("metadata.sqlite"), objects.join("0123.sqlite"));
        database(&alarms);
        database(&object);
        assert_eq!((damage(&alarms).unwrap(), schema(&object)), (None, Some(7)));
        assert_eq!(mend_alarms(&data).unwrap(), []);
        let whole = read(&alarms).unwrap();
        for (way, bytes) in broken(&whole) {
            write(&alarms, &bytes).unwrap();
            write(&object, &bytes).unwrap();
            let lines = mend_alarms(&data).unwrap();
            assert_eq!((lines.len(), alarms.exists()), (1, false), "{way}: {lines:?}");
            assert!(damage(&object).unwrap().is_some(), "{way}");
            assert_eq!(read(&object).unwrap(), bytes, "{way}: left as it is");
            assert_eq!(files(&data).unwrap(), std::slice::from_ref(&object), "{way}");
            assert_eq!(schema(&objects.join("none.sqlite")), None);
        }
        assert_eq!(mend_alarms(&data).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_read_is_not_called_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.sqlite");
        create_dir(&path).unwrap();
        assert!(damage(&path).is_err());
        assert_eq!(damage(&folder.path().join("none.sqlite")).unwrap(), None);
    }
}
