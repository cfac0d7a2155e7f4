//! The dashboard's files: types checked, bundled by Vite, and held to what they may weigh.

use super::sizes::gzip_len;
use crate::command::quiet;
use crate::hex;
use crate::progress::Step;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the sources are.
const SOURCES: &str = "dashboard";

/// Where Vite writes; the folder of the binding ASSETS.
const OUTPUT: &str = "build/dashboard";

/// What decides the files, beside the folder `src`.
const INPUTS: [&str; 5] = [
    "package-lock.json",
    "dashboard/package.json",
    "dashboard/index.html",
    "dashboard/tsconfig.json",
    "dashboard/vite.config.ts",
];

/// Everything that a browser loads, gzip-coded: half a second on a slow phone line of 2.4 Mbit/s.
const MAX_GZIP: usize = 150 * 1024;

/// Answers with what the files weigh. What has not changed is not built again.
pub(super) fn build(workspace: &Workspace, tools: &Tools, step: &Step) -> Result<(String, ())> {
    let stamp = workspace.path("build/.dashboard-stamp");
    let current = fingerprint(workspace)?;
    let output = workspace.path(OUTPUT);
    let is_built = output.join("index.html").is_file();
    if !is_built || fs::read_to_string(&stamp).ok().as_deref() != Some(&current) {
        let run = |program: &str, arguments: &[&str]| {
            let mut command = tools.npm(program);
            command.args(arguments).current_dir(workspace.path(SOURCES));
            quiet(step, &mut command)
        };
        run("tsc", &["--noEmit"]).context("the dashboard does not pass the type check")?;
        run("vite", &["build", "--logLevel", "warn"])?;
        fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    }
    let gzip = weigh(&output)?;
    let kib = |bytes: usize| bytes.div_ceil(1024);
    ensure!(
        gzip <= MAX_GZIP,
        "the dashboard weighs {} KiB gzip, over its {} KiB",
        kib(gzip),
        kib(MAX_GZIP)
    );
    Ok((
        format!("{} KiB gzip (at most {} KiB)", kib(gzip), kib(MAX_GZIP)),
        (),
    ))
}

fn weigh(folder: &Path) -> Result<usize> {
    let mut sum = 0;
    for file in files(folder)? {
        sum += gzip_len(&fs::read(file)?)?;
    }
    Ok(sum)
}

fn fingerprint(workspace: &Workspace) -> Result<String> {
    let mut inputs: Vec<PathBuf> = INPUTS.iter().map(|input| workspace.path(input)).collect();
    inputs.extend(files(&workspace.path(SOURCES).join("src"))?);
    let mut hash = Sha256::new();
    for input in inputs {
        let bytes = fs::read(&input).with_context(|| format!("failed to read {}", input.display()))?;
        hash.update(input.as_os_str().as_encoded_bytes());
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(&hash.finalize()))
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{files, weigh};
    use std::fs;

    #[test]
    fn every_file_of_every_folder_is_weighed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        for name in ["index.html", "assets/a.js", "assets/b.css"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<_> = files(folder.path()).unwrap();
        assert_eq!(names.len(), 3);
        let one = super::gzip_len(b"x").unwrap();
        assert_eq!(weigh(folder.path()).unwrap(), 3 * one);
    }
}
