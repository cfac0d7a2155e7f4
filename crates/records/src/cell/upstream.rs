//! What other parties' rules did, for the Detector: who was acted on, and how those fared who came through.
//!
//! It comes minutes late, so each count says its own minute; the batch that carries it is of the slot in which it came.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CellCounts, CellKey};
use blobwatch_pull::{Action, Fired, Origin, Record};

/// Counts of one batch, and rules of one batch, each in one action: at some 100 bytes together 110 KB. What does not fit is in
/// `dropped`.
pub(super) const MAX_COUNTS: usize = 1_024;
pub(super) const MAX_RULES: usize = 128;

/// Of both, where texts are long: a row holds 2 MB, and the batch has no cells.
const MAX_BYTES: usize = 1_500_000;

/// What a count takes beside its texts, and a rule.
const COUNT_BYTES: usize = 330;

/// What a source says of a rule that fired, in one of its actions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UpstreamRule {
    /// `<source>:<rule>`, as in `Fired`.
    pub id: Arc<str>,
    /// What the source calls the part of it that acts, as `l7ddos`; empty where it does not say.
    pub system: String,
    pub description: String,
    /// The source's own word for what it did, as `log` or `connectionclose`.
    pub action: String,
    /// Whether that word does anything to a request.
    pub acts: bool,
    /// Of the newest request, as the client sent it: what a switch of the source is set for.
    pub host: String,
    /// Of the first and the last event of this action.
    pub first_ms: u64,
    pub last_ms: u64,
}

/// One rule, in one minute and one combination of attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamCount {
    /// Since 1970.
    pub minute: u64,
    /// Without rules.
    pub key: CellKey,
    pub rule: Arc<str>,
    /// Requests that it did something to, and those that it only logged.
    pub acted: u32,
    pub logged: u32,
    /// What the requests among them count that Blobwatch saw itself.
    pub counts: CellCounts,
}

/// What one batch tells of other parties' rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamCells {
    pub rules: Vec<UpstreamRule>,
    pub counts: Vec<UpstreamCount>,
    /// Fires for which there was no room.
    pub dropped: u32,
}

type CountKey = (u64, CellKey, Arc<str>);

/// Counts in the making.
#[derive(Debug, Default)]
pub struct UpstreamTally {
    rules: BTreeMap<(Arc<str>, String), UpstreamRule>,
    counts: BTreeMap<CountKey, UpstreamCount>,
    bytes: usize,
    dropped: u32,
}

impl UpstreamRule {
    /// In the order in which a batch of cells has them.
    #[must_use]
    pub fn texts(&self) -> [&str; 5] {
        [
            &self.id,
            &self.system,
            &self.description,
            &self.action,
            &self.host,
        ]
    }

    /// Takes in what another batch says of the same rule in the same action.
    pub fn merge(&mut self, other: &Self) {
        if other.last_ms >= self.last_ms {
            let first_ms = self.first_ms.min(other.first_ms);
            *self = Self {
                first_ms,
                ..other.clone()
            };
        } else {
            self.first_ms = self.first_ms.min(other.first_ms);
        }
    }
}

impl UpstreamTally {
    pub fn rule(&mut self, rule: &UpstreamRule) {
        let key = (Arc::clone(&rule.id), rule.action.clone());
        if let Some(known) = self.rules.get_mut(&key) {
            known.merge(rule);
        } else if self.rules.len() < MAX_RULES && self.has_room(rule.texts().into_iter()) {
            self.rules.insert(key, rule.clone());
        } else {
            self.dropped += 1;
        }
    }

