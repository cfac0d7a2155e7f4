//! Makes a block: from records as they come, or from other blocks, whose dictionaries it joins.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use rustc_hash::FxHasher;

use super::block::{Block, Row};
use super::columns::{put_codes, put_ids};
use super::entries::{Agent, Blob, Client, Digest, Place, PromisedLength, RayForm, Shape, Treatment};
use super::front::{SECTIONS, Section, put_block};
use super::{MAX_BLOCK_BYTES, MAX_RECORDS, VERSION, WITHOUT_TCP, tables};
use blobwatch_pull::{Profile, Record};
use blobwatch_wire::{clip, put_text, put_varint, unhex, zigzag};

/// Most bytes of a row outside dictionaries: id 6 + 1 + 10 + 5, five codes of 4, ray 8, range 20, promised 10,
/// duration 5, round trip 5, delivery rate 10.
const ROW_BYTES: usize = 100;

/// A block in the making.
#[derive(Debug, Default)]
pub struct Builder {
    treatments: Interner<Treatment>,
    agents: Interner<Agent>,
    places: Interner<Place>,
    profiles: Interner<Profile>,
    clients: Interner<Client>,
    digests: Interner<Digest>,
    blobs: Interner<Blob>,
    rays: Vec<String>,
    rows: Vec<Row>,
    bytes: usize,
}

/// [`FxHasher`], of which the part that reads texts is there once: inlined for each text of each entry it is 3 KiB gzip of
/// the data plane's module.
#[derive(Default)]
struct Quick(FxHasher);

