//! The dictionaries of a block, written and read.

use std::collections::HashMap;

use super::WITHOUT_TCP;
use super::codes::Coded;
use super::entries::{Agent, Blob, Client, Digest, Place, PromisedLength, RayForm, Shape, Treatment};
use super::families;
use super::texts::{TextTable, Texts};
use blobwatch_pull::{Cache, ClientKey, Fired, Method, NetworkKey, PathShape, Profile};
use blobwatch_wire::{DecodeError, MAX_TEXT_BYTES, Reader, clip, put_text, put_varint, unzigzag, zigzag};

pub(super) fn put_treatments(out: &mut Vec<u8>, treatments: &[Treatment]) {
    let routes = treatments
        .iter()
        .flat_map(|t| [&*t.route, &*t.sent_to, &*t.served_by]);
    let rules = treatments.iter().flat_map(|t| &t.fired).map(|fired| &*fired.rule);
    let texts = Texts::of(routes.chain(rules));
    texts.put(out);
    let sets = put_fired_sets(out, &texts, treatments);
    put_varint(out, treatments.len() as u64);
    for (treatment, set) in treatments.iter().zip(sets) {
        put_treatment(out, &texts, treatment);
        put_varint(out, set);
    }
}

/// Writes each distinct list once and returns the place of each treatment's list.
fn put_fired_sets(out: &mut Vec<u8>, texts: &Texts<'_>, treatments: &[Treatment]) -> Vec<u64> {
    let mut places: HashMap<&[Fired], u64> = HashMap::new();
    let mut sets: Vec<&[Fired]> = Vec::new();
    let mut of_treatment = Vec::with_capacity(treatments.len());
    for treatment in treatments {
        let place = *places.entry(&treatment.fired).or_insert_with(|| {
            sets.push(&treatment.fired);
            sets.len() as u64 - 1
        });
        of_treatment.push(place);
    }
    put_varint(out, sets.len() as u64);
    for set in sets {
        put_varint(out, set.len() as u64);
        for fired in set {
            texts.put_code(out, &fired.rule);
            put_varint(out, u64::from(fired.version));
            out.push(fired.mode.code() | fired.would.code() << 2 | fired.applied.code() << 5);
        }
    }
    of_treatment
}

/// The bits of a treatment's flags that came later: builds before them wrote 0 and do not look at them.
const ODD_PATH: u8 = 6;
const JOINED: u8 = 7;

/// The bits of a treatment's forms that came later, likewise.
const HAS_RTT: u8 = 5;
const HAS_DELIVERY_RATE: u8 = 6;
const TOLD: u8 = 7;

fn put_treatment(out: &mut Vec<u8>, texts: &Texts<'_>, treatment: &Treatment) {
    let honoured = match treatment.honoured {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    };
    let flags = treatment.method.code()
        | honoured << 1
        | u8::from(treatment.degraded) << 3
        | u8::from(treatment.shape.start) << 4
        | u8::from(treatment.shape.end) << 5
        | u8::from(treatment.odd_path) << ODD_PATH
        | u8::from(treatment.joined) << JOINED;
    texts.put_code(out, &treatment.route);
    put_varint(out, u64::from(treatment.status));
    out.extend([
        flags,
        treatment.range.code(),
        treatment.outcome.code(),
        treatment.verdict.code(),
    ]);
    let Shape {
        promised,
        ray,
        rtt,
        delivery_rate,
        ..
    } = treatment.shape;
    out.push(
        promised as u8
            | (ray as u8) << 3
            | u8::from(rtt) << HAS_RTT
            | u8::from(delivery_rate) << HAS_DELIVERY_RATE
            | u8::from(treatment.told) << TOLD,
    );
    put_varint(out, treatment.revision);
    put_varint(out, u64::from(treatment.weight));
    out.extend([
        treatment.path_shape.code(),
        treatment.cache.map_or(0, Cache::code),
    ]);
    texts.put_code(out, &treatment.sent_to);
    texts.put_code(out, &treatment.served_by);
}

