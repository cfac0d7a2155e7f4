//! The runtime: `workerd serve` with one worker, as Cloudflare would run it.
//!
//! A socket that believes the `CF-Blob` header lets the load play clients everywhere.

use super::Api;
use super::config::configuration;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// What is served.
#[derive(Debug, Clone)]
pub(crate) enum Worker {
    /// A folder with `worker.js` and its Wasm modules; `cargo xtask build` makes [`BUNDLE`].
    Blobwatch(PathBuf),
    /// The same behind `data/counting.js`, which counts what would be billed.
    Counted,
    /// The rival: forwards and does nothing else.
    Passthrough,
}

/// What `cargo xtask build` makes, in the clone.
pub(crate) const BUNDLE: &str = "build/bundle";

/// What is in a bundle, the entry first.
const BUNDLED: [&str; 3] = ["worker.js", "data_plane_bg.wasm", "index_bg.wasm"];

impl Worker {
    /// Its modules, the first being the entry.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let of = |bundle: &Path| BUNDLED.map(|name| bundle.join(name));
        match self {
            Self::Passthrough => vec!["tests/data/passthrough.js".into()],
            Self::Blobwatch(bundle) => of(bundle).into(),
            Self::Counted => [
                vec!["bench/data/counting.js".into()],
                of(Path::new(BUNDLE)).into(),
            ]
            .concat(),
        }
    }

    /// The flags of `wrangler.toml`; a plain worker needs none.
    pub(super) fn flags(&self) -> &'static str {
        match self {
            Self::Passthrough => "",
            Self::Blobwatch(_) | Self::Counted => r#""enable_request_signal""#,
        }
    }
}

/// A running process; it ends with this value.
pub(crate) struct Workerd {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Workerd {
    /// Starts workerd with empty storage, on a free port.
    ///
    /// # Errors
    /// When workerd or the worker is not built, or does not start.
    pub(crate) fn start(worker: &Worker, origin: SocketAddr, vars: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("objects"))?;
        let config = folder.path().join("config.capnp");
        fs::write(&config, configuration(worker, origin, vars, folder.path())?)?;
        let (child, address) = serve(&config)?;
        Ok(Self {
            child,
            address,
            folder,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn api(&self) -> Api {
        Api::at(self.address)
    }

    /// The folder of a Durable Object class: one SQLite file an object.
    pub(crate) fn objects(&self, class: &str) -> PathBuf {
        self.folder.path().join("objects").join(class)
    }

    /// Ends the process, lets `body` work on its files, and starts it again on another port.
    ///
    /// # Errors
    /// Those of `body`, and as [`Self::start`].
    pub(crate) fn restart_after(mut self, body: impl FnOnce(&Self) -> Result<()>) -> Result<Self> {
        self.end()?;
        body(&self)?;
        (self.child, self.address) = serve(&self.folder.path().join("config.capnp"))?;
        Ok(self)
    }

    fn end(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.end());
    }
}

fn serve(config: &Path) -> Result<(Child, SocketAddr)> {
    let mut command = Command::new(binary()?);
    command.args(["serve", "--control-fd=1"]).arg(config);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start workerd")?;
    let Some(events) = child.stdout.take() else {
        bail!("failed to read what workerd reports")
    };
    let mut events = BufReader::new(events).lines();
    while let Some(event) = events.next().transpose()? {
        if let Some(port) = port(&event) {
            // Whoever does not read what it writes stops it.
            thread::spawn(move || events.for_each(drop));
            return Ok((child, (Ipv4Addr::LOCALHOST, port).into()));
        }
    }
    bail!("workerd ended with {}", child.wait()?)
}

/// Port of a `{"event":"listen",…}` line.
fn port(event: &str) -> Option<u16> {
    let event = serde_json::from_str::<serde_json::Value>(event).ok()?;
    u16::try_from(event.get("port")?.as_u64()?).ok()
}

fn binary() -> Result<PathBuf> {
    let machine = match std::env::consts::ARCH {
        "aarch64" => "linux-arm64",
        _ => "linux-64",
    };
    let path = workspace::root().join(format!("node_modules/@cloudflare/workerd-{machine}/bin/workerd"));
    if !path.is_file() {
        bail!("{} is missing: `cargo xtask setup` installs it", path.display());
    }
    Ok(path)
}
