//! A whole block, opened: its dictionaries and one row of codes and values for each record.

use std::collections::HashMap;
use std::sync::Arc;

use super::columns::Codes;
use super::entries::{Agent, Blob, Client, Digest, Place, PromisedLength, RayForm, Treatment};
use super::front::{Front, Section, split};
use super::tables;
use crate::halves::FirstHalf;
use blobwatch_pull::{Profile, RangeKind, RangeRecord, Record, RecordId};
use blobwatch_wire::{DecodeError, Reader, unzigzag};

/// A block with all its columns.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub(super) treatments: Vec<Treatment>,
    pub(super) agents: Vec<Agent>,
    pub(super) places: Vec<Place>,
    pub(super) profiles: Vec<Profile>,
    pub(super) clients: Vec<Client>,
    pub(super) digests: Vec<Digest>,
    pub(super) blobs: Vec<Blob>,
    /// CF-Rays of an unusual form.
    pub(super) rays: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One record: places in the block's dictionaries, and its own values.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub id: RecordId,
    pub treatment: u32,
    pub agent: u32,
    pub place: u32,
    pub client: u32,
    pub blob: u32,
    /// The 16 hex digits, or the place of a text.
    pub(super) ray: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) promised: u64,
    pub duration_ms: u32,
    /// 0 where the shape says that there is none.
    pub(super) rtt_ms: u32,
    pub(super) delivery_rate: u64,
}

/// Reads every record of a block, oldest first.
///
/// # Errors
/// When the bytes are no block, one of a newer version, or corrupt.
pub fn decode(block: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let (front, back) = split(block)?;
    let block = Block::open(front, back)?;
    block.rows().iter().map(|row| block.record(row)).collect()
}

