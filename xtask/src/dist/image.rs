//! An image in the layout of OCI, made without Docker: what workerd needs of Debian, and the release.
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>

use super::archive::{gzip, tar};
use super::host::installed;
use super::tree::{FILE, Tree};
use super::{Release, VERSION};
use crate::command::ask;
use anyhow::{Context, Result, ensure};
use blobwatch_wire::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, create_dir_all};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use tar::Archive;

/// The C library of workerd.
const LIBRARY: &str = "libc6";

/// What it trusts, on every machine.
const TRUSTED: &str = "ca-certificates";

/// What a command line needs beside them that is not linked statically.
const RUNTIME: &str = "libgcc-s1";

/// Where Debian keeps the authorities, one a file.
const AUTHORITIES: &str = "usr/share/ca-certificates/mozilla/";

/// Who serves; the data folder is this user's.
const USER: u64 = 65532;

const DATA: &str = "var/lib/blobwatch";

pub(super) fn archive(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let layers = [system(release)?, installed(release)?];
    let mut layout = Layout::default();
    let (mut descriptors, mut diffs) = (Vec::new(), Vec::new());
    for layer in layers {
        let plain = tar(&layer, release.time)?;
        diffs.push(digest(&plain));
        let packed = gzip(&plain, release.effort())?;
        descriptors.push(layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", packed));
    }
    let config = configuration(release.machine.architecture(), &created(release.time), &diffs);
    let config = layout.json("application/vnd.oci.image.config.v1+json", &config);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": descriptors});
    let manifest = layout.json(kind, &manifest);
    let name = format!("blobwatch-{VERSION}-oci-{}.tar", release.machine.architecture());
    Ok((name, tar(&layout.whole(manifest), release.time)?))
}

/// The files of a layout.
#[derive(Default)]
struct Layout(Tree);

impl Layout {
    /// Adds a blob; answers with its descriptor.
    fn blob(&mut self, kind: &str, bytes: Vec<u8>) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        self.0
            .put(&format!("blobs/{}", digest.replace(':', "/")), FILE, bytes);
        json!({"mediaType": kind, "digest": digest, "size": size})
    }

    fn json(&mut self, kind: &str, document: &Value) -> Value {
        self.blob(kind, document.to_string().into_bytes())
    }

    fn whole(mut self, mut manifest: Value) -> Tree {
        if let Some(fields) = manifest.as_object_mut() {
            let name = json!({"org.opencontainers.image.ref.name": format!("blobwatch:{VERSION}")});
            fields.insert("annotations".to_owned(), name);
        }
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        self.0.put("index.json", FILE, index.to_string());
        self.0
            .put("oci-layout", FILE, r#"{"imageLayoutVersion":"1.0.0"}"#);
        self.0
    }
}

fn configuration(architecture: &str, created: &str, diffs: &[String]) -> Value {
    json!({
        "architecture": architecture, "os": "linux", "created": created,
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/bin", format!("BLOBWATCH_DATA=/{DATA}")],
            "Entrypoint": ["/usr/bin/blobwatch"],
            "Cmd": ["serve", "--listen", "0.0.0.0:8787"],
            "WorkingDir": format!("/{DATA}"),
            "Volumes": {format!("/{DATA}"): {}},
            "ExposedPorts": {"8787/tcp": {}},
            "StopSignal": "SIGTERM",
            "Labels": {"org.opencontainers.image.title": "blobwatch", "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0 OR MIT"},
        },
        "rootfs": {"type": "layers", "diff_ids": diffs},
    })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

fn created(time: u64) -> String {
    blobwatch_wire::rfc3339(time * 1000)
}

/// What workerd finds around it.
fn system(release: &Release<'_>) -> Result<Tree> {
    let folder = release.workspace.path("target/dist/debian");
    let mut tree = Tree::default();
    let mut authorities = Vec::new();
    for package in downloaded(&folder, release)? {
        unpack(&package, &mut tree, &mut authorities)
            .with_context(|| format!("failed to unpack {}", package.display()))?;
    }
    authorities.sort();
    tree.put("etc/ssl/certs/ca-certificates.crt", FILE, authorities.concat());
    let user = format!("blobwatch:x:{USER}:{USER}::/{DATA}:/nonexistent\n");
    tree.put(
        "etc/passwd",
        FILE,
        format!("root:x:0:0::/root:/nonexistent\n{user}"),
    );
    tree.put("etc/group", FILE, format!("root:x:0:\nblobwatch:x:{USER}:\n"));
    tree.put("etc/nsswitch.conf", FILE, "hosts: files dns\n");
    tree.folder(DATA, 0o700, USER);
    tree.folder("tmp", 0o1777, 0);
    Ok(tree)
}

/// The packages of this machine's Debian; those of before where nothing is to be built.
fn downloaded(folder: &Path, release: &Release<'_>) -> Result<Vec<PathBuf>> {
    create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let own =
        ask("dpkg", &["--print-architecture"]).context("an image is made on Debian: dpkg is missing")?;
    let architecture = release.machine.architecture();
    let mut found = Vec::new();
    let runtime = release.is_debug.then_some(RUNTIME);
    for package in [LIBRARY, TRUSTED].into_iter().chain(runtime) {
        let is_library = package != TRUSTED;
        let suffix = if is_library { architecture } else { "all" };
        let newest = || newest(folder, &format!("{package}_"), &format!("_{suffix}.deb"));
        if !(release.is_built && newest().is_ok()) {
            let of_other = is_library && own != architecture;
            let other = if of_other {
                format!(":{architecture}")
            } else {
                String::new()
            };
            download(folder, &format!("{package}{other}"))?;
        }
        found.push(newest()?);
    }
    Ok(found)
}

fn download(folder: &Path, name: &str) -> Result<()> {
    let mut download = Command::new("apt-get");
    download.args(["-q", "download", name]).current_dir(folder);
    let output = download.output().context("failed to start apt-get")?;
    ensure!(
        output.status.success(),
        "failed to download {name} (`apt-get update` first; for another architecture also `dpkg --add-architecture`): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn newest(folder: &Path, prefix: &str, suffix: &str) -> Result<PathBuf> {
    let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = names.filter(|name| name.starts_with(prefix) && name.ends_with(suffix));
    let name = names
        .max()
        .with_context(|| format!("apt-get left no {prefix}…{suffix}"))?;
    Ok(folder.join(name))
}

fn unpack(package: &Path, tree: &mut Tree, authorities: &mut Vec<Vec<u8>>) -> Result<()> {
    let output = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for entry in Archive::new(output.stdout.as_slice()).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let path = path.trim_start_matches("./").to_owned();
        if path.starts_with(AUTHORITIES) && path.ends_with(".crt") {
            authorities.push(bytes_of(&mut entry)?);
        } else if is_needed(&path) && entry.header().entry_type().is_symlink() {
            let to = entry.link_name()?.context("a link leads nowhere")?;
            tree.link(&path, &to.display().to_string());
        } else if is_needed(&path) && entry.header().entry_type().is_file() {
            let mode = entry.header().mode()?;
            tree.put(&path, mode, bytes_of(&mut entry)?);
        }
    }
    Ok(())
}

fn bytes_of(entry: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The libraries and their loader; no conversions of character sets, and no papers but the licence.
fn is_needed(path: &str) -> bool {
    let is_library = ["lib/", "lib64/", "usr/lib/", "usr/lib64/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    (is_library && path.contains(".so") && !path.contains("/gconv/") && !path.contains("/audit/"))
        || path == "usr/share/doc/libc6/copyright"
}

#[cfg(test)]
mod tests {
    use super::{Layout, configuration, created, is_needed};
    use crate::dist::tree::Content;
    use serde_json::{Value, json};

    #[test]
    fn a_layout_names_its_blobs_by_their_digests() {
        let mut layout = Layout::default();
        let manifest = layout.json("m", &json!({}));
        let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; // printf '{}' | sha256sum
        assert_eq!(manifest["digest"], format!("sha256:{digest}"));
        let tree = layout.whole(manifest);
        let files: Vec<_> = tree
            .entries()
            .filter(|(_, _, content)| matches!(content, Content::Bytes(_)))
            .collect();
        let paths: Vec<&str> = files.iter().map(|(path, ..)| *path).collect();
        assert_eq!(
            paths,
            [&format!("blobs/sha256/{digest}"), "index.json", "oci-layout"]
        );
        let Content::Bytes(index) = files[1].2 else {
            panic!("no index")
        };
        let index: Value = serde_json::from_slice(index).unwrap();
        assert_eq!(index["manifests"][0]["size"], 2);
    }

    #[test]
    fn the_image_serves_as_nobody_else_and_keeps_its_data_in_a_volume() {
        let config = configuration("amd64", &created(1_593_975_600), &[]);
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Volumes"], json!({"/var/lib/blobwatch": {}}));
        assert!(
            config["created"]
                .as_str()
                .unwrap()
                .starts_with("2020-07-05T19:00:00")
        );
    }

    #[test]
    fn the_libraries_alone_are_taken_of_debian() {
        assert!(is_needed("lib/x86_64-linux-gnu/libc.so.6") && is_needed("lib64/ld-linux-x86-64.so.2"));
        assert!(is_needed("usr/lib/x86_64-linux-gnu/libm.so.6"));
        assert!(
            !is_needed("usr/lib/x86_64-linux-gnu/gconv/BIG5.so") && !is_needed("usr/share/man/man1/ldd.1.gz")
        );
    }
}
