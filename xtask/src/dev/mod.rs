//! Blobwatch on this machine: the worker on workerd, in front of a registry of the developer's or the
//! demo registry. Everything listens on the loopback interface.

mod banner;
pub(crate) mod workerd;

use crate::build::{self, Variant};
use crate::demo::Player;
use crate::progress::{Step, step};
use crate::registry::Registry;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use banner::Banner;
use blobwatch_host::Origin;
use blobwatch_host::vars;
use blobwatch_host::workerd::Workerd;
use std::future::pending;
use std::net::{Ipv4Addr, TcpListener};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use workerd::Service;

/// Records, rules and the rest from run to run.
const DATA: &str = ".blobwatch";

/// What `cargo xtask dev` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port of 127.0.0.1 to serve on
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The origin, for instance http://127.0.0.1:5000 [default: a built-in demo registry]
    #[arg(long, value_name = "URL")]
    origin: Option<Origin>,
    /// Let the demo registry redirect blobs to a storage at localhost, behind the same worker
    #[arg(long, conflicts_with = "origin")]
    redirect: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    check_port(args.port)?;
    let tools = build::worker(workspace, Variant::Development)?;
    let token = step("token", |_| vars::ensure(&workspace.path(vars::FILE)))?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    runtime.block_on(serve(workspace, &tools, args, &token))
}

/// Before the long steps, so that a taken port is known at once.
pub(crate) fn check_port(port: u16) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map(drop)
        .with_context(|| {
            format!(
                "port {port} of 127.0.0.1 cannot be used; \
                 stop the program that listens there (`ss -ltnp` shows it), or choose another port with --port"
            )
        })
}

/// Runs the registry and the worker until a signal comes or one of them ends.
async fn serve(workspace: &Workspace, tools: &Tools, args: &Args, token: &str) -> Result<()> {
    let demo = match (&args.origin, args.redirect) {
        (Some(_), _) => None,
        (None, false) => Some(Registry::bind().await?),
        // The registry is 127.0.0.1, its storage localhost: two hosts, one worker.
        (None, true) => Some(
            Registry::bind()
                .await?
                .redirecting(&format!("http://localhost:{}", args.port)),
        ),
    };
    let origin = match (&args.origin, &demo) {
        (Some(origin), _) => origin.to_string(),
        (None, Some(demo)) => format!("http://{}", demo.address()?),
        (None, None) => bail!("failed to choose an origin"),
    };
    let player = match &demo {
        Some(demo) => Some(Player::open(demo.address()?, args.port, token).await?),
        None => None,
    };
    let banner = Banner {
        port: args.port,
        origin: &origin,
        demo: demo.is_some(),
        token,
    };
    let player = player.map(|player| player.url());
    let service = Service {
        port: args.port,
        origin: &origin,
        player: player.as_deref(),
        data: DATA,
    };
    let workerd = workerd::start(workspace, tools, &service)?;
    let registry = async {
        match demo {
            Some(demo) => demo.serve().await,
            None => pending().await,
        }
    };
    tokio::select! {
        never = registry => match never {},
        ended = work(workerd, args.port, &banner) => ended,
    }
}

async fn work(mut workerd: Workerd, port: u16, banner: &Banner<'_>) -> Result<()> {
    let ended = tokio::select! {
        ended = workerd::ended(&mut workerd) => Err(ended),
        ready = announce(port, banner) => ready,
        signal = end_signal() => signal,
    };
    workerd.stop().await;
    ended
}

/// Says that the worker is up once it is; it never ends unless it is not.
async fn announce(port: u16, banner: &Banner<'_>) -> Result<()> {
    let starting = Step::start("start workerd");
    if let Err(error) = workerd::ready(port).await {
        starting.failed();
        return Err(error);
    }
    starting.done("listening");
    println!("{banner}");
    pending().await
}

/// Waits for Ctrl-C, a request to terminate, or the terminal going away.
pub(crate) async fn end_signal() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
