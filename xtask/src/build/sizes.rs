//! How large the module is: as compiled, after wasm-opt, and as it travels.

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fmt::{Display, Formatter};
use std::fs;
use std::io::Write;
use std::path::Path;

/// What the whole worker may weigh, gzip-coded; the cost of a cold start grows with it.
const GZIP_TARGET: usize = 220 * 1024;

/// Bytes of one module.
pub(crate) struct Sizes {
    raw: usize,
    optimised: usize,
    pub(crate) gzip: usize,
}

impl Sizes {
    pub(super) fn measure(raw: &Path, optimised: &Path) -> Result<Self> {
        let read = |path: &Path| fs::read(path).with_context(|| format!("failed to read {}", path.display()));
        let module = read(optimised)?;
        Ok(Self {
            raw: read(raw)?.len(),
            optimised: module.len(),
            gzip: gzip_len(&module)?,
        })
    }

    /// The figures as `target/bench/size.json` has them.
    pub(crate) fn json(&self) -> Value {
        json!({
            "bench": "size", "unit": "bytes", "raw": self.raw, "optimised": self.optimised, "gzip": self.gzip,
            "target": {"gzip_at_most": GZIP_TARGET}, "met": self.gzip <= GZIP_TARGET,
        })
    }
}

/// Level 6, as wrangler counts it.
pub(super) fn gzip_len(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

impl Display for Sizes {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let kib = |bytes: usize| bytes.div_ceil(1024);
        let (raw, optimised, gzip) = (kib(self.raw), kib(self.optimised), kib(self.gzip));
        write!(
            f,
            "wasm: {raw} KiB raw, {optimised} KiB optimised, {gzip} KiB gzip"
        )?;
        let target = kib(GZIP_TARGET);
        if self.gzip > GZIP_TARGET {
            write!(f, " (over the target of {target} KiB)")
        } else {
            write!(f, " (target {target} KiB)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GZIP_TARGET, Sizes};

    #[track_caller]
    fn case(gzip: usize, expected: &str) {
        let sizes = Sizes {
            raw: 2048,
            optimised: 1025,
            gzip,
        };
        assert_eq!(
            sizes.to_string(),
            format!("wasm: 2 KiB raw, 2 KiB optimised, 220 KiB gzip ({expected})")
                .replace("220 KiB gzip", &format!("{} KiB gzip", gzip.div_ceil(1024)))
        );
    }

    #[test]
    fn a_module_over_the_target_says_so() {
        case(GZIP_TARGET, "target 220 KiB");
        case(GZIP_TARGET + 1, "over the target of 220 KiB");
    }
}
