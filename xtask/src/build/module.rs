//! The two Wasm modules of the worker, and what each of them is built with.

use super::Variant;
use std::path::PathBuf;

/// One Wasm module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Module {
    /// What every pull meets: `src/data_plane`.
    DataPlane,
    /// The API and the Durable Objects: the root package.
    ControlPlane,
}

impl Module {
    pub(super) const ALL: [Self; 2] = [Self::DataPlane, Self::ControlPlane];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::DataPlane => "data plane",
            Self::ControlPlane => "control plane",
        }
    }

    pub(super) fn package(self) -> &'static str {
        match self {
            Self::DataPlane => "blobwatch-data-plane",
            Self::ControlPlane => "blobwatch",
        }
    }

    /// What cargo calls the module that it compiles.
    pub(super) fn raw_name(self) -> &'static str {
        match self {
            Self::DataPlane => "blobwatch_data_plane.wasm",
            Self::ControlPlane => "blobwatch.wasm",
        }
    }

    /// Of the workspace's Cargo.toml; also the name of its folder under the target's.
    pub(super) fn profile(self, variant: Variant) -> &'static str {
        match self {
            _ if variant.is_quick() => "worker-dev",
            Self::DataPlane => "data-plane",
            Self::ControlPlane => "worker",
        }
    }

    /// Only the data plane has triggers for tests: the control plane is the released one there.
    pub(super) fn built_as(self, variant: Variant) -> Variant {
        match (variant, self) {
            (Variant::TestHooks, Self::ControlPlane) => Variant::Release,
            _ => variant,
        }
    }

    /// What wasm-opt works for: speed on the path of every pull, size where nobody waits.
    pub(super) fn effort(self) -> &'static str {
        match self {
            Self::DataPlane => "-O3",
            Self::ControlPlane => "-Oz",
        }
    }

    /// The folder of the optimised module and the JavaScript around it: what `wasm.js` of either plane imports.
    pub(super) fn output(self, variant: Variant) -> PathBuf {
        match self {
            Self::DataPlane => variant.output().join("data-plane"),
            Self::ControlPlane => variant.output(),
        }
    }

    /// The JavaScript around the module.
    pub(super) fn script(self, variant: Variant) -> PathBuf {
        self.output(variant).join(format!("{}.js", self.name()))
    }

    /// The optimised module.
    pub(super) fn wasm(self, variant: Variant) -> PathBuf {
        self.output(variant).join(format!("{}_bg.wasm", self.name()))
    }

    /// What wasm-bindgen calls its files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DataPlane => "data_plane",
            Self::ControlPlane => "index",
        }
    }
}
