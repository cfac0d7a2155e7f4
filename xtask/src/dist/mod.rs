//! What is released: archives that need neither this clone nor a compiler.
//!
//! | file | holds |
//! | --- | --- |
//! | `blobwatch-worker-V.tar.gz` | the worker, as `wrangler deploy` takes it |
//! | `blobwatch-cli-V-linux-ARCH.tar.gz` | the command line alone, linked statically |
//! | `blobwatch-V-linux-ARCH.tar.gz` | workerd, the worker, the command line, a unit for systemd |
//! | `blobwatch_V_ARCH.deb` | the same as a package of Debian |
//! | `blobwatch-V-oci-ARCH.tar` | the same as an image, in the layout of OCI |
//! | `blobwatch-V-sbom.cdx.json`, `SHA256SUMS` | what it is made of, and its digests |
//!
//! The same commit and tools give the same bytes: entries are sorted, times are those of the commit (`SOURCE_DATE_EPOCH`), and
//! the command line knows no path of this machine.

mod archive;
mod command_line;
mod deb;
mod host;
mod image;
mod machine;
mod sbom;
mod sums;
mod tree;
mod worker;

use crate::build::{self, Variant};
use crate::command::ask;
use crate::progress::step;
use crate::setup::{self, Tools};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use archive::{Effort, tar_gz};
pub(crate) use command_line::build_released;
use machine::Machine;
use std::env;
use std::fs::{create_dir_all, write};
use std::path::{Path, PathBuf};
use tree::Tree;
pub(crate) use worker::write as write_worker;

/// What the releases are called.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `cargo xtask dist` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which archives; all of them where none is named
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Pack what is built already, and build nothing
    #[arg(long)]
    built: bool,
    /// Pack the worker of `cargo xtask dev`
    #[arg(long)]
    quick: bool,
    /// Pack the command line of `cargo build`: for tests of the archives
    #[arg(long)]
    debug: bool,
    /// For which machine the command line, the package and the image are
    #[arg(long, value_enum, default_value_t = Machine::own())]
    machine: Machine,
    /// Where the archives go
    #[arg(long, value_name = "FOLDER", default_value = "target/dist")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// For `wrangler deploy`
    Worker,
    /// The command line alone
    Cli,
    /// The folder with `blobwatch serve`
    Host,
    /// The package of Debian
    Deb,
    /// The image
    Image,
    /// What all of it is made of
    Sbom,
}

/// What is packed, and from where.
pub(super) struct Release<'a> {
    workspace: &'a Workspace,
    machine: Machine,
    variant: Variant,
    /// The `blobwatch` program.
    program: PathBuf,
    /// Of the commit, in seconds.
    time: u64,
    /// Whether the program is that of `cargo build`, and nobody keeps the archives.
    is_debug: bool,
    /// Whether nothing is to be built or fetched that is there.
    is_built: bool,
}

impl Release<'_> {
    fn packed(&self, tree: &Tree) -> Result<Vec<u8>> {
        tar_gz(tree, self.time, self.effort())
    }

    fn effort(&self) -> Effort {
        if self.is_debug {
            Effort::Least
        } else {
            Effort::Usual
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let variant = if args.quick {
        Variant::Development
    } else {
        Variant::Release
    };
    let tools = if args.built {
        setup::packages(workspace)?
    } else {
        build::worker(workspace, variant)?
    };
    let release = Release {
        workspace,
        machine: args.machine,
        variant,
        program: program(workspace, &tools, args)?,
        time: time(workspace)?,
        is_debug: args.debug,
        is_built: args.built,
    };
    let out = workspace.path(&args.out);
    create_dir_all(&out).with_context(|| format!("failed to create {}", out.display()))?;
    let parts = [
        (Part::Worker, "worker", worker::archive as Pack),
        (Part::Cli, "command line", command_line::archive),
        (Part::Host, "self-hosting", host::archive),
        (Part::Deb, "package of Debian", deb::package),
        (Part::Image, "image", image::archive),
        (Part::Sbom, "SBOM", sbom::document),
    ];
    for (part, title, pack) in parts {
        if args.only.is_empty() || args.only.contains(&part) {
            step(title, |_| kept(&out, pack(&release)?))?;
        }
    }
    step("SHA256SUMS", |_| Ok((sums::write(&out)?, ())))
}

/// Makes one archive: its name and its bytes.
type Pack = fn(&Release<'_>) -> Result<(String, Vec<u8>)>;

fn kept(out: &Path, (name, bytes): (String, Vec<u8>)) -> Result<(String, ())> {
    let path = out.join(&name);
    let kib = bytes.len().div_ceil(1024);
    write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    Ok((format!("{name}, {kib} KiB"), ()))
}

fn program(workspace: &Workspace, tools: &Tools, args: &Args) -> Result<PathBuf> {
    if args.debug {
        return Ok(workspace.target().join("debug/blobwatch"));
    }
    let program = command_line::program(workspace, args.machine);
    if !args.built {
        step("command line", |step| {
            command_line::build(workspace, tools, step, args.machine)
        })?;
    }
    Ok(program)
}

/// Of the commit that is packed, so that it is the same whenever it is packed.
fn time(workspace: &Workspace) -> Result<u64> {
    let time = match env::var("SOURCE_DATE_EPOCH") {
        Ok(time) => time,
        Err(_) => {
            let root = workspace.root().to_string_lossy().into_owned();
            ask("git", &["-C", &root, "log", "-1", "--format=%ct"])
                .context("failed to read the time of the commit; set SOURCE_DATE_EPOCH")?
        }
    };
    time.parse()
        .context("SOURCE_DATE_EPOCH must be seconds since 1970")
}
