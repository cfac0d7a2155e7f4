//! Whether any string can be at a place: a table that a few instructions ask.

/// By hash of four bytes: some string has them where they are looked at. A byte each while that is 4 KB, which takes a
/// third less work to read than a bit; a bit each, 8 KB, for many strings.
#[derive(Debug)]
pub(super) enum Maybe {
    Small(Box<[u8; 1 << SMALL_BITS]>),
    Large(Box<[u64; 1 << (LARGE_BITS - 6)]>),
}

const SMALL_BITS: u32 = 12;
const LARGE_BITS: u32 = 16;

/// Grams up to which one place in 32 of the small table is marked at most: few places are looked up in vain.
pub(super) const MAX_SMALL: usize = 128;

impl Maybe {
    /// Nothing can be anywhere.
    pub(super) fn new(is_large: bool) -> Self {
        if is_large {
            Self::Large(Box::new([0; _]))
        } else {
            Self::Small(Box::new([0; _]))
        }
    }

    pub(super) fn mark(&mut self, gram: u32) {
        match self {
            Self::Small(table) => {
                if let Some(byte) = table.get_mut(hash::<SMALL_BITS>(gram)) {
                    *byte = 1;
                }
            }
            Self::Large(table) => {
                let place = hash::<LARGE_BITS>(gram);
                if let Some(word) = table.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
        }
    }
}

/// 1 where a string has these bytes.
#[inline]
pub(super) fn byte_at(table: &[u8; 1 << SMALL_BITS], gram: u32) -> u32 {
    table.get(hash::<SMALL_BITS>(gram)).copied().map_or(0, u32::from)
}

#[inline]
pub(super) fn bit_at(table: &[u64; 1 << (LARGE_BITS - 6)], gram: u32) -> u32 {
    let place = hash::<LARGE_BITS>(gram);
    table
        .get(place / 64)
        .map_or(0, |word| (word >> (place % 64) & 1) as u32)
}

/// Knuth's multiplicative hash: its upper bits depend on all four bytes.
const KNUTH: u32 = 2_654_435_769;

#[inline]
fn hash<const BITS: u32>(gram: u32) -> usize {
    (gram.wrapping_mul(KNUTH) >> (32 - BITS)) as usize
}

/// Of fewer bits of the same hash. `slots` is a power of two.
#[inline]
pub(super) fn slot(gram: u32, slots: usize) -> usize {
    (gram.wrapping_mul(KNUTH) >> 8) as usize & (slots - 1)
}
