//! Which four bytes of a string are looked at, and how far apart.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rustc_hash::FxBuildHasher;

pub(super) const GRAM: usize = 4;

/// Strings with the same four bytes at places that are looked at. A value made of nothing else has this many
/// comparisons at each; the strings beyond are searched one by one, which bounds what a client can cause.
const MAX_CANDIDATES: usize = 16;

/// The widest stride at which every occurrence of a string of this length has four of its bytes looked at.
const fn widest_stride(len: usize) -> Option<usize> {
    match len {
        0..GRAM => None,
        GRAM => Some(1),
        5 | 6 => Some(2),
        _ => Some(4),
    }
}

/// Chooses strides for strings that are searched in one value: the widest at which few others have the same bytes.
#[derive(Debug, Default)]
pub(in crate::engine) struct Strides(HashMap<(usize, u32), usize, FxBuildHasher>);

impl Strides {
    /// `None`: better searched by itself.
    pub(in crate::engine) fn choose(&mut self, string: &[u8]) -> Option<usize> {
        let mut stride = widest_stride(string.len())?;
        while stride > 0 {
            let count = |gram| self.0.get(&(stride, gram)).copied().unwrap_or(0);
            let (offset, most) = rarest(string, stride, count)?;
            if most < MAX_CANDIDATES {
                for gram in grams(string, stride, offset) {
                    *self.0.entry((stride, gram)).or_default() += 1;
                }
                return Some(stride);
            }
            stride /= 2;
        }
        None
    }
}

/// The bytes of a string that are looked at, whichever place it has modulo the stride.
pub(super) fn grams(string: &[u8], stride: usize, offset: usize) -> impl Iterator<Item = u32> {
    let windows = string.windows(GRAM).skip(offset).take(stride);
    windows.filter_map(|window| window.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)))
}

/// Where in the string its bytes are the least common, and how common there among strings. What ordinary requests have
/// is compared in vain for each of them, so it counts before that, as long as it keeps below [`MAX_CANDIDATES`]. Of
/// several places the last, since builds and versions differ more than the names before them.
pub(super) fn rarest(string: &[u8], stride: usize, count: impl Fn(u32) -> usize) -> Option<(usize, usize)> {
    let offsets = 0..=string.len().checked_sub(GRAM + stride - 1)?;
    let commonness = |offset| grams(string, stride, offset).map(&count).max().unwrap_or(0);
    let ordinary = |offset| {
        let grams = grams(string, stride, offset);
        grams.filter(|gram| ORDINARY.contains(gram)).count()
    };
    offsets
        .rev()
        .map(|offset| (offset, commonness(offset)))
        .min_by_key(|(offset, common)| (*common >= MAX_CANDIDATES, ordinary(*offset), *common))
}

/// What most requests to a registry have, all Docker's of them.
static ORDINARY: LazyLock<HashSet<u32, FxBuildHasher>> = LazyLock::new(|| {
    let texts = [
        r"docker/2 go/go1. git-commit/ kernel/5. os/linux arch/amd64 UpstreamClient(Docker-Client/2 \(linux\))",
        "/v2/library/blobs/sha256:",
    ];
    texts
        .iter()
        .flat_map(|text| grams(text.as_bytes(), text.len(), 0))
        .collect()
});
