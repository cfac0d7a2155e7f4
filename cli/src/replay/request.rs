//! From what a line says to what a detector counts: who asked, for which blob, with which range, and what came of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use blobwatch_logs::{Lengths, LogEntry, Shown, address_of, named};
use blobwatch_pull::{
    Blob, ClientKey, Family, Method, NetworkKey, Outcome, RangeKind, RangeRecord, RecordId, find_blob,
};

use super::digests::Digests;
use super::names::{Names, Who};
use super::rules::Ruler;

/// One request for a blob; some 230 bytes. Size, range and outcome are as the line has them until `shown::resolve`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Request {
    /// Time, file and line; or the record's own id.
    pub(super) id: RecordId,
    pub(super) client: ClientKey,
    pub(super) network: NetworkKey,
    pub(super) digest: u64,
    pub(super) range: RangeRecord,
    pub(super) shown: Shown,
    pub(super) size: Option<u64>,
    pub(super) lengths: Lengths,
    pub(super) duration_ms: u32,
    pub(super) weight: u32,
    pub(super) status: u16,
    pub(super) method: Method,
    pub(super) outcome: Outcome,
    pub(super) is_denied: bool,
    pub(super) cohort: Cohort,
    pub(super) further: Further,
}

/// What cells do not tell apart, as numbers of [`Names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Further {
    pub(super) version: u16,
    pub(super) served_by: u16,
    pub(super) protocol: u16,
    pub(super) repository: u16,
    pub(super) is_ipv6: Option<bool>,
}

/// The combination of attributes, as numbers of [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cohort {
    pub(super) asn: Option<u32>,
    pub(super) route: u16,
    pub(super) colo: u16,
    pub(super) country: u16,
    pub(super) os: u16,
    pub(super) fingerprint: u16,
    pub(super) rules: u16,
    pub(super) family: Family,
}

/// As long as a request may be logged after it was made, beyond the slack that is asked for.
const MAX_LONGEST_MS: u64 = 900_000;

/// What a log has of ranges decides what can be said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RangeEvidence {
    /// Lines with the request's Range, or a range kind.
    pub(super) ranges: u64,
    /// 206 with the Content-Range, without the Range.
    pub(super) content_ranges: u64,
    /// 206 with neither.
    pub(super) bare_206: u64,
    /// Lines with bytes sent or an outcome.
    pub(super) lengths: u64,
    /// Lines with the client's address.
    pub(super) addresses: u64,
    /// The longest that an answer took, up to [`MAX_LONGEST_MS`]: logs are written when answers end, and what was asked
    /// so long before is not late.
    pub(super) longest_ms: u64,
}

/// Turns lines into requests.
pub(super) struct Reader {
    /// What keys are hashed with. It is the same in each run, so that the same log gives the same answer, estimates
    /// included; keys stay in this process.
    keyed: DefaultHasher,
    pub(super) names: Names,
    pub(super) digests: Digests,
    pub(super) seen: RangeEvidence,
    /// The rulebook that is asked about each request.
    pub(super) ruler: Option<Ruler>,
}

impl Reader {
    pub(super) fn new(ruler: Option<Ruler>) -> Self {
        Self {
            keyed: DefaultHasher::new(),
            names: Names::default(),
            digests: Digests::default(),
            seen: RangeEvidence::default(),
            ruler,
        }
    }

