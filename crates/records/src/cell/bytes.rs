//! The bytes of a batch: a table of its texts, then its cells, each number that is 0 left out.
//!
//! `BWC`, the version, then source, epoch, seq and slot; the texts; the cells; `other`. A cell is the
//! codes of its key, a set of which counts follow and those counts, a set of which sketches follow and those, its
//! evidence, a few networks, blobs and sampled requests. Last come the cuts of all samples, and the routes with a pair of
//! sketches each, and what other parties' rules did. Integers are LEB128 (`blobwatch_wire::bytes`).

use std::sync::Arc;

use super::breadth::{Affected, Breadth, FewNetworks, Kmv, SKETCH};
use super::counts::{CellCounts, FIELDS};
use super::event::{Event, Evidence, MAX_EVIDENCE};
use super::sample::{Cuts, FURTHER, STRATA, SampledRequest, TCP};
use super::upstream::{MAX_COUNTS, MAX_RULES, UpstreamCells, UpstreamCount, UpstreamRule};
use super::{BlobCount, Bounds, Cell, CellBatch, CellKey, MAX_BLOBS, MAX_CELLS, MAX_KEY_RULES, RouteBreadth};
use crate::segment::families;
use crate::segment::texts::{TextTable, Texts};
use blobwatch_pull::RecordId;
use blobwatch_wire::{DecodeError, Reader, put_text, put_varint};

/// Of a batch's bytes. A reader refuses a newer one; the FireLog keeps the batch and tries again. Version 1 ended in a
/// list of guards, which no build ever filled; 2 had one count less; 3 had no networks; 4 had 25 counts and six events
/// less, no blobs and no routes; 5 had nothing of other parties; 6 had no signatures of TCP handshakes and
/// did not count what an `allow` did.
pub(crate) const VERSION: u8 = 7;

/// What is written where there is none of both and other parties' rules did something.
const WITHOUT_TCP: u8 = 6;

/// The first whose cells name networks.
const WITH_NETWORKS: u8 = 4;

/// The first whose cells name blobs and have samples.
const WITH_BLOBS: u8 = 5;

/// The first that says who is on each route.
const WITH_ROUTES: u8 = 5;

/// The newest that does not say what other parties' rules did: what is written where they did nothing, so that builds before
/// 6 read it.
const WITHOUT_UPSTREAM: u8 = 5;

const MAGIC: &[u8; 3] = b"BWC";

/// Requests of one cell: all strata, and no request in two of them.
const MAX_SAMPLED: usize = STRATA * Bounds::BATCH.trials;

/// Guards of one batch of version 1.
const MAX_GUARDS: usize = 256;

