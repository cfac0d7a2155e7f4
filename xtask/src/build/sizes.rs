//! How large the modules are: as compiled, after wasm-opt, and as they travel.

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fmt::{Display, Formatter};
use std::fs;
use std::io::Write;
use std::path::Path;

/// What the data plane may weigh, gzip-coded; the cost of a cold start grows with it. The control plane is loaded when it is
/// first called, and has no target.
const GZIP_TARGET: usize = 320 * 1024;

/// Bytes of both modules.
pub(crate) struct Sizes {
    pub(super) data_plane: Size,
    pub(super) control_plane: Size,
}

/// Bytes of one module.
pub(crate) struct Size {
    raw: usize,
    optimised: usize,
    gzip: usize,
}

impl Size {
    pub(super) fn measure(raw: &Path, optimised: &Path) -> Result<Self> {
        let read = |path: &Path| fs::read(path).with_context(|| format!("failed to read {}", path.display()));
        let module = read(optimised)?;
        Ok(Self {
            raw: read(raw)?.len(),
            optimised: module.len(),
            gzip: gzip_len(&module)?,
        })
    }

    fn json(&self) -> Value {
        json!({ "raw": self.raw, "optimised": self.optimised, "gzip": self.gzip })
    }
}

impl Sizes {
    /// Bytes of both modules as they travel: what an upload may weigh is counted over all.
    pub(crate) fn gzip(&self) -> usize {
        self.data_plane.gzip + self.control_plane.gzip
    }

    /// The figures as `target/bench/size.json` has them.
    pub(crate) fn json(&self) -> Value {
        json!({
            "bench": "size", "unit": "bytes",
            "data_plane": self.data_plane.json(), "control_plane": self.control_plane.json(),
            "target": {"data_plane_gzip_at_most": GZIP_TARGET}, "met": self.data_plane.gzip <= GZIP_TARGET,
        })
    }
}

/// Level 6, as wrangler counts it.
pub(super) fn gzip_len(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let kib = |bytes: usize| bytes.div_ceil(1024);
        let (raw, optimised, gzip) = (kib(self.raw), kib(self.optimised), kib(self.gzip));
        write!(f, "{raw} KiB raw, {optimised} KiB optimised, {gzip} KiB gzip")
    }
}

impl Display for Sizes {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let target = GZIP_TARGET.div_ceil(1024);
        let met = if self.data_plane.gzip > GZIP_TARGET {
            "over the target of"
        } else {
            "target"
        };
        writeln!(f, "data plane: {} ({met} {target} KiB)", self.data_plane)?;
        write!(f, "control plane: {}", self.control_plane)
    }
}

#[cfg(test)]
mod tests {
    use super::{GZIP_TARGET, Size, Sizes};

    fn size(gzip: usize) -> Size {
        Size {
            raw: 2048,
            optimised: 1025,
            gzip,
        }
    }

    #[track_caller]
    fn case(gzip: usize, expected: &str) {
        let sizes = Sizes {
            data_plane: size(gzip),
            control_plane: size(1),
        };
        assert_eq!(
            sizes.to_string(),
            format!(
                "data plane: 2 KiB raw, 2 KiB optimised, {expected}\ncontrol plane: 2 KiB raw, 2 KiB optimised, 1 KiB gzip"
            )
        );
        assert_eq!(sizes.gzip(), gzip + 1);
    }

    #[test]
    fn a_data_plane_over_the_target_says_so() {
        case(GZIP_TARGET, "320 KiB gzip (target 320 KiB)");
        case(GZIP_TARGET + 1, "321 KiB gzip (over the target of 320 KiB)");
    }
}
