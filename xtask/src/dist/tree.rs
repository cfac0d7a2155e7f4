//! The files of an archive, in order, whoever made them and whenever.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// For everybody to read; programs to run.
pub(super) const FILE: u32 = 0o644;
pub(super) const PROGRAM: u32 = 0o755;

#[derive(Clone)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    Link(String),
    /// Of this user and group.
    Folder(u64),
}

#[derive(Clone, Default)]
pub(super) struct Tree(BTreeMap<String, (u32, Content)>);

impl Tree {
    pub(super) fn put(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.insert(path, mode, Content::Bytes(bytes.into()));
    }

    pub(super) fn link(&mut self, path: &str, to: &str) {
        self.insert(path, 0o777, Content::Link(to.to_owned()));
    }

    /// A folder that is somebody's own.
    pub(super) fn folder(&mut self, path: &str, mode: u32, owner: u64) {
        self.insert(path, mode, Content::Folder(owner));
    }

    fn insert(&mut self, path: &str, mode: u32, content: Content) {
        // The folders above it, where nobody gave them another mode.
        for (end, _) in path.match_indices('/') {
            if let Some(above) = path.get(..end) {
                let folder = (PROGRAM, Content::Folder(0));
                self.0.entry(above.to_owned()).or_insert(folder);
            }
        }
        self.0.insert(path.to_owned(), (mode, content));
    }

    pub(super) fn copy(&mut self, path: &str, mode: u32, from: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("failed to read {}", from.display()))?;
        self.put(path, mode, bytes);
        Ok(())
    }

    /// Every file below a folder.
    pub(super) fn copy_all(&mut self, path: &str, from: &Path) -> Result<()> {
        let entries = fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))?;
        let mut count = 0;
        for entry in entries {
            let (from, count) = (entry?.path(), &mut count);
            *count += 1;
            let name = from.file_name().and_then(|name| name.to_str());
            let path = format!("{path}/{}", name.context("a file has a name that is not UTF-8")?);
            if from.is_dir() {
                self.copy_all(&path, &from)?;
            } else {
                self.copy(&path, FILE, &from)?;
            }
        }
        ensure!(count > 0, "{} is empty: build first", from.display());
        Ok(())
    }

    /// The same below another folder.
    pub(super) fn below(&self, folder: &str) -> Self {
        let mut tree = Self::default();
        tree.add(folder, self);
        tree
    }

    /// Another tree below a folder of this one.
    pub(super) fn add(&mut self, folder: &str, other: &Self) {
        for (path, (mode, content)) in &other.0 {
            self.insert(&format!("{folder}/{path}"), *mode, content.clone());
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, u32, &Content)> {
        let entries = self.0.iter();
        entries.map(|(path, (mode, content))| (path.as_str(), *mode, content))
    }

    /// Bytes of all files.
    pub(super) fn size(&self) -> usize {
        let sizes = self.entries().map(|(_, _, content)| match content {
            Content::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        sizes.sum()
    }
}
