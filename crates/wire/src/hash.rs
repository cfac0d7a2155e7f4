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

/// `SplitMix64` (Steele, Lea and Flood, 2014): every bit of the input moves half of the output's.
#[must_use]
pub const fn splitmix(value: u64) -> u64 {
    splitmix_finalizer(value.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// The same without its first step.
#[must_use]
pub const fn splitmix_finalizer(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::{FNV_START, fnv1a, splitmix};

    /// The first numbers that the generator of the paper's authors draws from the seed 1234567.
    #[test]
    fn published_numbers_are_drawn() {
        let seed = 1_234_567_u64;
        assert_eq!(splitmix(seed), 6_457_827_717_110_365_317);
        let second = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        assert_eq!(splitmix(second), 3_203_168_211_198_807_973);
    }

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
