//! The folder that serves by itself: workerd, the worker, and the program that starts and checks it.

use super::tree::{FILE, PROGRAM, Tree};
use super::worker::licences;
use super::{Release, VERSION};
use anyhow::{Context, Result};

/// Where a package puts what `blobwatch` serves.
const LIBRARY: &str = "usr/lib/blobwatch";

pub(super) fn archive(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let folder = format!("blobwatch-{VERSION}-linux-{}", release.machine.name());
    let mut tree = served(release)?;
    tree.copy("blobwatch", PROGRAM, &release.program)?;
    for (name, from) in [
        ("README.md", "config/dist/host.md"),
        ("blobwatch.service", "config/dist/blobwatch.service"),
        ("blobwatch.env", "config/dist/blobwatch.env"),
    ] {
        tree.copy(name, FILE, &release.workspace.path(from))?;
    }
    licences(&mut tree, release.workspace)?;
    Ok((format!("{folder}.tar.gz"), release.packed(&tree.below(&folder))?))
}

/// The same in the places of a system: of the package, and of the image.
pub(super) fn installed(release: &Release<'_>) -> Result<Tree> {
    let mut tree = served(release)?.below(LIBRARY);
    tree.copy("usr/bin/blobwatch", PROGRAM, &release.program)?;
    let mut papers = Tree::default();
    licences(&mut papers, release.workspace)?;
    tree.add("usr/share/doc/blobwatch", &papers);
    Ok(tree)
}

/// What `Installation` of the command line looks for.
fn served(release: &Release<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    let workspace = release.workspace;
    let workerd = format!("node_modules/{}", release.machine.workerd());
    let copied = tree.copy("workerd", PROGRAM, &workspace.path(&workerd).join("bin/workerd"));
    copied.context("npm brings workerd for the machine that it runs on: pack on such a machine, or the command line alone (--only cli)")?;
    tree.copy_all("bundle", &workspace.path(release.variant.bundle()))?;
    tree.copy_all("dashboard", &workspace.path("build/dashboard"))?;
    Ok(tree)
}
