//! A Debian that has neither this tree nor a compiler: `cargo xtask test` makes it, and a test gets a copy of its own.

use std::fs::{copy, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Output, command, run};

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) struct Debian(TempDir);

impl Debian {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let archive = archive();
        assert!(
            archive.is_file(),
            "{}: `cargo xtask test` makes it",
            archive.display()
        );
        let mut tar = command("tar");
        tar.arg("--extract").arg("--file").arg(archive);
        tar.arg("--directory").arg(folder.path());
        run(tar).success();
        Self(folder)
    }

    /// A file or folder of it, from outside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside.trim_start_matches('/'))
    }

    /// A program of it, which sees its files and processes alone, and the network of this machine.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut unshare = command("unshare");
        unshare
            .args(["--mount", "--mount-proc", "--wd=/"])
            .arg(format!("--root={}", self.0.path().display()))
            .args(words)
            .env("PATH", PATH)
            .env_remove("TMPDIR");
        unshare
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        run(self.command(words))
    }

    /// A file, by its name in the root.
    pub(crate) fn bring(&self, file: &Path) -> String {
        let name = file.file_name().unwrap().to_str().unwrap();
        copy(file, self.path(name)).unwrap();
        format!("/{name}")
    }

    /// What systemd runs for a unit, as its user, without systemd: the words of `ExecStart`.
    pub(crate) fn service(&self, unit: &str, variables: &[(&str, &str)]) -> Command {
        let text = read_to_string(self.path(unit)).unwrap();
        let value = |name: &str| {
            let mut lines = text
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            lines
                .next()
                .unwrap_or_else(|| panic!("{unit} has no {name}"))
                .to_owned()
        };
        let user = format!("--reuid={}", value("User"));
        let group = format!("--regid={}", value("Group"));
        let start = variables.iter().fold(value("ExecStart"), |text, (name, value)| {
            text.replace(&format!("${name}"), value)
        });
        let words = [
            "setpriv",
            &user,
            &group,
            "--init-groups",
            "--pdeathsig=KILL",
            "--",
        ];
        let mut service = self.command(&[&words[..], &start.split_whitespace().collect::<Vec<_>>()].concat());
        service.envs(variables.iter().copied());
        service
    }
}

/// Beside what cargo builds.
fn archive() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let target = tests.ancestors().nth(3).unwrap();
    target.join("test-system/debian.tar")
}
