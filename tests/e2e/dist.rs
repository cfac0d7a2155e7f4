//! The archives of `cargo xtask dist`, as a person uses them who has neither this clone nor a compiler.

use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::harness::clients::Container;
use crate::harness::debian::Debian;
use crate::harness::deployment::is_quick;
use crate::harness::process::{command, run};
use crate::harness::registry::Registry;
use crate::harness::workerd::ROOT;
use crate::serve::{Served, built};

/// Packs what `cargo xtask test` built, at a fixed time.
fn packed(parts: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut xtask = command(built("xtask").to_str().unwrap());
    xtask
        .args(["dist", "--built", "--debug", "--out"])
        .arg(folder.path())
        .args(is_quick().then_some("--quick"))
        .args(parts.iter().flat_map(|part| ["--only", part]))
        .env("SOURCE_DATE_EPOCH", "1593975600")
        .env("DEBFULLNAME", "Ada")
        .env("DEBEMAIL", "ada@example.com")
        // Cargo says the package of this test: xtask would look for its own workspace above that.
        .env_remove("CARGO_MANIFEST_DIR");
    run(xtask).success();
    folder
}

/// One for all tests that run at the same time: what is packed has hundreds of megabytes.
fn shared() -> Arc<TempDir> {
    static SHARED: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let folder = Arc::new(packed(&PARTS));
        *shared = Arc::downgrade(&folder);
        folder
    })
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

const PARTS: [&str; 4] = ["worker", "host", "deb", "image"];

fn archive(folder: &TempDir, start: &str, end: &str) -> PathBuf {
    let mut paths = read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(start) && name.ends_with(end)
    };
    paths.find(is_it).unwrap()
}

/// Unpacks an archive into a folder; answers with the one folder that it holds.
fn unpacked(archive: &Path, folder: &Path) -> PathBuf {
    let mut tar = command("tar");
    tar.arg("--extract").arg("--file").arg(archive);
    tar.arg("--directory").arg(folder);
    run(tar).success();
    let name = archive.file_name().unwrap().to_str().unwrap();
    folder.join(name.strip_suffix(".tar.gz").unwrap())
}

/// A pull, and a call of the API where there is a token.
#[track_caller]
fn serves(served: &Served, registry: &Registry) {
    let blob = format!("/v2/library/app/blobs/{}", registry.image.small().digest);
    assert_eq!(served.ask(&blob, "").status(), 200);
    let token = served.word("token ");
    assert_eq!(served.ask("/_blobwatch/api/v1/rules", &token).status(), 200);
}

/// The package and the image are packed by the same functions; a release is packed twice in whole.
#[test]
fn packed_twice_to_the_same_bytes() {
    let (first, second) = (shared(), packed(&["worker", "host"]));
    let sums = |folder: &TempDir| read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first).lines().count(), PARTS.len());
    let (first, second) = (sums(&first), sums(&second));
    assert_eq!(second.lines().count(), 2);
    assert!(second.lines().all(|line| first.contains(line)), "{first}{second}");
}

#[test]
fn wrangler_takes_the_unpacked_worker() {
    let (packed, folder) = (shared(), TempDir::new().unwrap());
    let folder = unpacked(&archive(&packed, "blobwatch-worker-", ".tar.gz"), folder.path());
    let mut wrangler = npm("wrangler");
    wrangler
        .args(["deploy", "--dry-run", "--outdir", "out"])
        .current_dir(&folder)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_LOG_PATH", folder.join("logs"));
    let output = run(wrangler).success();
    for binding in ["env.RULE_BOOK", "env.FIRE_LOG", "env.ASSETS"] {
        assert!(output.stdout.contains(binding), "{output:?}");
    }
    assert!(folder.join("out/worker.js").is_file(), "{output:?}");
}

#[test]
fn the_unpacked_folder_serves() {
    let (packed, registry, folder) = (shared(), Registry::shared(), TempDir::new().unwrap());
    let archive = archive(&packed, &format!("blobwatch-{VERSION}-linux-"), ".tar.gz");
    let release = unpacked(&archive, folder.path());
    let served = Served::of(&release, folder.path(), registry.addr(), &[]);
    serves(&served, &registry);
    served.end();
}

/// On a Debian that has neither this tree nor a compiler.
#[test]
fn the_package_is_installed_serves_and_goes_without_a_trace() {
    const UNIT: &str = "/usr/lib/systemd/system/blobwatch.service";
    let (packed, registry, folder) = (shared(), Registry::shared(), TempDir::new().unwrap());
    let debian = Debian::new();
    let package = debian.bring(&archive(&packed, "blobwatch_", ".deb"));
    debian.run(&["dpkg", "--install", &package]).success();
    let verified = debian.run(&["systemd-analyze", "verify", UNIT]).success();
    assert!(!verified.stderr.contains("blobwatch"), "{verified:?}");

    let (origin, arguments) = (format!("http://{}", registry.addr()), "--listen 127.0.0.1:0");
    let variables = [("ORIGIN", origin.as_str()), ("BLOBWATCH_ARGUMENTS", arguments)];
    let served = Served::started(debian.service(UNIT, &variables), folder.path());
    serves(&served, &registry);
    served.end();

    let data =
        ["/etc/blobwatch/blobwatch.env", "/var/lib/blobwatch/secrets.env"].map(|file| debian.path(file));
    debian.run(&["dpkg", "--remove", "blobwatch"]).success();
    assert!(!debian.path("/usr/bin/blobwatch").exists());
    assert!(data.iter().all(|file| file.is_file()), "kept until it is purged");
    debian.run(&["dpkg", "--purge", "blobwatch"]).success();
    assert!(data.iter().all(|file| !file.parent().unwrap().exists()));
    let users = read_to_string(debian.path("/etc/passwd")).unwrap();
    assert!(!users.contains("blobwatch"), "{users}");
}

#[test]
fn the_image_runs_in_a_container() {
    let (packed, registry, folder) = (shared(), Registry::shared(), TempDir::new().unwrap());
    let container = Container::load(&archive(&packed, "blobwatch-", ".tar"), "blobwatch-of-a-test");
    let origin = format!("ORIGIN=http://{}", registry.addr());
    let image = format!("localhost/blobwatch:{VERSION}");
    let run = container.run(&["--env", &origin], &image, &["serve", "--listen", "127.0.0.1:0"]);
    let served = Served::started(run, folder.path());
    serves(&served, &registry);
    served.end();
}

/// A program of an npm package, which finds the Node of the packages first.
fn npm(name: &str) -> Command {
    let programs = format!("{ROOT}/node_modules/.bin");
    let mut command = command(&format!("{programs}/{name}"));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{programs}:{path}"));
    command
}
