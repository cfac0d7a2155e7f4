//! The rulebook as an isolate has it: compiled, and no larger than a request needs it.
//!
//! In scope: what it holds, and the bytes in which it travels from a FireLog, which compiles, to isolates, which only
//! load. Not in scope: compiling (`compiled`), and the bytes of the rules (`rule::Engine`).
//!
//! The bytes are `BWR`, the form's version, a checksum and what it sums up. An isolate that cannot use them, because
//! they are damaged or of a newer form, goes on with what it has.

mod parts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::compiled::Compiled;
use super::document::{Route, Rulebook};
use super::edge_cache::EdgeCache;
use super::fire_logs::colo_in_document;
use super::keep_addresses::KeepAddresses;
use super::policy::{Policy, PolicyRoute};
use crate::route::RouteTable;
use blobwatch_rules::Engine;
use blobwatch_wire::{DecodeError, Reader, put_all, put_long_text, put_varint};

/// Of the bytes. Raise it with every change of them, also one that a new version of `regex-automata` makes.
pub const FORM: u8 = 6;

/// The newest form in which routes have no `blobs`. A rulebook that needs no newer one is written in it, so that isolates
/// of older builds go on with it.
const FORM_WITHOUT_BLOBS: u8 = 2;

/// The newest form in which rules name no lists.
const FORM_WITHOUT_LISTS: u8 = 3;

/// The newest form in which no addresses are kept.
const FORM_WITHOUT_ADDRESSES: u8 = 4;

/// The newest form in which routes say nothing of caches, and colos nothing of earlier FireLogs.
const FORM_WITHOUT_CACHE_AND_LAYOUTS: u8 = 5;

const MAGIC: &[u8; 3] = b"BWR";

/// Bytes of the checksum: what is damaged on its way passes once in 2^64.
const SUM: usize = 8;

/// What a request needs of a rulebook. Positions of rules and routes are those of the document.
#[derive(Debug)]
pub struct Program {
    pub policy: Policy,
    pub engine: Engine,
    /// Their settings.
    pub routes: Vec<Route>,
    pub table: RouteTable,
    /// Of colos that have a number of their own; every other has one FireLog.
    fire_logs: BTreeMap<String, ColoFireLogs>,
    /// Seconds a throttled client is asked to wait.
    pub retry_after_s: u32,
    pub keep_addresses: KeepAddresses,
}

/// The FireLogs of one colo.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ColoFireLogs {
    count: u32,
    /// Numbers of FireLogs that count volumes, too, and until when.
    earlier: Vec<(u32, u64)>,
}

/// Of every colo that has more than one, or had.
fn fire_logs_of(book: &Rulebook) -> BTreeMap<String, ColoFireLogs> {
    let named = book.settings.fire_logs.keys().map(String::as_str);
    let colos = named.chain(book.layouts.iter().map(|layout| layout.colo.as_str()));
    let of = |colo: &str| {
        let earlier = book.layout(colo).map(|layout| layout.earlier.iter());
        let earlier = earlier.into_iter().flatten();
        ColoFireLogs {
            count: book.fire_logs(colo),
            earlier: earlier.map(|earlier| (earlier.count, earlier.until_ms)).collect(),
        }
    };
    let all = colos.map(|colo| (colo.to_owned(), of(colo)));
    all.filter(|(_, found)| found.count > 1 || !found.earlier.is_empty())
        .collect()
}

impl From<Compiled> for Program {
    fn from(compiled: Compiled) -> Self {
        let Compiled {
            book,
            policy,
            routes: table,
            engine,
        } = compiled;
        Self {
            fire_logs: fire_logs_of(&book),
            policy,
            engine,
            routes: book.routes,
            table,
            retry_after_s: book.settings.retry_after_s,
            keep_addresses: book.settings.keep_addresses,
        }
    }
}

