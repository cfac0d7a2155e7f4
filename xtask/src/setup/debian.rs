//! What comes from the system: installed with apt-get where that is possible, named in a sentence where it is not.

use crate::command::{ask, quiet};
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use std::env;
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

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps some servers out of a user's PATH.
    env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}
