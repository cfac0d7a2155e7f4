//! Counts, clients and shares by what records have in common.

use std::collections::HashMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::band::Band;
use super::distinct::Distinct;
use super::filter::Filter;
use super::scan::Budget;
use crate::pace::OPENING;
use crate::store::FireLogError;
use blobwatch_pull::{Origin, RecordId, SizeClass};
use blobwatch_records::{Agent, Blob, Block, Digest, Place, Row, Treatment, asn_text};
use blobwatch_sql::{Pace, Sql};
use blobwatch_wire::DIMENSIONS;

/// Groups of an answer; the rest is `other`.
pub(crate) const MAX_GROUPS: usize = 500;

/// Groups counted at one time, at most 2 KB each: 4 MB. What comes after them is `other`.
const MAX_TRACKED: usize = 2_000;

/// Cells of a comparison in all of its tables: 2.4 MB, and as much again as JSON.
const MAX_CELLS: usize = 8_000;

/// Names in `by`.
pub(super) const MAX_DIMENSIONS: usize = 4;

/// What records are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    Rule,
    Route,
    Family,
    Os,
    Asn,
    Country,
    Colo,
    Mode,
    Origin,
    Verdict,
    Status,
    Range,
    Fingerprint,
    SentTo,
    ServedBy,
    Cache,
    Version,
    Protocol,
    Cloud,
    CloudRegion,
    IpVersion,
    Repository,
    Digest,
    Size,
    Tcp,
}

impl Dimension {
    const ALL: [Self; 25] = [
        Self::Rule,
        Self::Route,
        Self::Family,
        Self::Os,
        Self::Asn,
        Self::Country,
        Self::Colo,
        Self::Mode,
        Self::Origin,
        Self::Verdict,
        Self::Status,
        Self::Range,
        Self::Fingerprint,
        Self::SentTo,
        Self::ServedBy,
        Self::Cache,
        Self::Version,
        Self::Protocol,
        Self::Cloud,
        Self::CloudRegion,
        Self::IpVersion,
        Self::Repository,
        Self::Digest,
        Self::Size,
        Self::Tcp,
    ];

    /// In the order of [`Dimension::ALL`].
    pub(super) const NAMES: [&'static str; Self::ALL.len()] = DIMENSIONS;

    pub(super) fn of(name: &str) -> Option<Self> {
        let mut named = Self::NAMES.into_iter().zip(Self::ALL);
        named.find_map(|(known, dimension)| (known == name).then_some(dimension))
    }

    /// Whether it is a property of the blob.
    fn is_of_blob(self) -> bool {
        matches!(self, Self::Repository | Self::Digest | Self::Size)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        let mut named = Self::NAMES.into_iter().zip(Self::ALL);
        named
            .find_map(|(name, dimension)| (dimension == self).then_some(name))
            .unwrap_or_default()
    }
}

/// Values in the order of `by`; absent ones are `None`.
type Key = Vec<Option<String>>;

/// Requests (by weight) and clients.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    pub requests: u64,
    pub clients: Distinct,
}

impl Group {
    fn join(&mut self, other: &Self) {
        self.requests += other.requests;
        self.clients.join(&other.clients);
    }
}

/// What one FireLog counted from `floor` up to where the call began. Travels as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Part {
    pub total: Group,
    pub groups: Vec<(Key, Group)>,
    pub other: Group,
    /// Where the next call begins, as a record's id; none at the end.
    pub before: Option<String>,
}