impl CellBatch {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let version = self.version();
        out.push(version);
        put_text(&mut out, &self.source);
        for number in [self.epoch, self.seq, self.slot] {
            put_varint(&mut out, number);
        }
        let keys = self.cells.iter().flat_map(|cell| cell.texts(version));
        let texts = Texts::of(keys.chain(self.upstream.texts()));
        texts.put(&mut out);
        put_varint(&mut out, self.cells.len() as u64);
        for cell in &self.cells {
            put_key(&mut out, &texts, &cell.key);
            put_counts(&mut out, &cell.counts);
            put_affected(&mut out, &cell.affected);
            put_evidence(&mut out, &cell.evidence);
            put_sketch(&mut out, cell.networks.sketch());
            put_blobs(&mut out, &texts, &cell.blobs);
            put_sample(&mut out, &texts, &cell.sample, version);
        }
        put_counts(&mut out, &self.other);
        put_cuts(&mut out, &self.cuts);
        put_routes(&mut out, &self.routes);
        if version > WITHOUT_UPSTREAM {
            put_upstream(&mut out, &texts, &self.upstream);
        }
        out
    }

    /// The oldest that can say it.
    fn version(&self) -> u8 {
        let mut sampled = self.cells.iter().flat_map(|cell| &cell.sample);
        let upstream = self.upstream.counts.iter().map(|count| &count.counts);
        let counts = self.cells.iter().map(|cell| &cell.counts).chain(upstream);
        let allows = counts.chain([&self.other]).any(|counts| counts.allowed > 0);
        if allows || sampled.any(SampledRequest::has_tcp) {
            VERSION
        } else if self.upstream.is_empty() {
            WITHOUT_UPSTREAM
        } else {
            WITHOUT_TCP
        }
    }

    /// The source of a batch, without reading the rest.
    ///
    /// # Errors
    /// When the bytes are no batch, or one of a newer version.
    pub fn source_in(bytes: &[u8]) -> Result<&str, DecodeError> {
        Reader::open(bytes, MAGIC, "a batch of cells", VERSION)?.text()
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// When the bytes are no batch, one of a newer version, or corrupt.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a batch of cells", VERSION)?;
        let version = bytes.get(MAGIC.len()).copied().unwrap_or_default();
        let reader = &mut reader;
        let source = reader.text()?.to_owned();
        let [epoch, seq] = [stored(reader, "epoch")?, stored(reader, "sequence number")?];
        let slot = stored(reader, "slot")?;
        let texts = TextTable::read(reader)?;
        let batch = Self {
            source,
            epoch,
            seq,
            slot,
            cells: read_list(reader, MAX_CELLS, 10, |reader| read_cell(reader, &texts, version))?,
            other: read_counts(reader)?,
            cuts: if version < WITH_BLOBS {
                Cuts::default()
            } else {
                read_cuts(reader)?
            },
            routes: if version < WITH_ROUTES {
                Vec::new()
            } else {
                read_list(reader, RouteBreadth::MAX, 3, read_route)?
            },
            upstream: if version <= WITHOUT_UPSTREAM {
                UpstreamCells::default()
            } else {
                read_upstream(reader, &texts)?
            },
        };
        if version == 1 {
            read_list(reader, MAX_GUARDS, 3, |reader| skip_guard(reader, &texts))?;
        }
        reader.finish()?;
        Ok(batch)
    }
}

impl Cell {
    fn texts(&self, version: u8) -> impl Iterator<Item = &str> {
        let blobs = self.blobs.iter().map(|blob| &*blob.digest);
        let values = values_in(version);
        let sampled = self.sample.iter();
        let sampled = sampled.flat_map(move |request| request.values.iter().take(values));
        self.key.texts().chain(blobs).chain(sampled.map(|value| &**value))
    }
}

impl CellKey {
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let own = [
            &*self.route,
            &self.colo,
            &self.country,
            &self.os,
            &self.fingerprint,
        ];
        own.into_iter()
            .chain(families::text(&self.family))
            .chain(self.rules.iter().map(|rule| &**rule))
    }
}

/// A number that SQLite holds, which counts to 2^53 on the platform.
fn stored(reader: &mut Reader<'_>, what: &'static str) -> Result<u64, DecodeError> {
    match reader.varint()? {
        value if value < 1 << 53 => Ok(value),
        _ => Err(DecodeError::Invalid(what)),
    }
}

/// At most `most` things of at least `smallest` bytes each.
fn read_list<T>(
    reader: &mut Reader<'_>,
    most: usize,
    smallest: usize,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(smallest)?;
    if count > most {
        return Err(DecodeError::Invalid("count"));
    }
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(read(reader)?);
    }
    Ok(list)
}

fn put_key(out: &mut Vec<u8>, texts: &Texts<'_>, key: &CellKey) {
    for text in [&*key.route, &key.colo, &key.country, &key.os, &key.fingerprint] {
        texts.put_code(out, text);
    }
    // 0 is absent; AS 4294967295 is reserved, and fits all the same.
    put_varint(out, key.asn.map_or(0, |asn| u64::from(asn) + 1));
    families::put(out, texts, &key.family);
    put_varint(out, key.rules.len() as u64);
    for rule in &key.rules {
        texts.put_code(out, rule);
    }
}

