//! Packets: samples of what passed and of what was dropped before it was a request, counted by what they have in common.
//!
//! In scope: the counts of one body, and their bounds. Not in scope: the forms of lines (`form`), where counts are kept and
//! what they come to (`crates/detector`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::upstream_rule_name;

/// What packets are told apart by, in the order of their values. The first two are places: what is dropped is held against what
/// passes at the same ones. There is no address of a sender among them.
pub const PACKET_ATTRIBUTES: [&str; 13] = [
    "destination",
    "colo",
    "country",
    "asn",
    "protocol",
    "flags",
    "ttl",
    "window",
    "window_scale",
    "mss",
    "options",
    "length",
    "source_port",
];

/// Combinations of one body and outcome: what passes may not crowd out what is dropped, nor the other way round. As JSON some 200
/// bytes each, 0.6 MB.
pub const MAX_COMBINATIONS: usize = 1_000;

/// Rules that one body may tell of.
const MAX_RULES: usize = 64;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PacketOutcome {
    Passed,
    /// It passed, though a rule would have dropped it.
    Logged,
    Dropped,
}

/// One sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) time_ms: u64,
    pub(crate) outcome: PacketOutcome,
    /// Without the name of the source; empty where it passed.
    pub(crate) rule: String,
    pub(crate) system: String,
    pub(crate) words: String,
    /// Packets that it stands for.
    pub(crate) weight: u64,
    pub(crate) values: Vec<String>,
}

/// Samples of one minute that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketRow {
    /// Since 1970.
    pub minute: u64,
    pub outcome: PacketOutcome,
    /// `<source>:<rule>`; empty where they passed.
    pub rule: Arc<str>,
    /// In the order of [`PACKET_ATTRIBUTES`]; empty where a packet does not have it.
    pub values: Vec<String>,
    pub samples: u32,
    /// That the samples stand for.
    pub packets: u64,
}

/// A rule that dropped packets, or would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketRule {
    pub id: Arc<str>,
    /// What the source calls the part of it that acts.
    pub system: String,
    /// What the source says of the rule.
    pub words: String,
}

/// Packets of one body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Of what was read: the same for the same lines, in whatever order they come.
    pub body: u64,
    pub rows: Vec<PacketRow>,
    pub rules: Vec<PacketRule>,
    /// By minute, samples for which there was no room.
    pub unplaced: BTreeMap<u64, u64>,
}

impl PacketCounts {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.unplaced.is_empty()
    }
}

type Alike = (u64, Arc<str>, Vec<String>);

/// Counts packets as they are read.
#[derive(Debug, Default)]
pub(crate) struct PacketTable {
    body: u64,
    rows: BTreeMap<PacketOutcome, HashMap<Alike, (u32, u64)>>,
    rules: HashMap<String, PacketRule>,
    unplaced: BTreeMap<u64, u64>,
}

impl PacketTable {
    /// `hash` is of the line.
    pub(crate) fn take(&mut self, source: &str, packet: Packet, hash: u64) {
        self.body = self.body.wrapping_add(blobwatch_wire::splitmix(hash));
        let minute = packet.time_ms / 60_000;
        let Some(rule) = self.rule(source, &packet) else {
            return self.leave_out(minute);
        };
        let rows = self.rows.entry(packet.outcome).or_default();
        let alike = (minute, rule, packet.values);
        if rows.len() >= MAX_COMBINATIONS && !rows.contains_key(&alike) {
            return self.leave_out(minute);
        }
        let (samples, packets) = rows.entry(alike).or_default();
        *samples = samples.saturating_add(1);
        *packets = packets.saturating_add(packet.weight);
    }

    fn leave_out(&mut self, minute: u64) {
        *self.unplaced.entry(minute).or_default() += 1;
    }

    /// The name of its rule; none where there is no room for another.
    fn rule(&mut self, source: &str, packet: &Packet) -> Option<Arc<str>> {
        if packet.outcome == PacketOutcome::Passed {
            return Some(Arc::from(""));
        }
        if let Some(known) = self.rules.get(&packet.rule) {
            return Some(Arc::clone(&known.id));
        }
        if self.rules.len() >= MAX_RULES {
            return None;
        }
        let id = upstream_rule_name(source, &packet.rule);
        let rule = PacketRule {
            id: Arc::clone(&id),
            system: packet.system.clone(),
            words: packet.words.clone(),
        };
        self.rules.insert(packet.rule.clone(), rule);
        Some(id)
    }

    pub(crate) fn into_counts(self) -> PacketCounts {
        let of_outcome = |(outcome, rows): (PacketOutcome, HashMap<Alike, (u32, u64)>)| {
            rows.into_iter()
                .map(move |((minute, rule, values), (samples, packets))| PacketRow {
                    minute,
                    outcome,
                    rule,
                    values,
                    samples,
                    packets,
                })
        };
        let mut rows: Vec<PacketRow> = self.rows.into_iter().flat_map(of_outcome).collect();
        let place = |row: &PacketRow| (row.minute, row.outcome, Arc::clone(&row.rule), row.values.clone());
        rows.sort_by_cached_key(place);
        let mut rules: Vec<PacketRule> = self.rules.into_values().collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        PacketCounts {
            body: self.body,
            rows,
            rules,
            unplaced: self.unplaced,
        }
    }
}
