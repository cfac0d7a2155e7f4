//! Rust to optimised Wasm. Cargo decides whether the sources changed; worker-build, which takes seconds even when they
//! did not, runs only when cargo's output or a tool did.

use super::Variant;
use crate::command::quiet;
use crate::hex;
use crate::progress::Step;
use crate::setup::{Tools, WASM_TARGET};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the root package; answers with the path of the raw module.
pub(super) fn compile(workspace: &Workspace, step: &Step, variant: Variant) -> Result<(String, PathBuf)> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["build", "--lib", "--release", "--target", WASM_TARGET]);
    // As worker-build sets it: with another value cargo would compile everything again in there.
    cargo
        .args(variant.cargo_arguments())
        .env("WASM_BINDGEN_USE_JS_SYS", "1");
    quiet(step, &mut cargo)?;
    let raw = workspace
        .target()
        .join(WASM_TARGET)
        .join("release/blobwatch.wasm");
    Ok((WASM_TARGET.to_owned(), raw))
}

/// Runs worker-build: wasm-bindgen, wasm-opt and the JavaScript around the module.
pub(super) fn optimise(
    workspace: &Workspace,
    tools: &Tools,
    step: &Step,
    variant: Variant,
    raw: &Path,
) -> Result<(String, ())> {
    let output = workspace.path(variant.output());
    let stamp = output.join(".blobwatch-stamp");
    let current = fingerprint(workspace, raw)?;
    if output.join("index.js").is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == current) {
        return Ok(("unchanged".to_owned(), ()));
    }
    fs::create_dir_all(&output).with_context(|| format!("failed to create {}", output.display()))?;
    let mut build = tools.worker_build();
    build
        .args(["--release", "--out-dir"])
        .arg(variant.output())
        .args(variant.cargo_arguments());
    quiet(step, &mut build)?;
    fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(("worker-build".to_owned(), ()))
}

/// The module, and the files that pin the tools and their options.
fn fingerprint(workspace: &Workspace, raw: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for input in [
        raw.to_owned(),
        workspace.path("package-lock.json"),
        workspace.path("Cargo.toml"),
    ] {
        let bytes = fs::read(&input).with_context(|| format!("failed to read {}", input.display()))?;
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(&hash.finalize()))
}