pub(super) fn read_treatments(bytes: &[u8], version: u8) -> Result<Vec<Treatment>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let texts = TextTable::read(&mut reader)?;
    let sets = read_fired_sets(&mut reader, &texts)?;
    let mut named = 0;
    let treatments = list(&mut reader, 9, |reader| {
        let mut treatment = read_treatment(reader, &texts)?;
        if version > 1 {
            read_places_of(reader, &texts, &mut treatment)?;
        }
        let set: usize = reader.narrow("fired set")?;
        let set = sets.get(set).ok_or(DecodeError::Invalid("fired set"))?;
        named += set.len();
        if named > MAX_FIRED {
            return Err(DecodeError::Invalid("number of fired rules"));
        }
        treatment.fired.clone_from(set);
        Ok(treatment)
    })?;
    reader.finish()?;
    Ok(treatments)
}

/// Most fired rules that the treatments of one block may name together: few bytes could stand for many.
const MAX_FIRED: usize = 1 << 20;

fn read_fired_sets(reader: &mut Reader<'_>, texts: &TextTable) -> Result<Vec<Vec<Fired>>, DecodeError> {
    list(reader, 1, |reader| {
        list(reader, 3, |reader| {
            let rule = texts.shared(reader)?;
            let version = reader.narrow("rule version")?;
            let packed = reader.byte()?;
            Ok(Fired {
                rule,
                version,
                mode: Coded::of(packed & 3)?,
                would: Coded::of(packed >> 2 & 7)?,
                applied: Coded::of(packed >> 5)?,
            })
        })
    })
}

fn read_treatment(reader: &mut Reader<'_>, texts: &TextTable) -> Result<Treatment, DecodeError> {
    let route = texts.shared(reader)?;
    let status = reader.narrow("status")?;
    let flags = reader.byte()?;
    let (range, outcome, verdict) = (Coded::read(reader)?, Coded::read(reader)?, Coded::read(reader)?);
    let forms = reader.byte()?;
    Ok(Treatment {
        route,
        odd_path: flags >> ODD_PATH & 1 == 1,
        path_shape: PathShape::Oci,
        joined: flags >> JOINED & 1 == 1,
        method: Method::of(flags & 1)?,
        status,
        range,
        honoured: honoured(flags >> 1 & 3)?,
        outcome,
        verdict,
        revision: reader.varint()?,
        degraded: flags >> 3 & 1 == 1,
        weight: reader.narrow("weight")?,
        told: forms >> TOLD & 1 == 1,
        sent_to: String::new(),
        served_by: String::new(),
        cache: None,
        fired: Vec::new(),
        shape: Shape {
            start: flags >> 4 & 1 == 1,
            end: flags >> 5 & 1 == 1,
            promised: promised(forms & 7)?,
            ray: ray_form(forms >> 3 & 3)?,
            rtt: forms >> HAS_RTT & 1 == 1,
            delivery_rate: forms >> HAS_DELIVERY_RATE & 1 == 1,
        },
    })
}

/// What version 1 does not have.
fn read_places_of(
    reader: &mut Reader<'_>,
    texts: &TextTable,
    treatment: &mut Treatment,
) -> Result<(), DecodeError> {
    treatment.path_shape = Coded::read(reader)?;
    treatment.cache = match reader.byte()? {
        0 => None,
        code => Some(Coded::of(code)?),
    };
    treatment.sent_to = texts.owned(reader)?;
    treatment.served_by = texts.owned(reader)?;
    Ok(())
}

fn honoured(code: u8) -> Result<Option<bool>, DecodeError> {
    match code {
        0 => Ok(None),
        1 => Ok(Some(false)),
        2 => Ok(Some(true)),
        _ => Err(DecodeError::Invalid("honoured")),
    }
}

fn promised(code: u8) -> Result<PromisedLength, DecodeError> {
    use PromisedLength::{Absent, Length, Remainder, Size, Written};
    let found = [Absent, Size, Length, Remainder, Written]
        .into_iter()
        .find(|form| *form as u8 == code);
    found.ok_or(DecodeError::Invalid("form of promised"))
}

fn ray_form(code: u8) -> Result<RayForm, DecodeError> {
    use RayForm::{Absent, Hex, HexColo, Text};
    let found = [Absent, Hex, HexColo, Text]
        .into_iter()
        .find(|form| *form as u8 == code);
    found.ok_or(DecodeError::Invalid("form of ray"))
}

