//! The worker: two Wasm modules, and a bundle that plain `workerd serve` takes.
//!
//! | variant | control plane | data plane | bundle |
//! | --- | --- | --- | --- |
//! | release | `build/` | `build/data-plane/` | `build/bundle/` |
//! | `--test-hooks` | that of release | `build/test/build/data-plane/` | `build/test/bundle/` |
//! | of `cargo xtask dev` | `build/dev/build/` | `build/dev/build/data-plane/` | `build/dev/bundle/` |
//! | of `cargo xtask test --quick`, with test hooks | `build/quick/build/` | `build/quick/build/data-plane/` | `build/quick/bundle/` |
//!
//! A bundle is `worker.js` and the modules beside it, `data_plane_bg.wasm` and `index_bg.wasm`. Beside it
//! the dashboard, the same for all: `build/dashboard/`.

mod bindings;
mod bundle;
mod dashboard;
mod module;
mod sizes;
mod variant;
mod wasm;

use crate::parallel::both;
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
    let variant = if args.test_hooks {
        Variant::TestHooks
    } else {
        Variant::Release
    };
    worker(workspace, variant)?;
    println!("{}", sizes(workspace, variant)?);
    println!("bundle for workerd: {}", variant.bundle().display());
    Ok(())
}

/// Builds and bundles one variant, and the dashboard's files, with all that a build needs; what has not changed is not built
/// again.
pub(crate) fn worker(workspace: &Workspace, variant: Variant) -> Result<Tools> {
    let (tools, ()) = both(|| dashboard(workspace), || compile(workspace, variant))?;
    let finish = |module: Module| finish(workspace, &tools, variant, module);
    both(|| finish(Module::DataPlane), || finish(Module::ControlPlane))?;
    step(format!("bundle{}", variant.suffix()), |step| {
        bundle::write(workspace, &tools, step, variant)
    })?;
    Ok(tools)
}

/// The dashboard's files, and the npm packages that make them.
pub(crate) fn dashboard(workspace: &Workspace) -> Result<Tools> {
    let tools = setup::packages(workspace)?;
    step("dashboard", |step| dashboard::build(workspace, &tools, step))?;
    Ok(tools)
}

/// Compiles both modules: with one profile together, so that what they share is compiled once; with two side by side, because
/// the end of each keeps one core busy for long.
fn compile(workspace: &Workspace, variant: Variant) -> Result<()> {
    setup::wasm_target()?;
    let run = |title: &str, variant: Variant, modules: &[Module]| {
        step(format!("compile {title}{}", variant.suffix()), |step| {
            wasm::compile(workspace, step, variant, modules)
        })
    };
    if variant.is_quick() {
        return run("worker", variant, &Module::ALL);
    }
    let run = |module: Module| run(module.title(), module.built_as(variant), &[module]);
    both(|| run(Module::DataPlane), || run(Module::ControlPlane))?;
    Ok(())
}

fn finish(workspace: &Workspace, tools: &Tools, variant: Variant, module: Module) -> Result<()> {
    let variant = module.built_as(variant);
    step(format!("finish {}{}", module.title(), variant.suffix()), |step| {
        wasm::finish(workspace, tools, step, variant, module)
    })
}

/// What the modules of a variant weigh.
pub(crate) fn sizes(workspace: &Workspace, variant: Variant) -> Result<Sizes> {
    let size = |module: Module| {
        let variant = module.built_as(variant);
        Size::measure(
            &wasm::raw(workspace, variant, module),
            &workspace.path(module.wasm(variant)),
        )
    };
    Ok(Sizes {
        data_plane: size(Module::DataPlane)?,
        control_plane: size(Module::ControlPlane)?,
    })
}
