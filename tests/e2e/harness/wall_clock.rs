//! The wall clock of a runtime under test, which a test can set back.

use super::preload::Preload;

pub(crate) struct WallClock(Preload);

impl WallClock {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let clock = Self(Preload::compile("clock.c", "BLOBWATCH_TEST_CLOCK"));
        clock.is_off_by(0);
        clock
    }

    /// For the environment of the runtime.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        self.0.variables()
    }

    /// From now on, in seconds.
    pub(crate) fn is_off_by(&self, seconds: i64) {
        self.0.tell(&seconds.to_string());
    }
}
