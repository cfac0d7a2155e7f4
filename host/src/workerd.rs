//! The child that serves: workerd. It is the leader of a process group of its own, so that Ctrl-C in the terminal reaches it
//! once, from here.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command as StdCommand, ExitStatus};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long workerd may take to listen; it takes less than a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Workerd(Child);

impl Workerd {
    /// # Errors
    /// The program cannot be started.
    pub fn start(command: StdCommand) -> Result<Self> {
        let child = Command::from(command).process_group(0).kill_on_drop(true).spawn();
        Ok(Self(child.context("failed to start workerd")?))
    }

    /// Waits until the child ends, which it should not do by itself.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.0.wait().await.context("failed to wait for workerd")
    }

    /// Ends it at once: what its answers promised is in its databases.
    pub async fn stop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill().await;
    }

    /// Asks it to end when its requests have ended, and ends it at once where they go on for longer than this.
    pub async fn finish(&mut self, patience: Duration) {
        let process = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(process) = process.and_then(Pid::from_raw) {
            // It may have ended already.
            let _ = kill_process(process, Signal::TERM);
        }
        if timeout(patience, self.0.wait()).await.is_err() {
            self.stop().await;
        }
    }
}

/// The argument that says where a folder of the configuration is.
#[must_use]
pub fn folder(name: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(format!("--directory-path={name}="));
    argument.push(path);
    argument
}

/// Waits until the worker answers, at the host of the API if that has one of its own.
///
/// # Errors
/// It takes too long.
pub async fn ready(address: SocketAddr, host: Option<&str>) -> Result<()> {
    let host = host.map_or_else(|| address.to_string(), str::to_owned);
    let answered = async {
        while !answers(address, &host).await {
            sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(START_LIMIT, answered).await.is_err() {
        bail!(
            "the worker did not answer within {} s; workerd's messages are above",
            START_LIMIT.as_secs()
        );
    }
    Ok(())
}

/// Whether HTTP is spoken there.
async fn answers(address: SocketAddr, host: &str) -> bool {
    let attempt = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET /_blobwatch/healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        std::io::Result::Ok(&start == b"HTTP/")
    };
    timeout(START_LIMIT, attempt)
        .await
        .is_ok_and(|answered| answered.unwrap_or(false))
}
