//! workerd from its first start to the signal that ends it: started anew when it dies, with pauses that grow.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use blobwatch_host::progress::Step;
use blobwatch_host::workerd::{Workerd, ready};
use blobwatch_wire::LogLevel;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::banner::Banner;
use super::notify;
use super::service::Service;
use super::signals::Signals;
use crate::databases::{DamagedAlarms, mend_alarms};
use crate::{output, probe};

/// Between a death and the next start, doubled from death to death.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Who lived for so long did not die of its start.
const LIVED: Duration = Duration::from_secs(60);

/// Why a turn of workerd is over.
enum Over {
    Died(ExitStatus),
    Signal(&'static str),
}

pub(super) fn until_ended(service: &Service<'_>, banner: &Banner, patience: u64) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start a runtime")?;
    runtime.block_on(watch(service, banner, Duration::from_secs(patience)))
}

async fn watch(service: &Service<'_>, banner: &Banner, patience: Duration) -> Result<()> {
    let mut signals = Signals::hear()?;
    let (mut was_up, mut pause) = (false, FIRST_PAUSE);
    loop {
        mended(service)?;
        let started = Instant::now();
        let mut workerd = Workerd::start(service.command()?)?;
        let over = turn(service, banner, &mut workerd, &mut signals, &mut was_up).await?;
        let status = match over {
            Over::Signal(name) => return end(workerd, &mut signals, name, patience).await,
            Over::Died(status) => status,
        };
        if !was_up {
            bail!(
                "workerd ended with {status} before it was up; its messages are above, and `blobwatch doctor` may say more"
            );
        }
        if started.elapsed() > LIVED {
            pause = FIRST_PAUSE;
        }
        output::log(
            LogLevel::Error,
            "workerd ended; it is started anew",
            &[("status", &status), ("pause_s", &pause.as_secs())],
        );
        tokio::select! {
            () = sleep(pause) => {}
            _ = signals.next() => return Ok(()),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One life of workerd.
async fn turn(
    service: &Service<'_>,
    banner: &Banner,
    workerd: &mut Workerd,
    signals: &mut Signals,
    was_up: &mut bool,
) -> Result<Over> {
    let is_first = !*was_up;
    let up = async {
        come_up(service, is_first).await?;
        *was_up = true;
        if is_first {
            tell(service, banner).await?;
        }
        std::future::pending::<Result<()>>().await
    };
    tokio::select! {
        status = workerd.ended() => Ok(Over::Died(status?)),
        name = signals.next() => Ok(Over::Signal(name)),
        failed = up => Err(failed.err().unwrap_or_else(|| anyhow::anyhow!("workerd did not come up"))),
    }
}

async fn come_up(service: &Service<'_>, is_first: bool) -> Result<()> {
    let step = Step::start("start workerd");
    let host = service.host()?;
    match ready(service.front.asked_at(), host.as_deref()).await {
        Ok(()) => step.done(if is_first { "listening" } else { "listening again" }),
        // Slow, and not dead: clients wait at the socket.
        Err(error) if !is_first => step.done(&format!("{error:#}")),
        Err(error) => {
            step.failed();
            return Err(error);
        }
    }
    Ok(())
}

/// What a person needs to know, and what the worker says of itself.
async fn tell(service: &Service<'_>, banner: &Banner) -> Result<()> {
    // Clients are served: a registry that hangs delays its own line only.
    output::text(&banner.to_string()).context("failed to write")?;
    notify::is_ready();
    let (at, host) = (service.front.asked_at(), service.host()?);
    if service.origin.is_some() {
        told("origin", move || origin(at)).await;
    }
    told("health", move || health(at, host.as_deref())).await;
    Ok(())
}

/// Asks for `/v2/` as a client does: the worker's own way to the registry, with its names and its certificates.
fn origin(at: SocketAddr) -> String {
    match probe::ask(&format!("http://{at}/v2/"), None) {
        Ok(answer) => {
            probe::registry(&answer).unwrap_or_else(|told| format!("{told}; pulls are tried all the same"))
        }
        Err(error) => format!("does not answer: {error:#}; pulls are tried all the same"),
    }
}

fn health(at: SocketAddr, host: Option<&str>) -> String {
    match probe::ask(&format!("http://{at}/_blobwatch/healthz"), host) {
        Ok(answer) => probe::health(answer.body()).map_or_else(|told| told, |()| "ok".to_owned()),
        Err(error) => format!("not known: {error:#}"),
    }
}

async fn told(title: &str, ask: impl FnOnce() -> String + Send + 'static) {
    let step = Step::start(title);
    match spawn_blocking(ask).await {
        Ok(outcome) => step.done(&outcome),
        Err(_) => step.failed(),
    }
}

/// A damaged file of alarms keeps workerd from starting, and holds nothing that does not come back by itself.
fn mended(service: &Service<'_>) -> Result<()> {
    for DamagedAlarms {
        file,
        damage,
        moved_to,
    } in mend_alarms(service.data)?
    {
        output::log(
            LogLevel::Warn,
            "a damaged file of alarms was moved away: objects set their alarms again when they are next called, and no rule or \
             record was in it",
            &[
                ("file", &file.display()),
                ("moved_to", &moved_to),
                ("cause", &damage),
            ],
        );
    }
    Ok(())
}

/// Waits for the requests in flight; a second signal is impatience.
async fn end(mut workerd: Workerd, signals: &mut Signals, name: &str, patience: Duration) -> Result<()> {
    output::log(
        LogLevel::Info,
        "ending when the requests in flight have ended",
        &[("signal", &name)],
    );
    let is_impatient = tokio::select! {
        () = workerd.finish(patience) => false,
        _ = signals.next() => true,
    };
    if is_impatient {
        workerd.stop().await;
    }
    Ok(())
}
