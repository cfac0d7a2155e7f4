//! The dashboard's files: types checked, bundled by Vite, and held to what they may weigh.

use super::sizes::gzip_len;
use crate::command::quiet;
use crate::progress::Step;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use blobwatch_wire::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the sources are.
const SOURCES: &str = "dashboard";

/// Where Vite writes; the folder of the binding ASSETS.
const OUTPUT: &str = "build/dashboard";

/// What decides the files, beside the folder `src`.
const INPUTS: [&str; 7] = [
    "package-lock.json",
    "docs/rules.md",
    "docs/openapi.json",
    "dashboard/package.json",
    "dashboard/index.html",
    "dashboard/tsconfig.json",
    "dashboard/vite.config.ts",
];

/// What every view loads, gzip-coded: half a second on a slow phone line of 2.4 Mbit/s.
const MAX_GZIP: usize = 150 * 1024;

/// What is loaded beside it where somebody writes a rule.
const MAX_EDITOR_GZIP: usize = 150 * 1024;

/// How the names of the editor's files begin; Vite names a chunk after its module.
const EDITOR: &str = "editor-";

/// What programs load and the page does not: the API's description.
const OPENAPI: &str = "openapi.json";

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
    let weight = weigh(&output)?;
    Ok((weight.held()?, ()))
}

/// Bytes, gzip-coded.
#[derive(Debug, PartialEq)]
struct Weight {
    page: usize,
    editor: usize,
}

impl Weight {
    /// In words, where it is within what it may be.
    fn held(&self) -> Result<String> {
        let words = |name: &str, gzip: usize, most: usize| {
            let kib = |bytes: usize| bytes.div_ceil(1024);
            let (gzip_kib, most_kib) = (kib(gzip), kib(most));
            ensure!(
                gzip <= most,
                "{name} weighs {gzip_kib} KiB gzip, over its {most_kib} KiB"
            );
            Ok(format!("{gzip_kib} KiB gzip (at most {most_kib} KiB)"))
        };
        let page = words("the dashboard", self.page, MAX_GZIP)?;
        let editor = words("the dashboard's editor", self.editor, MAX_EDITOR_GZIP)?;
        Ok(format!("{page}, editor {editor}"))
    }
}

fn weigh(folder: &Path) -> Result<Weight> {
    let mut weight = Weight { page: 0, editor: 0 };
    for file in files(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let gzip = gzip_len(&fs::read(&file)?)?;
        if name == OPENAPI {
            continue;
        }
        if name.starts_with(EDITOR) {
            weight.editor += gzip;
        } else {
            weight.page += gzip;
        }
    }
    Ok(weight)
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
    Ok(hex(&hash.finalize()))
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
    use super::{MAX_EDITOR_GZIP, MAX_GZIP, Weight, files, weigh};
    use std::fs;

    #[test]
    fn the_page_and_its_editor_are_held_to_their_own_weights() {
        let weight = |page, editor| Weight { page, editor }.held();
        assert!(weight(MAX_GZIP, MAX_EDITOR_GZIP).is_ok());
        for over in [weight(MAX_GZIP + 1, 0), weight(0, MAX_EDITOR_GZIP + 1)] {
            assert!(
                over.unwrap_err()
                    .to_string()
                    .contains("151 KiB gzip, over its 150 KiB")
            );
        }
    }

    #[test]
    fn every_file_of_every_folder_is_weighed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        for name in [
            "index.html",
            "assets/a.js",
            "assets/b.css",
            "assets/editor-1.js",
            "openapi.json",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<_> = files(folder.path()).unwrap();
        assert_eq!(names.len(), 5);
        let one = super::gzip_len(b"x").unwrap();
        let expected = Weight {
            page: 3 * one,
            editor: one,
        };
        assert_eq!(weigh(folder.path()).unwrap(), expected);
    }
}
