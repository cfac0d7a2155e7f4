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
use super::document::Route;
use super::edge_cache::EdgeCache;
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

/// The newest form in which routes say nothing of caches.
const FORM_WITHOUT_CACHE: u8 = 5;

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
    /// FireLogs of a colo, where it needs more than one.
    pub fire_logs: BTreeMap<String, u32>,
    /// Seconds a throttled client is asked to wait.
    pub retry_after_s: u32,
    pub keep_addresses: KeepAddresses,
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
            policy,
            engine,
            routes: book.routes,
            table,
            fire_logs: book.settings.fire_logs,
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
        if self.routes.iter().any(|route| !route.cache.is_origin()) {
            FORM
        } else if !self.keep_addresses.is_none() {
            FORM_WITHOUT_CACHE
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
            |out, (colo, count)| {
                put_long_text(out, colo);
                put_varint(out, u64::from(**count));
            },
        );
        put_all(out, self.routes.iter(), |out, route| {
            parts::put_route(out, route);
            if form > FORM_WITHOUT_BLOBS {
                parts::put_blobs(out, route);
            }
            if form > FORM_WITHOUT_CACHE {
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
            fire_logs.insert(reader.long_text()?.to_owned(), reader.narrow("FireLogs")?);
        }
        let routes = reader.all(|reader| {
            let route = parts::read_route(reader)?;
            let blobs = if form > FORM_WITHOUT_BLOBS {
                parts::read_blobs(reader)?
            } else {
                None
            };
            let cache = if form > FORM_WITHOUT_CACHE {
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
