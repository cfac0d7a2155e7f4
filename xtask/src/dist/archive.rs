//! A tree as bytes: the same tree at the same time gives the same ones.

use super::tree::{Content, Tree};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread::scope;
use tar::{Builder, EntryType, Header};

/// How long gzip may look for what repeats.
#[derive(Clone, Copy)]
pub(super) enum Effort {
    /// For tests of the archives, which are packed to be unpacked once.
    Least,
    Usual,
}

impl Effort {
    fn option(self) -> &'static str {
        match self {
            Self::Least => "-1",
            Self::Usual => "-6",
        }
    }
}

pub(super) fn tar_gz(tree: &Tree, time: u64, effort: Effort) -> Result<Vec<u8>> {
    gzip(&tar(tree, time)?, effort)
}

/// By the program, which is compiled for speed: workerd alone has 160 MB, and this is a development build.
pub(super) fn gzip(bytes: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let mut child = Command::new("gzip")
        .args(["--no-name", "--stdout", effort.option()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start gzip")?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (mut input, mut output) = input.zip(output).context("gzip has no input or output")?;
    let mut packed = Vec::new();
    scope(|scope| {
        // Dropped at its end, so that gzip sees the end.
        scope.spawn(move || input.write_all(bytes));
        output.read_to_end(&mut packed)
    })?;
    let status = child.wait().context("failed to wait for gzip")?;
    ensure!(status.success(), "gzip ended with {status}");
    Ok(packed)
}

pub(super) fn tar(tree: &Tree, time: u64) -> Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for (path, mode, content) in tree.entries() {
        let mut header = Header::new_gnu();
        header.set_mode(mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let appended = match content {
            Content::Bytes(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, bytes.as_slice())
            }
            Content::Link(to) => {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, to)
            }
            Content::Folder(owner) => {
                header.set_entry_type(EntryType::Directory);
                header.set_uid(*owner);
                header.set_gid(*owner);
                builder.append_data(&mut header, format!("{path}/"), std::io::empty())
            }
        };
        appended.with_context(|| format!("failed to pack {path}"))?;
    }
    builder.into_inner().context("failed to end an archive")
}

#[cfg(test)]
mod tests {
    use super::super::tree::{FILE, PROGRAM, Tree};
    use super::{Effort, tar_gz};
    use flate2::read::GzDecoder;
    use std::fs;
    use tar::Archive;

    /// Two machines make and copy the same files in another order, at other times, with other modes.
    #[test]
    fn the_same_files_give_the_same_bytes() {
        let pack = |names: [&str; 2]| {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                fs::write(folder.path().join(name), name).unwrap();
            }
            let mut tree = Tree::default();
            tree.copy_all("dashboard", folder.path()).unwrap();
            tree.link("bin/sh", "dash");
            tree.put("bin/dash", PROGRAM, "dash");
            tree.folder("var/own", 0o700, 7);
            tar_gz(&tree.below("release"), 1_593_975_600, Effort::Usual).unwrap()
        };
        let bytes = pack(["b.js", "a.js"]);
        assert_eq!(bytes, pack(["a.js", "b.js"]));
        let mut archive = Archive::new(GzDecoder::new(bytes.as_slice()));
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            let path = entry.path().unwrap().display().to_string();
            assert_eq!(header.mtime().unwrap(), 1_593_975_600);
            (path, header.mode().unwrap(), header.uid().unwrap())
        });
        let entries: Vec<_> = entries.collect();
        let folder = |path: &str| (path.to_owned(), 0o755, 0);
        let expected = [
            folder("release/"),
            folder("release/bin/"),
            ("release/bin/dash".to_owned(), PROGRAM, 0),
            ("release/bin/sh".to_owned(), 0o777, 0),
            folder("release/dashboard/"),
            ("release/dashboard/a.js".to_owned(), FILE, 0),
            ("release/dashboard/b.js".to_owned(), FILE, 0),
            folder("release/var/"),
            ("release/var/own/".to_owned(), 0o700, 7),
        ];
        assert_eq!(entries, expected);
    }
}
