//! A map of bounded size in which no network takes the room of others.
//!
//! Keys and values are what clients send, and one address can invent any number of them. Where the room is used up, a
//! quarter of it is made free: of each network its worthiest entry stays first, then its second, and so on. Whoever invents
//! many pushes out their own. What many networks use counts for less by their number, so whoever has three networks cannot
//! fill it with what all three use.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use blobwatch_pull::NetworkKey;

/// Entries by key, each with the networks that used it.
#[derive(Debug)]
pub(crate) struct FairMap<K, V> {
    entries: HashMap<K, FairEntry<V>>,
    /// Sum of the entries' weights.
    weight: usize,
    most: usize,
    swept_ms: u64,
    evicted: u32,
}

#[derive(Debug)]
struct FairEntry<V> {
    value: V,
    claim: Claim,
}

/// What an entry has for itself: 32 bytes.
#[derive(Debug, Clone, Copy)]
struct Claim {
    users: Users,
    weight: u32,
    /// When it was used last, or how much is in it: an entry of less worth goes first.
    worth: u64,
    /// While room is made: its number.
    place: u32,
}

/// The networks that used an entry: who began it, and about how many they are.
#[derive(Debug, Clone, Copy)]
struct Users {
    /// Half of a network's key. The entry is charged to it.
    first: u32,
    /// One bit for each network, by its key: some share a bit, so many networks count as at most 32.
    seen: u32,
}

impl Users {
    const fn one(network: NetworkKey) -> Self {
        Self {
            first: network.0 as u32,
            seen: Self::bit(network),
        }
    }

    const fn bit(network: NetworkKey) -> u32 {
        1 << ((network.0 >> 32) % 32)
    }

    const fn add(&mut self, network: NetworkKey) {
        self.seen |= Self::bit(network);
    }

    const fn count(self) -> u32 {
        self.seen.count_ones()
    }
}

impl<K: Copy + Eq + Hash, V> FairMap<K, V> {
    /// One of at most so many entries, or of so much weight.
    pub(crate) fn with_room(most: usize) -> Self {
        Self {
            entries: HashMap::new(),
            weight: 0,
            most,
            swept_ms: 0,
            evicted: 0,
        }
    }

    /// Drops what was not used for so long, as often as that. Worth is a time.
    pub(crate) fn sweep(&mut self, now_ms: u64, after_ms: u64) {
        if now_ms.saturating_sub(self.swept_ms) <= after_ms {
            return;
        }
        self.swept_ms = now_ms;
        let is_new = |kept: &FairEntry<V>| kept.claim.worth.saturating_add(after_ms) >= now_ms;
        self.entries.retain(|_, kept| is_new(kept));
        self.weight = weight(&self.entries);
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|kept| &kept.value)
    }

    /// Not a use.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|kept| &mut kept.value)
    }

    /// The entry of a key that this network uses now; a new one is made.
    pub(crate) fn used(
        &mut self,
        key: K,
        network: NetworkKey,
        worth: u64,
        make: impl FnOnce() -> V,
    ) -> &mut V {
        if self.weight >= self.most && !self.entries.contains_key(&key) {
            self.make_room();
        }
        let kept = match self.entries.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                self.weight += 1;
                let claim = Claim {
                    users: Users::one(network),
                    weight: 1,
                    worth,
                    place: 0,
                };
                place.insert(FairEntry { value: make(), claim })
            }
        };
        kept.claim.users.add(network);
        kept.claim.worth = kept.claim.worth.max(worth);
        &mut kept.value
    }

    /// The same, with another value.
    pub(crate) fn put(&mut self, key: K, network: NetworkKey, worth: u64, value: V)
    where
        V: Clone,
    {
        let known = self.used(key, network, worth, || value.clone());
        *known = value;
    }

    /// How much of the room an entry takes.
    pub(crate) fn weighs(&mut self, key: &K, weight: usize) {
        if let Some(kept) = self.entries.get_mut(key) {
            let before = std::mem::replace(&mut kept.claim.weight, weight as u32);
            self.weight = (self.weight + weight).saturating_sub(before as usize);
        }
        if self.weight > self.most {
            self.make_room();
        }
    }

    /// Sum of what the entries weigh.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    /// How many went for want of room since this was last asked.
    pub(crate) fn take_evicted(&mut self) -> u32 {
        std::mem::take(&mut self.evicted)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn make_room(&mut self) {
        let mut claims = Vec::with_capacity(self.entries.len());
        for (kept, place) in self.entries.values_mut().zip(0..) {
            kept.claim.place = place;
            claims.push(kept.claim);
        }
        let stays = staying(claims, self.most - self.most / 4);
        let before = self.entries.len();
        self.entries
            .retain(|_, kept| stays.get(kept.claim.place as usize).is_some_and(|stays| *stays));
        self.weight = weight(&self.entries);
        self.evicted = (self.evicted).saturating_add((before - self.entries.len()) as u32);
    }
}

fn weight<K, V>(entries: &HashMap<K, FairEntry<V>>) -> usize {
    entries.values().map(|kept| kept.claim.weight as usize).sum()
}

