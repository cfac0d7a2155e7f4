//! What a deployment knows by which others' events are read: its routes, its keys of clients, its FireLogs.

use std::net::IpAddr;
use std::sync::Arc;

use crate::target::routes_of;

use blobwatch_logs::{Answer, LogEntry};
use blobwatch_pull::{
    Cache, Client, ClientKey, ClientKeys, Facts, Fingerprint, Identity, Record, RecordId, Request,
    host_of_address, kept, known_colo, normal_form, repository_of,
};
use blobwatch_records::fire_log_name;
use blobwatch_rulebook::{RouteError, RouteTable, Rulebook};

/// Half of an isolate's way to a new number of FireLogs: a push, and a flush a second.
const FOLLOWED_AFTER_MS: u64 = 2_000;

/// By which events become records as live requests do.
#[derive(Debug)]
pub struct Deployment {
    routes: RouteTable,
    names: Vec<Arc<str>>,
    keys: ClientKeys,
    book: Rulebook,
}

impl Deployment {
    /// `secret` is the one that the data plane's keys are made with.
    ///
    /// # Errors
    /// When the rulebook's routes cannot be compiled.
    pub fn new(book: &Rulebook, secret: &[u8]) -> Result<Self, RouteError> {
        Ok(Self {
            routes: RouteTable::compile(&book.routes)?,
            names: book
                .routes
                .iter()
                .map(|route| Arc::from(route.name.as_str()))
                .collect(),
            keys: ClientKeys::new(secret),
            book: Rulebook {
                rules: Vec::new(),
                ..book.clone()
            },
        })
    }

    /// The routes that a window may be of; `None`: every one.
    pub(crate) fn routes_at(&self, target: &str, is_zone: bool) -> Option<Vec<String>> {
        routes_of(target, is_zone, &self.book.routes)
    }

    /// The FireLog that an isolate would have sent this record to, had the request come at that time. Where the number of FireLogs
    /// changed just then, it may have been another one: what is told stands by itself in that case.
    pub(crate) fn fire_log(&self, colo: &str, client: ClientKey, time_ms: u64) -> String {
        let layout = self.book.layout(colo);
        let then = layout.map(|layout| layout.count_at(time_ms.saturating_sub(FOLLOWED_AFTER_MS)));
        fire_log_name(colo, client, then.unwrap_or_else(|| self.book.fire_logs(colo)))
    }

    /// The record of what a line says, `None` where it is not for a blob. Rules are not among it.
    pub(crate) fn record(&self, entry: &LogEntry<'_>, time_ms: u64, status: u16) -> Option<Record> {
        let texts = Texts::of(entry)?;
        let facts = texts.facts(entry, time_ms);
        let form = normal_form(facts.path);
        let route = self.routes.best(facts.host, repository_of(&form));
        let identify = || Identity {
            client: Client::of(facts.address, &self.keys),
            fingerprint: Fingerprint::of(&facts),
        };
        let request = Request::read(&facts, &form, self.routes.shapes(route)?, identify)?;
        let name = self.names.get(route).map_or_else(|| Arc::from(""), Arc::clone);
        // The id is the event's, which the caller knows.
        let mut record = request.pending(RecordId::first_at(time_ms), name).record;
        settle(&mut record, entry, status);
        Some(record)
    }
}

/// What the line says of the answer, and of whom a log tells only so much.
fn settle(record: &mut Record, entry: &LogEntry<'_>, status: u16) {
    let (range, shown) = entry.shown(status, record.method);
    let mut answer = Answer {
        status,
        method: record.method,
        lengths: entry.lengths(),
        size: entry.total(),
    };
    answer.size = answer.size.or_else(|| answer.whole());
    record.status = status;
    record.range = shown.resolve(range, &answer);
    record.size = answer.size;
    record.promised = answer.lengths.promised;
    record.outcome = answer.outcome(&record.range);
    record.duration_ms = entry.duration_ms;
    record.cache = Cache::read(&entry.cache);
    record.seen = false;
    // Of headers and of TLS a log says too little: its own fingerprint stands, or none.
    record.fingerprint = kept(&entry.fingerprint);
}

/// Texts that no line holds as facts have them.
struct Texts {
    path: String,
    query: String,
    host: String,
    colo: String,
    protocol: String,
    scheme: String,
    address: Option<IpAddr>,
}

impl Texts {
    fn of(entry: &LogEntry<'_>) -> Option<Self> {
        let (scheme, _) = entry.path.split_once("://").unwrap_or((&entry.scheme, ""));
        Some(Self {
            path: entry.url_path()?.into_owned(),
            query: entry.url_query().to_owned(),
            host: host(entry),
            colo: entry.colo.to_ascii_uppercase(),
            protocol: entry.protocol.trim_end_matches(".0").to_owned(),
            scheme: scheme.to_owned(),
            address: entry.client_address(),
        })
    }

    fn facts<'t>(&'t self, entry: &'t LogEntry<'_>, time_ms: u64) -> Facts<'t> {
        let headers = [("user-agent", &entry.user_agent), ("range", &entry.range)];
        let said = headers.iter().filter(|(_, value)| !value.is_empty());
        Facts {
            time_ms,
            method: if entry.method.is_empty() {
                "GET"
            } else {
                &entry.method
            },
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            query: &self.query,
            protocol: &self.protocol,
            address: self.address,
            ray: &entry.id,
            colo: known_colo(&self.colo),
            country: &entry.country,
            asn: entry.asn,
            rtt_ms: entry.rtt_ms,
            headers: said.map(|(name, value)| (*name, &***value)).collect(),
            ..Facts::default()
        }
    }
}

/// In lower case, without port and without the dot that ends a full name, as facts have it.
fn host(entry: &LogEntry<'_>) -> String {
    let of_url = || host_of_address(&entry.path);
    let host = if entry.host.is_empty() {
        of_url()
    } else {
        entry.host.to_ascii_lowercase()
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let without = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => &host,
    };
    without.trim_end_matches('.').to_owned()
}

#[cfg(test)]
impl Deployment {
    pub(crate) fn client(&self, address: &str) -> ClientKey {
        self.keys.client(address.parse().ok())
    }
}
