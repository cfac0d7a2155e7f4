//! A Bloom filter over what a segment holds: "no" is certain, "yes" means look.

use blobwatch_wire::{DecodeError, FNV_START, Reader, fnv1a, put_varint, splitmix_finalizer};

/// About ten bits a value and five probes: 1 in 100 answers "look" for nothing (Broder and Mitzenmacher, "Network
/// Applications of Bloom Filters", section 2).
const BITS_PER_VALUE: usize = 10;
const PROBES: u64 = 5;

/// Of the filter: 52,000 values at ten bits. A full block of 16,384 records may have a little more; then more
/// answers are "look".
const MAX_BYTES: usize = 65_536;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bloom {
    bits: Vec<u8>,
}

impl Bloom {
    pub(super) fn of(values: &[u64]) -> Self {
        let bytes = (values.len() * BITS_PER_VALUE).div_ceil(8).min(MAX_BYTES);
        let mut bits = vec![0; bytes];
        for value in values {
            for probe in probes(*value, bytes) {
                if let Some(byte) = bits.get_mut(probe / 8) {
                    *byte |= 1 << (probe % 8);
                }
            }
        }
        Self { bits }
    }

    /// Whether the value may be inside.
    pub(super) fn may_have(&self, value: u64) -> bool {
        let set = |probe: usize| {
            self.bits
                .get(probe / 8)
                .is_some_and(|byte| byte >> (probe % 8) & 1 == 1)
        };
        !self.bits.is_empty() && probes(value, self.bits.len()).all(set)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.bits.len() as u64);
        out.extend_from_slice(&self.bits);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = reader.count(1)?;
        Ok(Self {
            bits: reader.take(length)?.to_vec(),
        })
    }
}

fn probes(value: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let bits = (bytes as u64 * 8).max(1);
    let step = splitmix_finalizer(value) | 1;
    (0..PROBES).map(move |probe| (value.wrapping_add(step.wrapping_mul(probe)) % bits) as usize)
}

/// FNV-1a over a field and a value, mixed: the values that the filter is asked about. Part of the stored format.
pub(super) fn hash(field: u8, value: &[u8]) -> u64 {
    splitmix_finalizer(fnv1a(FNV_START, [field].iter().chain(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_always_found_and_little_else() {
        let values: Vec<u64> = (0..5000u32).map(|n| hash(1, &n.to_le_bytes())).collect();
        let bloom = Bloom::of(&values);
        assert!(values.iter().all(|value| bloom.may_have(*value)));
        let wrong = (5000..105_000u32)
            .filter(|n| bloom.may_have(hash(1, &n.to_le_bytes())))
            .count();
        assert!(wrong < 2_000, "{wrong} of 100,000 found by chance");
    }

    #[test]
    fn an_empty_filter_has_nothing() {
        assert!(!Bloom::default().may_have(hash(0, b"x")));
    }
}
