//! What comes from the system: installed with apt-get where that is possible, named in a sentence where it is not.

use crate::command::{ask, quiet};
use crate::progress::Step;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs::{create_dir_all, read_to_string, rename};
use std::process::Command;

/// A Debian package and the program that shows that it is there.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
}

/// Installs the packages whose program is missing.
///
/// # Errors
/// Something is missing and this is not root on a system with apt-get, or apt-get failed.
pub(crate) fn ensure(step: &Step, packages: &[Package], purpose: &str) -> Result<String> {
    let missing: Vec<_> = packages
        .iter()
        .filter(|package| !on_path(package.program))
        .map(|p| p.name)
        .collect();
    if missing.is_empty() {
        return Ok("installed".to_owned());
    }
    install(step, &missing, purpose)?;
    Ok(format!("installed {}", missing.join(" ")))
}

pub(super) fn install(step: &Step, names: &[&str], purpose: &str) -> Result<()> {
    let names_line = names.join(" ");
    let root = ask("id", &["-u"]).as_deref() == Some("0");
    if !root || !on_path("apt-get") {
        bail!(
            "{purpose}, and these packages are missing: {names_line}; \
             install them with `sudo apt-get install {names_line}`, or with your system's package manager"
        );
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-q", "-y"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        quiet(step, &mut command)
    };
    let install = [&["install", "--no-install-recommends"], names].concat();
    apt_get(&["update"])
        .and_then(|_| apt_get(&install))
        .with_context(|| format!("{purpose}: failed to install {names_line}"))?;
    Ok(())
}

/// What an installation from a package needs, and what looks at its unit.
const SYSTEM: &str = "adduser,ca-certificates,systemd";

/// The files of a Debian as small as it gets, in an archive: what packages are tried on. Made once.
///
/// # Errors
/// mmdebstrap failed, for instance because no mirror answers.
pub(crate) fn system(workspace: &Workspace, step: &Step) -> Result<String> {
    let folder = workspace.target().join("test-system");
    let archive = folder.join("debian.tar");
    if archive.is_file() {
        return Ok("unchanged".to_owned());
    }
    create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let name = codename()?;
    let part = folder.join("part.tar");
    let mut make = Command::new("mmdebstrap");
    make.arg("--variant=essential")
        .arg(format!("--include={SYSTEM}"))
        .arg(&name)
        .arg(&part);
    quiet(step, &mut make).context("packages are tried on a small Debian, which could not be made")?;
    rename(&part, &archive).with_context(|| format!("failed to write {}", archive.display()))?;
    Ok(name)
}

/// Of this machine's release: what is compiled here runs there.
fn codename() -> Result<String> {
    let text = read_to_string("/etc/os-release").context("failed to read /etc/os-release")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name
        .context("/etc/os-release has no VERSION_CODENAME")?
        .trim_matches('"')
        .to_owned())
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps some servers out of a user's PATH.
    env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}