pub(super) fn put_agents(out: &mut Vec<u8>, agents: &[Agent], version: u8) {
    let texts_of = |agent| agent_texts(agent).into_iter().take(texts_in(version));
    let names = agents.iter().filter_map(|agent| families::text(&agent.family));
    let texts = Texts::of(agents.iter().flat_map(texts_of).chain(names));
    texts.put(out);
    put_varint(out, agents.len() as u64);
    for (place, agent) in (0..).zip(agents) {
        families::put(out, &texts, &agent.family);
        for text in texts_of(agent) {
            texts.put_code(out, text);
        }
        // Most agents have a profile of their own, and both are in the order in which they came.
        put_varint(out, zigzag(i64::from(agent.profile) - place));
    }
}

/// How many of [`agent_texts`] a version that is written has.
fn texts_in(version: u8) -> usize {
    if version > WITHOUT_TCP { 7 } else { 6 }
}

pub(super) fn agent_texts(agent: &Agent) -> [&str; 7] {
    [
        &agent.version,
        &agent.os,
        &agent.arch,
        &agent.fingerprint,
        &agent.ja4,
        &agent.protocol,
        &agent.tcp,
    ]
}

/// Version 1 has the protocol among the profiles.
pub(super) fn read_agents(bytes: &[u8], version: u8) -> Result<Vec<Agent>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let texts = TextTable::read(&mut reader)?;
    let mut place = -1;
    let agents = list(&mut reader, 7, |reader| {
        place += 1;
        Ok(Agent {
            family: families::read(reader, &texts)?,
            version: texts.owned(reader)?,
            os: texts.owned(reader)?,
            arch: texts.owned(reader)?,
            fingerprint: texts.owned(reader)?,
            ja4: texts.owned(reader)?,
            protocol: if version > 1 {
                texts.owned(reader)?
            } else {
                String::new()
            },
            tcp: if version > WITHOUT_TCP {
                texts.owned(reader)?
            } else {
                String::new()
            },
            profile: match version {
                1 => reader.narrow("profile")?,
                _ => profile(place, reader.varint()?)?,
            },
        })
    })?;
    reader.finish()?;
    Ok(agents)
}

/// The place of a profile, from the agent's and the difference to it.
fn profile(place: i64, difference: u64) -> Result<u32, DecodeError> {
    let profile = place.checked_add(unzigzag(difference));
    let profile = profile.and_then(|profile| u32::try_from(profile).ok());
    profile.ok_or(DecodeError::Invalid("profile"))
}

pub(super) fn put_places(out: &mut Vec<u8>, places: &[Place]) {
    let texts = Texts::of(places.iter().flat_map(place_texts));
    texts.put(out);
    put_varint(out, places.len() as u64);
    for place in places {
        put_varint(out, place.asn.map_or(0, |asn| u64::from(asn) + 1));
        texts.put_code(out, &place.country);
        texts.put_code(out, &place.colo);
        out.push(place.ip_version.unwrap_or_default() | u8::from(has_cloud(place)) << HAS_CLOUD);
        if has_cloud(place) {
            texts.put_code(out, &place.cloud);
            texts.put_code(out, &place.cloud_region);
        }
    }
}

/// The bit beside the version of IP.
const HAS_CLOUD: u8 = 3;

fn has_cloud(place: &Place) -> bool {
    !(place.cloud.is_empty() && place.cloud_region.is_empty())
}

pub(super) fn place_texts(place: &Place) -> [&str; 4] {
    [&place.country, &place.colo, &place.cloud, &place.cloud_region]
}

/// Version 1 has neither clouds nor versions of IP.
pub(super) fn read_places(bytes: &[u8], version: u8) -> Result<Vec<Place>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let texts = TextTable::read(&mut reader)?;
    let places = list(&mut reader, 3, |reader| {
        let asn = reader.varint()?.checked_sub(1).map(u32::try_from).transpose();
        let asn = asn.map_err(|_| DecodeError::Invalid("asn"))?;
        let mut place = Place {
            asn,
            country: texts.owned(reader)?,
            colo: texts.owned(reader)?,
            cloud: String::new(),
            cloud_region: String::new(),
            ip_version: None,
        };
        let flags = if version > 1 { reader.byte()? } else { 0 };
        place.ip_version = ip_version(flags & !(1 << HAS_CLOUD))?;
        if flags >> HAS_CLOUD & 1 == 1 {
            place.cloud = texts.owned(reader)?;
            place.cloud_region = texts.owned(reader)?;
        }
        Ok(place)
    })?;
    reader.finish()?;
    Ok(places)
}

