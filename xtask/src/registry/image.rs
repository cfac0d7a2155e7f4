//! The demo image: an OCI image index for two platforms, their manifests and configs, and the layers they share.

use super::layer::{self, Layer};
use anyhow::Result;
use blobwatch_wire::hex;
use hyper::body::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PLATFORMS: [&str; 2] = ["amd64", "arm64"];

/// One object of the registry.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) media_type: &'static str,
    pub(super) bytes: Bytes,
}

/// Everything that the registry holds, by digest.
#[derive(Default)]
pub(super) struct Image {
    manifests: BTreeMap<String, Object>,
    blobs: BTreeMap<String, Object>,
    /// What `latest` is.
    index: String,
}

impl Image {
    pub(super) fn build() -> Result<Self> {
        let mut image = Self::default();
        let layers = [layer::greeting()?, layer::app()?, layer::noise()?];
        let diff_ids: Vec<_> = layers.iter().map(|layer| digest(&layer.tar)).collect();
        let layers: Vec<_> = layers.into_iter().map(|layer| image.add_layer(layer)).collect();
        let platforms = PLATFORMS.map(|platform| image.add_platform(platform, &diff_ids, &layers));
        let index = json!({"manifests": platforms, "mediaType": INDEX, "schemaVersion": 2});
        let (digest, index) = document(INDEX, &index);
        image.manifests.insert(digest.clone(), index);
        image.index = digest;
        Ok(image)
    }

    /// A manifest with its digest, by tag or digest.
    pub(super) fn manifest(&self, reference: &str) -> Option<(&str, &Object)> {
        let digest = if reference == "latest" {
            &self.index
        } else {
            reference
        };
        find(&self.manifests, digest)
    }

    pub(super) fn blob(&self, digest: &str) -> Option<(&str, &Object)> {
        find(&self.blobs, digest)
    }

    fn add_layer(&mut self, layer: Layer) -> Value {
        let object = Object {
            media_type: layer.media_type,
            bytes: layer.blob.into(),
        };
        let digest = digest(&object.bytes);
        let descriptor = descriptor(&digest, &object);
        self.blobs.insert(digest, object);
        descriptor
    }

    fn add_platform(&mut self, architecture: &str, diff_ids: &[String], layers: &[Value]) -> Value {
        let (digest, config) = document(CONFIG, &config(architecture, diff_ids));
        let config_descriptor = descriptor(&digest, &config);
        self.blobs.insert(digest, config);
        let manifest =
            json!({"config": config_descriptor, "layers": layers, "mediaType": MANIFEST, "schemaVersion": 2});
        let (digest, manifest) = document(MANIFEST, &manifest);
        let mut entry = descriptor(&digest, &manifest);
        if let Some(fields) = entry.as_object_mut() {
            fields.insert(
                "platform".to_owned(),
                json!({"architecture": architecture, "os": "linux"}),
            );
        }
        self.manifests.insert(digest, manifest);
        entry
    }
}

fn find<'a>(objects: &'a BTreeMap<String, Object>, digest: &str) -> Option<(&'a str, &'a Object)> {
    objects
        .get_key_value(digest)
        .map(|(digest, object)| (digest.as_str(), object))
}

fn config(architecture: &str, diff_ids: &[String]) -> Value {
    json!({
        "architecture": architecture,
        "config": {},
        "created": "1970-01-01T00:00:00Z",
        "history": [{"created_by": "greeting"}, {"created_by": "app"}, {"created_by": "noise"}],
        "os": "linux",
        "rootfs": {"diff_ids": diff_ids, "type": "layers"},
    })
}

fn descriptor(digest: &str, object: &Object) -> Value {
    json!({"digest": digest, "mediaType": object.media_type, "size": object.bytes.len()})
}

/// Keys are written in alphabetical order above, so that the bytes, and with them the digest, are the same whether or
/// not another crate of the build turns on serde_json's `preserve_order`.
fn document(media_type: &'static str, value: &Value) -> (String, Object) {
    let bytes = Bytes::from(value.to_string());
    (digest(&bytes), Object { media_type, bytes })
}

/// `sha256:` and the hash in hexadecimal, as the OCI image specification writes digests.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::{Image, digest};
    use serde_json::Value;

    fn parse(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn every_object_is_stored_under_its_own_digest() {
        let image = Image::build().unwrap();
        for (key, object) in image.manifests.iter().chain(&image.blobs) {
            assert_eq!(*key, digest(&object.bytes));
        }
        assert_eq!((image.manifests.len(), image.blobs.len()), (3, 5));
    }

    #[test]
    fn every_descriptor_leads_to_an_object_of_its_size_and_type() {
        let image = Image::build().unwrap();
        let index = parse(&image.manifest("latest").unwrap().1.bytes);
        for platform in index["manifests"].as_array().unwrap() {
            let (_, manifest) = image.manifest(platform["digest"].as_str().unwrap()).unwrap();
            assert_eq!(platform["size"], manifest.bytes.len());
            let manifest = parse(&manifest.bytes);
            for entry in manifest["layers"]
                .as_array()
                .unwrap()
                .iter()
                .chain([&manifest["config"]])
            {
                let (_, blob) = image.blob(entry["digest"].as_str().unwrap()).unwrap();
                assert_eq!(
                    (&entry["size"], &entry["mediaType"]),
                    (&blob.bytes.len().into(), &blob.media_type.into())
                );
            }
        }
    }

    /// Pinned for the layer that is no other crate's output: a tar archive of fixed bytes.
    #[test]
    fn the_large_layer_is_the_same_everywhere() {
        let layer = super::layer::noise().unwrap();
        assert_eq!(
            digest(&layer.blob),
            "sha256:ab94abd39aa90b49da137febed305e852bb902ce273f7170b3aa64c022596519"
        );
    }
}
