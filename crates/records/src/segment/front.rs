//! A block's directory and front: what a scan needs before it knows that a segment holds anything.

use super::columns::{Codes, read_ids};
use super::entries::{Agent, Blob, Client, Digest, Place, Treatment};
use super::fires::RayKey;
use super::{MAGIC, MAX_RECORDS, VERSION, tables};
use blobwatch_pull::RecordId;
use blobwatch_wire::{DecodeError, Reader, put_varint};

/// The parts of a block, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Ids,
    Treatments,
    TreatmentCodes,
    Agents,
    AgentCodes,
    Places,
    PlaceCodes,
    Profiles,
    Clients,
    ClientCodes,
    Blobs,
    BlobCodes,
    Rays,
    Ranges,
    PromisedLength,
    Durations,
    /// Since version 2.
    Connections,
}

/// All of a block, in their order.
pub(super) const SECTIONS: [Section; 17] = [
    Section::Ids,
    Section::Treatments,
    Section::TreatmentCodes,
    Section::Agents,
    Section::AgentCodes,
    Section::Places,
    Section::PlaceCodes,
    Section::Profiles,
    Section::Clients,
    Section::ClientCodes,
    Section::Blobs,
    Section::BlobCodes,
    Section::Rays,
    Section::Ranges,
    Section::PromisedLength,
    Section::Durations,
    Section::Connections,
];

/// How many of them version 1 has.
const FIRST_SECTIONS: usize = 16;

/// The first of the back.
const BACK: usize = Section::Profiles as usize;

/// The front of one block, read as far as its directory.
#[derive(Debug, Clone, Copy)]
pub struct Front<'a> {
    version: u8,
    records: usize,
    lengths: [usize; SECTIONS.len()],
    body: &'a [u8],
}

/// Joins sections to a block.
pub(super) fn put_block(version: u8, records: usize, sections: &[Vec<u8>]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(version);
    put_varint(&mut out, records as u64);
    for section in sections {
        put_varint(&mut out, section.len() as u64);
    }
    for section in sections {
        out.extend_from_slice(section);
    }
    out
}

/// Cuts a block into its front and its back.
///
/// # Errors
/// When the bytes are no block, or one of a newer version.
pub fn split(block: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let Front { lengths, body, .. } = directory(block)?;
    let back = sum(lengths.get(BACK..).unwrap_or_default())?;
    let front = sum(lengths.get(..BACK).unwrap_or_default())?;
    if front.checked_add(back) != Some(body.len()) {
        return Err(DecodeError::Truncated);
    }
    block
        .split_at_checked(block.len() - back)
        .ok_or(DecodeError::Truncated)
}

/// What the first bytes say, whether or not the sections follow.
fn directory(bytes: &[u8]) -> Result<Front<'_>, DecodeError> {
    let mut reader = Reader::open(bytes, MAGIC, "a segment", VERSION)?;
    let records: usize = reader.narrow("number of records")?;
    if records > MAX_RECORDS {
        return Err(DecodeError::Invalid("number of records"));
    }
    let mut lengths = [0; SECTIONS.len()];
    let version = bytes.get(MAGIC.len()).copied().unwrap_or(VERSION);
    let known = match version {
        1 => FIRST_SECTIONS,
        _ => SECTIONS.len(),
    };
    for length in lengths.iter_mut().take(known) {
        *length = reader.narrow("section length")?;
    }
    Ok(Front {
        version,
        records,
        lengths,
        body: reader.rest(),
    })
}

fn sum(lengths: &[usize]) -> Result<usize, DecodeError> {
    lengths
        .iter()
        .try_fold(0usize, |sum, length| sum.checked_add(*length))
        .ok_or(DecodeError::Truncated)
}

