//! Python packages that tests need, in an environment of their own below the target folder.

use super::debian;
use crate::command::{ask, quiet};
use crate::progress::Step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// What is installed, at exactly these versions.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// Makes the environment unless what is in it came from the same list.
pub(crate) fn ensure(workspace: &Workspace, step: &Step) -> Result<&'static str> {
    let wanted = fs::read_to_string(workspace.path(REQUIREMENTS))
        .with_context(|| format!("failed to read {REQUIREMENTS}"))?;
    let folder = workspace.target().join("python");
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok("unchanged");
    }
    if ask("python3", &["-c", "import ensurepip, venv; print('here')"]).is_none() {
        debian::install(
            step,
            &["python3-venv"],
            "the archive is read, and the API is tried, with Python packages",
        )?;
    }
    let mut make = Command::new("python3");
    quiet(step, make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(folder.join("bin/pip"));
    install
        .args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(workspace.path(REQUIREMENTS));
    quiet(step, &mut install).context("the packages of tests/requirements.txt come from PyPI")?;
    fs::write(&stamp, wanted).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok("installed")
}
