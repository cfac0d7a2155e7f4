//! The sample configuration of docs/self-hosting.md, served as that page says, with nothing of the tests in it.

use std::fs::create_dir;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::clock::eventually;
use super::process::{Service, command};
use super::workerd::{ROOT, binary};

pub(crate) struct SelfHosted {
    service: Service,
    port: u16,
    _folder: TempDir,
}

impl SelfHosted {
    /// With these variables in the environment and no others of ours.
    #[track_caller]
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, log) = (folder.path().join("data"), folder.path().join("log"));
        create_dir(&data).unwrap();
        let mut workerd = command(&binary());
        workerd
            .current_dir(ROOT)
            .args(["serve", "config/workerd.capnp", "--control-fd=1"])
            .arg("--socket-addr=http=127.0.0.1:0")
            .arg(format!("--directory-path=data={}", data.display()))
            .arg("--directory-path=dashboard=build/dashboard")
            .envs(variables.iter().copied());
        let mut service = Service::start(workerd, &log);
        let port = eventually("workerd listens", || {
            assert!(service.ended().is_none(), "workerd ended: {}", service.log());
            listening(&log)
        });
        Self {
            service,
            port,
            _folder: folder,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn log(&self) -> String {
        self.service.log()
    }
}

fn listening(log: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let event = events.find(|event| event["socket"] == "http")?;
    u16::try_from(event["port"].as_u64()?).ok()
}
