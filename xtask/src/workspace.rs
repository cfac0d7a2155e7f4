//! Where things are in the clone. Paths only; nothing is created here.

use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf};

/// The clone that the command was started in.
#[derive(Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The clone of the `xtask` package that cargo is running, also after the clone was moved.
    pub(crate) fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .parent()
            .context("failed to find the workspace above the xtask package")?;
        Ok(Self::at(root))
    }

    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Where cargo puts what it builds; `CARGO_TARGET_DIR` moves it, as for cargo itself.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), |dir| self.path(dir))
    }

    /// Flags of rustc with which what is released is the same wherever it is built, and names no folder of a person.
    pub(crate) fn hidden_paths(&self) -> Vec<String> {
        let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo = cargo.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        let hidden = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let cargo = cargo.map(|cargo| hidden(&cargo, "/cargo"));
        [hidden(&self.root, "/blobwatch")]
            .into_iter()
            .chain(cargo)
            .collect()
    }

    /// A command that an npm package brings.
    pub(crate) fn npm_bin(&self, name: &str) -> PathBuf {
        self.path("node_modules/.bin").join(name)
    }
}
