//! The builds of the worker and where each of them goes.

use std::path::PathBuf;

/// Which worker is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Variant {
    /// What is deployed.
    Release,
    /// The same with triggers that break it on purpose; never deployed.
    TestHooks,
    /// What `cargo xtask dev` serves: compiled fast, hardly optimised.
    Development,
    /// The same with the triggers: `cargo xtask test --quick` runs both.
    DevelopmentTestHooks,
}

impl Variant {
    /// Cargo features of the modules' packages.
    pub(super) fn features(self) -> &'static [&'static str] {
        match self {
            Self::Release => &[],
            Self::TestHooks => &["--features", "test-hooks"],
            // The data plane then compiles the shipped rulebook by itself, and cargo no native program that does.
            Self::Development => &["--no-default-features"],
            Self::DevelopmentTestHooks => &[
                "--no-default-features",
                "--features",
                "blobwatch-data-plane/test-hooks",
            ],
        }
    }

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Release => "",
            Self::TestHooks => " (test hooks)",
            Self::Development => " (development)",
            Self::DevelopmentTestHooks => " (development, test hooks)",
        }
    }

    /// The folder that stands for the clone's root: the entry's `../../build/index.js` must lead to this variant's build.
    pub(super) fn root(self) -> PathBuf {
        match self {
            Self::Release => PathBuf::new(),
            Self::TestHooks => "build/test".into(),
            Self::Development => "build/dev".into(),
            Self::DevelopmentTestHooks => "build/quick".into(),
        }
    }

    /// What is built from Rust.
    pub(super) fn output(self) -> PathBuf {
        self.root().join("build")
    }

    /// The folder with what `workerd serve` embeds.
    pub(crate) fn bundle(self) -> PathBuf {
        match self {
            Self::Release => "build/bundle".into(),
            _ => self.root().join("bundle"),
        }
    }

    /// Whether nobody but a test meets it: what it weighs and how fast it is says nothing.
    pub(super) fn is_for_tests_only(self) -> bool {
        matches!(self, Self::TestHooks | Self::DevelopmentTestHooks)
    }

    /// Whether it is compiled for somebody who waits for it after each edit.
    pub(super) fn is_quick(self) -> bool {
        matches!(self, Self::Development | Self::DevelopmentTestHooks)
    }
}
