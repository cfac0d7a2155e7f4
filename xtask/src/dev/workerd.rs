//! workerd with `config/dev.capnp`.

use crate::setup::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Error, Result, anyhow};
use blobwatch_host::vars;
use blobwatch_host::workerd::{Workerd, folder};
use std::fs::create_dir_all;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

const CONFIG: &str = "config/dev.capnp";

/// Where the databases of the Durable Objects are, below the folder of the data; `wrangler dev` called it so.
const OBJECTS: &str = "v3/do";

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

pub(crate) fn start(workspace: &Workspace, tools: &Tools, service: &Service<'_>) -> Result<Workerd> {
    let objects = objects_in(&workspace.path(service.data))?;
    let mut command = tools.workerd();
    command
        .args(["serve", CONFIG])
        .arg(format!("--socket-addr=http=127.0.0.1:{}", service.port))
        .arg(folder("data", &objects))
        .arg(folder("dashboard", &workspace.path("build/dashboard")))
        .env("ORIGIN", service.origin)
        .envs(service.player.map(|url| ("DEMO", url)))
        .envs(vars::read(&workspace.path(vars::FILE))?)
        .stdin(Stdio::null());
    Workerd::start(command)
}

/// The error of a child that should have gone on.
pub(crate) async fn ended(workerd: &mut Workerd) -> Error {
    match workerd.ended().await {
        Ok(status) => anyhow!("workerd ended with {status}; its messages are above"),
        Err(error) => error,
    }
}

pub(crate) async fn ready(port: u16) -> Result<()> {
    blobwatch_host::workerd::ready(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), None).await
}

/// Where the databases are; records and secrets of webhooks are in them, so the folder is its owner's only.
fn objects_in(data: &Path) -> Result<PathBuf> {
    let objects = data.join(OBJECTS);
    create_dir_all(&objects).with_context(|| format!("failed to create {}", objects.display()))?;
    vars::close(data, 0o700)?;
    Ok(objects)
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
