//! Room for what is stored.

use std::path::Path;

use rustix::fs::statvfs;

use super::finding::Finding;

/// Records of an hour on a busy registry, with room for SQLite to write a file anew.
const LEAST_FREE: u64 = 512 << 20;

pub(super) fn space(path: &Path) -> Finding {
    match statvfs(path) {
        Ok(found) => judged(
            found.f_bavail.saturating_mul(found.f_frsize),
            found.f_favail,
            found.f_files,
        ),
        Err(error) => Finding::fault("disk", format!("{} cannot be measured: {error}", path.display())),
    }
}

fn judged(free: u64, files_free: u64, files: u64) -> Finding {
    let told = format!("{} MiB free", free >> 20);
    if free < LEAST_FREE {
        return Finding::fault(
            "disk",
            format!("{told}: records are lost when it is full, and pulls go on"),
        );
    }
    // File systems that number no files say 0 of 0.
    if files > 0 && files_free < 100 {
        return Finding::fault("disk", format!("{told}, and room for {files_free} files only"));
    }
    Finding::sound("disk", told)
}

#[cfg(test)]
mod tests {
    use super::{LEAST_FREE, judged};

    #[test]
    fn a_disk_that_is_nearly_full_is_a_fault() {
        assert!(!judged(LEAST_FREE, 1_000, 2_000).is_fault());
        assert!(!judged(LEAST_FREE, 0, 0).is_fault());
        assert!(judged(LEAST_FREE - 1, 1_000, 2_000).is_fault());
        assert!(judged(LEAST_FREE, 99, 2_000).is_fault());
    }
}
