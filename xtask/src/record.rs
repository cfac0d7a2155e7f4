//! Traces of real clients, written by the end-to-end tests that pull with them.

use crate::build::{self, Variant};
use crate::command::status;
use crate::progress::step;
use crate::setup::debian;
use crate::test::PACKAGES;
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Writes `tests/data/clients/recorded-*.jsonl` anew; the tests of `crates/records` then hold them to their kinds.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    step("registry and clients", |step| {
        let purpose = "traces are recorded from real clients";
        Ok((debian::ensure(step, &PACKAGES, purpose)?, ()))
    })?;
    let tools = build::worker(workspace, Variant::Release)?;
    let mut cargo = tools.command("cargo");
    let tests = ["test", "--test", "e2e", "histories", "--", "--test-threads=2"];
    if !status(cargo.args(tests).env("BLOBWATCH_RECORD", "1"))?.success() {
        bail!("a client did not behave as its test expects; its trace was not written");
    }
    Ok(())
}
