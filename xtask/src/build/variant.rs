//! The two builds of the worker and where each of them goes.

use std::path::PathBuf;

/// Which worker is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Variant {
    /// What is deployed.
    Release,
    /// The same with triggers that break it on purpose; never deployed.
    TestHooks,
}

impl Variant {
    /// Cargo features of the modules' packages.
    pub(super) fn cargo_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Release => &[],
            Self::TestHooks => &["--features", "test-hooks"],
        }
    }

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Release => "",
            Self::TestHooks => " (test hooks)",
        }
    }

    /// The folder that stands for the clone's root: the entry's `../../build/index.js` must lead to this variant's build.
    pub(super) fn root(self) -> PathBuf {
        match self {
            Self::Release => PathBuf::new(),
            Self::TestHooks => "build/test".into(),
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
            Self::TestHooks => "build/test/bundle".into(),
        }
    }
}
