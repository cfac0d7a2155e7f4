//! The `blobwatch` program for a machine, with a C library of its own, so that it runs on every Linux.

use super::machine::Machine;
use super::tree::{PROGRAM, Tree};
use super::worker::licences;
use super::{Release, VERSION};
use crate::command::{ask, quiet};
use crate::progress::Step;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the workspace's Cargo.toml.
const PROFILE: &str = "portable";

/// What the program is released with.
const FEATURES: &str = "mimalloc";

/// What its allocator is compiled with. It gives room back and takes it again all the time while a log is read, and each page that it takes
/// has to be cleared: large ones cost a tenth less.
const C_FLAGS: (&str, &str) = ("CFLAGS", "-DMI_DEFAULT_ALLOW_LARGE_OS_PAGES=1");

/// As its own archive brings it, and as Python's package does.
const ZIG: [&[&str]; 2] = [&["zig"], &["python3", "-m", "ziglang"]];

/// The program alone, for whoever reads logs with it or calls the API of a Blobwatch elsewhere.
pub(super) fn archive(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let folder = format!("blobwatch-cli-{VERSION}-linux-{}", release.machine.name());
    let mut tree = Tree::default();
    tree.copy("blobwatch", PROGRAM, &release.program)?;
    licences(&mut tree, release.workspace)?;
    Ok((format!("{folder}.tar.gz"), release.packed(&tree.below(&folder))?))
}

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
    build_released(&mut cargo)
        .args(["--locked", "--target", triple])
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace).join("\x1f"))
        .env(
            format!("CC_{}", triple.replace('-', "_")),
            c_compiler(workspace, machine)?,
        );
    quiet(step, &mut cargo)?;
    Ok((format!("{triple}, linked statically"), ()))
}

/// Has Cargo build the program as it is released, for whatever machine.
pub(crate) fn build_released(cargo: &mut Command) -> &mut Command {
    cargo
        .args(["build", "--package", "blobwatch-cli"])
        .args(["--profile", PROFILE, "--features", FEATURES])
        .env(C_FLAGS.0, C_FLAGS.1)
}

/// The linker that Rust brings, and no path of this machine in what is built.
fn flags(workspace: &Workspace) -> Vec<String> {
    let linker = [
        "-Clinker=rust-lld",
        "-Clinker-flavor=ld.lld",
        "-Clink-self-contained=yes",
    ];
    let linker = linker.into_iter().map(str::to_owned);
    linker.chain(workspace.hidden_paths()).collect()
}

/// What SQLite and zstd are compiled with: what the person names, the machine's own musl, or Zig, which has one for each machine.
fn c_compiler(workspace: &Workspace, machine: Machine) -> Result<OsString> {
    let triple = machine.triple();
    let variable = format!("CC_{}", triple.replace('-', "_"));
    if let Some(own) = env::var_os(&variable) {
        return Ok(own);
    }
    if machine == Machine::own() && ask("musl-gcc", &["--version"]).is_some() {
        return Ok("musl-gcc".into());
    }
    let found = ZIG.iter().find(|words| {
        let answers = words
            .split_first()
            .map(|(zig, words)| ask(zig, &[words, &["version"]].concat()));
        answers.flatten().is_some()
    });
    let zig = found.with_context(|| {
        format!(
            "no C compiler for {triple}: install Zig (`pip install ziglang`), or for this machine's own kind musl-tools (Debian), or set \
             {variable} to a compiler"
        )
    })?;
    let script = workspace.target().join(format!("zig-cc-{}", machine.name()));
    write_script(&script, &zig.join(" "), machine)?;
    Ok(script.into())
}

/// Zig as the crate `cc` calls a compiler: Zig does not know the vendor that Rust's names of targets have.
fn write_script(script: &Path, zig: &str, machine: Machine) -> Result<()> {
    let target = machine.triple().replace("-unknown", "");
    let text = format!(
        "#!/bin/sh
for argument do
  shift
  case $argument in
    --target=*) ;;
    *) set -- \"$@\" \"$argument\" ;;
  esac
done
exec {} cc -target {target} -fno-sanitize=all \"$@\"
",
        zig
    );
    let written =
        fs::write(script, text).and_then(|()| fs::set_permissions(script, Permissions::from_mode(0o755)));
    written.with_context(|| format!("failed to write {}", script.display()))
}

#[cfg(test)]
mod tests {
    use super::{Machine, write_script};
    use crate::command::ask;
    use std::path::Path;

    #[test]
    fn zig_is_told_a_target_that_it_knows() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("cc");
        write_script(Path::new(&script), "echo", Machine::Arm64).unwrap();
        let given = ["-O2", "--target=aarch64-unknown-linux-musl", "-c", "two words.c"];
        let expected = "cc -target aarch64-linux-musl -fno-sanitize=all -O2 -c two words.c";
        assert_eq!(ask(&script, &given).unwrap(), expected);
    }
}
