//! Where an archive is, and writing a file there so that a reader sees all of it or nothing.

use crate::problem::Problem;
use bucket::Bucket;
use folder::Folder;

mod bucket;
mod folder;

pub(super) enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

impl Place {
    /// # Errors
    /// It cannot be written, or another process archives to it: of a bucket only its owner can know.
    pub(super) fn open(to: &str, endpoint: Option<&str>) -> Result<Self, Problem> {
        match to.strip_prefix("s3://") {
            Some(path) => Bucket::open(path, endpoint).map(|bucket| Self::Bucket(Box::new(bucket))),
            None => Folder::open(to).map(Self::Folder),
        }
    }

    /// `None` where there is no such file.
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        match self {
            Self::Folder(folder) => folder.get(name),
            Self::Bucket(bucket) => bucket.get(name),
        }
    }

    /// Writes a file, or puts it in the place of the one that is there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Folder(folder) => folder.put(name, bytes),
            Self::Bucket(bucket) => bucket.put(name, bytes),
        }
    }

    /// Removes what [`Self::put`] wrote, or had begun to write.
    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        match self {
            Self::Folder(folder) => folder.remove(name),
            Self::Bucket(bucket) => bucket.remove(name),
        }
    }
}
