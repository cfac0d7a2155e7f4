//! The worker for release: two Wasm modules, and a bundle that plain `workerd serve` takes.
//!
//! | variant | control plane, by worker-build | data plane, by wasm-bindgen | bundle |
//! | --- | --- | --- | --- |
//! | release | `build/` | `build/data-plane/` | `build/bundle/` |
//! | `--test-hooks` | that of release | `build/test/build/data-plane/` | `build/test/bundle/` |
//!
//! A bundle is `worker.js` and the modules beside it, `data_plane_bg.wasm` and `index_bg.wasm`. Beside it
//! the dashboard, the same for both: `build/dashboard/`.

mod bundle;
mod dashboard;
mod module;
mod sizes;
mod variant;
mod wasm;

use crate::progress::step;
use crate::setup::{self, Tools};
use crate::workspace::Workspace;
use anyhow::Result;
use module::Module;
use sizes::Size;
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
    let data_plane = module(workspace, tools, variant, Module::DataPlane)?;
    let control_plane = module(workspace, tools, variant, Module::ControlPlane)?;
    step(format!("bundle{}", variant.suffix()), |step| {
        bundle::write(workspace, tools, step, variant)
    })?;
    step("dashboard", |step| dashboard::build(workspace, tools, step))?;
    Ok(Sizes {
        data_plane,
        control_plane,
    })
}

fn module(workspace: &Workspace, tools: &Tools, variant: Variant, module: Module) -> Result<Size> {
    let variant = module.built_as(variant);
    let (title, suffix) = (module.title(), variant.suffix());
    let raw = step(format!("compile {title}{suffix}"), |step| {
        wasm::compile(workspace, step, variant, module)
    })?;
    step(format!("optimise {title}{suffix}"), |step| {
        wasm::optimise(workspace, tools, step, variant, module, &raw)
    })?;
    Size::measure(&raw, &workspace.path(module.wasm(variant)))
}
