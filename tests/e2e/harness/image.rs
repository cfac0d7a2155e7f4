//! A real OCI image, the same bytes every time.

use blobwatch_wire::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

const MIB: usize = 1 << 20;
/// Larger than any buffer on the way, so that a body that is held back is really in flight.
pub(crate) const LARGE: usize = 64 * MIB;

/// Content and its digest.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: String,
}

impl Blob {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        Self { bytes, digest }
    }
}

pub(crate) struct Image {
    pub(crate) layers: Vec<Blob>,
    pub(crate) config: Blob,
    pub(crate) manifest: Blob,
}

pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

impl Image {
    /// Five layers, from a few bytes to [`LARGE`].
    pub(crate) fn build() -> Self {
        let sizes = [700, 300_000, 5 * MIB + 12_345, LARGE, MIB + 50_000];
        let layers: Vec<Blob> = sizes
            .iter()
            .zip(1..)
            .map(|(size, seed)| layer(seed, *size))
            .collect();
        let config = Blob::new(config(&layers));
        let manifest = Blob::new(manifest(&config, &layers));
        Self {
            layers,
            config,
            manifest,
        }
    }

    pub(crate) fn small(&self) -> &Blob {
        &self.layers[1]
    }

    /// The smallest of those whose hanging is looked for.
    pub(crate) fn medium(&self) -> &Blob {
        &self.layers[4]
    }

    pub(crate) fn large(&self) -> &Blob {
        &self.layers[3]
    }

    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config])
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// An uncompressed tar of one file, so that the digest of the layer is its diff id too.
fn layer(seed: u64, size: usize) -> Blob {
    let mut tar = header(&format!("layer-{seed}.bin"), size);
    tar.extend(noise(seed, size));
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    Blob::new(tar)
}

/// POSIX ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
fn header(name: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// SplitMix64: no compressor gains anything on it.
fn noise(seed: u64, size: usize) -> impl Iterator<Item = u8> {
    let word = move |n: u64| {
        let z = (seed << 40).wrapping_add(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (1..).flat_map(move |n| word(n).to_le_bytes()).take(size)
}

fn config(layers: &[Blob]) -> Vec<u8> {
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let diff_ids: Vec<&str> = layers.iter().map(|l| l.digest.as_str()).collect();
    let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
    json!({"architecture": arch, "os": "linux", "config": {}, "rootfs": rootfs})
        .to_string()
        .into()
}

fn manifest(config: &Blob, layers: &[Blob]) -> Vec<u8> {
    let descriptor = |kind: &str, blob: &Blob| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "size": blob.bytes.len(), "digest": blob.digest})
    };
    let layers: Vec<_> = layers.iter().map(|l| descriptor("layer.v1.tar", l)).collect();
    let config = descriptor("config.v1+json", config);
    json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers})
        .to_string()
        .into()
}
