//! The program that a User-Agent names.

use std::borrow::Cow;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::Name;

/// The program that a User-Agent names; a claim, not a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
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
    /// Any other program, by its first product.
    Named(Name),
}

/// Names of those that have a variant, in its order.
const NUMBERED: [(Family, &str); 24] = [
    (Family::Docker, "docker"),
    (Family::Containerd, "containerd"),
    (Family::Buildkit, "buildkit"),
    (Family::Podman, "podman"),
    (Family::Skopeo, "skopeo"),
    (Family::Buildah, "buildah"),
    (Family::CriO, "cri-o"),
    (Family::ContainersImage, "containers-image"),
    (Family::Crane, "crane"),
    (Family::GoContainerregistry, "go-containerregistry"),
    (Family::Kaniko, "kaniko"),
    (Family::Regclient, "regclient"),
    (Family::Oras, "oras"),
    (Family::Soci, "soci"),
    (Family::GoDefault, "go-default"),
    (Family::Dragonfly, "dragonfly"),
    (Family::Spegel, "spegel"),
    (Family::Harbor, "harbor"),
    (Family::Curl, "curl"),
    (Family::Wget, "wget"),
    (Family::Aria2, "aria2"),
    (Family::Browser, "browser"),
    (Family::Empty, "empty"),
    (Family::Unknown, "unknown"),
];

/// Families without a variant that are known all the same: no table needs to see them twice before it tells them apart.
const KNOWN: &[&str] = &[
    "apache-httpclient",
    "artifactory",
    "censys",
    CONTAINERD_LIBRARY,
    "cosign",
    "defender",
    "go-resty",
    "google-http-java-client",
    "googlebot",
    "helm",
    "homebrew",
    "java",
    "java-http-client",
    "jfrog-frontend",
    "jib",
    "kube-probe",
    "kubelet",
    "nexus",
    "nikto",
    "oci-client",
    "okhttp",
    "ollama",
    "pip",
    "python-requests",
    "python-urllib",
    "renovate",
    "sra-toolkit",
    "trivy",
    "watchtower",
    "yandexbot",
    "zgrab",
];

/// containerd's client library inside another program: `containerd/1.7.12+unknown`, where containerd itself writes `v1.7.12`, and
/// a distribution its own suffix. Open Policy Agent, Helm and nerdctl pull so.
pub(super) const CONTAINERD_LIBRARY: &str = "containerd-library";

impl Family {
    /// The name in records, rules and queries; the same as in JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Named(name) = self {
            return name.as_str();
        }
        NUMBERED.get(self.place()).map_or("unknown", |(_, name)| name)
    }

    /// The family of that name; `None` for what is no name. Of clients that no list knows it is the first product.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let numbered = NUMBERED
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name));
        numbered
            .map(|(family, _)| *family)
            .or_else(|| Name::of(name).map(Self::Named))
    }

    /// Whether it is of a list, and not a name that any client can choose.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Named(name) => KNOWN.contains(&name.as_str()),
            _ => true,
        }
    }

    /// For tables that take no names which clients choose: itself if it is known.
    #[must_use]
    pub fn listed(self) -> Self {
        if self.is_known() { self } else { Self::Unknown }
    }

    /// Names of all known families.
    pub fn known() -> impl Iterator<Item = &'static str> {
        let numbered = NUMBERED.iter().map(|(_, name)| *name);
        numbered.chain(KNOWN.iter().copied())
    }

    /// In `NUMBERED`.
    fn place(&self) -> usize {
        let place = NUMBERED.iter().position(|(family, _)| family == self);
        place.unwrap_or(NUMBERED.len())
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
    ("go-containerregistry", Family::GoContainerregistry),
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

/// Products that are not named as their family is.
const ALIASES: &[(&str, &str)] = &[
    ("censysinspect", "censys"),
    ("linuxbrew", "homebrew"),
    ("mdccontainerssecurity", "defender"),
    ("renovatebot", "renovate"),
];

impl Family {
    /// The family with a variant whose product this is, by name alone.
    pub(super) fn of_product(name: &str) -> Option<Self> {
        PRODUCTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, family)| *family)
    }

    /// The family of any other product: its name, without the punctuation around it.
    pub(super) fn of_other_product(product: &str) -> Self {
        let product = product.trim_matches(|c: char| c.is_ascii_punctuation());
        let alias = ALIASES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(product));
        let name = alias.map_or(product, |(_, family)| family);
        // `empty` and `go-default` are what this page calls clients, and nothing that one calls itself.
        match Self::of_name(name) {
            Some(named @ Self::Named(_)) => named,
            _ => Self::Unknown,
        }
    }
}

/// By name where people read it. The Detector's state, which does not describe itself, has the number of the variant, and the name
/// behind it where that says no more: as an enum's derived form, which builds before names wrote.
impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(self.as_str());
        }
        let mut parts = serializer.serialize_tuple(2)?;
        parts.serialize_element(&(self.place() as u32))?;
        if let Self::Named(name) = self {
            parts.serialize_element(name.as_str())?;
        }
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Family {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let name = Cow::<'de, str>::deserialize(deserializer)?;
            return Self::of_name(&name).ok_or_else(|| D::Error::custom("expected the name of a family"));
        }
        deserializer.deserialize_tuple(2, Numbered)
    }
}

/// Reads a number, and a name where it says no family.
struct Numbered;

impl<'de> Visitor<'de> for Numbered {
    type Value = Family;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the number of a family")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Family, A::Error> {
        let place: u32 = parts.next_element()?.unwrap_or_default();
        match NUMBERED.get(place as usize) {
            Some((family, _)) => Ok(*family),
            None if place as usize == NUMBERED.len() => {
                let name: &str = parts.next_element()?.unwrap_or_default();
                Family::of_name(name).ok_or_else(|| A::Error::custom("expected the name of a family"))
            }
            None => Err(A::Error::custom("expected the number of a family")),
        }
    }
}
