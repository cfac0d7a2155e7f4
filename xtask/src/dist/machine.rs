//! The machines that releases are for.

use clap::ValueEnum;
use std::env::consts::ARCH;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Machine {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

impl Machine {
    /// This one.
    pub(super) fn own() -> Self {
        if ARCH == "aarch64" {
            Self::Arm64
        } else {
            Self::X86_64
        }
    }

    /// As archives are called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// As Debian and OCI call it.
    pub(super) fn architecture(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Of the command line, which brings its own C library.
    pub(super) fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// The npm package that brings workerd.
    pub(super) fn workerd(self) -> &'static str {
        match self {
            Self::X86_64 => "@cloudflare/workerd-linux-64",
            Self::Arm64 => "@cloudflare/workerd-linux-arm64",
        }
    }
}