/// Which of some entries stay in so much room, by their places.
fn staying(mut claims: Vec<Claim>, room: usize) -> Vec<bool> {
    let mut stays = vec![false; claims.len()];
    let of_one = |claim: &Claim| {
        let users = claim.users;
        (users.first, Reverse(users.count()), Reverse(claim.worth))
    };
    claims.sort_unstable_by_key(of_one);
    let (mut network, mut before) = (None, 0);
    let mut ranked: Vec<(u32, Reverse<u64>, u32, u32)> = Vec::with_capacity(claims.len());
    for claim in claims {
        if network != Some(claim.users.first) {
            (network, before) = (Some(claim.users.first), 0);
        }
        // What its network has before it.
        let rank = before / claim.users.count().max(1);
        ranked.push((rank, Reverse(claim.worth), claim.place, claim.weight));
        before += claim.weight;
    }
    ranked.sort_unstable();
    let mut taken = 0;
    for (_, _, place, weight) in ranked {
        taken += weight as usize;
        if taken > room {
            break;
        }
        if let Some(stays) = stays.get_mut(place as usize) {
            *stays = true;
        }
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 64;

    fn map() -> FairMap<u64, ()> {
        FairMap::with_room(ROOM)
    }

    fn uses(map: &mut FairMap<u64, ()>, key: u64, network: u64, worth: u64) {
        map.used(key, network_key(network), worth, || ());
    }

    /// Keys of networks are hashes: both halves differ.
    fn network_key(network: u64) -> NetworkKey {
        NetworkKey(network << 32 | network)
    }

    /// What a flood of invented keys leaves of what others had before, and of what they use meanwhile.
    #[test]
    fn a_flood_of_one_network_leaves_what_others_have() {
        #[track_caller]
        fn case(others: u64, each: u64, flood_networks: u64, all_stay: bool) {
            let mut map = map();
            let keys = others * each;
            (0..keys).for_each(|key| uses(&mut map, key, key % others, 0));
            for n in 0..1_000 {
                uses(&mut map, 1_000 + n, 1_000 + n % flood_networks, 1 + n);
            }
            let stayed = (0..keys).filter(|key| map.get(key).is_some()).count() as u64;
            assert_eq!(
                stayed == keys,
                all_stay,
                "{others} {each} {flood_networks}: {stayed}"
            );
            assert!(map.weight() <= ROOM && map.len() == map.weight());
            assert!(map.get(&1_999).is_some(), "the newest has room");
            assert_eq!(map.take_evicted() as usize, keys as usize + 1_000 - map.len());
            assert_eq!(map.take_evicted(), 0, "told once");
        }
        case(24, 1, 1, true);
        case(40, 1, 1, true);
        case(6, 4, 1, true);
        case(1, 20, 1, true);
        case(10, 2, 8, true);
        // As many networks as there is room for.
        case(24, 1, 1_000, false);
    }

    /// Thirty entries, and a flood of whoever began them.
    #[test]
    fn what_several_networks_use_stays_longer() {
        #[track_caller]
        fn case(networks: u64, stays: bool) {
            let mut map = map();
            for key in 0..30 {
                (0..networks).for_each(|network| uses(&mut map, key, network, 0));
            }
            (0..1_000).for_each(|n| uses(&mut map, 1_000 + n, 0, 1 + n));
            assert_eq!((0..30).all(|key| map.get(&key).is_some()), stays, "{networks}");
        }
        case(1, false);
        case(2, true);
        case(3, true);
        case(40, true);
    }

    /// A flood of entries that each of several networks uses.
    #[test]
    fn what_some_networks_invent_together_leaves_what_others_have() {
        #[track_caller]
        fn case(others: u64, together: u64) {
            let mut map = map();
            (0..others).for_each(|key| uses(&mut map, key, 100 + key, 0));
            for n in 0..1_000 {
                for network in 0..together {
                    // Each begins as many as the others.
                    uses(&mut map, 1_000 + n, (network + n) % together, 1 + n);
                }
            }
            assert!(
                (0..others).all(|key| map.get(&key).is_some()),
                "{others} {together}"
            );
            assert!(map.weight() <= ROOM);
        }
        case(40, 2);
        case(30, 3);
        case(20, 5);
    }

    #[test]
    fn where_there_is_one_network_the_least_used_goes() {
        let mut map = map();
        for n in 0..1_000 {
            uses(&mut map, n, 1, n);
            uses(&mut map, 0, 1, n);
        }
        assert!(map.get(&0).is_some() && map.get(&999).is_some());
        assert!((1..900).all(|key| map.get(&key).is_none()));
    }

    #[test]
    fn what_was_not_used_for_long_is_gone() {
        let mut map = map();
        map.sweep(10_000, 1_000);
        uses(&mut map, 1, 1, 10_000);
        uses(&mut map, 2, 1, 10_900);
        map.sweep(11_000, 1_000);
        assert!(map.get(&1).is_some(), "swept a second ago");
        map.sweep(11_001, 1_000);
        assert_eq!((map.get(&1), map.get(&2)), (None, Some(&())));
        assert_eq!((map.weight(), map.take_evicted()), (1, 0));
    }

    #[test]
    fn entries_that_grow_take_the_room_of_their_network() {
        let mut map = map();
        (0..10).for_each(|key| uses(&mut map, key, 1 + key, 0));
        for key in 100..110 {
            uses(&mut map, key, 0, key);
            (1..=20).for_each(|weight| map.weighs(&key, weight));
            assert!(map.weight() <= ROOM, "{}", map.weight());
        }
        assert!((0..10).all(|key| map.get(&key).is_some()));
        assert!(map.get(&109).is_some() && map.get(&100).is_none());
    }
}
