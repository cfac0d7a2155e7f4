//! The folder of what an installation keeps: its owner's alone, served by one process at a time.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use blobwatch_host::vars;
use rustix::process::geteuid;

/// The worker's secrets.
pub(crate) const SECRETS: &str = "secrets.env";

/// The newest version that has served the folder.
pub(crate) const VERSION: &str = "version";

/// Held while the folder is served.
const LOCK: &str = "lock";

/// What `serve` writes beside the databases.
const OWN: [&str; 5] = [VERSION, LOCK, SECRETS, "secrets.new", "workerd.capnp"];

/// How the folders of the databases are called.
const DATABASES: &str = "blobwatch-";

pub(crate) struct DataFolder {
    path: PathBuf,
    lock: File,
}

impl DataFolder {
    /// Makes the folder, or takes the one that is there.
    ///
    /// # Errors
    /// It belongs to somebody else, holds something else, or another process serves it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("failed to make the data folder {}", path.display()))?;
        let path = path.canonicalize();
        let path = path.context("failed to find the data folder")?;
        check_owner(&path)?;
        check_contents(&path)?;
        vars::close(&path, 0o700)?;
        let lock = locked(&path.join(LOCK))?;
        Ok(Self { path, lock })
    }

    /// A folder that is there, for somebody who looks: its owner, or root.
    ///
    /// # Errors
    /// It was never served, or a process serves it.
    pub(crate) fn look(path: &Path) -> Result<Self> {
        let lock = path.join(LOCK);
        let is_served = lock.try_exists();
        ensure!(
            is_served.context("failed to look into the data folder")?,
            "nothing has served the data folder {} yet",
            path.display()
        );
        Ok(Self {
            path: path.to_owned(),
            lock: locked(&lock)?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.path.join(SECRETS)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("workerd.capnp")
    }

    /// Held as long as this process or one that inherits it lives.
    pub(crate) fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    pub(crate) fn write_config(&self, text: &str) -> Result<()> {
        let path = self.config();
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Keeps the newest version that has served the folder; answers with it where it is newer than this one.
    pub(crate) fn note_version(&self, own: &str) -> Result<Option<String>> {
        let file = self.path.join(VERSION);
        let before = fs::read_to_string(&file).unwrap_or_default();
        let before = before.trim();
        if is_newer(before, own) {
            return Ok(Some(before.to_owned()));
        }
        if before != own {
            fs::write(&file, format!("{own}\n"))
                .with_context(|| format!("failed to write {}", file.display()))?;
        }
        Ok(None)
    }

    /// The folders of the databases, one for each kind of object.
    pub(crate) fn objects(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.path).context("failed to read the data folder")?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut folders: Vec<PathBuf> = names
            .filter(|path| path.is_dir() && name(path).starts_with(DATABASES))
            .collect();
        folders.sort();
        Ok(folders)
    }
}

pub(crate) fn is_newer(version: &str, other: &str) -> bool {
    numbers(version) > numbers(other)
}

/// The numbers of a version; none where it is not one.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let release = version.split(['-', '+']).next()?;
    release.split('.').map(|number| number.parse().ok()).collect()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn check_owner(path: &Path) -> Result<()> {
    let metadata = path.metadata().context("failed to read the data folder")?;
    let (owner, own) = (metadata.uid(), geteuid().as_raw());
    ensure!(
        owner == own,
        "the data folder {} belongs to user {owner}, and this process is user {own}: start it as that user, or name another \
         folder with --data",
        path.display()
    );
    Ok(())
}

/// Closing a folder to others, and files beside somebody's own, are for no folder but ours.
fn check_contents(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).context("failed to read the data folder")?;
    let entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_own = |path: &PathBuf| name(path).starts_with(DATABASES) || OWN.contains(&name(path));
    if entries.iter().any(is_own) {
        return Ok(());
    }
    match entries.iter().find(|path| name(path) != "lost+found") {
        None => Ok(()),
        Some(other) => bail!(
            "the data folder {} holds something else ({}): name an empty folder with --data",
            path.display(),
            name(other)
        ),
    }
}

fn locked(path: &Path) -> Result<File> {
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "the data folder cannot be written: failed to open {}",
                path.display()
            )
        })?;
    match file.try_lock() {
        Ok(()) => note_process(&mut file).context("failed to write the lock of the data folder")?,
        Err(TryLockError::WouldBlock) => bail!(in_use(path, &mut file)),
        Err(TryLockError::Error(error)) => return Err(error).context("failed to lock the data folder"),
    }
    Ok(file)
}

fn note_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(path: &Path, file: &mut File) -> String {
    let mut process = String::new();
    // Without a number the sentence is true as well.
    let _ = file.read_to_string(&mut process);
    format!(
        "the data folder is in use, by process {} or by a workerd that it left behind (`fuser {}` shows which): one process may \
         serve a folder at a time",
        process.trim(),
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{DataFolder, numbers};

    #[track_caller]
    fn refused(path: &Path, expected: &str) {
        let error = DataFolder::open(path).err().unwrap();
        let text = format!("{error:#}");
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_folder_is_its_owners_and_of_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let open = DataFolder::open(&path).unwrap();
        refused(&path, &format!("in use, by process {}", std::process::id()));
        drop(open);
        set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        DataFolder::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("letter.txt"), "").unwrap();
        refused(folder.path(), "holds something else (letter.txt)");
        // Databases that an earlier build, or workerd by hand, left there.
        create_dir(folder.path().join("blobwatch-fire-log")).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        assert_eq!(data.objects().unwrap().len(), 1);
        refused(
            &folder.path().join("letter.txt"),
            "failed to make the data folder",
        );
    }

    #[test]
    fn an_empty_file_system_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        create_dir(folder.path().join("lost+found")).unwrap();
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn the_newest_version_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let note = |version: &str| data.note_version(version).unwrap();
        assert_eq!(note("0.2.0"), None);
        assert_eq!(note("0.10.0-rc1"), None);
        assert_eq!(note("0.9.1").as_deref(), Some("0.10.0-rc1"));
        assert_eq!(note("1.0.0"), None);
        assert_eq!(note("0.10.0").as_deref(), Some("1.0.0"));
        assert_eq!(numbers("nonsense"), None);
    }
}
