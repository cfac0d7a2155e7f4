//! `blobwatch serve` and `blobwatch doctor`, from the folder of a release: a pull, a sign-in, a death, an end, a start anew.

use std::fs::{create_dir, metadata, read_dir, read_to_string, write};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::clock::eventually;
use crate::harness::deployment::{Bundle, bundle};
use crate::harness::http::{Answer, Request};
use crate::harness::process::{Output, Service, command, run};
use crate::harness::registry::Registry;
use crate::harness::workerd::{ROOT, binary};

/// What a person unpacks, of what the build made.
pub(crate) fn release(folder: &Path) -> PathBuf {
    let release = folder.join("release");
    create_dir(&release).unwrap();
    let root = Path::new(ROOT);
    let parts = [
        (PathBuf::from(binary()), "workerd"),
        (root.join(bundle(Bundle::Release)), "bundle"),
        (root.join("build/dashboard"), "dashboard"),
    ];
    for (from, to) in parts {
        symlink(from, release.join(to)).unwrap();
    }
    release
}

/// `cargo xtask test` builds it beside the tests.
pub(crate) fn built(program: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join(program)
}

fn blobwatch() -> Command {
    command(built("blobwatch").to_str().unwrap())
}

/// `serve` of the release in a folder.
fn of_folder(folder: &Path) -> Command {
    let mut program = blobwatch();
    program.arg("serve").arg("--bundle").arg(folder.join("release"));
    program
}

pub(crate) struct Served {
    service: Service,
    log: PathBuf,
}

impl Served {
    /// With the program beside the tests and the release of a folder.
    pub(crate) fn start(folder: &Path, origin: SocketAddr, arguments: &[&str]) -> Self {
        Self::run(of_folder(folder), folder, origin, arguments)
    }

    /// With secrets of the environment.
    pub(crate) fn given(folder: &Path, origin: SocketAddr, secrets: &[(&str, &str)]) -> Self {
        let mut program = of_folder(folder);
        program.envs(secrets.iter().copied());
        Self::run(program, folder, origin, &[])
    }

    /// With the program of an unpacked release, which finds the rest beside itself.
    pub(crate) fn of(release: &Path, folder: &Path, origin: SocketAddr, arguments: &[&str]) -> Self {
        let mut program = command(release.join("blobwatch").to_str().unwrap());
        program.arg("serve");
        Self::run(program, folder, origin, arguments)
    }

    fn run(mut program: Command, folder: &Path, origin: SocketAddr, arguments: &[&str]) -> Self {
        program
            .args(["--listen", "127.0.0.1:0", "--patience", "5"])
            .arg(format!("--origin=http://{origin}"))
            .arg("--data")
            .arg(folder.join("data"))
            .args(arguments);
        Self::started(program, folder)
    }

    /// By a command that is whole.
    pub(crate) fn started(program: Command, folder: &Path) -> Self {
        let log = folder.join("log");
        write(&log, "").unwrap();
        let service = Service::start(program, &log);
        let mut served = Self { service, log };
        eventually("Blobwatch is up", || {
            assert!(served.service.ended().is_none(), "{}", served.said());
            served.said().contains("  health ").then_some(())
        });
        served
    }

    fn said(&self) -> String {
        read_to_string(&self.log).unwrap()
    }

    /// What follows a word of the banner.
    pub(crate) fn word(&self, name: &str) -> String {
        let said = self.said();
        let mut lines = said.lines().filter_map(|line| line.trim().strip_prefix(name));
        let value = lines.next_back().unwrap().split_whitespace().next();
        value.unwrap().to_owned()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.word("registry ").parse().unwrap()
    }

    pub(crate) fn ask(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header("Authorization", &format!("Bearer {token}"));
        request.send(self.addr()).unwrap()
    }

    /// The process of workerd.
    pub(crate) fn workerd(&self) -> Pid {
        let own = self.service.id();
        let children = read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
        Pid::from_raw(children.trim().parse().unwrap()).unwrap()
    }

    /// SIGKILL to both processes, as a machine that loses its power.
    pub(crate) fn kill(mut self) {
        let workerd = self.workerd();
        self.service.signal(Signal::KILL);
        eventually("it is dead", || self.service.ended());
        kill_process(workerd, Signal::KILL).unwrap();
        // Until then it holds the sockets and the lock of the folder.
        let status = format!("/proc/{}/stat", workerd.as_raw_nonzero());
        eventually("workerd is dead", || {
            let is_over = read_to_string(&status).map_or(true, |text| text.contains(") Z "));
            is_over.then_some(())
        });
    }

