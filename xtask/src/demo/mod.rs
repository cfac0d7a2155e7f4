//! An incident, played: the worker on workerd, a registry, a path between them that breaks, clients of many regions that
//! hang and come back, and an operator who reads what Blobwatch says and switches the rule.
//!
//! In scope: two incidents that happened, one of them told three times ([`Story`]). Nothing writes records or counts: they are what the worker sees.

mod account;
mod cast;
mod cdn;
mod client;
mod mitigation;
mod operator;
mod path;
mod play;
mod player;
mod scene;
mod story;
mod told;
mod traffic;
mod watch;

use crate::build::{self, Variant};
use crate::dev::workerd::{self, Service, ready};
use crate::dev::{check_port, end_signal};
use crate::progress::step;
use crate::registry::Registry;
use crate::setup::Tools;
use crate::workspace::Workspace;
use account::Account;
use anyhow::{Context, Result, bail};
use blobwatch_host::vars;
use path::Path;
use play::{Ending, Stage};
pub(crate) use player::Player;
use scene::Scene;
use std::fs::remove_dir_all;
use std::future::pending;
use std::io::ErrorKind;
use story::{ORDINARY, Story};
use tokio::runtime::Builder;

/// What the worker keeps of a demo. Every one begins empty: what it learns as normal is its own first minutes.
const DATA: &str = ".blobwatch/demo";

/// What `cargo xtask demo` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which incident
    #[arg(value_enum, default_value_t = Story::July2020)]
    story: Story,
    /// Port of 127.0.0.1 to serve on
    #[arg(long, default_value_t = 8788)]
    port: u16,
    /// Let you switch the rule; the demo prints the command
    #[arg(long)]
    by_hand: bool,
    /// Preview the rule, enforce it for a quarter of the clients first, and let its guard take it back (july-2020-rule)
    #[arg(long, conflicts_with = "by_hand")]
    guard: bool,
    /// Keep serving after the incident
    #[arg(long)]
    stay: bool,
}

impl Args {
    /// A guard watches a rule of ours.
    fn story(&self) -> Story {
        match self.story {
            Story::July2020 if self.guard => Story::July2020Rule,
            story => story,
        }
    }

    fn ending(&self) -> Ending {
        match (self.by_hand, self.guard) {
            (true, _) => Ending::ByHand,
            (false, true) => Ending::Guard,
            (false, false) => Ending::Operator,
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    check_port(args.port)?;
    if args.guard && args.story() != Story::July2020Rule {
        bail!("--guard works with july-2020 only: no rule causes the other incident");
    }
    let tools = build::worker(workspace, Variant::Development)?;
    let token = step("token", |_| vars::ensure(&workspace.path(vars::FILE)))?;
    match remove_dir_all(workspace.path(DATA)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).context(format!(
                "failed to remove {DATA}, the records of the previous demo"
            ));
        }
        _ => {}
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .context("failed to start a runtime")?
        .block_on(perform(workspace, &tools, args, &token))
}

/// Runs the registry, the paths, the worker and the story, until it is over or a signal comes.
async fn perform(workspace: &Workspace, tools: &Tools, args: &Args, token: &str) -> Result<()> {
    let registry = Registry::bind().await?;
    let home = Path::open(registry.address()?, |_| ORDINARY).await?.url();
    let scene = Scene::open(args.story(), registry.address()?, &home, args.port).await?;
    let registry = match scene.storage() {
        Some(storage) => registry.redirecting(&storage),
        None => registry,
    };
    tokio::spawn(registry.serve());
    let account = Account::printed();
    let stage = Stage::new(args.story(), scene, args.port, token, account, args.ending());
    let service = Service {
        port: args.port,
        origin: &home,
        player: None,
        data: DATA,
    };
    let mut workerd = workerd::start(workspace, tools, &service)?;
    let ended = tokio::select! {
        ended = workerd::ended(&mut workerd) => Err(ended),
        played = play(args, &stage) => played,
        signal = end_signal() => signal,
    };
    workerd.stop().await;
    ended
}

async fn play(args: &Args, stage: &Stage) -> Result<()> {
    ready(args.port).await?;
    stage.play().await?;
    if args.stay {
        println!("\nStill serving on 127.0.0.1:{}; Ctrl-C ends it.", args.port);
        pending::<()>().await;
    }
    Ok(())
}
