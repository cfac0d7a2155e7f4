//! A call's parameters, read whole or refused with the place and what was expected there.

use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::cursor::Cursor;
use super::filter::{Filter, Kind, StatusFilter};
use super::summary::Dimension;
use crate::forms::Schema;
use blobwatch_pull::{Cache, RecordId, SizeClass};
use blobwatch_records::{Digest, RayKey};
use blobwatch_wire::{EXPECTED_TIME, FNV_START, Place, Problem, fnv1a, parse_time};

/// Records of a page unless `limit` says otherwise, and at most.
pub(crate) const DEFAULT_LIMIT: usize = 100;
pub(crate) const MAX_LIMIT: usize = 1_000;

/// Records of an NDJSON export unless `limit` says otherwise, and at most. It is streamed page by page.
pub(crate) const DEFAULT_EXPORT: usize = 10_000;
pub(crate) const MAX_EXPORT: usize = 1_000_000;

/// Values of one filter: each is compared with every dictionary entry.
const MAX_VALUES: usize = 64;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Json,
    Ndjson,
}

/// `requests` or `fires`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub filter: Filter,
    pub limit: usize,
    pub format: Format,
    /// Of the lines of an export.
    pub(crate) schema: Schema,
    /// Where this page begins: only older ids are in it.
    pub before: RecordId,
    check: u64,
}

/// `fires/summary`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryQuery {
    pub filter: Filter,
    pub by: Vec<Dimension>,
    /// Groups of the answer.
    pub limit: usize,
}

type Pairs = [(String, String)];

impl Query {
    /// Reads the decoded pairs of a URL's query.
    ///
    /// # Errors
    /// [`Problem::bad_parameter`] for an unknown name, a bad value, or a cursor of other filters.
    pub fn parse(kind: Kind, pairs: &Pairs, now_ms: u64) -> Result<Self, Problem> {
        let mut filter = Filter {
            kind,
            ..Filter::default()
        };
        check_single(pairs)?;
        let (mut limit, mut format, mut schema, mut cursor) = (None, Format::Json, None, None);
        each(pairs, |name, value| {
            match name {
                "limit" => limit = Some(value),
                "cursor" => cursor = Some(value),
                "format" => format = read_format(value)?,
                "schema" => schema = Some(read_schema(value)?),
                _ => read_filter(&mut filter, name, value, now_ms)?,
            }
            Ok(())
        })?;
        if schema.is_some() && format != Format::Ndjson {
            return Err(refuse(
                "schema",
                "is of the lines of an export; expected format=ndjson beside it",
            ));
        }
        let check = check(kind, pairs);
        let (default, most) = match format {
            Format::Json => (DEFAULT_LIMIT, MAX_LIMIT),
            Format::Ndjson => (DEFAULT_EXPORT, MAX_EXPORT),
        };
        let limit = limit.map_or(Ok(default), |text| read_limit(text, most))?;
        let before = match cursor {
            Some(text) => read_cursor(text, check, &mut filter)?,
            None => RecordId(u128::MAX),
        };
        check_span(&filter)?;
        Ok(Self {
            filter,
            limit,
            format,
            schema: schema.unwrap_or_default(),
            before,
            check,
        })
    }

    /// The cursor of the page that begins before this id.
    #[must_use]
    pub fn cursor(&self, before: RecordId) -> Cursor {
        let Filter {
            since_ms, until_ms, ..
        } = self.filter;
        Cursor {
            before,
            since_ms,
            until_ms,
            check: self.check,
        }
    }
}

impl SummaryQuery {
    /// Reads the decoded pairs of a URL's query.
    ///
    /// # Errors
    /// [`Problem::bad_parameter`] as [`Query::parse`].
    pub fn parse(kind: Kind, pairs: &Pairs, now_ms: u64) -> Result<Self, Problem> {
        let mut query = Self {
            filter: Filter {
                kind,
                ..Filter::default()
            },
            by: Vec::new(),
            limit: DEFAULT_LIMIT,
        };
        check_single(pairs)?;
        each(pairs, |name, value| match name {
            "by" => read_dimensions(&mut query.by, value),
            "limit" => {
                query.limit = read_limit(value, super::summary::MAX_GROUPS)?;
                Ok(())
            }
            _ => read_filter(&mut query.filter, name, value, now_ms),
        })?;
        if query.by.is_empty() {
            return Err(refuse(
                "by",
                &format!(
                    "is missing; expected one or more of {}",
                    Dimension::NAMES.join(", ")
                ),
            ));
        }
        check_span(&query.filter)?;
        Ok(query)
    }
}

