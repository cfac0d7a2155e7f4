//! The disk of a runtime under test, which a test can fill.

use super::preload::Preload;

pub(crate) struct Disk(Preload);

impl Disk {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let disk = Self(Preload::compile("disk.c", "BLOBWATCH_TEST_DISK"));
        disk.has_room();
        disk
    }

    /// For the environment of the runtime.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        self.0.variables()
    }

    /// From now on no database grows.
    pub(crate) fn is_full(&self) {
        self.0.tell("full");
    }

    /// From now on the files in which the runtime keeps alarms do not grow.
    pub(crate) fn is_full_for_alarms(&self) {
        self.0.tell("alarms");
    }

    /// From now on no database grows, and none can be opened anew.
    pub(crate) fn is_packed(&self) {
        self.0.tell("packed");
    }

    pub(crate) fn has_room(&self) {
        self.0.tell("");
    }
}