fn read_key(reader: &mut Reader<'_>, texts: &TextTable) -> Result<CellKey, DecodeError> {
    let route = texts.shared(reader)?;
    let [colo, country, os, fingerprint] = [
        texts.shared(reader)?,
        texts.shared(reader)?,
        texts.shared(reader)?,
        texts.shared(reader)?,
    ];
    let asn = match reader.varint()?.checked_sub(1) {
        None => None,
        Some(asn) => Some(u32::try_from(asn).map_err(|_| DecodeError::Invalid("AS number"))?),
    };
    Ok(CellKey {
        route,
        colo,
        country,
        asn,
        family: families::read(reader, texts)?,
        os,
        fingerprint,
        rules: read_list(reader, MAX_KEY_RULES, 1, |reader| texts.shared(reader))?,
    })
}

fn put_counts(out: &mut Vec<u8>, counts: &CellCounts) {
    let fields = counts.fields();
    let present = fields
        .iter()
        .rev()
        .fold(0, |set, field| set << 1 | u64::from(*field != 0));
    put_varint(out, present);
    for field in fields.into_iter().filter(|field| *field != 0) {
        put_varint(out, u64::from(field));
    }
}

fn read_counts(reader: &mut Reader<'_>) -> Result<CellCounts, DecodeError> {
    let present = set(reader, FIELDS)?;
    let mut fields = [0; FIELDS];
    for (place, field) in fields.iter_mut().enumerate() {
        if present >> place & 1 == 1 {
            *field = reader.narrow("number of a cell")?;
        }
    }
    Ok(CellCounts::of_fields(&fields))
}

/// A set of up to `members` places.
fn set(reader: &mut Reader<'_>, members: usize) -> Result<u64, DecodeError> {
    match reader.varint()? {
        set if set >> members == 0 => Ok(set),
        _ => Err(DecodeError::Invalid("set")),
    }
}

fn put_affected(out: &mut Vec<u8>, affected: &Affected) {
    let present = |event: &Event| !affected.of(*event).is_empty();
    let set = Event::ALL
        .iter()
        .rev()
        .fold(0, |set, event| set << 1 | u64::from(present(event)));
    put_varint(out, set);
    for event in Event::ALL.iter().filter(|event| present(event)) {
        put_breadth(out, affected.of(*event));
    }
}

fn put_breadth(out: &mut Vec<u8>, breadth: &Breadth) {
    put_sketch(out, &breadth.clients);
    put_sketch(out, &breadth.networks);
}

fn read_breadth(reader: &mut Reader<'_>) -> Result<Breadth, DecodeError> {
    Ok(Breadth {
        clients: read_sketch(reader)?,
        networks: read_sketch(reader)?,
    })
}

fn put_routes(out: &mut Vec<u8>, routes: &[RouteBreadth]) {
    put_varint(out, routes.len() as u64);
    for of in routes {
        put_text(out, &of.route);
        put_breadth(out, &of.breadth);
    }
}

fn read_route(reader: &mut Reader<'_>) -> Result<RouteBreadth, DecodeError> {
    Ok(RouteBreadth {
        route: Arc::from(reader.text()?),
        breadth: read_breadth(reader)?,
    })
}

fn put_sketch(out: &mut Vec<u8>, sketch: &Kmv) {
    put_varint(out, sketch.hashes().len() as u64);
    let mut before = 0;
    for hash in sketch.hashes() {
        put_varint(out, u64::from(hash - before));
        before = *hash;
    }
}

fn read_affected(reader: &mut Reader<'_>) -> Result<Affected, DecodeError> {
    let present = set(reader, Event::ALL.len())?;
    let mut affected = Affected::default();
    for (place, event) in Event::ALL.into_iter().enumerate() {
        if present >> place & 1 == 1 {
            affected.merge_event(event, &read_breadth(reader)?);
        }
    }
    Ok(affected)
}