/// Reads every pair, and tells of all that cannot be read: each parameter once.
fn each<'a>(
    pairs: &'a Pairs,
    mut read: impl FnMut(&'a str, &'a str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut faults: Vec<Place> = Vec::new();
    for (name, value) in pairs {
        let refused = read(name, value).err();
        for fault in refused.into_iter().flat_map(|problem| problem.errors) {
            if !faults.iter().any(|known| known.place == fault.place) {
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::unreadable(faults))
    }
}

/// What is no filter by values cannot mean two things at a time.
const SINGLE: [&str; 6] = ["since", "until", "limit", "cursor", "format", "schema"];

fn check_single(pairs: &Pairs) -> Result<(), Problem> {
    let times = |name: &str| pairs.iter().filter(|(known, _)| known == name).count();
    match SINGLE.into_iter().find(|name| times(name) > 1) {
        Some(name) => Err(refuse(name, "expected once, found several times")),
        None => Ok(()),
    }
}

fn refuse(name: &str, message: &str) -> Problem {
    Problem::bad_parameter(Place::new(format!("query.{name}"), message))
}

/// `family=docker`, or `family!=docker` for all but these.
fn read_filter(filter: &mut Filter, name: &str, value: &str, now_ms: u64) -> Result<(), Problem> {
    let Some(excluded) = name.strip_suffix('!') else {
        return read_value(filter, name, value, now_ms);
    };
    if matches!(excluded, "since" | "until" | "id") {
        return Err(refuse(name, "cannot be excluded; expected another filter"));
    }
    let mut one = Filter {
        kind: Kind::Requests,
        ..Filter::default()
    };
    read_value(&mut one, excluded, value, now_ms)?;
    add(&mut filter.without, name, one)
}

fn read_value(filter: &mut Filter, name: &str, value: &str, now_ms: u64) -> Result<(), Problem> {
    match name {
        "since" => filter.since_ms = Some(time(name, value, now_ms)?),
        "until" => filter.until_ms = Some(time(name, value, now_ms)?),
        "route" => add(&mut filter.routes, name, some_text(name, value)?)?,
        "rule" => add(&mut filter.rules, name, some_text(name, value)?)?,
        "mode" => add(
            &mut filter.modes,
            name,
            word(name, value, "off, monitor or enforce")?,
        )?,
        "origin" => add(&mut filter.origins, name, word(name, value, "own or upstream")?)?,
        "verdict" => {
            add(
                &mut filter.verdicts,
                name,
                word(name, value, "none, tag, allow, detour, throttle or block")?,
            )?;
        }
        "family" => add(
            &mut filter.families,
            name,
            word(
                name,
                value,
                "a family such as docker, or the first product of a User-Agent (letters, digits and ._-+~)",
            )?,
        )?,
        "os" => add(&mut filter.os, name, value.to_owned())?,
        "asn" => add(&mut filter.asns, name, asn(name, value)?)?,
        "country" => add(&mut filter.countries, name, country(name, value)?)?,
        "colo" => add(&mut filter.colos, name, value.to_ascii_uppercase())?,
        "fingerprint" => add(&mut filter.fingerprints, name, fingerprint(name, value)?)?,
        "version" => add(&mut filter.versions, name, value.to_owned())?,
        "protocol" => add(&mut filter.protocols, name, protocol(value))?,
        "tcp" => add(&mut filter.tcps, name, value.to_owned())?,
        "cloud" => add(&mut filter.clouds, name, value.to_ascii_lowercase())?,
        "cloud_region" => add(&mut filter.cloud_regions, name, value.to_owned())?,
        "ip_version" => add(&mut filter.ip_versions, name, ip_version(name, value)?)?,
        "size" => add(&mut filter.sizes, name, size(name, value)?)?,
        "status" => add(&mut filter.statuses, name, status(name, value)?)?,
        "range" => add(&mut filter.ranges, name, word(name, value, RANGES)?)?,
        "digest" => add(&mut filter.digests, name, Digest::of(digest(name, value)?))?,
        "object" => add(&mut filter.digests, name, object(name, value)?)?,
        "repository" => add(&mut filter.repositories, name, some_text(name, value)?)?,
        "client" => add(&mut filter.clients, name, client(name, value)?)?,
        "ray" => add(&mut filter.rays, name, ray(name, value)?)?,
        "odd_path" => add(
            &mut filter.odd_paths,
            name,
            parsed(name, value, "expected true or false")?,
        )?,
        "sent_to" => add(&mut filter.sent_to, name, value.to_ascii_lowercase())?,
        "served_by" => add(&mut filter.served_by, name, value.to_owned())?,
        "cache" => add(&mut filter.caches, name, cache(name, value)?)?,
        "id" => add(
            &mut filter.ids,
            name,
            parsed(name, value, "expected a record id (26 characters)")?,
        )?,
        _ => {
            return Err(refuse(
                name,
                &format!("unknown parameter; expected one of {FILTERS}"),
            ));
        }
    }
    Ok(())
}

const FILTERS: &str = "since, until, route, rule, mode, origin, verdict, family, version, os, asn, country, colo, cloud, cloud_region, \
    ip_version, protocol, fingerprint, tcp, status, range, size, digest, object, repository, client, ray, odd_path, sent_to, served_by, cache, id, and, if the call accepts them, cursor, limit, format, schema, by";

const RANGES: &str =
    "none, whole, probe, tile, chunk, scatter, multi, suffix, resume, repeat, restart or invalid";

fn add<T>(values: &mut Vec<T>, name: &str, value: T) -> Result<(), Problem> {
    if values.len() >= MAX_VALUES {
        return Err(refuse(name, &format!("is given more than {MAX_VALUES} times")));
    }
    values.push(value);
    Ok(())
}

fn some_text(name: &str, value: &str) -> Result<String, Problem> {
    if value.is_empty() {
        Err(refuse(name, "is empty; expected a value"))
    } else {
        Ok(value.to_owned())
    }
}

fn time(name: &str, value: &str, now_ms: u64) -> Result<u64, Problem> {
    parse_time(value, now_ms).ok_or_else(|| refuse(name, &format!("{value:?}: {}", EXPECTED_TIME)))
}

/// A name as the record's JSON has it.
fn word<T: DeserializeOwned>(name: &str, value: &str, expected: &str) -> Result<T, Problem> {
    let text: StrDeserializer<'_, serde::de::value::Error> = value.into_deserializer();
    T::deserialize(text).map_err(|_| refuse(name, &format!("{value:?}: expected {expected}")))
}

fn parsed<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Problem> {
    value
        .parse()
        .map_err(|_| refuse(name, &format!("{value:?}: {expected}")))
}

fn asn(name: &str, value: &str) -> Result<Option<u32>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    let digits = value
        .strip_prefix("AS")
        .or_else(|| value.strip_prefix("as"))
        .unwrap_or(value);
    parsed(
        name,
        digits,
        "expected an AS number such as 16509, or nothing for records without one",
    )
    .map(Some)
}

