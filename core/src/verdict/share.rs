//! Which clients a percentage holds.

use crate::client::ClientKey;

/// Where a client stands on one rule's scale, 0 up to 100: stable for a client, independent from rule to rule.
pub(super) fn bucket(client: ClientKey, rule: &str) -> f64 {
    // FNV-1a over the rule's id, then the finalizer of SplitMix64: client keys are uniform already.
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ client.0;
    let folded = rule.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = (mixed ^ (mixed >> 31)) % 1_000_000;
    u32::try_from(mixed).map_or(0.0, |part| f64::from(part) / 10_000.0)
}
