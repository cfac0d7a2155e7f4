//! Packets by minute: how many passed and were dropped of each combination of attributes, as other parties sampled them.
//!
//! In scope: the counts of a minute, their stored form and bounds. Not in scope: what they come to (`finding`), reading what is
//! pushed (`crates/upstream`), storage (`store`).

mod finding;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use blobwatch_sql::StoreError;
use blobwatch_upstream::{MAX_COMBINATIONS, PacketCounts, PacketOutcome, PacketRow, PacketRule};
use serde::{Deserialize, Serialize};

pub(crate) use finding::{PacketFinding, findings};

/// Of a stored minute. A newer one is passed over.
const VERSION: u8 = 1;

/// Rules of one minute.
const MAX_RULES: usize = 128;

/// Outcome, rule and values.
type Alike = (PacketOutcome, Arc<str>, Vec<String>);

/// Samples, and packets that they stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Packets {
    pub(crate) samples: u64,
    pub(crate) packets: u64,
}

impl Packets {
    pub(crate) fn add(&mut self, more: Self) {
        self.samples = self.samples.saturating_add(more.samples);
        self.packets = self.packets.saturating_add(more.packets);
    }
}

/// What is known of a rule in a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RuleTexts {
    pub(crate) system: String,
    pub(crate) words: String,
}

/// Counts of a minute, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PacketSums {
    pub(crate) rows: BTreeMap<Alike, Packets>,
    pub(crate) rules: BTreeMap<Arc<str>, RuleTexts>,
    /// Samples for which there was no room.
    pub(crate) unplaced: u64,
}

impl PacketSums {
    /// Takes in what a body tells of one minute.
    pub(crate) fn take(&mut self, minute: u64, counts: &PacketCounts) {
        counts.rules.iter().for_each(|rule| self.name(rule));
        let mut of_outcomes: BTreeMap<PacketOutcome, usize> = BTreeMap::new();
        for (outcome, ..) in self.rows.keys() {
            *of_outcomes.entry(*outcome).or_default() += 1;
        }
        for row in counts.rows.iter().filter(|row| row.minute == minute) {
            self.place(row, of_outcomes.entry(row.outcome).or_default());
        }
        self.unplaced += counts.unplaced.get(&minute).copied().unwrap_or_default();
    }

    fn name(&mut self, rule: &PacketRule) {
        if self.rules.len() < MAX_RULES || self.rules.contains_key(&rule.id) {
            let texts = self.rules.entry(Arc::clone(&rule.id)).or_default();
            (texts.system, texts.words) = (rule.system.clone(), rule.words.clone());
        }
    }

    /// `known` is how many rows there are of that outcome.
    fn place(&mut self, row: &PacketRow, known: &mut usize) {
        let alike = (row.outcome, Arc::clone(&row.rule), row.values.clone());
        if !self.rows.contains_key(&alike) {
            if *known >= MAX_COMBINATIONS {
                self.unplaced += u64::from(row.samples);
                return;
            }
            *known += 1;
        }
        self.rows.entry(alike).or_default().add(Packets {
            samples: u64::from(row.samples),
            packets: row.packets,
        });
    }

    /// Takes in another minute.
    pub(crate) fn merge(&mut self, other: Self) {
        for (alike, packets) in other.rows {
            self.rows.entry(alike).or_default().add(packets);
        }
        self.rules.extend(other.rules);
        self.unplaced += other.unplaced;
    }

    /// As it is stored: texts once, rows with their numbers.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let mut texts = Texts::default();
        let rules = self.rules.iter();
        let rules = rules.map(|(id, rule)| [id, &*rule.system, &*rule.words].map(|text| texts.number(text)));
        let rules = rules.collect();
        let row = |((outcome, rule, values), packets): (&Alike, &Packets)| StoredRow {
            outcome: *outcome,
            rule: texts.number(rule),
            values: values.iter().map(|value| texts.number(value)).collect(),
            samples: packets.samples,
            packets: packets.packets,
        };
        let rows = self.rows.iter().map(row).collect();
        let stored = StoredPackets {
            texts: texts.texts,
            rules,
            rows,
            unplaced: self.unplaced,
        };
        let bytes = postcard::to_extend(&stored, vec![VERSION]);
        bytes.map_err(|error| StoreError::Corrupt(format!("packets of a minute ({error})")))
    }

    /// None where it is damaged, or a newer build's.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&[VERSION])?;
        let stored: StoredPackets = postcard::from_bytes(bytes).ok()?;
        let text = |number: &u32| stored.texts.get(*number as usize).map(String::as_str);
        let rule = |[id, system, words]: &[u32; 3]| {
            let texts = RuleTexts {
                system: text(system)?.to_owned(),
                words: text(words)?.to_owned(),
            };
            Some((Arc::from(text(id)?), texts))
        };
        let row = |row: &StoredRow| {
            let values: Option<Vec<String>> = row
                .values
                .iter()
                .map(|value| Some(text(value)?.to_owned()))
                .collect();
            let packets = Packets {
                samples: row.samples,
                packets: row.packets,
            };
            Some(((row.outcome, Arc::from(text(&row.rule)?), values?), packets))
        };
        Some(Self {
            rules: stored.rules.iter().map(rule).collect::<Option<_>>()?,
            rows: stored.rows.iter().map(row).collect::<Option<_>>()?,
            unplaced: stored.unplaced,
        })
    }
}

/// Texts and their numbers.
#[derive(Default)]
struct Texts {
    texts: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }
}

/// Numbers are those of `texts`.
#[derive(Serialize, Deserialize)]
struct StoredPackets {
    texts: Vec<String>,
    /// Name, system and words.
    rules: Vec<[u32; 3]>,
    rows: Vec<StoredRow>,
    unplaced: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredRow {
    outcome: PacketOutcome,
    rule: u32,
    values: Vec<u32>,
    samples: u64,
    packets: u64,
}

#[cfg(test)]
pub(crate) mod tests;
