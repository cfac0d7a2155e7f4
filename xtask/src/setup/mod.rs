//! Everything that a build needs beside Rust and Node, installed where it is missing and left alone where it is not.
//! Out of scope: registries and mirrors; cargo, npm, rustup and apt use what the person configured for them.

pub(crate) mod debian;
mod node;
mod npm;
pub(crate) mod python;
mod wasm_target;

use crate::parallel::both;
use crate::progress::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::env::consts::{ARCH, OS};
use std::ffi::{OsStr, OsString};
use std::process::Command;
pub(crate) use wasm_target::WASM_TARGET;

/// The installed npm packages.
pub(crate) struct Tools {
    workspace: Workspace,
    path: OsString,
}

/// Installs what is missing. Offline it works too when nothing is.
///
/// # Errors
/// Something is missing and cannot be installed: the text says what, what for and how to get it.
pub(crate) fn run(workspace: &Workspace) -> Result<Tools> {
    let (tools, ()) = both(|| packages(workspace), wasm_target)?;
    Ok(tools)
}

/// What the worker is compiled with.
pub(crate) fn wasm_target() -> Result<()> {
    step("wasm target", |step| {
        Ok((wasm_target::ensure(step)?.to_owned(), ()))
    })
}

/// The npm packages, and the Node that runs them.
pub(crate) fn packages(workspace: &Workspace) -> Result<Tools> {
    step("npm packages", |step| {
        Ok((npm::ensure(workspace, step)?.to_owned(), ()))
    })?;
    step("node", |_| Ok((node::check(workspace)?, ())))?;
    Ok(Tools {
        workspace: workspace.clone(),
        path: search_path(workspace)?,
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

    /// The runtime itself: npm puts either it or a script that starts it where an npm package's commands are.
    pub(crate) fn workerd(&self) -> Command {
        let machine = match (OS, ARCH) {
            ("macos", "aarch64") => "darwin-arm64",
            ("macos", _) => "darwin-64",
            (_, "aarch64") => "linux-arm64",
            _ => "linux-64",
        };
        let package = format!("node_modules/@cloudflare/workerd-{machine}/bin/workerd");
        self.command(self.workspace.path(package))
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
}