    /// Takes room, where there is some.
    fn has_room<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> bool {
        let bytes = COUNT_BYTES + texts.map(str::len).sum::<usize>();
        let fits = self.bytes + bytes <= MAX_BYTES;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Counts what fired on a request; `counts` is what the request counts if Blobwatch saw it.
    pub fn count(&mut self, record: &Record, fired: &[Fired], counts: Option<&CellCounts>) {
        for fired in fired
            .iter()
            .filter(|fired| Origin::of(&fired.rule) == Origin::Upstream)
        {
            let acts = fired.applied == Action::Block;
            let Some(count) = self.place(record, &fired.rule) else {
                self.dropped = self.dropped.saturating_add(record.weight);
                continue;
            };
            let times = if acts { &mut count.acted } else { &mut count.logged };
            *times = times.saturating_add(record.weight);
            if let Some(counts) = counts {
                count.counts.add(counts);
            }
        }
    }

    fn place(&mut self, record: &Record, rule: &Arc<str>) -> Option<&mut UpstreamCount> {
        let minute = record.id.time_ms() / 60_000;
        let key = CellKey {
            rules: Vec::new(),
            ..CellKey::of(record)
        };
        let whole = (minute, key, Arc::clone(rule));
        if !self.counts.contains_key(&whole) {
            let has_place = self.counts.len() < MAX_COUNTS;
            if !has_place || !self.has_room(whole.1.texts().chain([&**rule])) {
                return None;
            }
        }
        let new = |(minute, key, rule): &CountKey| UpstreamCount {
            minute: *minute,
            key: key.clone(),
            rule: Arc::clone(rule),
            acted: 0,
            logged: 0,
            counts: CellCounts::default(),
        };
        Some(self.counts.entry(whole).or_insert_with_key(new))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.counts.is_empty() && self.dropped == 0
    }

    /// Fires for which there was no room so far.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    pub(super) fn into_cells(self) -> UpstreamCells {
        UpstreamCells {
            rules: self.rules.into_values().collect(),
            counts: self.counts.into_values().collect(),
            dropped: self.dropped,
        }
    }
}

impl UpstreamCells {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.counts.is_empty() && self.dropped == 0
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let of_counts = self
            .counts
            .iter()
            .flat_map(|count| count.key.texts().chain([&*count.rule]));
        of_counts.chain(self.rules.iter().flat_map(UpstreamRule::texts))
    }
}

#[cfg(test)]
mod tests {
    use super::super::CellBatch;
    use super::super::Tally;
    use super::*;
    use blobwatch_pull::{Mode, sample};
    use blobwatch_wire::MAX_TEXT_BYTES;

    fn fired(rule: &str, applied: Action) -> Fired {
        sample::fired(rule, 0, Mode::Enforce, Action::Block, applied)
    }

    fn batch(tally: UpstreamTally) -> CellBatch {
        let mut cells = Tally::default();
        cells.take_upstream(tally, sample::JULY_2020_MS);
        let [batch] = cells.into_batches("fl1-fra-0", 1, 1).try_into().unwrap();
        batch
    }

    #[test]
    fn only_rules_of_others_are_counted_by_minute_and_who() {
        let mut tally = UpstreamTally::default();
        let rules = [
            fired("ours", Action::Block),
            fired("cf:a", Action::Block),
            fired("cf:b", Action::None),
        ];
        let counts = CellCounts {
            starts: 1,
            ..CellCounts::default()
        };
        tally.count(&sample::full(), &rules, Some(&counts));
        tally.count(&sample::full(), &rules[..2], None);
        let told = batch(tally).upstream;
        let said: Vec<_> = told
            .counts
            .iter()
            .map(|count| (&*count.rule, count.acted, count.logged, count.counts.starts))
            .collect();
        assert_eq!(said, [("cf:a", 2, 0, 1), ("cf:b", 0, 1, 1)]);
        assert_eq!(told.counts[0].minute, sample::JULY_2020_MS / 60_000);
        assert!(told.counts[0].key.rules.is_empty());
    }

    /// What a stranger can make many and long of: the batch fits a row, and says what is missing.
    #[test]
    fn a_batch_is_bounded_in_bytes() {
        let mut tally = UpstreamTally::default();
        let long = |n: usize| format!("{n:05}{}", "x".repeat(MAX_TEXT_BYTES - 5));
        for n in 0..2 * MAX_COUNTS {
            let record = Record {
                os: long(n),
                fingerprint: long(n + 10_000),
                ..sample::full()
            };
            tally.count(
                &record,
                &[fired(&format!("cf:{}", long(n + 20_000)), Action::Block)],
                None,
            );
        }
        let batch = batch(tally);
        assert!(batch.encode().len() < 1_900_000, "{}", batch.encode().len());
        let counted: u32 = batch.upstream.counts.iter().map(|count| count.acted).sum();
        assert_eq!(counted + batch.upstream.dropped, 2 * MAX_COUNTS as u32);
    }

    #[test]
    fn a_rule_is_known_from_its_first_event_to_its_last() {
        let rule = |first_ms, last_ms, host: &str| UpstreamRule {
            id: "cf:a".into(),
            system: String::new(),
            description: String::new(),
            action: "block".to_owned(),
            acts: true,
            host: host.to_owned(),
            first_ms,
            last_ms,
        };
        let mut tally = UpstreamTally::default();
        for rule in [rule(50, 60, "b"), rule(40, 45, "a"), rule(55, 70, "c")] {
            tally.rule(&rule);
        }
        assert_eq!(batch(tally).upstream.rules, [rule(40, 70, "c")]);
    }
}