fn object(name: &str, value: &str) -> Result<Digest, Problem> {
    let expected = format!("{value:?}: expected the object of a record (16 hex digits)");
    let key = u64::from_str_radix(value, 16)
        .ok()
        .filter(|key| value.len() == 16 && *key != 0);
    let key = key.ok_or_else(|| refuse(name, &expected))?;
    Ok(Digest::of_record(String::new(), key))
}

/// Whatever has an algorithm and something after it: clients ask for digests that the grammar does not have.
fn digest(name: &str, value: &str) -> Result<String, Problem> {
    let parts = value.split_once(':');
    if parts.is_some_and(|(algorithm, encoded)| !algorithm.is_empty() && !encoded.is_empty()) {
        return Ok(value.to_owned());
    }
    let expected = "expected a digest such as sha256: and 64 hex digits";
    Err(refuse(name, &format!("{value:?}: {expected}")))
}

/// Of any version.
fn fingerprint(name: &str, value: &str) -> Result<String, Problem> {
    let version = value.strip_prefix("bw").and_then(|rest| rest.split_once('-'));
    if version.is_some_and(|(digits, _)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(value.to_owned());
    }
    let expected = "expected a fingerprint such as bw1-62037207d4f5-9abde5f07cf1";
    Err(refuse(name, &format!("{value:?}: {expected}")))
}

fn country(name: &str, value: &str) -> Result<String, Problem> {
    let is_code = value.len() == 2 && value.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_code || value.is_empty() {
        return Ok(value.to_ascii_uppercase());
    }
    let expected = "expected a country's code of two letters such as DE, or nothing for records without one";
    Err(refuse(name, &format!("{value:?}: {expected}")))
}

/// As the record has it, or as ALPN does.
fn protocol(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "h1" => "HTTP/1.1".to_owned(),
        "h2" => "HTTP/2".to_owned(),
        "h3" => "HTTP/3".to_owned(),
        _ => value.to_ascii_uppercase(),
    }
}

fn ip_version(name: &str, value: &str) -> Result<Option<u8>, Problem> {
    match value {
        "" => Ok(None),
        "4" => Ok(Some(4)),
        "6" => Ok(Some(6)),
        _ => Err(refuse(
            name,
            &format!("{value:?}: expected 4 or 6, or nothing for records without one"),
        )),
    }
}