impl Hasher for Quick {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.0.write_u8(number);
    }

    fn write_u32(&mut self, number: u32) {
        self.0.write_u32(number);
    }

    fn write_u64(&mut self, number: u64) {
        self.0.write_u64(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.0.write_usize(number);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Gives each distinct entry a number, in the order they come.
///
/// Clients write what is hashed here. A batch has 256 records, so whoever makes their hashes fall together gains nothing;
/// and hashing them in a way that nobody can aim at was a fifth of all instructions of a pull in Wasm.
#[derive(Debug)]
struct Interner<T> {
    codes: HashMap<T, u32, BuildHasherDefault<Quick>>,
    entries: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            codes: HashMap::default(),
            entries: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The entry's number; `cost` is added up for entries not seen before.
    fn code(&mut self, entry: T, bytes: &mut usize, cost: impl Fn(&T) -> usize) -> u32 {
        if let Some(code) = self.codes.get(&entry) {
            return *code;
        }
        let code = self.entries.len() as u32;
        *bytes += cost(&entry);
        self.entries.push(entry.clone());
        self.codes.insert(entry, code);
        code
    }
}

impl Builder {
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// No less than what [`Builder::encode`] would give.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes + 256
    }

    /// Whether another block of this size still fits.
    #[must_use]
    pub fn has_room_for(&self, records: usize, bytes: usize) -> bool {
        self.len() + records <= MAX_RECORDS && self.bytes() + bytes <= MAX_BLOCK_BYTES
    }

    pub fn push(&mut self, record: Record) {
        let (form, ray) = self.ray(&record);
        let shape = Shape::of(&record, form);
        let cost = &mut self.bytes;
        let profile = self.profiles.code(record.profile, cost, profile_cost);
        let digest = self
            .digests
            .code(Digest::of_record(record.digest, record.object), cost, digest_cost);
        *cost += ROW_BYTES;
        self.rows.push(Row {
            id: record.id,
            agent: self.agents.code(
                Agent {
                    family: record.family,
                    version: record.version,
                    os: record.os,
                    arch: record.arch,
                    fingerprint: record.fingerprint,
                    ja4: record.ja4,
                    tcp: record.tcp,
                    protocol: record.protocol,
                    profile,
                },
                cost,
                agent_cost,
            ),
            place: self.places.code(
                Place {
                    asn: record.asn,
                    country: record.country,
                    colo: record.colo,
                    cloud: record.cloud,
                    cloud_region: record.cloud_region,
                    ip_version: record.ip_version,
                },
                cost,
                place_cost,
            ),
            client: self.clients.code(
                Client {
                    client: record.client,
                    network: record.network,
                },
                cost,
                |_| 29,
            ),
            blob: self.blobs.code(
                Blob {
                    digest,
                    repository: record.repository,
                    size: record.size,
                    sent_object: record.sent_object,
                },
                cost,
                blob_cost,
            ),
            ray,
            start: record.range.start.unwrap_or_default(),
            end: record.range.end.unwrap_or_default(),
            promised: record.promised.unwrap_or_default(),
            duration_ms: record.duration_ms,
            rtt_ms: record.rtt_ms.unwrap_or_default(),
            delivery_rate: record.delivery_rate.unwrap_or_default(),
            treatment: self.treatments.code(
                Treatment {
                    route: record.route,
                    odd_path: record.odd_path,
                    path_shape: record.shape,
                    joined: record.joined,
                    method: record.method,
                    status: record.status,
                    range: record.range.kind,
                    honoured: record.range.honoured,
                    outcome: record.outcome,
                    verdict: record.verdict,
                    revision: record.revision,
                    degraded: record.degraded,
                    weight: record.weight,
                    told: !record.seen,
                    sent_to: record.sent_to,
                    served_by: record.served_by,
                    cache: record.cache,
                    fired: record.fired,
                    shape,
                },
                cost,
                treatment_cost,
            ),
        });
    }

    fn ray(&mut self, record: &Record) -> (RayForm, u64) {
        if record.ray.is_empty() {
            return (RayForm::Absent, 0);
        }
        let (digits, suffix) = record.ray.split_at_checked(16).unwrap_or((&record.ray, ""));
        let raw = unhex::<8>(digits).map(u64::from_be_bytes);
        match raw {
            Some(raw) if suffix.is_empty() => (RayForm::Hex, raw),
            Some(raw) if suffix.strip_prefix('-') == Some(&record.colo) => (RayForm::HexColo, raw),
            _ => {
                self.bytes += text_cost(&record.ray);
                self.rays.push(record.ray.clone());
                (RayForm::Text, self.rays.len() as u64 - 1)
            }
        }
    }

    /// Takes in every record of another block.
    pub fn append(&mut self, block: Block) {
        let bytes = &mut self.bytes;
        let profiles = join(&mut self.profiles, block.profiles, bytes, profile_cost);
        let digests = join(&mut self.digests, block.digests, bytes, digest_cost);
        let agents = block.agents.into_iter().map(|agent| Agent {
            profile: at(&profiles, agent.profile),
            ..agent
        });
        let agents = join(&mut self.agents, agents.collect(), bytes, agent_cost);
        let blobs = block.blobs.into_iter().map(|blob| Blob {
            digest: at(&digests, blob.digest),
            ..blob
        });
        let blobs = join(&mut self.blobs, blobs.collect(), bytes, blob_cost);
        let treatments_of_block = block.treatments.clone();
        let treatments = join(&mut self.treatments, block.treatments, bytes, treatment_cost);
        let places = join(&mut self.places, block.places, bytes, place_cost);
        let clients = join(&mut self.clients, block.clients, bytes, |_| 29);
        let first_ray = self.rays.len() as u64;
        *bytes += block.rows.len() * ROW_BYTES + block.rays.iter().map(|ray| text_cost(ray)).sum::<usize>();
        self.rays.extend(block.rays);
        for row in block.rows {
            let form = treatments_of_block
                .get(row.treatment as usize)
                .map(|t| t.shape.ray);
            self.rows.push(Row {
                treatment: at(&treatments, row.treatment),
                agent: at(&agents, row.agent),
                place: at(&places, row.place),
                client: at(&clients, row.client),
                blob: at(&blobs, row.blob),
                ray: if form == Some(RayForm::Text) {
                    first_ray + row.ray
                } else {
                    row.ray
                },
                ..row
            });
        }
    }

    /// The block's bytes, records ordered by id.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        self.encoding().finish()
    }

    /// As [`Builder::encode`], a section at a time.
    #[must_use]
    pub fn encoding(mut self) -> Encoding {
        self.rows.sort_by_key(|row| row.id);
        Encoding {
            builder: self,
            sections: Vec::with_capacity(SECTIONS.len()),
        }
    }

    /// Of the block: the oldest that can say it.
    fn version(&self) -> u8 {
        let has_tcp = self.agents.entries.iter().any(|agent| !agent.tcp.is_empty());
        if has_tcp { VERSION } else { WITHOUT_TCP }
    }

    fn put(&self, section: Section, out: &mut Vec<u8>) {
        match section {
            Section::Ids => put_ids(out, &self.rows.iter().map(|row| row.id).collect::<Vec<_>>()),
            Section::Treatments => tables::put_treatments(out, &self.treatments.entries),
            Section::TreatmentCodes => {
                self.put_codes(out, self.treatments.entries.len(), |row| row.treatment)
            }
            Section::Agents => tables::put_agents(out, &self.agents.entries, self.version()),
            Section::AgentCodes => self.put_codes(out, self.agents.entries.len(), |row| row.agent),
            Section::Places => tables::put_places(out, &self.places.entries),
            Section::PlaceCodes => self.put_codes(out, self.places.entries.len(), |row| row.place),
            Section::Profiles => tables::put_profiles(out, &self.profiles.entries),
            Section::Clients => tables::put_clients(out, &self.clients.entries),
            Section::ClientCodes => self.put_codes(out, self.clients.entries.len(), |row| row.client),
            Section::Blobs => tables::put_blobs(out, &self.digests.entries, &self.blobs.entries),
            Section::BlobCodes => self.put_codes(out, self.blobs.entries.len(), |row| row.blob),
            Section::Rays => self.put_rays(out),
            Section::Ranges => self.put_ranges(out),
            Section::PromisedLength => self.put_promised(out),
            Section::Durations => {
                for row in &self.rows {
                    put_varint(out, u64::from(row.duration_ms));
                }
            }
            Section::Connections => self.put_connections(out),
        }
    }

    fn put_codes(&self, out: &mut Vec<u8>, entries: usize, code: fn(&Row) -> u32) {
        put_codes(out, entries, self.rows.iter().map(code));
    }

    fn shapes(&self) -> impl Iterator<Item = (&Row, Shape)> {
        let shape = |row: &Row| {
            self.treatments
                .entries
                .get(row.treatment as usize)
                .map(|t| t.shape)
        };
        self.rows.iter().filter_map(move |row| Some((row, shape(row)?)))
    }

    fn put_rays(&self, out: &mut Vec<u8>) {
        for (row, shape) in self.shapes() {
            match shape.ray {
                RayForm::Absent => {}
                RayForm::Hex | RayForm::HexColo => out.extend(row.ray.to_le_bytes()),
                RayForm::Text => {
                    put_text(
                        out,
                        self.rays
                            .get(row.ray as usize)
                            .map(String::as_str)
                            .unwrap_or_default(),
                    );
                }
            }
        }
    }

    fn put_ranges(&self, out: &mut Vec<u8>) {
        for (row, shape) in self.shapes() {
            if shape.start {
                put_varint(out, row.start);
            }
            if shape.end {
                put_varint(out, zigzag(row.end.wrapping_sub(row.start) as i64));
            }
        }
    }

    fn put_connections(&self, out: &mut Vec<u8>) {
        for (row, shape) in self.shapes() {
            if shape.rtt {
                put_varint(out, u64::from(row.rtt_ms));
            }
            if shape.delivery_rate {
                put_varint(out, row.delivery_rate);
            }
        }
    }

    fn put_promised(&self, out: &mut Vec<u8>) {
        for (row, shape) in self.shapes() {
            if shape.promised == PromisedLength::Written {
                put_varint(out, row.promised);
            }
        }
    }
}

