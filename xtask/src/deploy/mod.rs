//! To Cloudflare: build, check what can be checked before an upload, then `wrangler deploy`.

mod config;
mod secrets;

use crate::build::{self, Variant};
use crate::command::open;
use crate::dist;
use crate::progress::step;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use blobwatch_host::Origin;

/// The free plan's limit of a worker, gzip-coded; more would be refused after the upload.
/// <https://developers.cloudflare.com/workers/platform/limits/#worker-size>
const MAX_GZIP: usize = 3 * 1024 * 1024;

/// What is deployed, as a release has it.
const FOLDER: &str = "build/worker";

/// What `cargo xtask deploy` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Do everything except the upload; needs neither an account nor a network
    #[arg(long)]
    dry_run: bool,
    /// The origin, in place of ORIGIN in wrangler.toml
    #[arg(long, value_name = "URL")]
    origin: Option<Origin>,
    /// Arguments for `wrangler deploy`, after `--`
    #[arg(last = true)]
    wrangler: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let config = step("wrangler.toml", |_| {
        Ok(("sane".to_owned(), config::read(workspace)?))
    })?;
    let origin = step("origin", |_| {
        let origin = config.origin(args.origin.as_ref(), args.dry_run)?;
        Ok((
            origin
                .as_ref()
                .map_or("not set: a deploy would stop here".to_owned(), Origin::to_string),
            origin,
        ))
    })?;
    let tools = build::worker(workspace, Variant::Release)?;
    let sizes = build::sizes(workspace, Variant::Release)?;
    println!("{sizes}");
    ensure!(
        sizes.gzip() <= MAX_GZIP,
        "Cloudflare's free plan accepts no worker over {MAX_GZIP} bytes gzip"
    );
    if !args.dry_run {
        step("secrets", |step| Ok((secrets::check(&tools, step)?, ())))?;
    }
    // What a release has: a fault of that folder shows here first.
    dist::write_worker(workspace, &workspace.path(FOLDER))?;
    let mut deploy = tools.wrangler();
    deploy.args(["deploy", "--config", &format!("{FOLDER}/wrangler.toml")]);
    if args.dry_run {
        deploy.args(["--dry-run", "--outdir", "build/deploy"]);
    }
    if let Some(origin) = origin {
        deploy.args(["--var", &format!("ORIGIN:{origin}")]);
    }
    open(deploy.args(&args.wrangler))
}
