//! Benchmarks that need no runtime: the package `blobwatch-bench`, which takes the name of one and `--json FILE`.

use crate::command::open;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// In the open: a benchmark says what it is doing while it runs for minutes.
pub(super) fn measure(workspace: &Workspace, name: &str, json: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["run", "--quiet", "--release", "--package", "blobwatch-bench"]);
    open(cargo.args(["--", name, "--json"]).arg(json))
}