impl<'a> Front<'a> {
    /// Reads the directory of a front, or of a whole block.
    ///
    /// # Errors
    /// When the bytes are no front, or one of a newer version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let front = directory(bytes)?;
        if sum(front.lengths.get(..BACK).unwrap_or_default())? > front.body.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(front)
    }

    /// Of the block.
    pub(super) fn version(&self) -> u8 {
        self.version
    }

    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    fn front(&self, section: Section) -> Result<&'a [u8], DecodeError> {
        self.section(section, 0, self.body)
    }

    /// A section of the block's `back`.
    pub(super) fn back<'b>(&self, section: Section, back: &'b [u8]) -> Result<&'b [u8], DecodeError> {
        self.section(section, BACK, back)
    }

    fn section<'b>(&self, section: Section, first: usize, part: &'b [u8]) -> Result<&'b [u8], DecodeError> {
        let place = section as usize;
        let start = sum(self.lengths.get(first..place).ok_or(DecodeError::Truncated)?)?;
        let length = self.lengths.get(place).copied().unwrap_or_default();
        let end = start.checked_add(length).ok_or(DecodeError::Truncated)?;
        part.get(start..end).ok_or(DecodeError::Truncated)
    }

    pub(super) fn back_length(&self) -> Result<usize, DecodeError> {
        sum(self.lengths.get(BACK..).unwrap_or_default())
    }

    /// In ascending order.
    ///
    /// # Errors
    /// When the section is corrupt; so for all that follow.
    pub fn ids(&self) -> Result<Vec<RecordId>, DecodeError> {
        read_ids(self.front(Section::Ids)?, self.records)
    }

    pub fn treatments(&self) -> Result<Vec<Treatment>, DecodeError> {
        tables::read_treatments(self.front(Section::Treatments)?, self.version)
    }

    pub fn treatment_codes(&self) -> Result<Codes<'a>, DecodeError> {
        Codes::read(self.front(Section::TreatmentCodes)?, self.records)
    }

    pub fn agents(&self) -> Result<Vec<Agent>, DecodeError> {
        tables::read_agents(self.front(Section::Agents)?, self.version)
    }

    pub fn agent_codes(&self) -> Result<Codes<'a>, DecodeError> {
        Codes::read(self.front(Section::AgentCodes)?, self.records)
    }

    pub fn places(&self) -> Result<Vec<Place>, DecodeError> {
        tables::read_places(self.front(Section::Places)?, self.version)
    }

    pub fn place_codes(&self) -> Result<Codes<'a>, DecodeError> {
        Codes::read(self.front(Section::PlaceCodes)?, self.records)
    }

    /// From the block's back, without the rest of it.
    pub fn clients(&self, back: &[u8]) -> Result<Vec<Client>, DecodeError> {
        tables::read_clients(self.back(Section::Clients, back)?)
    }

    pub fn client_codes<'b>(&self, back: &'b [u8]) -> Result<Codes<'b>, DecodeError> {
        Codes::read(self.back(Section::ClientCodes, back)?, self.records)
    }

    pub fn blobs(&self, back: &[u8]) -> Result<(Vec<Digest>, Vec<Blob>), DecodeError> {
        tables::read_blobs(self.back(Section::Blobs, back)?, self.version)
    }

    /// What each record's request is called by, in their order.
    pub fn rays(&self, back: &[u8]) -> Result<Vec<Option<RayKey>>, DecodeError> {
        let treatments = self.treatments()?;
        let mut rays = Reader::new(self.back(Section::Rays, back)?);
        let mut read = |code: u32| {
            let treatment = treatments.get(code as usize);
            let form = treatment.ok_or(DecodeError::Invalid("treatment"))?.shape.ray;
            RayKey::read(form, &mut rays)
        };
        self.treatment_codes()?
            .each(self.records)
            .map(&mut read)
            .collect()
    }

    pub fn blob_codes<'b>(&self, back: &'b [u8]) -> Result<Codes<'b>, DecodeError> {
        Codes::read(self.back(Section::BlobCodes, back)?, self.records)
    }
}
