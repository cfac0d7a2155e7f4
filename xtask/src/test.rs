//! Every test of the project: native ones and those end to end, which need the built worker and real clients.

use crate::build::{self, Variant};
use crate::command::status;
use crate::progress::step;
use crate::setup;
use crate::setup::debian::{self, Package};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// What `cargo xtask test` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments for `cargo test`, after `--`
    #[arg(last = true)]
    cargo_test: Vec<String>,
}

/// A real registry, the clients whose requests are watched, and the browser that the dashboard is looked at with.
pub(crate) const PACKAGES: [Package; 9] = [
    Package {
        name: "docker-registry",
        program: "docker-registry",
    },
    Package {
        name: "skopeo",
        program: "skopeo",
    },
    Package {
        name: "containerd",
        program: "ctr",
    },
    Package {
        name: "podman",
        program: "podman",
    },
    Package {
        name: "curl",
        program: "curl",
    },
    Package {
        name: "wget",
        program: "wget",
    },
    Package {
        name: "chromium",
        program: "chromium",
    },
    Package {
        name: "aria2",
        program: "aria2c",
    },
    Package {
        name: "docker.io",
        program: "dockerd",
    },
];

/// Answers with the outcome of `cargo test`, whose own lines are the last ones.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    step("registry, clients, browser", |step| {
        Ok((
            debian::ensure(
                step,
                &PACKAGES,
                "the end-to-end tests use a real registry, real clients and a real browser",
            )?,
            (),
        ))
    })?;
    let tools = setup::run(workspace)?;
    let sizes = build::worker(workspace, &tools, Variant::Release)?;
    build::worker(workspace, &tools, Variant::TestHooks)?;
    println!("{sizes}");
    let mut cargo = tools.command("cargo");
    let status = status(
        cargo
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(&args.cargo_test),
    )?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