fn read_sketch(reader: &mut Reader<'_>) -> Result<Kmv, DecodeError> {
    let mut before = 0u32;
    let hashes = read_list(reader, SKETCH, 1, |reader| {
        let step = reader.narrow("hash")?;
        before = before.checked_add(step).ok_or(DecodeError::Invalid("hash"))?;
        Ok(before)
    })?;
    Kmv::of_hashes(hashes).ok_or(DecodeError::Invalid("order of hashes"))
}

fn put_evidence(out: &mut Vec<u8>, evidence: &[Evidence]) {
    put_varint(out, evidence.len() as u64);
    for Evidence { event, id } in evidence {
        out.push(
            Event::ALL
                .iter()
                .position(|known| known == event)
                .unwrap_or_default() as u8,
        );
        out.extend(id.0.to_le_bytes());
    }
}

fn read_evidence(reader: &mut Reader<'_>) -> Result<Evidence, DecodeError> {
    let event = Event::ALL.get(usize::from(reader.byte()?));
    let bytes = reader.take(16)?.try_into().map_err(|_| DecodeError::Truncated)?;
    Ok(Evidence {
        event: *event.ok_or(DecodeError::Invalid("event"))?,
        id: RecordId(u128::from_le_bytes(bytes)),
    })
}

fn read_cell(reader: &mut Reader<'_>, texts: &TextTable, version: u8) -> Result<Cell, DecodeError> {
    Ok(Cell {
        key: read_key(reader, texts)?,
        counts: read_counts(reader)?,
        affected: read_affected(reader)?,
        evidence: read_list(reader, Event::ALL.len() * MAX_EVIDENCE, 17, read_evidence)?,
        networks: if version < WITH_NETWORKS {
            FewNetworks::default()
        } else {
            let networks = FewNetworks::of_sketch(read_sketch(reader)?);
            networks.ok_or(DecodeError::Invalid("networks"))?
        },
        blobs: if version < WITH_BLOBS {
            Vec::new()
        } else {
            read_list(reader, MAX_BLOBS, 2, |reader| read_blob(reader, texts))?
        },
        sample: if version < WITH_BLOBS {
            Vec::new()
        } else {
            read_list(reader, MAX_SAMPLED, 13 + values_in(version), |reader| {
                read_sampled(reader, texts, version)
            })?
        },
    })
}

fn put_blobs(out: &mut Vec<u8>, texts: &Texts<'_>, blobs: &[BlobCount]) {
    put_varint(out, blobs.len() as u64);
    for blob in blobs {
        texts.put_code(out, &blob.digest);
        put_varint(out, u64::from(blob.times));
    }
}

fn read_blob(reader: &mut Reader<'_>, texts: &TextTable) -> Result<BlobCount, DecodeError> {
    Ok(BlobCount {
        digest: texts.owned(reader)?,
        times: reader.narrow("times of a blob")?,
    })
}

/// How many of [`FURTHER`] a version has.
fn values_in(version: u8) -> usize {
    if version > WITHOUT_TCP { FURTHER.len() } else { TCP }
}

fn put_sample(out: &mut Vec<u8>, texts: &Texts<'_>, sample: &[SampledRequest], version: u8) {
    put_varint(out, sample.len() as u64);
    for request in sample {
        for hash in [request.hash, request.client, request.network] {
            out.extend(hash.to_le_bytes());
        }
        put_varint(out, u64::from(request.strata));
        for value in request.values.iter().take(values_in(version)) {
            texts.put_code(out, value);
        }
    }
}

fn read_sampled(
    reader: &mut Reader<'_>,
    texts: &TextTable,
    version: u8,
) -> Result<SampledRequest, DecodeError> {
    let mut hash = || -> Result<u32, DecodeError> {
        let bytes = reader.take(4)?.try_into().map_err(|_| DecodeError::Truncated)?;
        Ok(u32::from_le_bytes(bytes))
    };
    let (hash, client, network) = (hash()?, hash()?, hash()?);
    let strata = set(reader, STRATA)?;
    let mut request = SampledRequest {
        hash,
        client,
        network,
        strata: u32::try_from(strata).map_err(|_| DecodeError::Invalid("set"))?,
        values: Default::default(),
    };
    for value in request.values.iter_mut().take(values_in(version)) {
        *value = texts.shared(reader)?;
    }
    Ok(request)
}

