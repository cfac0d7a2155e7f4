//! What is checked of JavaScript and TypeScript without running it. The dashboard's types are checked where it is built and
//! tested; Rust is clippy's.

use crate::command::quiet;
use crate::progress::step;
use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result};

/// Folders with a `tsconfig.json`: the JavaScript of the worker, and its tests, which know Node too.
const TYPED: [&str; 2] = ["src", "src/data_plane/tests"];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tools = setup::run(workspace)?;
    for folder in TYPED {
        step(format!("types of {folder}"), |step| {
            let mut tsc = tools.npm("tsc");
            tsc.args(["--noEmit", "--project", folder]);
            quiet(step, &mut tsc).with_context(|| format!("the types of {folder} do not hold"))?;
            Ok(("hold".to_owned(), ()))
        })?;
    }
    step("oxlint", |step| {
        let mut oxlint = tools.npm("oxlint");
        oxlint.arg("--deny-warnings");
        quiet(step, &mut oxlint).context("the linter found something")?;
        Ok(("nothing found".to_owned(), ()))
    })
}
