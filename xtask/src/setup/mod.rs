//! Everything that a build needs beside Rust and Node, installed where it is missing and left alone where it is not.
//! Out of scope: registries and mirrors; cargo, npm, rustup and apt use what the person configured for them.

mod cache;
mod cargo_tool;
pub(crate) mod debian;
mod lockfile;
mod node;
mod npm;
mod wasm_target;

use crate::progress::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use cargo_tool::CargoTool;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
pub(crate) use wasm_target::WASM_TARGET;

/// The installed tools, by path.
pub(crate) struct Tools {
    workspace: Workspace,
    path: OsString,
    worker_build: PathBuf,
    wasm_bindgen: PathBuf,
}

/// Installs what is missing. Offline it works too when nothing is.
///
/// # Errors
/// Something is missing and cannot be installed: the text says what, what for and how to get it.
pub(crate) fn run(workspace: &Workspace) -> Result<Tools> {
    step("wasm target", |step| {
        Ok((wasm_target::ensure(step)?.to_owned(), ()))
    })?;
    let lock = lockfile::read(&workspace.path("Cargo.lock"))?;
    // worker-build is released with the `worker` crate under one version, and wasm-bindgen's command refuses
    // modules of another version: Cargo.lock pins both.
    let worker_build = CargoTool::new(
        "worker-build",
        "worker-build",
        lockfile::version(&lock, "worker")?,
    );
    let bindgen = CargoTool::new(
        "wasm-bindgen-cli",
        "wasm-bindgen",
        lockfile::version(&lock, "wasm-bindgen")?,
    );
    let worker_build = step(worker_build.title(), |step| worker_build.ensure(step))?;
    let wasm_bindgen = step(bindgen.title(), |step| bindgen.ensure(step))?;
    step("npm packages", |step| {
        Ok((npm::ensure(workspace, step)?.to_owned(), ()))
    })?;
    step("node", |_| Ok((node::check(workspace)?, ())))?;
    Ok(Tools {
        workspace: workspace.clone(),
        path: search_path(workspace)?,
        worker_build,
        wasm_bindgen,
    })
}

/// `PATH` with the npm packages' commands first, so that wrangler finds their Node and not an older one.
fn search_path(workspace: &Workspace) -> Result<OsString> {
    let machine = env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(workspace.path("node_modules/.bin")).chain(env::split_paths(&machine));
    env::join_paths(paths).context("failed to put node_modules/.bin on the PATH")
}

impl Tools {
    /// A command that runs in the root of the clone with the npm packages' commands on its `PATH`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.workspace.root()).env("PATH", &self.path);
        command
    }

    /// A command that an npm package brings.
    pub(crate) fn npm(&self, name: &str) -> Command {
        self.command(self.workspace.npm_bin(name))
    }

    /// wrangler, quiet about itself, with its log where the rest of its state is.
    pub(crate) fn wrangler(&self) -> Command {
        let mut command = self.npm("wrangler");
        command
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("WRANGLER_LOG_PATH", ".wrangler/logs");
        command
    }

    /// `wasm-bindgen` of the version in Cargo.lock.
    pub(crate) fn wasm_bindgen(&self) -> Command {
        self.command(&self.wasm_bindgen)
    }

    /// `worker-build` with the paths of its helpers: without them it would download them from a code host.
    pub(crate) fn worker_build(&self) -> Command {
        let mut command = self.command(&self.worker_build);
        command
            .env("WASM_BINDGEN_BIN", &self.wasm_bindgen)
            .env("WASM_OPT_BIN", self.workspace.npm_bin("wasm-opt"))
            .env("ESBUILD_BIN", self.workspace.npm_bin("esbuild"));
        command
    }
}
