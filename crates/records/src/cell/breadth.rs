//! How many distinct clients and networks are behind something, in a few bytes that can be merged.

use serde::{Deserialize, Serialize};

use crate::cell::Event;
use blobwatch_pull::{ClientKey, NetworkKey};

/// Hashes kept by one sketch. Below, the count is exact; above, its relative error is about 1/√30 = 18 %.
pub const SKETCH: usize = 32;

/// The k smallest hashes of a set (Bar-Yossef et al., "Counting distinct elements in a data stream", 2002): how many
/// there are follows from where the largest of them stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Kmv {
    /// Ascending, each once, at most [`SKETCH`].
    hashes: Vec<u32>,
}

impl Kmv {
    /// Takes in one member. Keys of clients and networks are hashes already: 32 bits of them are uniform.
    pub(super) fn insert(&mut self, key: u64) {
        self.insert_hash((key ^ key >> 32) as u32);
    }

    fn insert_hash(&mut self, hash: u32) {
        if let Err(place) = self.hashes.binary_search(&hash)
            && place < SKETCH
        {
            self.hashes.truncate(SKETCH - 1);
            self.hashes.insert(place, hash);
        }
    }

    /// Takes in every member of another sketch.
    pub(super) fn merge(&mut self, other: &Self) {
        for hash in &other.hashes {
            self.insert_hash(*hash);
        }
    }

    /// Whether [`Kmv::count`] is exact (but for two members of one hash: 1 in 8 million at 32).
    #[must_use]
    pub(super) fn is_exact(&self) -> bool {
        self.hashes.len() < SKETCH
    }

    /// Members, estimated where it is not exact: then they are not fewer than those that are known.
    #[must_use]
    pub(super) fn count(&self) -> u64 {
        let known = SKETCH as u64;
        match self.hashes.last() {
            Some(largest) if !self.is_exact() => (((known - 1) << 32) / (u64::from(*largest) + 1)).max(known),
            _ => self.hashes.len() as u64,
        }
    }

    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(super) fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// `None` unless they are what a sketch keeps.
    pub(super) fn of_hashes(hashes: Vec<u32>) -> Option<Self> {
        let ascend = hashes.is_sorted_by(|a, b| a < b);
        (ascend && hashes.len() <= SKETCH).then_some(Self { hashes })
    }
}

/// Networks that a cell names: enough to tell one from several.
pub(super) const FEW: usize = 3;

/// The smallest hashes of the networks that sent anything, at most `FEW`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FewNetworks(Kmv);

impl FewNetworks {
    pub fn insert(&mut self, network: NetworkKey) {
        self.0.insert(network.0);
        self.0.hashes.truncate(FEW);
    }

    /// Takes in the networks of somebody's breadth, which are hashed alike.
    pub fn take(&mut self, breadth: &Breadth) {
        self.take_sketch(&breadth.networks);
    }

    pub fn merge(&mut self, other: &Self) {
        self.take_sketch(&other.0);
    }

    fn take_sketch(&mut self, sketch: &Kmv) {
        self.0.merge(sketch);
        self.0.hashes.truncate(FEW);
    }

    /// At least so many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.hashes.len()
    }

    pub(super) fn sketch(&self) -> &Kmv {
        &self.0
    }

    /// `None` where they are more than [`FEW`].
    pub(super) fn of_sketch(sketch: Kmv) -> Option<Self> {
        (sketch.hashes.len() <= FEW).then_some(Self(sketch))
    }
}

/// Distinct clients, and the networks they are in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breadth {
    pub(super) clients: Kmv,
    pub(super) networks: Kmv,
}

impl Breadth {
    pub fn insert(&mut self, client: ClientKey, network: NetworkKey) {
        self.clients.insert(client.0);
        self.networks.insert(network.0);
    }

    pub fn merge(&mut self, other: &Self) {
        self.clients.merge(&other.clients);
        self.networks.merge(&other.networks);
    }

    #[must_use]
    pub fn count_clients(&self) -> u64 {
        self.clients.count()
    }

    /// Each client is in one network: where two estimates say more networks than clients, the one of clients holds for both.
    #[must_use]
    pub fn count_networks(&self) -> u64 {
        self.networks.count().min(self.clients.count())
    }

    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.clients.is_exact() && self.networks.is_exact()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.networks.is_empty()
    }
}

/// Who is behind each event of a cell: of most events nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Affected {
    /// In the order of events, each once.
    by_event: Vec<(Event, Breadth)>,
}

static NOBODY: Breadth = Breadth {
    clients: Kmv { hashes: Vec::new() },
    networks: Kmv { hashes: Vec::new() },
};

impl Affected {
    #[must_use]
    pub fn of(&self, event: Event) -> &Breadth {
        let place = self.place(event).ok();
        place
            .and_then(|place| self.by_event.get(place))
            .map_or(&NOBODY, |(_, breadth)| breadth)
    }

    /// Takes in one client's event.
    pub fn insert(&mut self, event: Event, client: ClientKey, network: NetworkKey) {
        self.add(event, |breadth| breadth.insert(client, network));
    }

    /// Takes in everybody who had an event.
    pub fn merge_event(&mut self, event: Event, more: &Breadth) {
        if !more.is_empty() {
            self.add(event, |breadth| breadth.merge(more));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (event, breadth) in &other.by_event {
            self.merge_event(*event, breadth);
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_event.is_empty()
    }

    /// In memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let hashes =
            |breadth: &Breadth| breadth.clients.hashes.capacity() + breadth.networks.hashes.capacity();
        let hashes: usize = self.by_event.iter().map(|(_, breadth)| hashes(breadth)).sum();
        size_of::<Self>()
            + self.by_event.capacity() * size_of::<(Event, Breadth)>()
            + hashes * size_of::<u32>()
    }

    /// Encoded, at most.
    pub(super) fn most_bytes(&self) -> usize {
        let hashes = |breadth: &Breadth| breadth.clients.hashes.len() + breadth.networks.hashes.len();
        self.by_event
            .iter()
            .map(|(_, breadth)| 4 + 5 * hashes(breadth))
            .sum()
    }

    fn place(&self, event: Event) -> Result<usize, usize> {
        self.by_event.binary_search_by_key(&event, |(event, _)| *event)
    }

    fn add(&mut self, event: Event, take: impl FnOnce(&mut Breadth)) {
        let place = self.place(event).unwrap_or_else(|place| {
            self.by_event.insert(place, (event, Breadth::default()));
            place
        });
        if let Some((_, breadth)) = self.by_event.get_mut(place) {
            take(breadth);
        }
    }
}
