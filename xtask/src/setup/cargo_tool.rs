//! A command that is compiled from a crate, pinned by version.

use super::{cache, debian};
use crate::command::quiet;
use crate::progress::Step;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate and the command it brings.
pub(super) struct CargoTool {
    package: &'static str,
    program: &'static str,
    version: String,
}

impl CargoTool {
    pub(super) fn new(package: &'static str, program: &'static str, version: &str) -> Self {
        Self {
            package,
            program,
            version: version.to_owned(),
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}", self.package, self.version)
    }

    /// The path of the command, compiled now if this version is not in the cache.
    pub(super) fn ensure(&self, step: &Step) -> Result<(String, PathBuf)> {
        let folder = cache::tool(self.package, &self.version)?;
        let program = folder.join("bin").join(self.program);
        if program.is_file() {
            return Ok(("in the cache".to_owned(), program));
        }
        debian::ensure_openssl(step)?;
        let tools = folder
            .parent()
            .context("failed to find the folder of the tools")?;
        let _lock = lock(tools)?;
        if program.is_file() {
            return Ok(("compiled by another run".to_owned(), program));
        }
        self.install(step, &folder)
            .with_context(|| format!("failed to compile {}", self.title()))?;
        Ok((format!("compiled into {}", folder.display()), program))
    }

    /// Compiles beside the folder and renames: nobody sees half a tool, and what was compiled before an interruption is
    /// not compiled again.
    fn install(&self, step: &Step, folder: &Path) -> Result<()> {
        let partial = folder.with_file_name(format!(".{}-{}", self.package, self.version));
        quiet(step, &mut self.cargo_install(&partial))?;
        fs::remove_dir_all(partial.join("target"))?;
        fs::rename(&partial, folder).with_context(|| format!("failed to create {}", folder.display()))
    }

    /// Without `--locked`: the lockfile of wasm-bindgen-cli 0.2.130 does not build. Little optimisation is enough for
    /// tools that run for a second, and saves minutes.
    fn cargo_install(&self, root: &Path) -> Command {
        let mut command = Command::new("cargo");
        command
            .args([
                "install",
                self.package,
                "--version",
                &self.version,
                "--bin",
                self.program,
                "--root",
            ])
            .arg(root);
        command
            .arg("--target-dir")
            .arg(root.join("target"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        command
    }
}

/// One run at a time compiles; the others wait here until it ends.
fn lock(tools: &Path) -> Result<File> {
    let path = tools.join(".lock");
    fs::create_dir_all(tools)
        .and_then(|()| File::create(&path))
        .and_then(|file| file.lock().map(|()| file))
        .with_context(|| format!("failed to lock {}", path.display()))
}