/// A block on its way to bytes: a large one takes longer than a pull should wait, so its sections are written one by one.
#[derive(Debug)]
pub struct Encoding {
    builder: Builder,
    sections: Vec<Vec<u8>>,
}

impl Encoding {
    /// Writes the next section; `false` where all are written.
    pub fn put_section(&mut self) -> bool {
        let Some(section) = SECTIONS.get(self.sections.len()) else {
            return false;
        };
        let mut out = Vec::new();
        self.builder.put(*section, &mut out);
        self.sections.push(out);
        true
    }

    #[must_use]
    pub fn records(&self) -> usize {
        self.builder.len()
    }

    /// The block's bytes, with the sections that are not written yet.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        while self.put_section() {}
        put_block(self.builder.version(), self.builder.len(), &self.sections)
    }
}

/// The new code of each of another block's entries.
fn join<T: Clone + Eq + Hash>(
    known: &mut Interner<T>,
    entries: Vec<T>,
    bytes: &mut usize,
    cost: fn(&T) -> usize,
) -> Vec<u32> {
    entries
        .into_iter()
        .map(|entry| known.code(entry, bytes, cost))
        .collect()
}

fn at(codes: &[u32], code: u32) -> u32 {
    codes.get(code as usize).copied().unwrap_or_default()
}

/// Text in a table, its code, and its two lengths.
fn text_cost(text: &str) -> usize {
    text.len().min(blobwatch_wire::MAX_TEXT_BYTES) + 8
}

fn treatment_cost(treatment: &Treatment) -> usize {
    let fired: usize = treatment
        .fired
        .iter()
        .map(|fired| text_cost(&fired.rule) + 6)
        .sum();
    let texts = [&*treatment.route, &treatment.sent_to, &treatment.served_by];
    texts.into_iter().map(text_cost).sum::<usize>() + fired + 42
}

fn agent_cost(agent: &Agent) -> usize {
    let texts = tables::agent_texts(agent)
        .into_iter()
        .chain([agent.family.as_str()]);
    texts.map(text_cost).sum::<usize>() + 11
}

fn place_cost(place: &Place) -> usize {
    tables::place_texts(place)
        .into_iter()
        .map(text_cost)
        .sum::<usize>()
        + 6
}

/// A User-Agent is written in words: for each its lengths and its code.
fn profile_cost(profile: &Profile) -> usize {
    let agent = clip(&profile.user_agent);
    let words = tables::agent_words(agent).count();
    agent.len()
        + 8 * words
        + tables::profile_texts(profile)
            .into_iter()
            .map(text_cost)
            .sum::<usize>()
        + 10
}

fn digest_cost(digest: &Digest) -> usize {
    match digest {
        Digest::Text(text) => text_cost(text),
        Digest::Sha256(_) => 34,
        Digest::Sha512(_) => 66,
        Digest::Object(_) => 10,
    }
}

fn blob_cost(blob: &Blob) -> usize {
    text_cost(&blob.repository) + 24
}