impl Block {
    /// Reads all of a block and checks that every code has its entry: a block that opens can be read and merged.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn open(front: &[u8], back: &[u8]) -> Result<Self, DecodeError> {
        let front = Front::parse(front)?;
        if back.len() != front.back_length()? {
            return Err(DecodeError::Truncated);
        }
        let (digests, blobs) = tables::read_blobs(front.back(Section::Blobs, back)?, front.version())?;
        let mut block = Self {
            treatments: front.treatments()?,
            agents: front.agents()?,
            places: front.places()?,
            profiles: Vec::new(),
            clients: tables::read_clients(front.back(Section::Clients, back)?)?,
            digests,
            blobs,
            rays: Vec::new(),
            rows: Vec::new(),
        };
        block.set_profiles(tables::read_profiles(
            front.back(Section::Profiles, back)?,
            front.version(),
        )?);
        block.rows = block.read_rows(&front, back)?;
        block.read_values(&front, back)?;
        Ok(block)
    }

    /// Takes profiles in, and to agents of version 1 the protocol that stands with them.
    fn set_profiles(&mut self, profiles: Vec<(Profile, String)>) {
        for agent in &mut self.agents {
            let profile = profiles.get(agent.profile as usize);
            if let Some((_, protocol)) = profile.filter(|_| agent.protocol.is_empty()) {
                agent.protocol.clone_from(protocol);
            }
        }
        self.profiles = profiles.into_iter().map(|(profile, _)| profile).collect();
    }

    fn read_rows(&self, front: &Front<'_>, back: &[u8]) -> Result<Vec<Row>, DecodeError> {
        let records = front.records();
        let column = |section| Codes::read(front.back(section, back)?, records);
        let treatments = checked(front.treatment_codes()?, records, self.treatments.len())?;
        let agents = checked(front.agent_codes()?, records, self.agents.len())?;
        let places = checked(front.place_codes()?, records, self.places.len())?;
        let clients = checked(column(Section::ClientCodes)?, records, self.clients.len())?;
        let blobs = checked(column(Section::BlobCodes)?, records, self.blobs.len())?;
        let profiles = self.profiles.len();
        if self.agents.iter().any(|agent| agent.profile as usize >= profiles) {
            return Err(DecodeError::Invalid("profile"));
        }
        let codes = treatments.zip(agents).zip(places).zip(clients).zip(blobs);
        let row = |(id, ((((treatment, agent), place), client), blob))| Row {
            id,
            treatment,
            agent,
            place,
            client,
            blob,
            ray: 0,
            start: 0,
            end: 0,
            promised: 0,
            duration_ms: 0,
            rtt_ms: 0,
            delivery_rate: 0,
        };
        Ok(front.ids()?.into_iter().zip(codes).map(row).collect())
    }

    fn read_values(&mut self, front: &Front<'_>, back: &[u8]) -> Result<(), DecodeError> {
        let reader = |section| front.back(section, back).map(Reader::new);
        let mut rays = reader(Section::Rays)?;
        let mut ranges = reader(Section::Ranges)?;
        let mut promised = reader(Section::PromisedLength)?;
        let mut durations = reader(Section::Durations)?;
        let mut connections = reader(Section::Connections)?;
        for row in &mut self.rows {
            let treatment = self.treatments.get(row.treatment as usize);
            let shape = treatment.ok_or(DecodeError::Invalid("treatment"))?.shape;
            row.ray = read_ray(shape.ray, &mut rays, &mut self.rays)?;
            row.start = if shape.start { ranges.varint()? } else { 0 };
            row.end = if shape.end {
                row.start.wrapping_add(unzigzag(ranges.varint()?) as u64)
            } else {
                0
            };
            row.promised = if shape.promised == PromisedLength::Written {
                promised.varint()?
            } else {
                0
            };
            row.duration_ms = durations.narrow("duration")?;
            row.rtt_ms = if shape.rtt {
                connections.narrow("round trip")?
            } else {
                0
            };
            row.delivery_rate = if shape.delivery_rate {
                connections.varint()?
            } else {
                0
            };
        }
        [rays, ranges, promised, durations, connections]
            .into_iter()
            .try_for_each(Reader::finish)
    }

    /// Gives fetches what they take over of the redirects that led to them; whether any took something over.
    pub fn set_halves(&mut self, halves: &HashMap<RecordId, FirstHalf>) -> bool {
        let mut changed = false;
        for place in 0..self.rows.len() {
            let half = self.rows.get(place).and_then(|row| halves.get(&row.id));
            changed |= half.is_some_and(|half| self.set_half(place, half).is_some());
        }
        changed
    }

    fn set_half(&mut self, place: usize, half: &FirstHalf) -> Option<()> {
        let row = *self.rows.get(place)?;
        let treatment = self.treatment(&row)?;
        if treatment.joined {
            return None;
        }
        let treatment = Treatment {
            joined: true,
            ..treatment.clone()
        };
        let digest = place_of(&mut self.digests, Digest::of(half.digest.to_string()));
        let blob = Blob {
            digest,
            repository: half.repository.to_string(),
            ..self.blob(&row)?.clone()
        };
        let (treatment, blob) = (
            place_of(&mut self.treatments, treatment),
            place_of(&mut self.blobs, blob),
        );
        let row = self.rows.get_mut(place)?;
        (row.treatment, row.blob) = (treatment, blob);
        Some(())
    }

    /// Gives records other range kinds; whether any was another. Records that are not here are passed over.
    pub fn set_kinds(&mut self, kinds: &HashMap<RecordId, RangeKind>) -> bool {
        let mut changed = false;
        for row in &mut self.rows {
            let Some(kind) = kinds.get(&row.id) else { continue };
            let Some(treatment) = self.treatments.get(row.treatment as usize) else {
                continue;
            };
            if treatment.range == *kind {
                continue;
            }
            let other = Treatment {
                range: *kind,
                ..treatment.clone()
            };
            row.treatment = place_of(&mut self.treatments, other);
            changed = true;
        }
        changed
    }

    /// Oldest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The record of one of this block's rows.
    ///
    /// # Errors
    /// When the row is another block's.
    pub fn record(&self, row: &Row) -> Result<Record, DecodeError> {
        let treatment = entry(&self.treatments, row.treatment)?;
        let agent = entry(&self.agents, row.agent)?;
        let place = entry(&self.places, row.place)?;
        let client = entry(&self.clients, row.client)?;
        let blob = entry(&self.blobs, row.blob)?;
        let digest = entry(&self.digests, blob.digest)?;
        let range = self.range(row).ok_or(DecodeError::Invalid("code"))?;
        Ok(Record {
            id: row.id,
            ray: self.ray(treatment.shape.ray, row.ray, &place.colo)?,
            route: Arc::clone(&treatment.route),
            repository: blob.repository.clone(),
            digest: digest.text(),
            object: digest.object(),
            shape: treatment.path_shape,
            joined: treatment.joined,
            odd_path: treatment.odd_path,
            method: treatment.method,
            status: treatment.status,
            range,
            size: blob.size,
            promised: self.promised(row),
            outcome: treatment.outcome,
            duration_ms: row.duration_ms,
            sent_to: treatment.sent_to.clone(),
            sent_object: blob.sent_object,
            served_by: treatment.served_by.clone(),
            cache: treatment.cache,
            client: client.client,
            network: client.network,
            asn: place.asn,
            country: place.country.clone(),
            colo: place.colo.clone(),
            cloud: place.cloud.clone(),
            cloud_region: place.cloud_region.clone(),
            ip_version: place.ip_version,
            protocol: agent.protocol.clone(),
            rtt_ms: treatment.shape.rtt.then_some(row.rtt_ms),
            delivery_rate: treatment.shape.delivery_rate.then_some(row.delivery_rate),
            family: agent.family,
            version: agent.version.clone(),
            os: agent.os.clone(),
            arch: agent.arch.clone(),
            fingerprint: agent.fingerprint.clone(),
            ja4: agent.ja4.clone(),
            tcp: agent.tcp.clone(),
            fired: treatment.fired.clone(),
            verdict: treatment.verdict,
            revision: treatment.revision,
            degraded: treatment.degraded,
            weight: treatment.weight,
            seen: !treatment.told,
            profile: entry(&self.profiles, agent.profile)?.clone(),
        })
    }

    fn ray(&self, form: RayForm, ray: u64, colo: &str) -> Result<String, DecodeError> {
        match form {
            RayForm::Absent => Ok(String::new()),
            RayForm::Hex => Ok(format!("{ray:016x}")),
            RayForm::HexColo => Ok(format!("{ray:016x}-{colo}")),
            RayForm::Text => self
                .rays
                .get(ray as usize)
                .cloned()
                .ok_or(DecodeError::Invalid("ray")),
        }
    }

    #[must_use]
    pub fn treatment(&self, row: &Row) -> Option<&Treatment> {
        self.treatments.get(row.treatment as usize)
    }

    #[must_use]
    pub fn agent(&self, row: &Row) -> Option<&Agent> {
        self.agents.get(row.agent as usize)
    }

    #[must_use]
    pub fn place(&self, row: &Row) -> Option<&Place> {
        self.places.get(row.place as usize)
    }

    #[must_use]
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    #[must_use]
    pub fn treatments(&self) -> &[Treatment] {
        &self.treatments
    }

    #[must_use]
    pub fn profile(&self, agent: &Agent) -> Option<&Profile> {
        self.profiles.get(agent.profile as usize)
    }

    #[must_use]
    pub fn client(&self, row: &Row) -> Option<&Client> {
        self.clients.get(row.client as usize)
    }

    #[must_use]
    pub fn blob(&self, row: &Row) -> Option<&Blob> {
        self.blobs.get(row.blob as usize)
    }

    /// What was asked with Range; [`Self::record`] says the same.
    #[must_use]
    pub fn range(&self, row: &Row) -> Option<RangeRecord> {
        let treatment = self.treatment(row)?;
        Some(RangeRecord {
            kind: treatment.range,
            start: treatment.shape.start.then_some(row.start),
            end: treatment.shape.end.then_some(row.end),
            honoured: treatment.honoured,
        })
    }

    /// Bytes that the answer promised.
    #[must_use]
    pub fn promised(&self, row: &Row) -> Option<u64> {
        let range = self.range(row)?;
        match self.treatment(row)?.shape.promised {
            PromisedLength::Written => Some(row.promised),
            form => form.value(self.blob(row)?.size, range.start, range.end),
        }
    }

    /// The CF-Ray of a row; empty where it has none.
    #[must_use]
    pub fn ray_text(&self, row: &Row) -> String {
        let (treatment, place) = (self.treatment(row), self.place(row));
        let ray = treatment
            .zip(place)
            .map(|(treatment, place)| self.ray(treatment.shape.ray, row.ray, &place.colo).ok());
        ray.flatten().unwrap_or_default()
    }

    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    #[must_use]
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }
}

/// The place of an entry, which is added where it is not there.
pub(super) fn place_of<T: PartialEq>(entries: &mut Vec<T>, entry: T) -> u32 {
    let known = entries.iter().position(|known| *known == entry);
    let place = known.unwrap_or(entries.len());
    if known.is_none() {
        entries.push(entry);
    }
    place as u32
}

fn entry<T>(entries: &[T], code: u32) -> Result<&T, DecodeError> {
    entries.get(code as usize).ok_or(DecodeError::Invalid("code"))
}

fn checked(
    codes: Codes<'_>,
    records: usize,
    entries: usize,
) -> Result<impl Iterator<Item = u32> + '_, DecodeError> {
    if codes.each(records).all(|code| (code as usize) < entries) {
        Ok(codes.each(records))
    } else {
        Err(DecodeError::Invalid("code"))
    }
}

fn read_ray(form: RayForm, reader: &mut Reader<'_>, texts: &mut Vec<String>) -> Result<u64, DecodeError> {
    match form {
        RayForm::Absent => Ok(0),
        RayForm::Hex | RayForm::HexColo => reader.word(),
        RayForm::Text => {
            texts.push(reader.text()?.to_owned());
            Ok(texts.len() as u64 - 1)
        }
    }
}
