//! The clients that people pull with, each with a home of its own.

use std::fs::{create_dir, read, read_dir, write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::clock::eventually;
use super::image::{Image, digest};
use super::process::{Output, Service, command, run};
use super::registry::TAG;

/// A folder that a client pulls into.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The version that a program says it is: the last word of its first line.
pub(crate) fn version(program: &str) -> String {
    let mut command = command(program);
    command.arg("--version");
    last_word(&run(command).success().stdout)
}

fn last_word(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.split_whitespace().last().unwrap_or_default().to_owned()
}

/// `skopeo copy` of an image into a folder.
pub(crate) fn skopeo(home: &Home, edge: SocketAddr, repository: &str) -> Output {
    let to = home.path("pulled");
    let mut skopeo = command("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
    skopeo
        .arg(format!("docker://{edge}/{repository}:{TAG}"))
        .arg(format!("dir:{}", to.display()));
    run(skopeo)
}

/// `skopeo copy` of a folder that it pulled to a registry.
pub(crate) fn skopeo_push(home: &Home, edge: SocketAddr, repository: &str) -> Output {
    let from = home.path("pulled");
    let mut skopeo = command("skopeo");
    skopeo.args([
        "--insecure-policy",
        "copy",
        "--dest-tls-verify=false",
        "--preserve-digests",
    ]);
    skopeo
        .arg(format!("dir:{}", from.display()))
        .arg(format!("docker://{edge}/{repository}:{TAG}"));
    run(skopeo)
}

/// Every blob of the image is in the folder that `skopeo` wrote, and is what its name says.
#[track_caller]
pub(crate) fn has_pulled(home: &Home, image: &Image) {
    let blobs = image.blobs().map(|blob| &blob.digest);
    for expected in blobs {
        let path = home.path("pulled").join(expected.trim_start_matches("sha256:"));
        assert_eq!(&digest(&read(&path).unwrap()), expected);
    }
    assert_eq!(
        digest(&read(home.path("pulled").join("manifest.json")).unwrap()),
        image.manifest.digest
    );
}

/// `podman pull`, whatever becomes of it.
pub(crate) fn podman_pull(home: &Home, edge: SocketAddr, repository: &str) -> Output {
    run(podman_command(
        home,
        &["pull", "--quiet", "--tls-verify=false", &named(edge, repository)],
    ))
}

fn named(edge: SocketAddr, repository: &str) -> String {
    format!("{edge}/{repository}:{TAG}")
}

/// A container of an image that is in an archive, on the network of this machine; removed with its owner.
pub(crate) struct Container {
    home: Home,
    name: &'static str,
}

impl Container {
    #[track_caller]
    pub(crate) fn load(archive: &Path, name: &'static str) -> Self {
        let home = Home::new();
        let archive = archive.to_str().unwrap();
        run(podman_command(&home, &["load", "--quiet", "--input", archive])).success();
        Self { home, name }
    }

    /// The command that runs it to its end.
    pub(crate) fn run(&self, options: &[&str], image: &str, arguments: &[&str]) -> Command {
        // The runtime that knows every layout of control groups, and limits that need no privilege.
        let own = [
            "--runtime=runc",
            "run",
            "--network=host",
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=1024:1024",
            "--name",
            self.name,
        ];
        podman_command(&self.home, &[&own[..], options, &[image], arguments].concat())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        run(podman_command(
            &self.home,
            &["--runtime=runc", "rm", "--force", "--volumes", self.name],
        ));
    }
}

fn podman_command(home: &Home, arguments: &[&str]) -> Command {
    let mut podman = command("podman");
    podman.args([
        "--storage-driver=vfs",
        "--cgroup-manager=cgroupfs",
        "--events-backend=none",
    ]);
    for folder in ["root", "runroot", "tmpdir"] {
        podman.arg(format!("--{folder}={}", home.path(folder).display()));
    }
    podman.args(arguments);
    podman
}

/// `podman pull`, then the digest that it stored the image under.
pub(crate) fn podman(home: &Home, edge: SocketAddr, repository: &str) -> String {
    podman_pull(home, edge, repository).success();
    let name = named(edge, repository);
    let inspect = podman_command(home, &["image", "inspect", "--format={{.Digest}}", &name]);
    run(inspect).success().stdout.trim().to_owned()
}

/// A containerd of its own, with `ctr` to talk to it.
pub(crate) struct Containerd {
    home: Home,
    _service: Service,
}

impl Containerd {
    pub(crate) fn start() -> Self {
        let home = Home::new();
        let config = home.path("config.toml");
        write(&config, containerd_configuration(&home)).unwrap();
        create_dir(home.path("tmp")).unwrap();
        let mut containerd = command("containerd");
        containerd
            .arg("--config")
            .arg(&config)
            .env("TMPDIR", home.path("tmp"));
        let service = Service::start(containerd, &home.path("log"));
        let containerd = Self {
            home,
            _service: service,
        };
        eventually("containerd answers", || {
            run(containerd.ctr(&["version"])).status.success().then_some(())
        });
        containerd
    }

    fn ctr(&self, arguments: &[&str]) -> Command {
        let mut ctr = command("ctr");
        ctr.arg("--address").arg(self.home.path("sock")).args(arguments);
        ctr
    }

    /// `ctr` speaks for itself to a registry, with its own version.
    pub(crate) fn version(&self) -> String {
        last_word(&run(self.ctr(&["--version"])).success().stdout)
    }

    pub(crate) fn pull(&self, edge: SocketAddr, repository: &str) -> Output {
        let name = format!("{edge}/{repository}:{TAG}");
        run(self.ctr(&["images", "pull", "--plain-http", "--snapshotter=native", &name]))
    }

    /// Every blob of the image is in the content store, and is what its name says.
    #[track_caller]
    pub(crate) fn has_pulled(&self, image: &Image) {
        let store = self
            .home
            .path("root")
            .join("io.containerd.content.v1.content/blobs/sha256");
        for expected in image.blobs().chain([&image.manifest]).map(|blob| &blob.digest) {
            let path = store.join(expected.trim_start_matches("sha256:"));
            assert_eq!(&digest(&read(&path).unwrap()), expected);
        }
        assert!(read_dir(store).unwrap().count() > image.layers.len());
    }
}

/// Content and images; the plugins that run containers want kernel features that a pull does not need.
fn containerd_configuration(home: &Home) -> String {
    let path = |name: &str| home.path(name).display().to_string();
    format!(
        "version = 2
root = {:?}
state = {:?}
disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]
[grpc]
address = {:?}
",
        path("root"),
        path("state"),
        path("sock"),
    )
}

/// A dockerd of its own, with `docker` to talk to it.
pub(crate) struct Dockerd {
    home: Home,
    _service: Service,
}

impl Dockerd {
    /// Pulling needs no network of containers; a registry on loopback may be without TLS.
    pub(crate) fn start() -> Self {
        let home = Home::new();
        let mut dockerd = command("dockerd");
        for (option, folder) in [("data-root", "root"), ("exec-root", "exec"), ("pidfile", "pid")] {
            dockerd.arg(format!("--{option}={}", home.path(folder).display()));
        }
        dockerd
            .arg(format!("--host=unix://{}", home.path("sock").display()))
            .args([
                "--iptables=false",
                "--ip6tables=false",
                "--bridge=none",
                "--storage-driver=vfs",
            ]);
        let service = Service::start(dockerd, &home.path("log"));
        let dockerd = Self {
            home,
            _service: service,
        };
        eventually("dockerd answers", || {
            let answers = run(dockerd.docker(&["version"])).status.success();
            answers.then_some(())
        });
        dockerd
    }

    fn docker(&self, arguments: &[&str]) -> Command {
        let mut docker = command("docker");
        docker
            .arg(format!("--host=unix://{}", self.home.path("sock").display()))
            .args(arguments)
            .env("HOME", self.home.path("."));
        docker
    }

    pub(crate) fn pull(&self, edge: SocketAddr, repository: &str) -> Output {
        run(self.docker(&["pull", "--quiet", &named(edge, repository)]))
    }
}

/// `aria2c` with four connections to one server.
pub(crate) fn aria2(url: &str, to: &Path) -> Output {
    let mut aria2 = command("aria2c");
    aria2
        .args([
            "--quiet",
            "--split=4",
            "--max-connection-per-server=4",
            "--min-split-size=1M",
            "--dir",
        ])
        .arg(to.parent().unwrap())
        .arg("--out")
        .arg(to.file_name().unwrap())
        .arg(url);
    run(aria2)
}

/// `curl`, once; `--continue-at -` takes up where the file ends.
pub(crate) fn curl(url: &str, to: &Path, arguments: &[&str]) -> Output {
    run(curl_command(url, to, arguments))
}

/// `curl` under way; what came is in the file at once.
pub(crate) fn curl_started(url: &str, to: &Path) -> Service {
    Service::start(curl_command(url, to, &["--no-buffer"]), &to.with_extension("log"))
}

fn curl_command(url: &str, to: &Path, arguments: &[&str]) -> Command {
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--output"])
        .arg(to)
        .args(arguments)
        .arg(url);
    curl
}

/// `wget`, which resumes by itself, up to three times.
pub(crate) fn wget(url: &str, to: &Path) -> Output {
    let mut wget = command("wget");
    wget.args(["--no-verbose", "--tries=4", "--output-document"])
        .arg(to)
        .arg(url);
    run(wget)
}
