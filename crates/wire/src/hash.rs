//! FNV-1a, 64 bits: a fixed hash, the same in every build, for what is stored or compared between objects. Anybody can make
//! two inputs of one hash, so a table of strangers' keys is not built on it.

/// Where a hash begins.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Goes on with a hash over some bytes.
pub fn fnv1a<'a>(start: u64, bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    bytes.into_iter().fold(start, step)
}

#[cfg(test)]
mod tests {
    use super::{FNV_START, fnv1a};

    /// The test suite of the algorithm's authors.
    #[test]
    fn published_values_hold() {
        for (text, expected) in [
            ("", FNV_START),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv1a(FNV_START, text.as_bytes()), expected, "{text}");
        }
    }
}
