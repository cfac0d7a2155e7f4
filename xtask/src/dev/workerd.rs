//! The child that serves: workerd with `config/dev.capnp`. It is the leader of a process group of its own, so that Ctrl-C in
//! the terminal reaches it once, from here.

use super::vars;
use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail};
use std::ffi::OsString;
use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const CONFIG: &str = "config/dev.capnp";

/// Where the databases of the Durable Objects are, below the folder of the data; `wrangler dev` called it so.
const OBJECTS: &str = "v3/do";

/// How long workerd may take to listen; it takes less than a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Workerd(Child);

/// What is served, and where.
pub(crate) struct Service<'a> {
    pub(crate) port: u16,
    /// The registry behind.
    pub(crate) origin: &'a str,
    /// Where the dashboard's demo is played.
    pub(crate) player: Option<&'a str>,
    /// The folder of what the worker keeps.
    pub(crate) data: &'a str,
}

impl Workerd {
    pub(crate) fn start(workspace: &Workspace, tools: &Tools, service: &Service<'_>) -> Result<Self> {
        let objects = objects_in(&workspace.path(service.data))?;
        let folder = |name: &str, path| {
            let mut argument = OsString::from(format!("--directory-path={name}="));
            argument.push(path);
            argument
        };
        let mut command = tools.workerd();
        command
            .args(["serve", CONFIG])
            .arg(format!("--socket-addr=http=127.0.0.1:{}", service.port))
            .arg(folder("data", objects))
            .arg(folder("dashboard", workspace.path("build/dashboard")))
            .env("ORIGIN", service.origin)
            .envs(service.player.map(|url| ("DEMO", url)))
            .envs(vars::read(&workspace.path(vars::FILE))?)
            .stdin(Stdio::null());
        let child = Command::from(command).process_group(0).kill_on_drop(true).spawn();
        Ok(Self(child.context("failed to start workerd")?))
    }

    /// Waits until the child ends, which it should not do by itself.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.0.wait().await {
            Ok(status) => anyhow!("workerd ended with {status}; its messages are above"),
            Err(error) => anyhow!(error).context("failed to wait for workerd"),
        }
    }

    /// Ends it at once: what its answers promised is in its databases.
    pub(crate) async fn stop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill().await;
    }
}

/// Where the databases are; records and secrets of webhooks are in them, so the folder is its owner's only.
fn objects_in(data: &Path) -> Result<PathBuf> {
    let objects = data.join(OBJECTS);
    create_dir_all(&objects).with_context(|| format!("failed to create {}", objects.display()))?;
    vars::close(data, 0o700)?;
    Ok(objects)
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
            "the worker did not answer within {} s; workerd's messages are above",
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

#[cfg(test)]
mod tests {
    use super::objects_in;
    use std::fs::{Permissions, create_dir, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_folder_of_the_databases_is_its_owners_also_where_it_was_there() {
        let folder = tempfile::tempdir().unwrap();
        for (name, is_there) in [("new", false), ("old", true)] {
            let data = folder.path().join(name);
            if is_there {
                create_dir(&data).unwrap();
                set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
            }
            assert!(objects_in(&data).unwrap().is_dir());
            assert_eq!(
                metadata(&data).unwrap().permissions().mode() & 0o777,
                0o700,
                "{name}"
            );
        }
    }
}