    /// Asks it to end, as systemd does.
    pub(crate) fn end(mut self) {
        self.service.signal(Signal::TERM);
        let status = eventually("it ends", || self.service.ended());
        assert!(status.success(), "{}", self.said());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // workerd has a group of its own: it is ended by who started it.
        if self.service.ended().is_none() {
            self.service.signal(Signal::TERM);
            eventually("it ends", || self.service.ended());
        }
    }
}

pub(crate) fn doctor(folder: &Path, served: &Served, origin: SocketAddr, secrets: &[(&str, &str)]) -> Output {
    let mut program = blobwatch();
    program
        .envs(secrets.iter().copied())
        .arg("doctor")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--bundle")
        .arg(folder.join("release"))
        .arg(format!("--url=http://{}", served.addr()))
        .arg(format!("--origin=http://{origin}"));
    run(program)
}

/// What `doctor` says of the databases of a folder that nothing serves.
pub(crate) fn databases(folder: &Path) -> String {
    let mut program = blobwatch();
    program.arg("doctor").arg("--data").arg(folder.join("data"));
    program.arg("--bundle").arg(folder.join("release"));
    let said = run(program).stdout;
    let line = said.lines().find(|line| line.contains(" databases "));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[track_caller]
fn records(served: &Served, token: &str) -> usize {
    let answer = served.ask("/_blobwatch/api/v1/requests", token);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().len()
}

fn mode(path: &Path) -> u32 {
    metadata(path).unwrap().permissions().mode() & 0o777
}

fn alarms(folder: &Path) -> PathBuf {
    folder.join("data/blobwatch-detector/metadata.sqlite")
}

#[test]
fn from_an_unpacked_folder_to_a_pull_and_a_sign_in() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::shared());
    let path = folder.path();
    release(path);
    let blob = format!("/v2/library/app/blobs/{}", registry.image.small().digest);

    let served = Served::start(path, registry.addr(), &[]);
    let token = served.word("token ");
    let (data, secrets) = (path.join("data"), path.join("data/secrets.env"));
    assert_eq!((mode(&data), mode(&secrets)), (0o700, 0o600));
    assert!(!read_to_string(&secrets).unwrap().contains(&token));
    for line in ["answers (200)", "health                         ok"] {
        assert!(served.said().contains(line), "{line}: {}", served.said());
    }
    assert_eq!(served.ask(&blob, "").status(), 200);
    eventually("the pull is recorded", || {
        (records(&served, &token) == 1).then_some(())
    });

    // One process serves a folder; another says who does.
    let mut second = blobwatch();
    second
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data);
    let second = run({
        second.arg("--bundle").arg(path.join("release"));
        second
    });
    assert_eq!(second.status.code(), Some(2), "{second:?}");
    assert!(second.stderr.contains("in use, by process"), "{second:?}");

    let found = doctor(path, &served, registry.addr(), &[]);
    assert_eq!(found.status.code(), Some(0), "{found:?}");

    // A pull that comes while workerd is dead waits for the next one.
    kill_process(served.workerd(), Signal::KILL).unwrap();
    assert_eq!(served.ask(&blob, "").status(), 200);
    eventually("it says so", || {
        served.said().contains("started anew").then_some(())
    });
    eventually("both pulls are recorded", || {
        (records(&served, &token) == 2).then_some(())
    });
    served.end();

    // The alarms' file is damaged: the next start mends it, and knows what was recorded.
    write(alarms(path), "not a database ".repeat(100)).unwrap();
    let again = Served::start(path, registry.addr(), &[]);
    assert!(
        again.said().contains("metadata.sqlite.damaged"),
        "{}",
        again.said()
    );
    assert!(again.said().contains("made before"), "{}", again.said());
    assert_eq!(records(&again, &token), 2);
    again.end();
}

#[test]
fn tls_of_its_own() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::shared());
    let path = folder.path();
    release(path);
    let (certificate, key) = (path.join("cert.pem"), path.join("key.pem"));
    let mut openssl = command("openssl");
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    run(openssl).success();
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let served = Served::start(
        path,
        registry.addr(),
        &["--tls-cert", files[0], "--tls-key", files[1]],
    );
    let mut curl = command("curl");
    let url = format!("https://localhost:{}/v2/", served.addr().port());
    curl.args(["--fail", "--silent", "--show-error", "--cacert", files[0], &url]);
    run(curl).success();
    assert!(served.said().contains("dashboard https://"), "{}", served.said());
    served.end();
}

#[test]
fn an_origin_that_is_not_there_is_said_and_served_all_the_same() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    release(path);
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let served = Served::start(path, nobody, &[]);
    assert!(served.said().contains("cannot be used"), "{}", served.said());
    let found = doctor(path, &served, nobody, &[]);
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    assert!(found.stdout.contains("FAULT  registry"), "{found:?}");
    served.end();
    assert!(read_dir(path.join("data")).unwrap().count() > 4);
}
