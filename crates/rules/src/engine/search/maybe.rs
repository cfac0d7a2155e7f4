//! Whether any string can be at a place: a table that a few instructions ask.

/// By hash of four bytes: 1 where some string has them at a place that is looked at. A byte each, which takes a third
/// less work to read than a bit; 8 KB of them, so that few places are looked up in vain under 1,000 rules.
#[derive(Debug)]
pub(super) struct Maybe(Box<[u8; 1 << BITS]>);

const BITS: u32 = 13;

impl Maybe {
    /// Nothing can be anywhere.
    pub(super) fn new() -> Self {
        Self(Box::new([0; _]))
    }

    pub(super) fn mark(&mut self, gram: u32) {
        if let Some(byte) = self.0.get_mut(place(gram)) {
            *byte = 1;
        }
    }

    /// 1 where a string has these bytes.
    #[inline]
    pub(super) fn at(&self, gram: u32) -> u32 {
        self.0.get(place(gram)).copied().map_or(0, u32::from)
    }
}

/// Knuth's multiplicative hash: its upper bits depend on all four bytes.
const KNUTH: u32 = 2_654_435_769;

#[inline]
fn place(gram: u32) -> usize {
    (gram.wrapping_mul(KNUTH) >> (32 - BITS)) as usize
}

/// Of fewer bits of the same hash. `slots` is a power of two.
#[inline]
pub(super) fn slot(gram: u32, slots: usize) -> usize {
    (gram.wrapping_mul(KNUTH) >> 8) as usize & (slots - 1)
}
