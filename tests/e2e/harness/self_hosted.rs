//! The sample configuration of docs/self-hosting.md, served as that page says, with nothing of the tests in it.

use std::fs::{create_dir, create_dir_all, read_to_string, write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::clock::eventually;
use super::deployment::{Bundle, bundle};
use super::process::{Service, command};
use super::workerd::{ROOT, binary};

pub(crate) struct SelfHosted {
    service: Service,
    port: u16,
    _folder: Option<TempDir>,
}

impl SelfHosted {
    /// With these variables in the environment and no others of ours.
    #[track_caller]
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::configured(variables, str::to_owned)
    }

    /// As [`Self::start`], with the sample configuration changed as the page says.
    #[track_caller]
    pub(crate) fn configured(variables: &[(&str, &str)], edit: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        installed(folder.path(), edit);
        let data = folder.path().join("data");
        let mut edge = Self::serving(folder.path(), &data, variables);
        edge._folder = Some(folder);
        edge
    }

    /// What is installed in a folder, on data that outlives it.
    #[track_caller]
    pub(crate) fn serving(installed: &Path, data: &Path, variables: &[(&str, &str)]) -> Self {
        let log = installed.join("log");
        create_dir_all(data).unwrap();
        // Each start reports its own socket.
        write(&log, "").unwrap();
        let mut workerd = command(&binary());
        workerd
            .current_dir(installed)
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
            _folder: None,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn log(&self) -> String {
        self.service.log()
    }
}

/// What the page says to copy, with a configuration that is edited.
fn installed(folder: &Path, edit: impl Fn(&str) -> String) {
    let sample = read_to_string(Path::new(ROOT).join("config/workerd.capnp")).unwrap();
    create_dir(folder.join("config")).unwrap();
    create_dir(folder.join("build")).unwrap();
    write(folder.join("config/workerd.capnp"), edit(&sample)).unwrap();
    let bundle = bundle(Bundle::Release);
    for (from, to) in [(bundle, "build/bundle"), ("build/dashboard", "build/dashboard")] {
        symlink(Path::new(ROOT).join(from), folder.join(to)).unwrap();
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