/// Counts one stretch of a FireLog's records; call again with `before` of the answer until there is none.
///
/// # Errors
/// When SQLite refuses or a stored block cannot be read.
pub async fn summarise(
    sql: &impl Sql,
    filter: &Filter,
    by: &[Dimension],
    before: RecordId,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Part, FireLogError> {
    count(sql, filter, Counter::new(&[by], filter), before, budget, pace).await
}

/// The same by several lists of names at once. A group's key begins with the number of its list; clients are not told apart.
///
/// # Errors
/// As [`summarise`].
pub async fn tabulate(
    sql: &impl Sql,
    filter: &Filter,
    tables: &[&[Dimension]],
    before: RecordId,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Part, FireLogError> {
    let counter = Counter {
        are_tables: true,
        tally: Tally::of_tables(),
        ..Counter::new(tables, filter)
    };
    count(sql, filter, counter, before, budget, pace).await
}

async fn count(
    sql: &impl Sql,
    filter: &Filter,
    mut counter: Counter<'_>,
    before: RecordId,
    budget: Budget,
    pace: &impl Pace,
) -> Result<Part, FireLogError> {
    let (mut at, mut records) = (before, 0);
    loop {
        let band = Band::load(sql, filter, at, budget.records - records, pace).await?;
        for block in &band.blocks {
            let in_span = |id: RecordId| band.floor <= id && id < at && filter.in_time(id);
            counter.block(&block.open()?, &block.alive, in_span, pace).await;
        }
        (at, records) = (band.floor, records + band.records);
        if at == RecordId(0) || records >= budget.records {
            break;
        }
    }
    let mut part = counter.tally.into_part();
    part.before = (at > RecordId(0)).then(|| at.to_string());
    Ok(part)
}

/// Groups as they are counted, bounded.
#[derive(Debug)]
struct Tally {
    /// Groups that are counted, and those that are given out.
    most: (usize, usize),
    total: Group,
    places: HashMap<Key, usize>,
    groups: Vec<Group>,
    other: Group,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            most: (MAX_TRACKED, MAX_GROUPS),
            total: Group::default(),
            places: HashMap::new(),
            groups: Vec::new(),
            other: Group::default(),
        }
    }
}

impl Tally {
    /// Without clients a group is some 300 bytes.
    fn of_tables() -> Self {
        Self {
            most: (MAX_CELLS, MAX_CELLS),
            ..Self::default()
        }
    }

    /// The group's place; none where it is one of too many.
    fn place(&mut self, key: Key) -> Option<usize> {
        let full = self.groups.len() >= self.most.0;
        match self.places.get(&key) {
            Some(place) => Some(*place),
            None if full => None,
            None => {
                self.groups.push(Group::default());
                self.places.insert(key, self.groups.len() - 1);
                Some(self.groups.len() - 1)
            }
        }
    }

    fn group(&mut self, place: Option<usize>) -> &mut Group {
        match place.and_then(|place| self.groups.get_mut(place)) {
            Some(group) => group,
            None => &mut self.other,
        }
    }

    /// The largest groups; the rest joins `other`.
    fn into_part(mut self) -> Part {
        let mut groups: Vec<(Key, Group)> = Vec::with_capacity(self.groups.len());
        for (key, place) in self.places {
            if let Some(group) = self.groups.get_mut(place) {
                groups.push((key, std::mem::take(group)));
            }
        }
        groups.sort_by(|(a_key, a), (b_key, b)| b.requests.cmp(&a.requests).then_with(|| a_key.cmp(b_key)));
        for (_, group) in groups.drain(self.most.1.min(groups.len())..) {
            self.other.join(&group);
        }
        Part {
            total: self.total,
            groups,
            other: self.other,
            before: None,
        }
    }
}

struct Counter<'a> {
    tables: &'a [&'a [Dimension]],
    /// Whether keys begin with the number of their table.
    are_tables: bool,
    filter: &'a Filter,
    tally: Tally,
}

