//! A worker whose FireLog has millions of records: they are put into its file while workerd does not run, by the same code
//! that runs in the object.

use super::{BUNDLE, Origin, Traffic, Worker, Workerd, load};
use crate::query::{SPAN_MS, fill};
use anyhow::{Context, Result, ensure};
use blobwatch_fire_log::FireLog;
use blobwatch_sql::Native;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const HOUR_MS: u64 = 3_600_000;

pub(crate) struct StoredStage {
    pub(crate) workerd: Workerd,
    /// Times of the first record, and of the beginning.
    pub(crate) start_ms: u64,
    pub(crate) now_ms: u64,
    /// Answers as long as it is there.
    _origin: Origin,
}

impl StoredStage {
    /// # Errors
    /// When something cannot be started, or the records cannot be written.
    pub(crate) fn begin(records: u32) -> Result<Self> {
        Self::of(BUNDLE.as_ref(), records)
    }

    /// As [`Self::begin`], of another bundle.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn of(bundle: &Path, records: u32) -> Result<Self> {
        let origin = Origin::start()?;
        let workerd = Workerd::start(&Worker::Blobwatch(bundle.into()), origin.address(), &[])?;
        // The first request makes the FireLog and its file.
        load::closed(workerd.address(), &Traffic::whole(), 1)?;
        let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        // Inside of the retention, until the run is over.
        let start_ms = now_ms - SPAN_MS + HOUR_MS;
        let workerd = workerd.restart_after(|stopped| {
            let log = FireLog::open(Native::open(&database(&stopped.objects("FireLog"))?)?)?;
            fill(log, records, start_ms)
        })?;
        Ok(Self {
            workerd,
            start_ms,
            now_ms,
            _origin: origin,
        })
    }
}

/// The file of the only object of a class.
fn database(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder).with_context(|| format!("failed to find {}", folder.display()))?;
    let paths = files.flatten().map(|file| file.path());
    let mut objects = paths.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // workerd keeps the alarms of the whole class in metadata.sqlite.
        name.ends_with(".sqlite") && !name.starts_with("metadata")
    });
    let found = objects.next().context("the FireLog has no file")?;
    ensure!(objects.next().is_none(), "there is more than one FireLog");
    Ok(found)
}
