//! A package of Debian, written here: an archive of `ar` with two of `tar` (deb(5)).

use super::host::installed;
use super::tree::{FILE, PROGRAM, Tree};
use super::{Release, VERSION};
use crate::command::ask;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::fmt::Write as _;

/// The unit's user and its folder; nothing starts before somebody set ORIGIN.
const AFTER_INSTALL: &str = "#!/bin/sh
set -e
if [ \"$1\" = configure ]; then
  adduser --system --group --home /var/lib/blobwatch --no-create-home --quiet blobwatch
  install -d -o blobwatch -g blobwatch -m 0700 /var/lib/blobwatch
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart blobwatch.service || true
fi
";

const BEFORE_REMOVAL: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now blobwatch.service || true
fi
";

/// A purge leaves nothing: neither records and secrets nor the user whose they were.
const AFTER_REMOVAL: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
if [ \"$1\" = purge ]; then
  rm -rf /var/lib/blobwatch /etc/blobwatch
  if command -v deluser > /dev/null; then
    deluser --system --quiet blobwatch || true
  fi
fi
";

pub(super) fn package(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let architecture = release.machine.architecture();
    let mut data = installed(release)?;
    for (path, from) in [
        (
            "usr/lib/systemd/system/blobwatch.service",
            "config/dist/blobwatch.service",
        ),
        ("etc/blobwatch/blobwatch.env", "config/dist/blobwatch.env"),
    ] {
        data.copy(path, FILE, &release.workspace.path(from))?;
    }
    let control = control(architecture, &maintainer(release.workspace)?, data.size());
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", release.packed(&control)?),
        ("data.tar.gz", release.packed(&data)?),
    ];
    let bytes = ar(&members, release.time);
    Ok((format!("blobwatch_{VERSION}_{architecture}.deb"), bytes))
}

/// Who answers for this package: as Debian's own tools are told, or who made the commit that is packed.
fn maintainer(workspace: &Workspace) -> Result<String> {
    let [name, address] = ["DEBFULLNAME", "DEBEMAIL"].map(|name| env::var(name).ok());
    if let Some((name, address)) = name.zip(address) {
        return Ok(format!("{name} <{address}>"));
    }
    let root = workspace.root().to_string_lossy();
    ask("git", &["-C", &root, "log", "-1", "--format=%an <%ae>"])
        .context("a package names who maintains it: set DEBFULLNAME and DEBEMAIL")
}

fn control(architecture: &str, maintainer: &str, bytes: usize) -> Tree {
    let fields = format!(
        "Package: blobwatch\nVersion: {VERSION}\nArchitecture: {architecture}\nMaintainer: {maintainer}\nInstalled-Size: {}\n\
         Depends: libc6 (>= 2.27), adduser, ca-certificates\nSection: net\nPriority: optional\n\
         Description: finds clients of a container registry that are stuck\n \
         Blobwatch stands in front of a registry, records every request for a blob, says\n \
         whose downloads hang and which rule did it, and switches rules by route.\n",
        bytes.div_ceil(1024)
    );
    let mut tree = Tree::default();
    tree.put("control", FILE, fields);
    tree.put("conffiles", FILE, "/etc/blobwatch/blobwatch.env\n");
    tree.put("postinst", PROGRAM, AFTER_INSTALL);
    tree.put("prerm", PROGRAM, BEFORE_REMOVAL);
    tree.put("postrm", PROGRAM, AFTER_REMOVAL);
    tree
}

/// Each member with its head of 60 bytes, at an even place.
fn ar(members: &[(&str, Vec<u8>)], time: u64) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, member) in members {
        let mut head = String::new();
        // Writing into text cannot fail.
        let _ = writeln!(
            head,
            "{name:<16}{time:<12}0     0     100644  {:<10}`",
            member.len()
        );
        bytes.extend(head.into_bytes());
        bytes.extend(member);
        if member.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{ar, control};
    use crate::command::ask;
    use crate::dist::archive::{Effort, tar_gz};
    use crate::dist::tree::{FILE, Tree};
    use std::fs::write;

    #[test]
    fn a_head_has_sixty_bytes_and_members_begin_at_even_places() {
        let bytes = ar(
            &[("debian-binary", b"2.0".to_vec()), ("b", b"xy".to_vec())],
            1_593_975_600,
        );
        assert_eq!(bytes.len(), 8 + 60 + 4 + 60 + 2);
        let second = String::from_utf8(bytes[72..].to_vec()).unwrap();
        assert_eq!(
            second,
            format!(
                "b{}1593975600  0     0     100644  2         `\nxy",
                " ".repeat(15)
            )
        );
    }

    /// Where Debian's own tool is, it reads what we write.
    #[test]
    fn the_package_is_one_for_debians_tool() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.deb");
        let mut data = Tree::default();
        data.put("usr/share/doc/blobwatch/LICENSE-MIT", FILE, "MIT");
        let tree = |tree: &Tree| tar_gz(tree, 0, Effort::Least).unwrap();
        let members = [
            ("debian-binary", b"2.0\n".to_vec()),
            (
                "control.tar.gz",
                tree(&control("amd64", "Ada <ada@example.com>", 3)),
            ),
            ("data.tar.gz", tree(&data)),
        ];
        write(&path, ar(&members, 0)).unwrap();
        let path = path.to_str().unwrap();
        if ask("dpkg-deb", &["--version"]).is_some() {
            let field = ask("dpkg-deb", &["--field", path, "Package", "Installed-Size"]).unwrap();
            assert_eq!(field, "Package: blobwatch\nInstalled-Size: 1");
            let contents = ask("dpkg-deb", &["--contents", path]).unwrap();
            assert!(
                contents.contains(" usr/share/doc/blobwatch/LICENSE-MIT"),
                "{contents}"
            );
        }
    }
}
