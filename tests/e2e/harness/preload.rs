//! C that stands between the runtime under test and the machine, compiled with the compiler that Rust links with.

use std::fs::write;
use std::path::Path;

use tempfile::TempDir;

use super::process::{command, run};
use super::workerd::ROOT;

/// A library, and a file that tells it what to do.
pub(super) struct Preload {
    folder: TempDir,
    variable: &'static str,
}

impl Preload {
    /// Of a source in `tests/data`, which finds its file in the environment.
    #[track_caller]
    pub(super) fn compile(source: &str, variable: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cc = command("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("preload.so"))
            .arg(Path::new(ROOT).join("tests/data").join(source))
            .arg("-ldl");
        run(cc).success();
        Self { folder, variable }
    }

    /// For the environment of the runtime.
    pub(super) fn variables(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        [("LD_PRELOAD", path("preload.so")), (self.variable, path("told"))]
    }

    pub(super) fn tell(&self, what: &str) {
        write(self.folder.path().join("told"), what).unwrap();
    }
}