fn ip_version(number: u8) -> Result<Option<u8>, DecodeError> {
    match number {
        0 => Ok(None),
        4 | 6 => Ok(Some(number)),
        _ => Err(DecodeError::Invalid("version of IP")),
    }
}

pub(super) fn put_profiles(out: &mut Vec<u8>, profiles: &[Profile]) {
    let words = profiles
        .iter()
        .flat_map(|profile| agent_words(&profile.user_agent));
    let texts = Texts::of(profiles.iter().flat_map(profile_texts).chain(words));
    texts.put(out);
    put_varint(out, profiles.len() as u64);
    for profile in profiles {
        put_varint(out, agent_words(&profile.user_agent).count() as u64);
        for word in agent_words(&profile.user_agent) {
            texts.put_code(out, word);
        }
        for text in profile_texts(profile) {
            texts.put_code(out, text);
        }
        put_varint(
            out,
            profile.tls_hello_length.map_or(0, |length| u64::from(length) + 1),
        );
    }
}

/// A User-Agent in words: those of one fleet differ in one of them, mostly the kernel's.
pub(super) fn agent_words(user_agent: &str) -> impl Iterator<Item = &str> {
    clip(user_agent).split(' ')
}

pub(super) fn profile_texts(profile: &Profile) -> [&str; 10] {
    [
        &profile.host,
        &profile.scheme,
        &profile.accept_encoding,
        &profile.continent,
        &profile.tls_version,
        &profile.tls_cipher,
        &profile.tls_ciphers_sha1,
        &profile.tls_extensions_sha1,
        &profile.tls_extensions_sha1_le,
        &profile.ja3,
    ]
}

/// With the protocol of each, which version 1 has here.
pub(super) fn read_profiles(bytes: &[u8], version: u8) -> Result<Vec<(Profile, String)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let texts = TextTable::read(&mut reader)?;
    let profiles = list(&mut reader, 13, |reader| {
        let user_agent = read_words(reader, &texts)?;
        let (host, scheme) = (texts.owned(reader)?, texts.owned(reader)?);
        let protocol = if version > 1 {
            String::new()
        } else {
            texts.owned(reader)?
        };
        let profile = Profile {
            user_agent,
            host,
            scheme,
            accept_encoding: texts.owned(reader)?,
            continent: texts.owned(reader)?,
            tls_version: texts.owned(reader)?,
            tls_cipher: texts.owned(reader)?,
            tls_ciphers_sha1: texts.owned(reader)?,
            tls_extensions_sha1: texts.owned(reader)?,
            tls_extensions_sha1_le: texts.owned(reader)?,
            ja3: texts.owned(reader)?,
            tls_hello_length: hello_length(reader)?,
        };
        Ok((profile, protocol))
    })?;
    reader.finish()?;
    Ok(profiles)
}

fn read_words(reader: &mut Reader<'_>, texts: &TextTable) -> Result<String, DecodeError> {
    let count = reader.count(1)?;
    let mut agent = String::new();
    for word in 0..count {
        agent.push_str(if word == 0 { "" } else { " " });
        agent.push_str(texts.text(reader)?);
        if agent.len() > MAX_TEXT_BYTES {
            return Err(DecodeError::Invalid("user agent"));
        }
    }
    Ok(agent)
}

fn hello_length(reader: &mut Reader<'_>) -> Result<Option<u32>, DecodeError> {
    let length = reader.varint()?.checked_sub(1).map(u32::try_from).transpose();
    length.map_err(|_| DecodeError::Invalid("hello length"))
}