fn size(name: &str, value: &str) -> Result<Option<SizeClass>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    let class = SizeClass::ALL.into_iter().find(|class| class.as_str() == value);
    let names = SizeClass::ALL.map(SizeClass::as_str).join(", ");
    let expected = format!("{value:?}: expected one of {names}, or nothing for records without a size");
    class.map(Some).ok_or_else(|| refuse(name, &expected))
}

fn cache(name: &str, value: &str) -> Result<Option<Cache>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    let names = Cache::ALL.map(Cache::as_str).join(", ");
    word(
        name,
        value,
        &format!("one of {names}, or nothing for records without one"),
    )
    .map(Some)
}

fn status(name: &str, value: &str) -> Result<StatusFilter, Problem> {
    let expected = "expected a status such as 206, a class such as 2xx, or 0 for no answer";
    if let Some(class) = value.strip_suffix("xx") {
        let class: u16 = parsed(name, class, expected)?;
        return if (1..=5).contains(&class) {
            Ok(StatusFilter::Class(class))
        } else {
            Err(refuse(name, expected))
        };
    }
    match parsed(name, value, expected)? {
        status @ (0 | 100..=999) => Ok(StatusFilter::Exactly(status)),
        _ => Err(refuse(name, &format!("{value:?}: {expected}"))),
    }
}

fn client(name: &str, value: &str) -> Result<blobwatch_pull::ClientKey, Problem> {
    let expected = "expected a client key (16 hex digits)";
    if value.len() != 16 || !value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(refuse(name, &format!("{value:?}: {expected}")));
    }
    parsed(name, value, expected)
}

/// As a header has it, with a data centre or without.
fn ray(name: &str, value: &str) -> Result<RayKey, Problem> {
    let ray = RayKey::of(value.trim());
    ray.ok_or_else(|| refuse(name, "is empty; expected a CF-Ray such as 5ae0123456789abc-FRA"))
}

fn read_format(value: &str) -> Result<Format, Problem> {
    match value {
        "json" => Ok(Format::Json),
        "ndjson" => Ok(Format::Ndjson),
        _ => Err(refuse("format", &format!("{value:?}: expected json or ndjson"))),
    }
}

fn read_schema(value: &str) -> Result<Schema, Problem> {
    let expected = || refuse("schema", &format!("{value:?}: expected {}", Schema::NAMES));
    Schema::of_name(value).ok_or_else(expected)
}

fn read_limit(value: &str, most: usize) -> Result<usize, Problem> {
    let expected = format!("{value:?}: expected a number from 1 to {most}");
    value
        .parse()
        .ok()
        .filter(|limit| (1..=most).contains(limit))
        .ok_or_else(|| refuse("limit", &expected))
}

fn read_cursor(text: &str, check: u64, filter: &mut Filter) -> Result<RecordId, Problem> {
    let expected = "is not a cursor of this version; expected the next_cursor of an answer";
    let cursor = Cursor::parse(text).ok_or_else(|| refuse("cursor", expected))?;
    if cursor.check != check {
        return Err(refuse(
            "cursor",
            "was issued for other filters; use the filters that it was issued for",
        ));
    }
    (filter.since_ms, filter.until_ms) = (cursor.since_ms, cursor.until_ms);
    Ok(cursor.before)
}

fn check_span(filter: &Filter) -> Result<(), Problem> {
    match (filter.since_ms, filter.until_ms) {
        (Some(since), Some(until)) if since >= until => {
            Err(refuse("until", "is not after `since`; expected a later time"))
        }
        _ => Ok(()),
    }
}

fn read_dimensions(by: &mut Vec<Dimension>, value: &str) -> Result<(), Problem> {
    for name in value.split(',') {
        let expected = format!(
            "{name:?}: expected one or more of {}",
            Dimension::NAMES.join(", ")
        );
        let dimension = Dimension::of(name).ok_or_else(|| refuse("by", &expected))?;
        if by.contains(&dimension) {
            return Err(refuse("by", &format!("{name:?} occurs twice")));
        }
        by.push(dimension);
    }
    if by.len() > super::summary::MAX_DIMENSIONS {
        let most = super::summary::MAX_DIMENSIONS;
        return Err(refuse("by", &format!("expected at most {most} names")));
    }
    Ok(())
}

/// FNV-1a over what decides which records are in the answer, as it was written and in any order.
fn check(kind: Kind, pairs: &Pairs) -> u64 {
    let mut sorted: Vec<&(String, String)> = pairs
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit" | "format" | "schema"))
        .collect();
    sorted.sort();
    let bytes = sorted
        .into_iter()
        .flat_map(|(name, value)| [name.as_bytes(), b"\0", value.as_bytes(), b"\0"]);
    fnv1a(FNV_START ^ u64::from(kind == Kind::Fires), bytes.flatten())
}
