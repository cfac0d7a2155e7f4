//! A command that is compiled from a crate, pinned by version.

use super::{cache, debian};
use crate::command::quiet;
use crate::progress::Step;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

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
        self.install(step, &folder)?;
        Ok((format!("compiled into {}", folder.display()), program))
    }

    /// Compiles into a folder of this process's own and renames it: two runs at once do not see half a tool.
    fn install(&self, step: &Step, folder: &Path) -> Result<()> {
        debian::ensure_openssl(step)?;
        let tools = folder
            .parent()
            .context("failed to find the folder of the tools")?;
        let partial = tools.join(format!(".{}-{}", self.package, id()));
        let built = quiet(step, &mut self.cargo_install(&partial));
        let kept = built.and_then(|_| keep(&partial, folder));
        // A failed attempt leaves nothing behind; of one that worked only the command stays.
        let _ = fs::remove_dir_all(&partial);
        kept.with_context(|| format!("failed to compile {}", self.title()))
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

/// Moves what cargo installed into its place; where another run was first, its tool is the same.
fn keep(partial: &Path, folder: &Path) -> Result<()> {
    fs::remove_dir_all(partial.join("target"))?;
    if let Err(error) = fs::rename(partial, folder)
        && !folder.join("bin").is_dir()
    {
        return Err(error).with_context(|| format!("failed to create {}", folder.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::keep;
    use std::fs;

    #[test]
    fn only_the_command_is_kept_and_the_first_run_wins() {
        let tools = tempfile::tempdir().unwrap();
        let folder = tools.path().join("tool-1.0.0");
        for run in ["first", "second"] {
            let partial = tools.path().join(run);
            fs::create_dir_all(partial.join("target/release")).unwrap();
            fs::create_dir_all(partial.join("bin")).unwrap();
            fs::write(partial.join("bin/tool"), run).unwrap();
            keep(&partial, &folder).unwrap();
        }
        assert_eq!(fs::read_to_string(folder.join("bin/tool")).unwrap(), "first");
        assert!(!folder.join("target").exists());
    }
}
