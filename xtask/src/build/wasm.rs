//! Rust to Wasm. Cargo decides whether the sources changed; wasm-bindgen and wasm-opt, which take seconds even when they
//! did not, run only when cargo's output or a tool did.

use super::{Module, Variant, bindings};
use crate::command::quiet;
use crate::progress::Step;
use crate::setup::{Tools, WASM_TARGET};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use blobwatch_wire::hex;
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

/// Compiles the packages of modules with one profile.
pub(super) fn compile(
    workspace: &Workspace,
    step: &Step,
    variant: Variant,
    modules: &[Module],
) -> Result<(String, ())> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(arguments(variant, modules))
        // Rust's promises then need one crate of bindings, not two.
        .env("WASM_BINDGEN_USE_JS_SYS", "1");
    if !variant.is_quick() {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", workspace.hidden_paths().join("\x1f"));
    }
    quiet(step, &mut cargo)?;
    Ok((WASM_TARGET.to_owned(), ()))
}

fn arguments(variant: Variant, modules: &[Module]) -> Vec<&'static str> {
    let mut arguments = vec!["build", "--lib", "--target", WASM_TARGET];
    for module in modules {
        arguments.extend(["--package", module.package()]);
    }
    if let Some(module) = modules.first() {
        arguments.extend(["--profile", module.profile(variant)]);
    }
    arguments.extend(variant.features());
    arguments
}

/// The module as cargo leaves it.
pub(super) fn raw(workspace: &Workspace, variant: Variant, module: Module) -> PathBuf {
    workspace
        .target()
        .join(WASM_TARGET)
        .join(module.profile(variant))
        .join(module.raw_name())
}

/// Writes the JavaScript around the module and makes the module small or fast.
pub(super) fn finish(
    workspace: &Workspace,
    tools: &Tools,
    step: &Step,
    variant: Variant,
    module: Module,
) -> Result<(String, ())> {
    let raw = raw(workspace, variant, module);
    let output = workspace.path(module.output(variant));
    let script = workspace.path(module.script(variant));
    let stamp = output.join(".blobwatch-stamp");
    let current = fingerprint(workspace, module, &raw)?;
    if script.is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == current) {
        return Ok(("unchanged".to_owned(), ()));
    }
    fs::create_dir_all(&output).with_context(|| format!("failed to create {}", output.display()))?;
    step.tick("wasm-bindgen");
    bindings::write(module, &raw, &output)?;
    if module == Module::ControlPlane {
        bindings::inline(tools, step, &script)?;
    }
    let outcome = if variant.is_for_tests_only() || variant.is_quick() {
        "wasm-bindgen"
    } else {
        shrink(
            tools,
            step,
            module.effort(),
            &workspace.path(module.wasm(variant)),
        )?;
        "wasm-bindgen, wasm-opt"
    };
    fs::write(&stamp, current).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok((outcome.to_owned(), ()))
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
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::arguments;
    use crate::build::{Module, Variant};

    #[track_caller]
    fn case(variant: Variant, modules: &[Module], expected: &str) {
        let expected = format!("build --lib --target wasm32-unknown-unknown {expected}");
        assert_eq!(arguments(variant, modules).join(" "), expected);
    }

    #[test]
    fn each_module_is_compiled_with_its_profile_and_triggers_for_tests_only() {
        case(
            Variant::Release,
            &[Module::ControlPlane],
            "--package blobwatch --profile worker",
        );
        case(
            Variant::TestHooks,
            &[Module::DataPlane],
            "--package blobwatch-data-plane --profile data-plane --features test-hooks",
        );
    }

    #[test]
    fn for_development_both_are_compiled_at_once() {
        case(
            Variant::Development,
            &Module::ALL,
            "--package blobwatch-data-plane --package blobwatch --profile worker-dev --no-default-features",
        );
    }
}
