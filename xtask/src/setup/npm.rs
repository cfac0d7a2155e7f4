//! The npm packages, exactly as package-lock.json has them.

use crate::command::quiet;
use crate::progress::Step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;

/// What decides which packages are installed.
const INPUTS: [&str; 5] = [
    "package.json",
    "dashboard/package.json",
    "tests/clients/package.json",
    "package-lock.json",
    ".npmrc",
];

/// Runs `npm ci` unless what is installed came from the same lockfile.
pub(super) fn ensure(workspace: &Workspace, step: &Step) -> Result<&'static str> {
    let stamp = workspace.path("node_modules/.blobwatch-stamp");
    let current = fingerprint(workspace)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == current) {
        return Ok("unchanged");
    }
    let mut install = Command::new("npm");
    install
        .args(["ci", "--no-progress"])
        .current_dir(workspace.root());
    quiet(step, &mut install).context(
        "esbuild, Vite, wasm-opt, workerd and wrangler come from npm; for npm itself install Node.js 18 or newer",
    )?;
    fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok("installed")
}

fn fingerprint(workspace: &Workspace) -> Result<String> {
    let mut hash = Sha256::new();
    for input in INPUTS {
        let bytes = fs::read(workspace.path(input)).with_context(|| format!("failed to read {input}"))?;
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    Ok(blobwatch_wire::hex(&hash.finalize()))
}
