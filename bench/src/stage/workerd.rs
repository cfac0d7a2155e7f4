//! The runtime: `workerd serve` with one worker, as Cloudflare would run it.
//!
//! A socket that believes the `CF-Blob` header lets the load play clients everywhere.

use super::Api;
use super::config::configuration;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
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
    /// The same behind `data/held.js`, which keeps objects from answering.
    Held,
    /// The rival: forwards and does nothing else.
    Passthrough,
}

/// What `cargo xtask build` makes, in the clone.
pub(crate) const BUNDLE: &str = "build/bundle";

/// What is in a bundle, the entry first.
const BUNDLED: [&str; 4] = [
    "worker.js",
    "data_plane_bg.wasm",
    "index_bg.wasm",
    "cloud_prefixes.bin",
];

impl Worker {
    /// Its modules, the first being the entry.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let of = |bundle: &Path| BUNDLED.map(|name| bundle.join(name));
        let behind = |entry: &str| [vec![entry.into()], of(Path::new(BUNDLE)).into()].concat();
        match self {
            Self::Passthrough => vec!["tests/data/passthrough.js".into()],
            Self::Blobwatch(bundle) => of(bundle).into(),
            Self::Counted => behind("bench/data/counting.js"),
            Self::Held => behind("bench/data/held.js"),
        }
    }

    /// The flags of `wrangler.toml`; a plain worker needs none.
    pub(super) fn flags(&self) -> &'static str {
        match self {
            Self::Passthrough => "",
            Self::Blobwatch(_) | Self::Counted | Self::Held => r#""enable_request_signal""#,
        }
    }
}

/// A running process; it ends with this value.
pub(crate) struct Workerd {
    child: Child,
    /// Of each isolate; the first holds the Durable Objects.
    isolates: Vec<SocketAddr>,
    folder: TempDir,
}

impl Workerd {
    /// Starts workerd with empty storage, on a free port.
    ///
    /// # Errors
    /// When workerd or the worker is not built, or does not start.
    pub(crate) fn start(worker: &Worker, origin: SocketAddr, vars: &[(&str, &str)]) -> Result<Self> {
        Self::start_some(worker, origin, vars, 0)
    }

    /// The same in so many isolates, with the memory of each its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn with_isolates(worker: &Worker, origin: SocketAddr, isolates: usize) -> Result<Self> {
        Self::start_some(worker, origin, &[], isolates.saturating_sub(1))
    }

    fn start_some(worker: &Worker, origin: SocketAddr, vars: &[(&str, &str)], others: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("objects"))?;
        let config = folder.path().join("config.capnp");
        fs::write(
            &config,
            configuration(worker, origin, vars, others, folder.path())?,
        )?;
        let (child, isolates) = serve(&config, 1 + others)?;
        Ok(Self {
            child,
            isolates,
            folder,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        // There is one at least.
        self.isolates
            .first()
            .copied()
            .unwrap_or((Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(crate) fn isolates(&self) -> impl Iterator<Item = SocketAddr> {
        self.isolates.iter().copied()
    }

    /// From now on objects of the class do not answer; those of all others do ([`Worker::Held`]).
    ///
    /// # Errors
    /// When the worker is another.
    pub(crate) fn hold(&self, class: &str) -> Result<()> {
        let put = ureq::put(format!("http://{}/held", self.address())).send(class);
        put.context("failed to say what is held")?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn api(&self) -> Api {
        Api::at(self.address())
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
        let config = self.folder.path().join("config.capnp");
        (self.child, self.isolates) = serve(&config, self.isolates.len())?;
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

fn serve(config: &Path, isolates: usize) -> Result<(Child, Vec<SocketAddr>)> {
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
    let mut ports = BTreeMap::new();
    while let Some(event) = events.next().transpose()? {
        ports.extend(port(&event));
        if ports.len() == isolates {
            // Whoever does not read what it writes stops it.
            thread::spawn(move || events.for_each(drop));
            let addresses = ports.into_values().map(|port| (Ipv4Addr::LOCALHOST, port).into());
            return Ok((child, addresses.collect()));
        }
    }
    bail!("workerd ended with {}", child.wait()?)
}

/// Socket and port of a `{"event":"listen",…}` line.
fn port(event: &str) -> Option<(String, u16)> {
    let event = serde_json::from_str::<serde_json::Value>(event).ok()?;
    let socket = event.get("socket")?.as_str()?.to_owned();
    Some((socket, u16::try_from(event.get("port")?.as_u64()?).ok()?))
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