impl<'a> Counter<'a> {
    fn new(tables: &'a [&'a [Dimension]], filter: &'a Filter) -> Self {
        Self {
            tables,
            are_tables: false,
            filter,
            tally: Tally::default(),
        }
    }

    async fn block(
        &mut self,
        block: &Block,
        alive: &[bool],
        in_span: impl Fn(RecordId) -> bool,
        pace: &impl Pace,
    ) {
        pace.spent(block.rows().len() / OPENING).await;
        let clients: Vec<bool> = block
            .clients()
            .iter()
            .map(|client| self.filter.client(client))
            .collect();
        let blobs: Vec<bool> = block
            .blobs()
            .iter()
            .map(|blob| self.filter.blob(blob, block.digests()))
            .collect();
        let holds = |wanted: &[bool], code: u32| wanted.get(code as usize).copied().unwrap_or(false);
        let reads_rays = self.filter.reads_rays();
        let by_blob = self.tables.iter().any(|by| by.iter().any(|by| by.is_of_blob()));
        let mut known: HashMap<(u32, u32, u32, u32), Vec<Option<usize>>> = HashMap::new();
        for (row, _) in block.rows().iter().zip(alive).filter(|(_, alive)| **alive) {
            if !in_span(row.id) || !holds(&clients, row.client) || !holds(&blobs, row.blob) {
                continue;
            }
            if reads_rays && !self.filter.ray(block.ray_key(row).as_ref()) {
                continue;
            }
            let blob = if by_blob { row.blob } else { 0 };
            let combination = (row.treatment, row.agent, row.place, blob);
            let places = known
                .entry(combination)
                .or_insert_with(|| self.places(block, row));
            let one = block.treatment(row).map_or(0, |treatment| treatment.weight);
            let weight = u64::from(one);
            let client = block
                .clients()
                .get(row.client as usize)
                .map_or(0, |client| client.client.0);
            for place in places {
                let group = self.tally.group(*place);
                group.requests += weight;
                if !self.are_tables {
                    group.clients.insert(client, one);
                }
            }
            self.tally.total.requests += weight;
            self.tally.total.clients.insert(client, one);
            pace.spent(1).await;
        }
    }

    /// The groups that records of this combination are in, each once.
    fn places(&mut self, block: &Block, row: &Row) -> Vec<Option<usize>> {
        let (Some(treatment), Some(agent), Some(place), Some(blob)) = (
            block.treatment(row),
            block.agent(row),
            block.place(row),
            block.blob(row),
        ) else {
            return Vec::new();
        };
        let mut keys: Vec<Key> = Vec::new();
        for (number, by) in self.tables.iter().enumerate() {
            for fired in self.fired(by, treatment) {
                let value =
                    |by: &Dimension| value(*by, treatment, agent, place, (blob, block.digests()), fired);
                let table = self.are_tables.then(|| Some(number.to_string()));
                let key: Key = table.into_iter().chain(by.iter().map(value)).collect();
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        let mut places: Vec<Option<usize>> = keys.into_iter().map(|key| self.tally.place(key)).collect();
        places.dedup();
        places
    }

    /// The rules that make groups: those that the filter asks for, where the answer is by rule, mode or origin.
    fn fired<'t>(
        &self,
        by: &[Dimension],
        treatment: &'t Treatment,
    ) -> Vec<Option<&'t blobwatch_pull::Fired>> {
        let by_fired = by
            .iter()
            .any(|by| matches!(by, Dimension::Rule | Dimension::Mode | Dimension::Origin));
        let asked = treatment.fired.iter().filter(|fired| self.filter.fired(fired));
        let fired: Vec<_> = asked.map(Some).collect();
        if by_fired && !fired.is_empty() {
            fired
        } else {
            vec![None]
        }
    }
}

fn value(
    dimension: Dimension,
    treatment: &Treatment,
    agent: &Agent,
    place: &Place,
    (blob, digests): (&Blob, &[Digest]),
    fired: Option<&blobwatch_pull::Fired>,
) -> Option<String> {
    let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match dimension {
        Dimension::Rule => fired.map(|fired| fired.rule.to_string()),
        Dimension::Origin => fired.map(|fired| Origin::of(&fired.rule).name().to_owned()),
        Dimension::Mode => fired.and_then(|fired| name(&fired.mode)),
        Dimension::Route => present(&treatment.route),
        Dimension::Verdict => name(&treatment.verdict),
        Dimension::Status => (treatment.status != 0).then(|| treatment.status.to_string()),
        Dimension::Range => name(&treatment.range),
        Dimension::SentTo => present(&treatment.sent_to),
        Dimension::ServedBy => present(&treatment.served_by),
        Dimension::Cache => treatment.cache.map(|cache| cache.as_str().to_owned()),
        Dimension::Family => name(&agent.family),
        Dimension::Os => present(&agent.os),
        Dimension::Fingerprint => present(&agent.fingerprint),
        Dimension::Asn => present(&asn_text(place.asn)),
        Dimension::Country => present(&place.country),
        Dimension::Colo => present(&place.colo),
        Dimension::Version => present(&agent.version),
        Dimension::Protocol => present(&agent.protocol),
        Dimension::Tcp => present(&agent.tcp),
        Dimension::Cloud => present(&place.cloud),
        Dimension::CloudRegion => present(&place.cloud_region),
        Dimension::IpVersion => place.ip_version.map(|version| version.to_string()),
        Dimension::Repository => present(&blob.repository),
        Dimension::Digest => present(&digests.get(blob.digest as usize)?.text()),
        Dimension::Size => Some(SizeClass::of(blob.size?).as_str().to_owned()),
    }
}

