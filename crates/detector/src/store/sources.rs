//! Which batches of which FireLog came, so that a repeat is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// FireLogs that are remembered: 300 colos with several each; beyond it the one heard of longest ago is forgotten.
const MAX_SOURCES: usize = 5_000;

/// Numbers beyond a gap that are remembered one by one. A FireLog sends in order; a gap is a batch that it gave up.
const MAX_BEYOND: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sources(BTreeMap<String, Source>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Source {
    epoch: u64,
    /// Every number up to this came, or never will.
    upto: u64,
    beyond: BTreeSet<u64>,
    last_slot: u64,
}

impl Sources {
    /// Whether the batch came already.
    pub(super) fn has(&self, name: &str, epoch: u64, seq: u64) -> bool {
        self.0.get(name).is_some_and(|source| {
            source.epoch == epoch && (seq <= source.upto || source.beyond.contains(&seq))
        })
    }

    /// Remembers a batch.
    pub(super) fn saw(&mut self, name: &str, epoch: u64, seq: u64, slot: u64) {
        if self.0.len() >= MAX_SOURCES && !self.0.contains_key(name) {
            let oldest = self.0.iter().min_by_key(|(_, source)| source.last_slot);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&oldest);
            }
        }
        let source = self.0.entry(name.to_owned()).or_default();
        if source.epoch != epoch {
            *source = Source {
                epoch,
                ..Source::default()
            };
        }
        source.last_slot = source.last_slot.max(slot);
        source.beyond.insert(seq);
        if source.beyond.len() > MAX_BEYOND
            && let Some(first) = source.beyond.first()
        {
            source.upto = source.upto.max(first.saturating_sub(1));
        }
        while source.beyond.remove(&(source.upto + 1)) {
            source.upto += 1;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BEYOND, Sources};

    #[test]
    fn a_batch_is_known_once_it_came() {
        let mut sources = Sources::default();
        for seq in [1, 2, 4, 3] {
            assert!(!sources.has("a", 7, seq));
            sources.saw("a", 7, seq, 0);
            assert!(sources.has("a", 7, seq));
        }
        assert!(sources.has("a", 7, 1) && !sources.has("a", 7, 5) && !sources.has("b", 7, 1));
        assert_eq!(sources.0["a"].upto, 4);
    }

    #[test]
    fn a_new_database_begins_anew() {
        let mut sources = Sources::default();
        sources.saw("a", 7, 9, 0);
        sources.saw("a", 8, 1, 0);
        assert!(sources.has("a", 8, 1) && !sources.has("a", 7, 9));
    }

    #[test]
    fn a_gap_that_is_never_filled_takes_no_room() {
        let mut sources = Sources::default();
        for seq in 2..500 {
            sources.saw("a", 7, seq, 0);
        }
        assert_eq!(sources.0["a"].upto, 499);
        assert!(sources.0["a"].beyond.len() <= MAX_BEYOND);
        assert!(sources.has("a", 7, 1), "given up");
    }
}
