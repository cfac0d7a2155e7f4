//! One JavaScript module and the two Wasm modules beside it, for runtimes that do not bundle: `workerd serve` embeds them
//! by name.

use super::{Module, Variant};
use crate::command::quiet;
use crate::prefixes::TABLE;
use crate::progress::Step;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the entry is.
const ENTRY: &str = "src/data_plane/entry.js";

/// Where the entry and its modules are.
const SCRIPTS: [&str; 2] = ["src/data_plane", "src/control_plane"];

pub(super) fn write(
    workspace: &Workspace,
    tools: &Tools,
    step: &Step,
    variant: Variant,
) -> Result<(String, ())> {
    let folder = variant.bundle();
    let entry = entry(workspace, variant)?;
    let mut esbuild = tools.npm("esbuild");
    esbuild
        .arg(entry)
        .args([
            "--bundle",
            "--format=esm",
            "--target=esnext",
            "--log-level=warning",
        ])
        .args(["--external:cloudflare:*", "--external:node:*"])
        // Copies the modules beside the script, which imports them by these names.
        .args([
            "--loader:.wasm=copy",
            "--loader:.bin=copy",
            "--asset-names=[name]",
        ])
        .arg(format!("--outfile={}", folder.join("worker.js").display()));
    quiet(step, &mut esbuild)?;
    Ok((folder.display().to_string(), ()))
}

/// The entry whose modules import this variant's `../../build`: a variant with a root of its own gets a copy of them.
fn entry(workspace: &Workspace, variant: Variant) -> Result<PathBuf> {
    let entry = variant.root().join(ENTRY);
    if entry != Path::new(ENTRY) {
        for folder in SCRIPTS {
            let copy = variant.root().join(folder);
            copy_scripts(&workspace.path(folder), &workspace.path(&copy))
                .with_context(|| format!("failed to copy {folder} to {}", copy.display()))?;
        }
        copy_table(workspace, &variant.root().join(TABLE))?;
        if Module::ControlPlane.built_as(variant) != variant {
            copy_module(workspace, variant, Module::ControlPlane)?;
        }
    }
    Ok(entry)
}

/// Copies a module that is built once for all variants to where this variant's entry finds it.
fn copy_module(workspace: &Workspace, variant: Variant, module: Module) -> Result<()> {
    let built = module.built_as(variant);
    let files = [Module::script, Module::wasm].map(|file| (file(module, built), file(module, variant)));
    for (from, to) in files {
        fs::copy(workspace.path(&from), workspace.path(&to))
            .with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

/// Copies the table of cloud prefixes to where this variant's entry finds it.
fn copy_table(workspace: &Workspace, to: &Path) -> Result<()> {
    let to = workspace.path(to);
    let copied = to.parent().map_or(Ok(()), fs::create_dir_all);
    let copied = copied.and_then(|()| fs::copy(workspace.path(TABLE), &to));
    copied.with_context(|| format!("failed to copy {TABLE} to {}", to.display()))?;
    Ok(())
}

/// Copies the JavaScript files of a folder; files that are gone from it go there too.
fn copy_scripts(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        match path.file_name() {
            Some(name) if path.extension().is_some_and(|ext| ext == "js") => fs::copy(&path, to.join(name))?,
            _ => continue,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::copy_scripts;
    use std::fs;

    #[test]
    fn only_scripts_that_still_exist_are_in_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("entry.js"), "new").unwrap();
        fs::write(from.join("mod.rs"), "").unwrap();
        fs::write(to.join("gone.js"), "").unwrap();
        copy_scripts(&from, &to).unwrap();
        let names: Vec<_> = fs::read_dir(&to)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["entry.js"]);
    }
}