/// The name that JSON has for it.
fn name(value: &impl Serialize) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}

/// The parts of all FireLogs, put together.
#[derive(Debug, Default)]
pub struct Summary {
    tally: Tally,
}

impl Summary {
    /// Of [`tabulate`].
    pub(crate) fn of_tables() -> Self {
        Self {
            tally: Tally::of_tables(),
        }
    }

    /// Requests of everything, those of each group, and those that are in no group of their own.
    pub(crate) fn cells(self) -> (u64, Vec<(Key, u64)>, u64) {
        let part = self.tally.into_part();
        let cells = part.groups.into_iter().map(|(key, group)| (key, group.requests));
        (part.total.requests, cells.collect(), part.other.requests)
    }

    /// Adds what one call counted. Counts of a group that a FireLog had among its smallest are in `other`.
    pub fn absorb(&mut self, part: Part) {
        self.tally.total.join(&part.total);
        self.tally.other.join(&part.other);
        for (key, group) in part.groups {
            let place = self.tally.place(key);
            self.tally.group(place).join(&group);
        }
    }

    /// The answer: `{requests, clients, clients_exact, groups: [{<by>…, requests, clients, clients_exact, share}],
    /// other}`, largest groups first.
    #[must_use]
    pub fn finish(self, by: &[Dimension], limit: usize) -> impl Serialize + use<> {
        let mut part = self.tally.into_part();
        let mut other = part.other;
        for (_, group) in part.groups.drain(limit.min(part.groups.len())..) {
            other.join(&group);
        }
        let total = part.total.requests;
        let names: Vec<&'static str> = by.iter().map(|dimension| dimension.name()).collect();
        let line = |(key, group)| Line {
            named: names.iter().copied().zip(key).collect(),
            group,
            total,
        };
        SummaryCounts {
            requests: total,
            clients: part.total.clients.count(),
            clients_exact: part.total.clients.is_exact(),
            groups: part.groups.into_iter().map(line).collect(),
            other: Line {
                named: Vec::new(),
                group: other,
                total,
            },
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Summary")
)]
pub(crate) struct SummaryCounts {
    requests: u64,
    clients: u64,
    clients_exact: bool,
    groups: Vec<Line>,
    other: Line,
}

struct Line {
    named: Vec<(&'static str, Option<String>)>,
    group: Group,
    total: u64,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Line {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SummaryGroup".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Counts, and the values of `by` that they are of.",
            "properties": {
                "requests": {"type": "integer", "minimum": 0},
                "clients": {"type": "integer", "minimum": 0},
                "clients_exact": {"type": "boolean"},
                "share": {"type": "number"},
            },
            "required": ["requests", "clients", "clients_exact", "share"],
            "additionalProperties": {"type": ["string", "null"]},
        })
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let share = if self.total == 0 {
            0.0
        } else {
            self.group.requests as f64 / self.total as f64
        };
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.named {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("requests", &self.group.requests)?;
        map.serialize_entry("clients", &self.group.clients.count())?;
        map.serialize_entry("clients_exact", &self.group.clients.is_exact())?;
        map.serialize_entry("share", &share)?;
        map.end()
    }
}
