//! The worker for release: Wasm by worker-build, and a bundle that plain `workerd serve` takes.
//!
//! | variant | worker-build's output | bundle |
//! | --- | --- | --- |
//! | release | `build/` | `build/bundle/{worker.js,index_bg.wasm}` |
//! | `--test-hooks` | `build/test/build/` | `build/test/bundle/{worker.js,index_bg.wasm}` |
//!
//! Beside it the dashboard, the same for both: `build/dashboard/`.

mod bundle;
mod dashboard;
mod sizes;
mod variant;
mod wasm;

use crate::progress::step;
use crate::setup::{self, Tools};
use crate::workspace::Workspace;
use anyhow::Result;
pub(crate) use sizes::Sizes;
pub(crate) use variant::Variant;

/// What `cargo xtask build` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build with the triggers that tests use to break the worker, into build/test
    #[arg(long)]
    test_hooks: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tools = setup::run(workspace)?;
    let variant = if args.test_hooks {
        Variant::TestHooks
    } else {
        Variant::Release
    };
    let sizes = worker(workspace, &tools, variant)?;
    println!("{sizes}");
    println!("bundle for workerd: {}", variant.bundle().display());
    Ok(())
}

/// Builds and bundles one variant, and the dashboard's files; what has not changed is not built again.
pub(crate) fn worker(workspace: &Workspace, tools: &Tools, variant: Variant) -> Result<Sizes> {
    let raw = step(format!("compile{}", variant.suffix()), |step| {
        wasm::compile(workspace, step, variant)
    })?;
    step(format!("optimise{}", variant.suffix()), |step| {
        wasm::optimise(workspace, tools, step, variant, &raw)
    })?;
    step(format!("bundle{}", variant.suffix()), |step| {
        bundle::write(workspace, tools, step, variant)
    })?;
    step("dashboard", |step| dashboard::build(workspace, tools, step))?;
    Sizes::measure(&raw, &workspace.path(variant.wasm()))
}