    /// The request of a line, `None` where it is not for a blob.
    ///
    /// # Errors
    /// What was expected of the line.
    pub(super) fn read(
        &mut self,
        entry: &mut LogEntry<'_>,
        id: impl FnOnce(u64, &str) -> RecordId,
    ) -> Result<Option<Request>, &'static str> {
        let Some((digest, repository)) = self.blob(entry) else {
            return Ok(None);
        };
        look_behind_proxy(entry);
        let method = match &*entry.method {
            "GET" | "" => Method::Get,
            "HEAD" => Method::Head,
            _ => return Ok(None),
        };
        let time_ms = entry.finish()?;
        let status = entry.status.ok_or("a status")?;
        let (range, shown) = self.range(entry, status, method);
        let lengths = entry.lengths();
        let outcome = named::<Outcome>(&entry.outcome);
        let is_measured = lengths.sent.or(lengths.wire.and(lengths.promised)).is_some();
        self.seen.lengths += u64::from(is_measured || outcome.is_some());
        let duration_ms = u64::from(entry.duration_ms).min(MAX_LONGEST_MS);
        self.seen.longest_ms = self.seen.longest_ms.max(duration_ms);
        self.seen.addresses += u64::from(!entry.address.is_empty() || entry.client.is_some());
        let address = entry.client_address();
        let (client, network) = self.keys(entry, address);
        if let Some(ruler) = &mut self.ruler {
            entry.rules = ruler.fired(entry, client, network).into();
        }
        let (cohort, version) = self.cohort(entry);
        let further = Further {
            version,
            served_by: self.names.servers.number(&entry.served_by),
            protocol: self.names.protocols.number(&entry.protocol),
            repository,
            is_ipv6: address.map(|address| address.is_ipv6()),
        };
        Ok(Some(Request {
            id: id(time_ms, &entry.id),
            client,
            network,
            digest,
            range,
            shown,
            size: entry.total(),
            lengths,
            duration_ms: entry.duration_ms,
            weight: entry.weight.unwrap_or(1).max(1),
            status,
            method,
            outcome: outcome.unwrap_or(Outcome::NotObserved),
            is_denied: matches!(
                &*entry.verdict,
                "block" | "throttle" | "challenge" | "js_challenge" | "managed_challenge"
            ),
            cohort,
            further,
        }))
    }

    fn hash(&self, parts: impl FnOnce(&mut DefaultHasher)) -> u64 {
        let mut hasher = self.keyed.clone();
        parts(&mut hasher);
        hasher.finish()
    }

    /// The hash of the blob's digest, and the repository's number.
    fn blob(&mut self, entry: &LogEntry<'_>) -> Option<(u64, u16)> {
        if !entry.digest.is_empty() {
            let repository = self.names.repositories.number(&entry.repository);
            return Some((self.digest(&entry.digest), repository));
        }
        let path = entry.url_path()?;
        let blob = find_blob(&path).or_else(|| Self::in_artifactory(&path))?;
        let repository = self.names.repositories.number(&blob.repository);
        Some((self.digest(&blob.digest), repository))
    }

    /// Artifactory names its files so beside its paths of a registry; what knows a host watches them by a template.
    fn in_artifactory(path: &str) -> Option<Blob<'static>> {
        let hex = path.rsplit_once("/sha256__").map(|(_, hex)| hex)?;
        find_blob(&format!("/sha256:{hex}"))
    }

    fn digest(&self, digest: &str) -> u64 {
        let hash = self.hash(|hasher| digest.hash(hasher));
        self.digests.learn(hash, digest);
        hash
    }

    fn range(&mut self, entry: &LogEntry<'_>, status: u16, method: Method) -> (RangeRecord, Shown) {
        let (range, shown) = entry.shown(status, method);
        let is_said = named::<RangeKind>(&entry.kind).is_some() || !entry.range.is_empty();
        match shown {
            _ if is_said => self.seen.ranges += 1,
            Shown::Part { .. } => self.seen.content_ranges += 1,
            Shown::Length => self.seen.bare_206 += 1,
            Shown::All | Shown::Asked(_) => {}
        }
        (range, shown)
    }

    /// As a deployment tells clients and networks apart (`ClientKeys` of `blobwatch-pull`): an address or the /64 of an IPv6
    /// address, and a /24 or a /48.
    fn keys(&self, entry: &LogEntry<'_>, address: Option<IpAddr>) -> (ClientKey, NetworkKey) {
        let (own, prefix) = match address {
            Some(IpAddr::V4(v4)) => {
                let bits = u128::from(v4.to_bits());
                (bits, if is_private(v4) { bits } else { bits & !0xff })
            }
            Some(IpAddr::V6(v6)) => (v6.to_bits() >> 64 << 64, v6.to_bits() >> 80 << 80),
            // A name, where the log has names.
            None => {
                let name = u128::from(self.hash(|hasher| entry.address.hash(hasher)));
                (name, name)
            }
        };
        let client = entry
            .client
            .unwrap_or_else(|| self.hash(|hasher| own.hash(hasher)));
        let network = entry
            .network
            .unwrap_or_else(|| self.hash(|hasher| prefix.hash(hasher)));
        (ClientKey(client), NetworkKey(network))
    }

    /// The combination, and the version's number.
    fn cohort(&mut self, entry: &LogEntry<'_>) -> (Cohort, u16) {
        let Who { family, os, version } = match named::<Family>(&entry.family) {
            Some(family) => self.names.who(family, &entry.os, &entry.version),
            None => self.names.agent(&entry.user_agent, entry.is_agent_encoded),
        };
        let cohort = Cohort {
            asn: entry.asn,
            route: self.names.routes.number(&entry.route),
            colo: self.names.colos.number(&entry.colo),
            country: self.names.country(&entry.country),
            os,
            fingerprint: self.names.fingerprints.number(&entry.fingerprint),
            rules: self.names.rules(&entry.rules),
            family,
        };
        (cohort, version)
    }
}

/// Behind a proxy of one's own, the client is whom the proxy names; so it is where a log has a name, which may be the host's.
fn look_behind_proxy(entry: &mut LogEntry<'_>) {
    let is_own = |address: IpAddr| match address {
        IpAddr::V4(v4) => is_private(v4) || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    };
    if entry.forwarded.is_empty() {
        return;
    }
    if address_of(&entry.address).is_none_or(is_own) && address_of(&entry.forwarded).is_some() {
        entry.address = std::mem::take(&mut entry.forwarded);
    }
}

/// Whether addresses next to each other are no neighbours: inside of one organisation, or behind a carrier, a /24 holds
/// machines that have nothing in common, so that each is a network of its own.
fn is_private(v4: Ipv4Addr) -> bool {
    let [first, second, ..] = v4.octets();
    v4.is_private() || first == 100 && (64..128).contains(&second)
}

#[cfg(test)]
pub(super) mod tests;
