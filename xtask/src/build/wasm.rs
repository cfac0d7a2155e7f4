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

/// Of the workspace's Cargo.toml; also the name of its folder under the target's.
const PROFILE: &str = "worker";

/// Small and without names, which the raw module keeps. Then what the module may use: what Rust compiles for, and the
/// exceptions that wasm-bindgen catches. Not `--all-features`: it writes encodings that workerd does not read yet.
const WASM_OPT: [&str; 10] = [
    "-Oz",
    "--strip-debug",
    "--strip-producers",
    "--enable-bulk-memory",
    "--enable-exception-handling",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compiles the root package; answers with the path of the raw module.
pub(super) fn compile(workspace: &Workspace, step: &Step, variant: Variant) -> Result<(String, PathBuf)> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["build", "--lib", "--profile", PROFILE])
        .args(["--target", WASM_TARGET]);
    // As worker-build sets it: with another value cargo would compile everything again in there.
    cargo
        .args(variant.cargo_arguments())
        .env("WASM_BINDGEN_USE_JS_SYS", "1");
    quiet(step, &mut cargo)?;
    let raw = workspace
        .target()
        .join(WASM_TARGET)
        .join(PROFILE)
        .join("blobwatch.wasm");
    Ok((WASM_TARGET.to_owned(), raw))
}

/// Runs worker-build, which is wasm-bindgen and the JavaScript around the module, and wasm-opt.
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
        .args(["--profile", PROFILE, "--out-dir"])
        .arg(variant.output())
        .args(variant.cargo_arguments());
    quiet(step, &mut build)?;
    shrink(tools, step, &workspace.path(variant.wasm()))?;
    fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(("worker-build, wasm-opt".to_owned(), ()))
}

/// Makes the module small, in its place.
fn shrink(tools: &Tools, step: &Step, module: &Path) -> Result<()> {
    let mut optimise = tools.npm("wasm-opt");
    optimise.args(WASM_OPT).arg(module).arg("-o").arg(module);
    quiet(step, &mut optimise)?;
    Ok(())
}

/// The module, and the files that pin the tools and their options.
fn fingerprint(workspace: &Workspace, raw: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(WASM_OPT.join(" "));
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
