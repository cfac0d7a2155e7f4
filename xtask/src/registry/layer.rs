//! The layers of the demo image: the same bytes on every machine and in every run.

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use std::io::Write;
use tar::{Builder, Header};

/// Large enough that clients ask for parts of it and that a cut download is worth resuming.
const NOISE_BYTES: usize = 16 * 1024 * 1024;

/// A middling layer, of which `cargo xtask demo` pulls a few dozen a second: just above the 1 MiB from which blobs count
/// as large.
const APP_BYTES: usize = 1_100_000;

/// A layer as it travels, with the digest of what it unpacks to left to the caller.
pub(super) struct Layer {
    pub(super) media_type: &'static str,
    /// As the registry serves it.
    pub(super) blob: Vec<u8>,
    /// The tar archive inside.
    pub(super) tar: Vec<u8>,
}

/// A greeting, gzip-coded as most layers are.
pub(super) fn greeting() -> Result<Layer> {
    let text = b"Hello from the demo registry of Blobwatch.\n";
    let tar = archive("hello.txt", text)?;
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    gzip.write_all(&tar)?;
    Ok(Layer {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
        blob: gzip.finish()?,
        tar,
    })
}

/// Bytes that do not compress, in a plain archive.
pub(super) fn noise() -> Result<Layer> {
    plain(archive(
        "noise.bin",
        &noise_bytes(NOISE_BYTES, 0x2545_f491_4f6c_dd1d),
    )?)
}

/// The same, smaller and of other bytes.
pub(super) fn app() -> Result<Layer> {
    plain(archive(
        "app.bin",
        &noise_bytes(APP_BYTES, 0x9e37_79b9_7f4a_7c15),
    )?)
}

fn plain(tar: Vec<u8>) -> Result<Layer> {
    Ok(Layer {
        media_type: "application/vnd.oci.image.layer.v1.tar",
        blob: tar.clone(),
        tar,
    })
}

fn archive(path: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut header = Header::new_ustar();
    header.set_size(u64::try_from(content.len())?);
    header.set_mode(0o644);
    let mut builder = Builder::new(Vec::new());
    builder.append_data(&mut header, path, content)?;
    Ok(builder.into_inner()?)
}

/// Marsaglia's xorshift64: any fixed sequence without structure will do.
fn noise_bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Layer, app, greeting, noise};
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[track_caller]
    fn unpacked(layer: &Layer) -> (String, usize) {
        let mut archive = tar::Archive::new(layer.tar.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, content.len())
    }

    #[test]
    fn layers_unpack_to_their_file() {
        assert_eq!(unpacked(&greeting().unwrap()), ("hello.txt".to_owned(), 43));
        assert_eq!(
            unpacked(&noise().unwrap()),
            ("noise.bin".to_owned(), 16 * 1024 * 1024)
        );
        assert_eq!(unpacked(&app().unwrap()), ("app.bin".to_owned(), 1_100_000));
    }

    #[test]
    fn the_blob_of_the_greeting_is_its_archive_gzip_coded() {
        let layer = greeting().unwrap();
        let mut tar = Vec::new();
        GzDecoder::new(layer.blob.as_slice())
            .read_to_end(&mut tar)
            .unwrap();
        assert_eq!(tar, layer.tar);
    }
}
