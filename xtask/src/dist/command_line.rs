//! The `blobwatch` program for a machine, with a C library of its own, so that it runs on every Linux.

use super::machine::Machine;
use crate::command::{ask, quiet};
use crate::progress::Step;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Of the workspace's Cargo.toml.
const PROFILE: &str = "portable";

pub(super) fn program(workspace: &Workspace, machine: Machine) -> PathBuf {
    workspace
        .target()
        .join(machine.triple())
        .join(PROFILE)
        .join("blobwatch")
}

pub(super) fn build(
    workspace: &Workspace,
    tools: &Tools,
    step: &Step,
    machine: Machine,
) -> Result<(String, ())> {
    let triple = machine.triple();
    quiet(step, Command::new("rustup").args(["target", "add", triple])).with_context(|| {
        format!("the command line is built for {triple}; run `rustup target add {triple}`")
    })?;
    let mut cargo = tools.command("cargo");
    cargo
        .args(["build", "--locked", "--package", "blobwatch-cli"])
        .args(["--profile", PROFILE, "--target", triple])
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace).join("\x1f"))
        .env(format!("CC_{}", triple.replace('-', "_")), c_compiler(machine)?);
    quiet(step, &mut cargo)?;
    Ok((format!("{triple}, linked statically"), ()))
}

/// The linker that Rust brings, and no path of this machine in what is built.
fn flags(workspace: &Workspace) -> Vec<String> {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let remapped = |from: PathBuf, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![
        "-Clinker=rust-lld".to_owned(),
        "-Clinker-flavor=ld.lld".to_owned(),
        "-Clink-self-contained=yes".to_owned(),
        remapped(workspace.root().to_owned(), "/blobwatch"),
    ];
    flags.extend(cargo.map(|cargo| remapped(cargo, "/cargo")));
    flags
}

/// What SQLite and zstd are compiled with: the machine's own musl, or Zig, which has one for each machine.
fn c_compiler(machine: Machine) -> Result<OsString> {
    let own = env::var_os(format!("CC_{}", machine.triple().replace('-', "_")));
    if let Some(own) = own {
        return Ok(own);
    }
    if machine == Machine::X86_64 && ask("musl-gcc", &["--version"]).is_some() {
        return Ok("musl-gcc".into());
    }
    bail!(
        "no C compiler for {}: install musl-tools (Debian), or set CC_{} to one, for instance a script with `zig cc -target {}`",
        machine.triple(),
        machine.triple().replace('-', "_"),
        machine.triple().replace("-unknown", "")
    )
}
