//! The child that serves: `wrangler dev`, which runs workerd. It is the leader of a process group of its own, so that
//! one signal reaches all of it and Ctrl-C in the terminal reaches it once, from here.

use crate::setup::Tools;
use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long workerd may take to listen; it takes about two seconds on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long wrangler may take to end workerd and itself.
const STOP_LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Wrangler {
    child: Child,
    group: Pid,
}

impl Wrangler {
    /// Serves on `port`; what the worker keeps is in the folder `data`. `player` is where the dashboard's demo is played.
    pub(crate) fn start(
        tools: &Tools,
        port: u16,
        origin: &str,
        player: Option<&str>,
        data: &str,
    ) -> Result<Self> {
        let mut command = tools.wrangler();
        command
            .args(["dev", "--local", "--ip", "127.0.0.1", "--persist-to", data])
            .args(["--port", &port.to_string(), "--inspector-port", "0"])
            .args(["--var", &format!("ORIGIN:{origin}")])
            .args(player.map(|url| format!("--var=DEMO:{url}")))
            .args(["--log-level", "warn", "--show-interactive-dev-session=false"])
            // A placeholder for `request.cf` instead of one that is downloaded.
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .stdin(Stdio::null());
        let child = Command::from(command).process_group(0).kill_on_drop(true).spawn();
        let child = child.context("failed to start wrangler")?;
        let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self {
            child,
            group: group.context("failed to start wrangler: it ended at once")?,
        })
    }

    /// Waits until the child ends, which it should not do by itself.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => {
                anyhow!("wrangler dev ended with {status}; its messages are above, its log in .wrangler/logs")
            }
            Err(error) => anyhow!(error).context("failed to wait for wrangler dev"),
        }
    }

    /// Asks the whole group to end, and ends it when it does not.
    pub(crate) async fn stop(&mut self) {
        // The group may be gone already.
        let _ = kill_process_group(self.group, Signal::INT);
        let _ = timeout(STOP_LIMIT, self.child.wait()).await;
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

/// Waits until the worker answers.
pub(crate) async fn ready(port: u16) -> Result<()> {
    let answered = async {
        while !answers(port).await {
            sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(START_LIMIT, answered).await.is_err() {
        bail!(
            "the worker did not answer within {} s; wrangler's log is in .wrangler/logs",
            START_LIMIT.as_secs()
        );
    }
    Ok(())
}

/// Whether the port speaks HTTP.
async fn answers(port: u16) -> bool {
    let attempt = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "GET /_blobwatch/healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        std::io::Result::Ok(&start == b"HTTP/")
    };
    timeout(START_LIMIT, attempt)
        .await
        .is_ok_and(|answered| answered.unwrap_or(false))
}
