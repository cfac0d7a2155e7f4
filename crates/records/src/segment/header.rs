//! What a segment holds, in little: enough to know that a query need not open it.

use std::collections::BTreeSet;

use super::block::Block;
use super::bloom::{Bloom, hash};
use super::codes::Coded;
use super::entries::{Digest, Treatment};
use super::families;
use blobwatch_pull::{Action, Cache, Mode, RecordId};

/// Values listed for one field; a field with more is looked up in the filter.
pub(super) const MAX_LISTED: usize = 64;

/// Of a listed value in bytes; a field with a longer one is looked up in the filter. All lists of a header are
/// below 9 · 64 · 66 bytes = 38 KB.
const MAX_LISTED_BYTES: usize = 64;

/// Header of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub first: RecordId,
    pub last: RecordId,
    pub records: u32,
    /// Requests that the records stand for.
    pub weight: u64,
    /// Records that a rule fired on.
    pub fires: u32,
    pub(super) verdicts: u32,
    pub(super) families: u32,
    pub(super) ranges: u32,
    pub(super) modes: u32,
    pub(super) lists: [Values; LISTED],
    pub(super) bloom: Bloom,
}

/// What a header can be asked about. Numbers are part of the stored format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Route = 0,
    Rule = 1,
    /// `rule=mode` with the mode's code, see [`rule_mode`].
    RuleMode = 2,
    Colo = 3,
    /// Decimal.
    Status = 4,
    Os = 5,
    /// Decimal, empty where absent.
    Asn = 6,
    Country = 7,
    Fingerprint = 8,
    /// Never listed: eight bytes, least significant first.
    Client = 9,
    /// Never listed: see [`digest_key`].
    Digest = 10,
    /// Never listed.
    Repository = 11,
    /// Never listed, and not there where it is empty: headers of older segments have none of these three.
    SentTo = 12,
    ServedBy = 13,
    /// By its name.
    Cache = 14,
    /// Never listed, and only of families that have no number.
    Family = 15,
    /// Never listed, and not there where it is empty: older records have no clouds.
    Cloud = 16,
    CloudRegion = 17,
    /// Likewise: older records have no signatures.
    Tcp = 18,
}

/// Fields whose values are listed while they are few.
pub(super) const LISTED: usize = 9;

/// The values of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    Listed(BTreeSet<String>),
    /// Too many to list: the filter has them.
    Many,
}

impl Header {
    /// The header of an opened block.
    #[must_use]
    pub fn of(block: &Block) -> Self {
        let mut collector = Collector::default();
        collector.block(block);
        let mut hashes = collector.hashes;
        let mut fields = 0..;
        let lists = collector
            .lists
            .map(|values| listed(fields.next().unwrap_or_default(), values, &mut hashes));
        let weight = |row| block.treatment(row).map_or(0, |t| u64::from(t.weight));
        let fired = |row: &&_| block.treatment(row).is_some_and(|t| !t.fired.is_empty());
        Self {
            first: block.rows().first().map_or(RecordId(0), |row| row.id),
            last: block.rows().last().map_or(RecordId(0), |row| row.id),
            records: block.rows().len() as u32,
            weight: block.rows().iter().map(weight).sum(),
            fires: block.rows().iter().filter(fired).count() as u32,
            verdicts: bits(block.treatments.iter().map(|t| t.verdict)),
            families: block
                .agents
                .iter()
                .fold(0, |bits, agent| bits | families::bit(&agent.family)),
            ranges: bits(block.treatments.iter().map(|t| t.range)),
            modes: bits(
                block
                    .treatments
                    .iter()
                    .flat_map(|t| &t.fired)
                    .map(|fired| fired.mode),
            ),
            lists,
            bloom: Bloom::of(&hashes),
        }
    }

    /// Whether a record of the segment may have this value.
    #[must_use]
    pub fn may_have(&self, field: Field, value: &[u8]) -> bool {
        match self.lists.get(field as usize) {
            Some(Values::Listed(values)) => {
                std::str::from_utf8(value).is_ok_and(|text| values.contains(text))
            }
            _ => self.bloom.may_have(hash(field as u8, value)),
        }
    }

    /// The listed values of a field; `None` where they were too many.
    #[must_use]
    pub fn listed(&self, field: Field) -> Option<&BTreeSet<String>> {
        match self.lists.get(field as usize) {
            Some(Values::Listed(values)) => Some(values),
            _ => None,
        }
    }

    #[must_use]
    pub fn has_verdict(&self, verdict: Action) -> bool {
        self.verdicts & verdict.bit() != 0
    }

