//! The program that a User-Agent names.

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

impl Family {
    /// The name in records, rules and queries; the same as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Buildkit => "buildkit",
            Self::Podman => "podman",
            Self::Skopeo => "skopeo",
            Self::Buildah => "buildah",
            Self::CriO => "cri-o",
            Self::ContainersImage => "containers-image",
            Self::Crane => "crane",
            Self::GoContainerregistry => "go-containerregistry",
            Self::Kaniko => "kaniko",
            Self::Regclient => "regclient",
            Self::Oras => "oras",
            Self::Soci => "soci",
            Self::GoDefault => "go-default",
            Self::Dragonfly => "dragonfly",
            Self::Spegel => "spegel",
            Self::Harbor => "harbor",
            Self::Curl => "curl",
            Self::Wget => "wget",
            Self::Aria2 => "aria2",
            Self::Browser => "browser",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

/// Product names, compared without case: podman says `libpod`, Buildah and Wget write a capital.
const PRODUCTS: &[(&str, Family)] = &[
    ("docker", Family::Docker),
    ("docker-client", Family::Docker),
    ("containerd", Family::Containerd),
    ("buildkit", Family::Buildkit),
    ("libpod", Family::Podman),
    ("podman", Family::Podman),
    ("skopeo", Family::Skopeo),
    ("buildah", Family::Buildah),
    ("cri-o", Family::CriO),
    ("containers", Family::ContainersImage),
    ("crane", Family::Crane),
    ("kaniko", Family::Kaniko),
    (GGCR, Family::GoContainerregistry),
    ("regclient", Family::Regclient),
    ("oras", Family::Oras),
    ("oras-go", Family::Oras),
    ("soci-snapshotter", Family::Soci),
    ("go-http-client", Family::GoDefault),
    ("dragonfly", Family::Dragonfly),
    ("spegel", Family::Spegel),
    ("harbor", Family::Harbor),
    ("harbor-registry-client", Family::Harbor),
    ("curl", Family::Curl),
    ("wget", Family::Wget),
    ("aria2", Family::Aria2),
];

/// The library that tools put their own product before: `cosign/v2.2.0 (linux; amd64) go-containerregistry/v0.16.1`.
pub(super) const GGCR: &str = "go-containerregistry";

impl Family {
    /// The family whose product this is, by name alone.
    pub(super) fn of_product(name: &str) -> Option<Self> {
        PRODUCTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, family)| *family)
    }
}