pub(super) fn put_clients(out: &mut Vec<u8>, clients: &[Client]) {
    let mut places: HashMap<NetworkKey, u64> = HashMap::new();
    let mut networks = Vec::new();
    for client in clients {
        places.entry(client.network).or_insert_with(|| {
            networks.push(client.network);
            networks.len() as u64 - 1
        });
    }
    put_varint(out, networks.len() as u64);
    out.extend(networks.iter().flat_map(|network| network.0.to_le_bytes()));
    put_varint(out, clients.len() as u64);
    for client in clients {
        out.extend(client.client.0.to_le_bytes());
        put_varint(out, places.get(&client.network).copied().unwrap_or_default());
    }
}

pub(super) fn read_clients(bytes: &[u8]) -> Result<Vec<Client>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let networks = list(&mut reader, 8, |reader| reader.word().map(NetworkKey))?;
    let clients = list(&mut reader, 9, |reader| {
        let client = ClientKey(reader.word()?);
        let network = networks.get(reader.narrow::<usize>("network")?).copied();
        Ok(Client {
            client,
            network: network.ok_or(DecodeError::Invalid("network"))?,
        })
    })?;
    reader.finish()?;
    Ok(clients)
}

pub(super) fn put_blobs(out: &mut Vec<u8>, digests: &[Digest], blobs: &[Blob]) {
    put_varint(out, digests.len() as u64);
    for digest in digests {
        match digest {
            Digest::Text(text) => {
                out.push(0);
                put_text(out, text);
            }
            Digest::Sha256(raw) => {
                out.push(1);
                out.extend(raw);
            }
            Digest::Sha512(raw) => {
                out.push(2);
                out.extend(raw.as_slice());
            }
            Digest::Object(key) => {
                out.push(3);
                out.extend(key);
            }
        }
    }
    let texts = Texts::of(blobs.iter().map(|blob| &*blob.repository));
    texts.put(out);
    put_varint(out, blobs.len() as u64);
    for blob in blobs {
        let has_object = blob.sent_object != 0;
        let flags = u64::from(blob.size.is_some()) | u64::from(has_object) << 1;
        put_varint(out, u64::from(blob.digest) << 2 | flags);
        texts.put_code(out, &blob.repository);
        if let Some(size) = blob.size {
            put_varint(out, size);
        }
        if has_object {
            out.extend(blob.sent_object.to_le_bytes());
        }
    }
}

pub(super) fn read_blobs(bytes: &[u8], version: u8) -> Result<(Vec<Digest>, Vec<Blob>), DecodeError> {
    let mut reader = Reader::new(bytes);
    let digests = list(&mut reader, 2, read_digest)?;
    let texts = TextTable::read(&mut reader)?;
    let blobs = list(&mut reader, 2, |reader| {
        let packed = reader.varint()?;
        // Version 1 has one flag.
        let (place, has_object) = match version {
            1 => (packed >> 1, false),
            _ => (packed >> 2, packed >> 1 & 1 == 1),
        };
        let digest = u32::try_from(place)
            .ok()
            .filter(|digest| (*digest as usize) < digests.len());
        let digest = digest.ok_or(DecodeError::Invalid("digest"))?;
        let repository = texts.owned(reader)?;
        let size = if packed & 1 == 1 {
            Some(reader.varint()?)
        } else {
            None
        };
        Ok(Blob {
            digest,
            repository,
            size,
            sent_object: if has_object { reader.word()? } else { 0 },
        })
    })?;
    reader.finish()?;
    Ok((digests, blobs))
}

fn read_digest(reader: &mut Reader<'_>) -> Result<Digest, DecodeError> {
    let wrong = |_| DecodeError::Truncated;
    match reader.byte()? {
        0 => reader.text().map(|text| Digest::Text(text.to_owned())),
        1 => reader.take(32)?.try_into().map(Digest::Sha256).map_err(wrong),
        2 => reader
            .take(64)?
            .try_into()
            .map(|raw| Digest::Sha512(Box::new(raw)))
            .map_err(wrong),
        3 => reader.take(8)?.try_into().map(Digest::Object).map_err(wrong),
        _ => Err(DecodeError::Invalid("digest form")),
    }
}

/// Reads a counted list of entries of at least `smallest` bytes each.
fn list<T>(
    reader: &mut Reader<'_>,
    smallest: usize,
    mut entry: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(smallest)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        entries.push(entry(reader)?);
    }
    Ok(entries)
}