/// A set of which strata are cut, and where.
fn put_cuts(out: &mut Vec<u8>, cuts: &Cuts) {
    let is_cut = |cut: &u32| *cut < u32::MAX;
    let present = cuts.0.iter().rev();
    put_varint(out, present.fold(0, |set, cut| set << 1 | u64::from(is_cut(cut))));
    for cut in cuts.0.iter().filter(|cut| is_cut(cut)) {
        put_varint(out, u64::from(*cut));
    }
}

fn read_cuts(reader: &mut Reader<'_>) -> Result<Cuts, DecodeError> {
    let present = set(reader, STRATA)?;
    let mut cuts = Cuts::default();
    for (place, cut) in cuts.0.iter_mut().enumerate() {
        if present >> place & 1 == 1 {
            *cut = reader.narrow("cut of a sample")?;
        }
    }
    Ok(cuts)
}

/// A route, a rule and the rule's version.
fn skip_guard(reader: &mut Reader<'_>, texts: &TextTable) -> Result<(), DecodeError> {
    texts.text(reader)?;
    texts.text(reader)?;
    reader.narrow::<u32>("rule version").map(drop)
}

fn put_upstream(out: &mut Vec<u8>, texts: &Texts<'_>, upstream: &UpstreamCells) {
    put_varint(out, upstream.rules.len() as u64);
    for rule in &upstream.rules {
        for text in rule.texts() {
            texts.put_code(out, text);
        }
        out.push(u8::from(rule.acts));
        put_varint(out, rule.first_ms);
        put_varint(out, rule.last_ms.saturating_sub(rule.first_ms));
    }
    put_varint(out, upstream.counts.len() as u64);
    for count in &upstream.counts {
        put_varint(out, count.minute);
        put_key(out, texts, &count.key);
        texts.put_code(out, &count.rule);
        put_varint(out, u64::from(count.acted));
        put_varint(out, u64::from(count.logged));
        put_counts(out, &count.counts);
    }
    put_varint(out, u64::from(upstream.dropped));
}

fn read_upstream(reader: &mut Reader<'_>, texts: &TextTable) -> Result<UpstreamCells, DecodeError> {
    Ok(UpstreamCells {
        rules: read_list(reader, MAX_RULES, 8, |reader| read_upstream_rule(reader, texts))?,
        counts: read_list(reader, MAX_COUNTS, 13, |reader| {
            read_upstream_count(reader, texts)
        })?,
        dropped: reader.narrow("fires without room")?,
    })
}

fn read_upstream_rule(reader: &mut Reader<'_>, texts: &TextTable) -> Result<UpstreamRule, DecodeError> {
    let id = texts.shared(reader)?;
    let (system, description) = (texts.owned(reader)?, texts.owned(reader)?);
    let (action, host) = (texts.owned(reader)?, texts.owned(reader)?);
    let acts = reader.byte()? == 1;
    let first_ms = stored(reader, "time of an upstream rule")?;
    Ok(UpstreamRule {
        id,
        system,
        description,
        action,
        acts,
        host,
        first_ms,
        last_ms: first_ms + stored(reader, "time of an upstream rule")?,
    })
}

fn read_upstream_count(reader: &mut Reader<'_>, texts: &TextTable) -> Result<UpstreamCount, DecodeError> {
    Ok(UpstreamCount {
        minute: stored(reader, "minute")?,
        key: read_key(reader, texts)?,
        rule: texts.shared(reader)?,
        acted: reader.narrow("number of an upstream rule")?,
        logged: reader.narrow("number of an upstream rule")?,
        counts: read_counts(reader)?,
    })
}
