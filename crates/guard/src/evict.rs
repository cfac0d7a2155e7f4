//! Which pasts go when there is no room: those that can tell a guard least.

use super::health::{ByClient, MAX_PASTS, Past};

/// Pasts that are left: the next ones that come find room without a walk of all.
const LEFT: usize = MAX_PASTS / 8 * 7;

/// Of one network only some clients count for a guard, whichever come first; beyond so many pasts one more changes nothing.
const OF_NETWORK: usize = 64;

/// The first to go are the greatest: beyond [`OF_NETWORK`] of one network, then those that do not pull cleanly, then those
/// of networks with many, then the youngest. So neither one network nor names that only ask take anybody's place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Uselessness {
    is_beyond: bool,
    is_unclean: bool,
    rank: usize,
    first_good_ms: u64,
    key: u64,
}

/// Forgets an eighth; how many that are.
pub(super) fn evict(pasts: &mut ByClient<Past>) -> u32 {
    let mut ranked = ranked(pasts);
    let before = pasts.len();
    if before > LEFT {
        let (_, _, gone) = ranked.select_nth_unstable(LEFT.saturating_sub(1));
        for past in gone {
            pasts.remove(&past.key);
        }
    }
    (before - pasts.len()) as u32
}

fn ranked(pasts: &ByClient<Past>) -> Vec<Uselessness> {
    let mut by_network: Vec<_> = pasts
        .iter()
        .map(|(key, past)| (past.network, !past.is_clean(), past.first_good_ms, *key))
        .collect();
    by_network.sort_unstable();
    let (mut network, mut rank) = (None, 0);
    let ranked = by_network
        .into_iter()
        .map(|(of, is_unclean, first_good_ms, key)| {
            rank = if network == Some(of) { rank + 1 } else { 0 };
            network = Some(of);
            Uselessness {
                is_beyond: rank >= OF_NETWORK,
                is_unclean,
                rank,
                first_good_ms,
                key,
            }
        });
    ranked.collect()
}
