//! The archives of `cargo xtask dist`, as a person uses them who has neither this clone nor a compiler.

use std::fs::{read, read_dir, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

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
        // Cargo says the package of this test: xtask would look for its own workspace above that.
        .env_remove("CARGO_MANIFEST_DIR");
    run(xtask).success();
    folder
}

fn archive(folder: &Path, start: &str) -> PathBuf {
    let mut paths = read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(start) && name.ends_with(".tar.gz")
    };
    paths.find(is_it).unwrap()
}

/// Unpacks an archive into the folder where it is; answers with the one folder that it holds.
fn unpacked(archive: &Path) -> PathBuf {
    let mut tar = command("tar");
    tar.arg("--extract").arg("--file").arg(archive);
    tar.arg("--directory").arg(archive.parent().unwrap());
    run(tar).success();
    let name = archive.to_str().unwrap().strip_suffix(".tar.gz").unwrap();
    PathBuf::from(name)
}

#[test]
fn wrangler_takes_the_unpacked_worker() {
    let (first, second) = (packed(&["worker"]), packed(&["worker"]));
    let [archive, again] = [&first, &second].map(|folder| archive(folder.path(), "blobwatch-worker-"));
    assert!(
        read(&archive).unwrap() == read(&again).unwrap(),
        "the same bytes twice"
    );
    let sums = read_to_string(first.path().join("SHA256SUMS")).unwrap();
    assert!(sums.contains("  blobwatch-worker-"), "{sums}");
    let folder = unpacked(&archive);
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
    let (folder, registry) = (packed(&["host"]), Registry::shared());
    let release = unpacked(&archive(folder.path(), "blobwatch-"));
    let served = Served::of(&release, folder.path(), registry.addr(), &[]);
    let blob = format!("/v2/library/app/blobs/{}", registry.image.small().digest);
    assert_eq!(served.ask(&blob, "").status(), 200);
    let token = served.word("token ");
    assert_eq!(served.ask("/_blobwatch/api/v1/rules", &token).status(), 200);
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
