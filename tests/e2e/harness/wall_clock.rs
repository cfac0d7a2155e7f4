//! The wall clock of a runtime under test, which a test can set back.

use std::fs::write;
use std::path::Path;

use tempfile::TempDir;

use super::process::{command, run};
use super::workerd::ROOT;

pub(crate) struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// Compiles what stands between the runtime and the clock, with the compiler that Rust links with.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cc = command("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("clock.so"))
            .arg(Path::new(ROOT).join("tests/data/clock.c"))
            .arg("-ldl");
        run(cc).success();
        let clock = Self { folder };
        clock.is_off_by(0);
        clock
    }

    /// For the environment of the runtime.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        [
            ("LD_PRELOAD", path("clock.so")),
            ("BLOBWATCH_TEST_CLOCK", path("seconds")),
        ]
    }

    /// From now on, in seconds.
    pub(crate) fn is_off_by(&self, seconds: i64) {
        write(self.folder.path().join("seconds"), seconds.to_string()).unwrap();
    }
}
