//! Who a User-Agent says it is.

use serde::{Deserialize, Serialize};

/// The program that a User-Agent names; a claim, not a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    Docker,
    Containerd,
    Buildkit,
    Podman,
    Skopeo,
    Buildah,
    CriO,
    /// The bare default of the containers/image library.
    ContainersImage,
    Crane,
    GoContainerregistry,
    Kaniko,
    Regclient,
    Oras,
    Soci,
    /// `Go-http-client/…`: stargz-snapshotter, distribution as a pull-through cache, and any Go program.
    GoDefault,
    Dragonfly,
    Spegel,
    Harbor,
    Curl,
    Wget,
    Aria2,
    Browser,
    /// No User-Agent at all.
    Empty,
    #[default]
    Unknown,
}
