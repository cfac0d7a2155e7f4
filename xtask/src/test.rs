//! Every test of the project: native ones and those end to end, which need the built worker and real clients.

use crate::build::{self, Variant};
use crate::command::{quiet, status};
use crate::parallel::both;
use crate::progress::step;
use crate::setup::debian::{self, Package};
use crate::setup::python;
use crate::workspace::Workspace;
use anyhow::Result;
use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

/// What `cargo test` compiles and runs.
const WHAT: [&str; 2] = ["--workspace", "--no-fail-fast"];

/// Tells the end-to-end tests to run the worker that is compiled quickly.
const QUICK: &str = "BLOBWATCH_TEST_QUICK";

/// Tests that run side by side.
const THREADS: &str = "RUST_TEST_THREADS";

/// Most of the time end-to-end tests wait: for a slot of ten seconds, a step of a guard, a client that hangs.
const TESTS_A_CORE: usize = 2;

/// What `cargo xtask test` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test a worker that is compiled as for `cargo xtask dev`: seconds after an edit instead of minutes
    #[arg(long)]
    quick: bool,
    /// Arguments for `cargo test`, after `--`
    #[arg(last = true)]
    cargo_test: Vec<String>,
}

/// What the dashboard is looked at with.
pub(crate) const BROWSER: Package = Package {
    name: "chromium",
    program: "chromium",
};

/// A real registry and what stands before it, the clients whose requests are watched, the browser that the dashboard is
/// looked at with, the reader of metrics and alerts, and what runs images and makes a Debian to try packages on.
pub(crate) const PACKAGES: [Package; 15] = [
    BROWSER,
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
        name: "aria2",
        program: "aria2c",
    },
    Package {
        name: "docker.io",
        program: "dockerd",
    },
    Package {
        name: "nginx",
        program: "nginx",
    },
    Package {
        name: "prometheus",
        program: "promtool",
    },
    Package {
        name: "openssl",
        program: "openssl",
    },
    Package {
        name: "runc",
        program: "runc",
    },
    Package {
        name: "xz-utils",
        program: "xz",
    },
    Package {
        name: "mmdebstrap",
        program: "mmdebstrap",
    },
];

/// Answers with the outcome of `cargo test`, whose own lines are the last ones.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    // The tests are compiled with one core while the worker's modules are optimised with the other.
    let variants = if args.quick {
        [Variant::Development, Variant::DevelopmentTestHooks]
    } else {
        [Variant::Release, Variant::TestHooks]
    };
    let worker = || {
        let [plain, with_triggers] = variants.map(|variant| build::worker(workspace, variant));
        plain.and(with_triggers)
    };
    let (tools, ()) = both(worker, || prepare(workspace, args))?;
    let mut cargo = tools.command("cargo");
    if args.quick {
        cargo.env(QUICK, "1");
    } else {
        println!("{}", build::sizes(workspace, Variant::Release)?);
    }
    if std::env::var_os(THREADS).is_none() {
        let cores = available_parallelism().map_or(1, NonZero::get);
        cargo.env(THREADS, (TESTS_A_CORE * cores).to_string());
    }
    let status = status(cargo.arg("test").args(WHAT).args(&args.cargo_test))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the tests need beside the worker: what they run, which is mostly waited for, and themselves.
fn prepare(workspace: &Workspace, args: &Args) -> Result<()> {
    both(|| install(workspace), || compile(workspace, args))?;
    Ok(())
}

/// What the tests run.
fn install(workspace: &Workspace) -> Result<()> {
    step("registry, clients, browser", |step| {
        let purpose = "the end-to-end tests use a real registry, real clients and a real browser";
        Ok((debian::ensure(step, &PACKAGES, purpose)?, ()))
    })?;
    step("python packages", |step| {
        Ok((python::ensure(workspace, step)?.to_owned(), ()))
    })?;
    step("Debian for packages", |step| {
        Ok((debian::system(workspace, step)?, ()))
    })
}

/// The tests themselves.
fn compile(workspace: &Workspace, args: &Args) -> Result<()> {
    step("compile tests", |step| {
        let cargo = |command: &str| {
            let mut cargo = Command::new("cargo");
            cargo.current_dir(workspace.root()).arg(command);
            cargo
        };
        let mut tests = cargo("test");
        quiet(step, tests.args(WHAT).arg("--no-run").args(&args.cargo_test))?;
        // What an installation is served by, also where only end-to-end tests are asked for.
        quiet(step, cargo("build").args(["--package", "blobwatch-cli"]))?;
        Ok(("native".to_owned(), ()))
    })
}
