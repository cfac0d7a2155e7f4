//! An unpacked release: workerd, the worker that it serves, and the dashboard.

use std::env::current_exe;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What must be there.
const FILES: [&str; 6] = [
    "workerd",
    "bundle/worker.js",
    "bundle/data_plane_bg.wasm",
    "bundle/index_bg.wasm",
    "bundle/cloud_prefixes.bin",
    "dashboard/index.html",
];

/// Where a package puts a release whose program is in `bin`.
const LIBRARY: &str = "../lib/blobwatch";

pub(crate) struct Installation {
    folder: PathBuf,
}

impl Installation {
    /// In the folder that is named, beside this program, or where a package puts it.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        let folders = match named {
            Some(folder) => vec![folder.to_owned()],
            None => {
                let program = current_exe().and_then(|program| program.canonicalize());
                let program = program.context("failed to find the folder of this program")?;
                let beside = program.parent().unwrap_or(Path::new("/"));
                vec![beside.to_owned(), beside.join(LIBRARY)]
            }
        };
        Self::in_one_of(&folders)
    }

    fn in_one_of(folders: &[PathBuf]) -> Result<Self> {
        for folder in folders {
            if missing(folder).is_none() {
                let folder = folder.canonicalize();
                let folder = folder.context("failed to find the folder of the release")?;
                return Ok(Self { folder });
            }
        }
        // What has most of a release is meant.
        let nearest = folders.iter().find(|folder| folder.join("bundle").exists());
        let folder = nearest
            .or(folders.first())
            .map_or(Path::new("."), PathBuf::as_path);
        let file = missing(folder).unwrap_or_default();
        bail!(
            "{} is no release of Blobwatch: {file} is missing; start the `blobwatch` of an unpacked release, or name its folder \
             with --bundle",
            folder.display()
        )
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn workerd(&self) -> PathBuf {
        self.folder.join("workerd")
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.join("bundle")
    }

    pub(crate) fn dashboard(&self) -> PathBuf {
        self.folder.join("dashboard")
    }
}

fn missing(folder: &Path) -> Option<&'static str> {
    FILES.into_iter().find(|file| !folder.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, remove_file, write};

    use super::{FILES, Installation};

    #[test]
    fn a_release_is_whole_or_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("release");
        for file in FILES {
            create_dir_all(release.join(file).parent().unwrap()).unwrap();
            write(release.join(file), "").unwrap();
        }
        let empty = folder.path().to_owned();
        let found = Installation::in_one_of(&[empty.clone(), release.clone()]).unwrap();
        assert!(found.workerd().is_file());
        for file in FILES {
            remove_file(release.join(file)).unwrap();
            let error = Installation::in_one_of(&[empty.clone(), release.clone()])
                .err()
                .unwrap();
            assert!(
                error.to_string().contains(&format!("{file} is missing")),
                "{error}"
            );
            write(release.join(file), "").unwrap();
        }
    }
}