impl Program {
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.policy.revision
    }

    /// How many FireLogs a colo has.
    #[must_use]
    pub fn fire_logs(&self, colo: &str) -> u32 {
        self.fire_logs
            .get(colo_in_document(colo))
            .map_or(1, |found| found.count)
    }

    /// Numbers of FireLogs by which volumes of a colo are counted at that time: the current one, and those before it that what
    /// follows has not caught up with.
    pub fn volume_fire_logs(&self, colo: &str, now_ms: u64) -> impl Iterator<Item = u32> {
        let found = self.fire_logs.get(colo_in_document(colo));
        let earlier = found.into_iter().flat_map(|found| &found.earlier);
        let counting = earlier.filter(move |(_, until_ms)| *until_ms > now_ms);
        std::iter::once(self.fire_logs(colo)).chain(counting.map(|(count, _)| *count))
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let form = self.form();
        let mut out = MAGIC.to_vec();
        out.push(form);
        let mut body = Vec::new();
        self.put(&mut body, form);
        out.extend(sum(&body));
        out.extend(body);
        out
    }

    /// # Errors
    /// When the bytes are no rulebook, damaged, or of a newer form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a compiled rulebook", FORM)?;
        let form = bytes.get(MAGIC.len()).copied().unwrap_or(FORM);
        let told = reader.take(SUM)?;
        if told != sum(reader.rest()) {
            return Err(DecodeError::Invalid("checksum"));
        }
        let program = Self::read(&mut reader, form)?;
        reader.finish()?;
        Ok(program)
    }

    fn form(&self) -> u8 {
        let has_cache = self.routes.iter().any(|route| !route.cache.is_origin());
        if has_cache || self.fire_logs.values().any(|found| !found.earlier.is_empty()) {
            FORM
        } else if !self.keep_addresses.is_none() {
            FORM_WITHOUT_CACHE_AND_LAYOUTS
        } else if self.engine.has_lists() {
            FORM_WITHOUT_ADDRESSES
        } else if self.routes.iter().any(|route| route.blobs.is_some()) {
            FORM_WITHOUT_LISTS
        } else {
            FORM_WITHOUT_BLOBS
        }
    }

    fn put(&self, out: &mut Vec<u8>, form: u8) {
        put_varint(out, self.policy.revision);
        put_varint(out, u64::from(self.retry_after_s));
        put_all(
            out,
            self.fire_logs.iter().collect::<Vec<_>>().iter(),
            |out, (colo, found)| {
                put_long_text(out, colo);
                put_varint(out, u64::from(found.count));
                if form > FORM_WITHOUT_CACHE_AND_LAYOUTS {
                    put_all(out, found.earlier.iter(), |out, (count, until_ms)| {
                        put_varint(out, u64::from(*count));
                        put_varint(out, *until_ms);
                    });
                }
            },
        );
        put_all(out, self.routes.iter(), |out, route| {
            parts::put_route(out, route);
            if form > FORM_WITHOUT_BLOBS {
                parts::put_blobs(out, route);
            }
            if form > FORM_WITHOUT_CACHE_AND_LAYOUTS {
                parts::put_cache(out, route);
            }
        });
        put_all(
            out,
            self.table.order().collect::<Vec<_>>().iter(),
            |out, index| {
                put_varint(out, *index as u64);
            },
        );
        put_all(out, self.policy.rules().iter(), parts::put_rule);
        let settings: Vec<_> = self.policy.settings().iter().collect();
        put_all(out, settings.iter(), |out, ((route, rule), setting)| {
            put_varint(out, *route as u64);
            put_varint(out, *rule as u64);
            parts::put_setting(out, setting);
        });
        if form > FORM_WITHOUT_LISTS {
            self.engine.put_lists(out);
        }
        if form > FORM_WITHOUT_ADDRESSES {
            parts::put_addresses(out, self.keep_addresses);
        }
        self.engine.put(out);
    }

    /// Ends whatever the bytes are, and what it gives can be run.
    fn read(reader: &mut Reader<'_>, form: u8) -> Result<Self, DecodeError> {
        let revision = reader.varint()?;
        let retry_after_s = reader.narrow("seconds")?;
        let mut fire_logs = BTreeMap::new();
        for _ in 0..reader.count(2)? {
            let colo = reader.long_text()?.to_owned();
            let count = reader.narrow("FireLogs")?;
            let earlier = if form > FORM_WITHOUT_CACHE_AND_LAYOUTS {
                reader.all(|reader| Ok((reader.narrow("FireLogs")?, reader.varint()?)))?
            } else {
                Vec::new()
            };
            fire_logs.insert(colo, ColoFireLogs { count, earlier });
        }
        let routes = reader.all(|reader| {
            let route = parts::read_route(reader)?;
            let blobs = if form > FORM_WITHOUT_BLOBS {
                parts::read_blobs(reader)?
            } else {
                None
            };
            let cache = if form > FORM_WITHOUT_CACHE_AND_LAYOUTS {
                parts::read_cache(reader)?
            } else {
                EdgeCache::default()
            };
            Ok(Route {
                blobs,
                cache,
                ..route
            })
        })?;
        let order = reader.all(|reader| reader.narrow("route"))?;
        let table = RouteTable::in_order(&routes, &order).ok_or(DecodeError::Invalid("routes"))?;
        let rules = reader.all(parts::read_rule)?;
        let mut settings = BTreeMap::new();
        for _ in 0..reader.count(3)? {
            let places = (reader.narrow("route")?, reader.narrow("rule")?);
            settings.insert(places, parts::read_setting(reader)?);
        }
        let lists = if form > FORM_WITHOUT_LISTS {
            Engine::read_lists(reader)?
        } else {
            Vec::new()
        };
        let keep_addresses = if form > FORM_WITHOUT_ADDRESSES {
            parts::read_addresses(reader)?
        } else {
            KeepAddresses::None
        };
        let policy_routes = routes.iter().map(PolicyRoute::new).collect();
        Ok(Self {
            policy: Policy::of_parts(revision, rules, policy_routes, settings),
            engine: Engine::read(reader, lists)?,
            routes,
            table,
            fire_logs,
            retry_after_s,
            keep_addresses,
        })
    }
}

fn sum(body: &[u8]) -> [u8; SUM] {
    let digest: [u8; 32] = Sha256::digest(body).into();
    digest.first_chunk().copied().unwrap_or_default()
}
