//! Rust to optimised Wasm. Cargo decides whether the sources changed; wasm-bindgen, worker-build and wasm-opt, which take
//! seconds even when they did not, run only when cargo's output or a tool did.

use super::{Module, Variant};
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

/// Without names, which the raw module keeps. Then what the module may use: what Rust compiles for, and the
/// exceptions that wasm-bindgen catches. Not `--all-features`: it writes encodings that workerd does not read yet.
const WASM_OPT: [&str; 9] = [
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

/// Compiles the module's package; answers with the path of the raw module.
pub(super) fn compile(
    workspace: &Workspace,
    step: &Step,
    variant: Variant,
    module: Module,
) -> Result<(String, PathBuf)> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["build", "--lib", "--package", module.package()])
        .args(["--profile", module.profile(), "--target", WASM_TARGET]);
    // As worker-build sets it: with another value cargo would compile everything again in there.
    cargo
        .args(variant.cargo_arguments())
        .env("WASM_BINDGEN_USE_JS_SYS", "1");
    quiet(step, &mut cargo)?;
    let raw = workspace
        .target()
        .join(WASM_TARGET)
        .join(module.profile())
        .join(module.raw_name());
    Ok((WASM_TARGET.to_owned(), raw))
}

/// Writes the JavaScript around the module and makes the module small or fast.
pub(super) fn optimise(
    workspace: &Workspace,
    tools: &Tools,
    step: &Step,
    variant: Variant,
    module: Module,
    raw: &Path,
) -> Result<(String, ())> {
    let output = workspace.path(module.output(variant));
    let stamp = output.join(".blobwatch-stamp");
    let current = fingerprint(workspace, module, raw)?;
    let is_there = workspace.path(module.script(variant)).is_file();
    if is_there && fs::read_to_string(&stamp).is_ok_and(|built| built == current) {
        return Ok(("unchanged".to_owned(), ()));
    }
    fs::create_dir_all(&output).with_context(|| format!("failed to create {}", output.display()))?;
    let binder = match module {
        Module::DataPlane => bindgen(tools, step, &output, raw)?,
        Module::ControlPlane => worker_build(tools, step, variant)?,
    };
    shrink(
        tools,
        step,
        module.effort(),
        &workspace.path(module.wasm(variant)),
    )?;
    fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok((format!("{binder}, wasm-opt"), ()))
}

/// Plain wasm-bindgen: the instance is made, and made anew after a trap, by `src/data_plane/wasm.js`.
fn bindgen(tools: &Tools, step: &Step, output: &Path, raw: &Path) -> Result<&'static str> {
    let mut bindgen = tools.wasm_bindgen();
    bindgen
        .args(["--target", "web", "--experimental-reset-state-function"])
        .args(["--no-typescript", "--out-name", "data_plane", "--out-dir"])
        .arg(output)
        .arg(raw);
    quiet(step, &mut bindgen)?;
    Ok("wasm-bindgen")
}

/// wasm-bindgen and the glue of the `worker` crate.
fn worker_build(tools: &Tools, step: &Step, variant: Variant) -> Result<&'static str> {
    let mut build = tools.worker_build();
    build
        .args(["--profile", Module::ControlPlane.profile(), "--out-dir"])
        .arg(variant.output())
        .args(variant.cargo_arguments());
    quiet(step, &mut build)?;
    Ok("worker-build")
}

/// Runs wasm-opt on the module, in its place.
fn shrink(tools: &Tools, step: &Step, effort: &str, module: &Path) -> Result<()> {
    let mut optimise = tools.npm("wasm-opt");
    optimise
        .arg(effort)
        .args(WASM_OPT)
        .arg(module)
        .arg("-o")
        .arg(module);
    quiet(step, &mut optimise)?;
    Ok(())
}

/// The module, and the files that pin the tools and their options.
fn fingerprint(workspace: &Workspace, module: Module, raw: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(module.effort());
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
