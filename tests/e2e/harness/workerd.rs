//! The runtime: open-source workerd, serving one worker as Cloudflare would.
//!
//! A socket that believes the `CF-Blob` header gives every test its own place on the edge (colo, network, address,
//! TLS). `tests/data/between.js` sits before the Durable Objects, so that they can be broken without a special build.

use std::fs::{create_dir, write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use blobwatch_records::{CellBatch, Flush};
use serde_json::Value;
use tempfile::TempDir;

use super::clock::eventually;
use super::deployment::Deployment;
use super::http::Request;
use super::process::{Service, command};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) struct Workerd {
    deployment: Deployment,
    sockets: Sockets,
    service: Service,
    folder: TempDir,
}

/// Ports that workerd listens on, 0 for any.
pub(super) struct Sockets {
    pub(super) isolates: Vec<u16>,
    pub(super) between: u16,
}

impl Workerd {
    pub(super) fn start(deployment: Deployment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        create_dir(folder.path().join("objects")).unwrap();
        let any = Sockets {
            isolates: vec![0; deployment.isolates],
            between: 0,
        };
        let (service, sockets) = serve(&deployment, folder.path(), &any);
        Self {
            deployment,
            sockets,
            service,
            folder,
        }
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.isolate(0)
    }

    /// Where clients connect to one of several isolates.
    pub(crate) fn isolate(&self, index: usize) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.sockets.isolates[index]).into()
    }

    /// What workerd and the worker have logged since the last start.
    pub(crate) fn log(&self) -> String {
        self.service.log()
    }

    /// The folder of a Durable Object class: one SQLite file an object.
    pub(crate) fn objects(&self, class: &str) -> PathBuf {
        self.folder.path().join("objects").join(class)
    }

    /// SIGKILL: whatever was not durable is lost.
    pub(crate) fn kill(&mut self) {
        self.service.kill();
    }

    /// The same storage on the same ports, every isolate new.
    pub(crate) fn restart(&mut self) {
        self.kill();
        (self.service, _) = serve(&self.deployment, self.folder.path(), &self.sockets);
    }

    /// As [`Self::restart`], with another value of a variable.
    pub(crate) fn restart_with(&mut self, name: &'static str, value: &str) {
        self.deployment.vars.retain(|(known, _)| *known != name);
        self.deployment.vars.push((name, value.to_owned()));
        self.restart();
    }

    /// From now on calls to the class fail like this (`tests/data/between.js`); all others work.
    #[track_caller]
    pub(crate) fn sabotage(&self, faults: &Value) {
        let put = Request::new("PUT", "/").body("application/json", faults.to_string());
        assert_eq!(put.send(self.between()).unwrap().status(), 200);
    }

    /// Calls that reached the objects so far, by `Class METHOD /path`.
    pub(crate) fn calls(&self) -> Value {
        Request::get("/").send(self.between()).unwrap().json()["calls"].take()
    }

    /// Batches of cells that the Detector was sent since the last start, again where they were sent again.
    pub(crate) fn cells(&self) -> Vec<CellBatch> {
        let answer = Request::get("/").send(self.between()).unwrap().json();
        let batch = |hex: &Value| CellBatch::decode(&bytes(hex)).unwrap();
        answer["cells"].as_array().unwrap().iter().map(batch).collect()
    }

    /// Flushes that a FireLog was sent since the last start, in their order, without the end of what is long.
    pub(crate) fn flushes(&self, fire_log: &str) -> Vec<Flush> {
        let answer = Request::get("/").send(self.between()).unwrap().json();
        let flushes = answer["flushes"].as_array().unwrap().iter();
        let own = flushes.filter(|flush| flush["to"] == fire_log);
        own.map(|flush| Flush::decode(&bytes(&flush["head"])).unwrap())
            .collect()
    }

    /// Where it is told what to break.
    pub(crate) fn between(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.sockets.between).into()
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

#[track_caller]
fn serve(deployment: &Deployment, folder: &Path, sockets: &Sockets) -> (Service, Sockets) {
    let (config, log) = (folder.join("config.capnp"), folder.join("log"));
    write(&config, deployment.configuration(folder, sockets)).unwrap();
    // Each start reports its own sockets: an older report must not be read again.
    write(&log, "").unwrap();
    let mut workerd = command(&binary());
    workerd.args(["serve", "--control-fd=1"]).arg(&config);
    workerd.envs(deployment.environment.iter().map(|(name, value)| (name, value)));
    let mut service = Service::start(workerd, &log);
    let sockets = eventually("workerd listens", || {
        assert!(service.ended().is_none(), "workerd ended: {}", service.log());
        listening(&service.log(), deployment.isolates)
    });
    (service, sockets)
}

/// npm leaves either the binary or a script that starts it in `.bin`; the package of the machine has the binary.
pub(crate) fn binary() -> String {
    let machine = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-64",
    };
    let path = format!("{ROOT}/node_modules/@cloudflare/workerd-{machine}/bin/workerd");
    let is_there = Path::new(&path).is_file();
    assert!(is_there, "{path} is missing: `cargo xtask setup` installs it");
    path
}

/// `None` until every socket was reported.
fn listening(log: &str, isolates: usize) -> Option<Sockets> {
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events: Vec<Value> = events.collect();
    let port = |socket: &str| {
        let event = events.iter().find(|event| event["socket"] == socket)?;
        u16::try_from(event["port"].as_u64()?).ok()
    };
    Some(Sockets {
        isolates: (0..isolates)
            .map(|i| port(&format!("isolate-{i}")))
            .collect::<Option<_>>()?,
        between: port("between")?,
    })
}