    #[must_use]
    pub fn has_family(&self, family: blobwatch_pull::Family) -> bool {
        let may_be_named = |name: &str| self.may_have(Field::Family, name.as_bytes());
        self.families & families::bit(&family) != 0 && families::text(&family).is_none_or(may_be_named)
    }

    #[must_use]
    pub fn has_range(&self, range: blobwatch_pull::RangeKind) -> bool {
        self.ranges & range.bit() != 0
    }

    #[must_use]
    pub fn has_mode(&self, mode: Mode) -> bool {
        self.modes & mode.bit() != 0
    }
}

fn bits<T: Coded>(names: impl Iterator<Item = T>) -> u32 {
    names.fold(0, |bits, name| bits | name.bit())
}

/// A rule in a mode, as [`Field::RuleMode`] has it.
#[must_use]
pub fn rule_mode(rule: &str, mode: Mode) -> String {
    format!("{rule}={}", mode.code())
}

/// A digest, as [`Field::Digest`] has it.
#[must_use]
pub fn digest_key(digest: &Digest) -> &[u8] {
    match digest {
        Digest::Text(text) => text.as_bytes(),
        Digest::Sha256(raw) => raw,
        Digest::Sha512(raw) => raw.as_slice(),
        Digest::Object(key) => key,
    }
}

fn listed(field: u8, values: BTreeSet<String>, hashes: &mut Vec<u64>) -> Values {
    let few = values.len() <= MAX_LISTED && values.iter().all(|value| value.len() <= MAX_LISTED_BYTES);
    if few {
        return Values::Listed(values);
    }
    hashes.extend(values.iter().map(|value| hash(field, value.as_bytes())));
    Values::Many
}

#[derive(Default)]
struct Collector {
    lists: [BTreeSet<String>; LISTED],
    hashes: Vec<u64>,
}

impl Collector {
    fn block(&mut self, block: &Block) {
        for treatment in &block.treatments {
            self.places(treatment);
            self.list(Field::Route, &treatment.route);
            self.list(Field::Status, &treatment.status.to_string());
            for fired in &treatment.fired {
                self.list(Field::Rule, &fired.rule);
                self.list(Field::RuleMode, &rule_mode(&fired.rule, fired.mode));
            }
        }
        for agent in &block.agents {
            self.list(Field::Os, &agent.os);
            self.list(Field::Fingerprint, &agent.fingerprint);
            self.present([
                (Field::Family, families::text(&agent.family).unwrap_or_default()),
                (Field::Tcp, &*agent.tcp),
            ]);
        }
        for place in &block.places {
            self.list(Field::Colo, &place.colo);
            self.list(Field::Country, &place.country);
            self.list(Field::Asn, &asn_text(place.asn));
            self.present([
                (Field::Cloud, &*place.cloud),
                (Field::CloudRegion, &place.cloud_region),
            ]);
        }
        let repositories: BTreeSet<&str> = block.blobs.iter().map(|blob| &*blob.repository).collect();
        let of = |field: Field, value: &[u8]| hash(field as u8, value);
        self.hashes.extend(
            block
                .clients
                .iter()
                .map(|c| of(Field::Client, &c.client.0.to_le_bytes())),
        );
        self.hashes.extend(
            block
                .digests
                .iter()
                .map(|digest| of(Field::Digest, digest_key(digest))),
        );
        self.hashes.extend(
            repositories
                .into_iter()
                .map(|name| of(Field::Repository, name.as_bytes())),
        );
        self.hashes.sort_unstable();
        self.hashes.dedup();
    }

    fn places(&mut self, treatment: &Treatment) {
        let cache = treatment.cache.map_or("", Cache::as_str);
        self.present([
            (Field::SentTo, &*treatment.sent_to),
            (Field::ServedBy, &*treatment.served_by),
            (Field::Cache, cache),
        ]);
    }

    fn present<const N: usize>(&mut self, named: [(Field, &str); N]) {
        let some = named.into_iter().filter(|(_, value)| !value.is_empty());
        self.hashes
            .extend(some.map(|(field, value)| hash(field as u8, value.as_bytes())));
    }

    fn list(&mut self, field: Field, value: &str) {
        if let Some(values) = self.lists.get_mut(field as usize)
            && !values.contains(value)
        {
            values.insert(value.to_owned());
        }
    }
}

/// An AS number, as [`Field::Asn`] has it.
#[must_use]
pub fn asn_text(asn: Option<u32>) -> String {
    asn.map_or_else(String::new, |asn| asn.to_string())
}
