//! What expressions read of a block's rows, straight from its dictionaries.
//!
//! Says the same as [`blobwatch_pull::RecordValues`] does of the row's record, which is its oracle in the tests, without
//! making the record. What rows have in common is worked out once a block.

use std::net::IpAddr;

use blobwatch_pull::{
    Agent, Method, PathShape, Profile, RangeKind, RangeRecord, algorithm, asked_kind, has_path, integer,
    not_recorded, parts, range_values, seen_kind,
};
use blobwatch_records::{Block, Row};
use blobwatch_rules::{Field, Value, Values};

/// Which parts of a row expressions depend on: rows that are alike in them need to be asked once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Needs {
    pub(super) treatment: bool,
    pub(super) agent: bool,
    pub(super) place: bool,
    pub(super) client: bool,
    /// The address that is kept of the client.
    pub(super) address: bool,
    pub(super) blob: bool,
    /// The offsets of a range.
    pub(super) range: bool,
    /// The CF-Ray or the time: no two rows are alike.
    pub(super) ray: bool,
}

/// Rows with the same key have the same values, as far as they are needed.
pub(super) type Key = [u32; 5];

/// In place of a code that is not needed.
const UNREAD: u32 = u32::MAX;

impl Needs {
    pub(super) fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        let mut needs = Self::default();
        for field in fields {
            needs.add(field);
        }
        needs
    }

    fn add(&mut self, field: Field) {
        match field {
            Field::Method | Field::Route | Field::OddPath => self.treatment = true,
            Field::Asn | Field::Country | Field::Colo | Field::Cloud | Field::CloudRegion => {
                self.place = true
            }
            // A spelling that is not the blob's own, or half of a pull, says less of it.
            Field::Path | Field::Repository | Field::Digest | Field::DigestAlgorithm => {
                (self.blob, self.treatment) = (true, true);
            }
            Field::ClientKey | Field::ClientNetwork => self.client = true,
            Field::Ip => (self.client, self.address) = (true, true),
            Field::RangePresent
            | Field::RangeKind
            | Field::RangeStart
            | Field::RangeEnd
            | Field::RangeCount => (self.treatment, self.range) = (true, true),
            Field::Ray | Field::TimestampSec => self.ray = true,
            _ => self.agent = true,
        }
    }

    /// `None` for a row that is like no other.
    pub(super) fn key(&self, block: &Block, row: &Row) -> Option<Key> {
        let has_offsets = block
            .treatment(row)
            .is_some_and(|treatment| treatment.shape.start || treatment.shape.end);
        if self.ray || (self.range && has_offsets) {
            return None;
        }
        let code = |needed: bool, code: u32| if needed { code } else { UNREAD };
        Some([
            code(self.treatment, row.treatment),
            code(self.agent, row.agent),
            code(self.place, row.place),
            code(self.client, row.client),
            code(self.blob, row.blob),
        ])
    }
}

/// A block and the texts that it does not hold as they are.
pub(super) struct Reads<'a> {
    block: &'a Block,
    route: &'a str,
    agents: Vec<AgentTexts<'a>>,
    /// Client and network in hex, by client; empty unless needed.
    clients: Vec<(String, String)>,
    /// What is kept of their addresses, by client; empty unless needed.
    addresses: Vec<Option<IpAddr>>,
    /// Path and digest, by blob; empty unless needed.
    blobs: Vec<(String, String)>,
}

struct AgentTexts<'a> {
    profile: Option<&'a Profile>,
    kernel: &'a str,
    tls: &'a str,
    http: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

/// What of one row is not in the block's dictionaries.
pub(super) struct RowTexts {
    ray: String,
    range: Option<RangeRecord>,
    asked: Option<RangeKind>,
    seen: Option<RangeKind>,
    odd_path: bool,
    shape: PathShape,
    joined: bool,
    address: Option<IpAddr>,
}

impl RowTexts {
    /// Fields of which this row does not say what the request had.
    pub(super) fn not_recorded(&self) -> Vec<Field> {
        let mut fields = not_recorded(self.asked, self.seen, has_path(self.shape, self.odd_path));
        fields.retain(|field| *field != Field::Ip || self.address.is_none());
        fields
    }
}

impl<'a> Reads<'a> {
    pub(super) fn new(
        block: &'a Block,
        route: &'a str,
        needs: &Needs,
        addresses: Vec<Option<IpAddr>>,
    ) -> Self {
        let hex =
            |client: &blobwatch_records::Client| (client.client.to_string(), client.network.to_string());
        let blob = |blob: &blobwatch_records::Blob| {
            let digest = block.digests().get(blob.digest as usize);
            let digest = digest.map(blobwatch_records::Digest::text).unwrap_or_default();
            (format!("/v2/{}/blobs/{digest}", blob.repository), digest)
        };
        let of = |needed: bool| if needed { usize::MAX } else { 0 };
        Self {
            block,
            route,
            agents: block
                .agents()
                .iter()
                .map(|agent| AgentTexts::new(block, agent))
                .collect(),
            clients: block.clients().iter().take(of(needs.client)).map(hex).collect(),
            addresses,
            blobs: block.blobs().iter().take(of(needs.blob)).map(blob).collect(),
        }
    }

    pub(super) fn row(&self, row: &Row, needs: &Needs) -> RowTexts {
        let range = self.block.range(row);
        let asked = range.as_ref().and_then(asked_kind);
        let treatment = self.block.treatment(row);
        RowTexts {
            ray: if needs.ray {
                self.block.ray_text(row)
            } else {
                String::new()
            },
            seen: range.as_ref().and_then(|range| seen_kind(range, asked)),
            odd_path: treatment.is_some_and(|treatment| treatment.odd_path),
            shape: treatment
                .map(|treatment| treatment.path_shape)
                .unwrap_or_default(),
            joined: treatment.is_some_and(|treatment| treatment.joined),
            address: self.addresses.get(row.client as usize).copied().flatten(),
            asked,
            range,
        }
    }

    /// The values of a row, on the route that is previewed.
    pub(super) fn values<'v>(&'v self, row: &Row, texts: &'v RowTexts) -> Values<'v> {
        let mut values = Values::new();
        self.agent_values(&mut values, row);
        if let Some(place) = self.block.place(row) {
            set(&mut values, Field::Country, &place.country);
            set(&mut values, Field::Colo, &place.colo);
            set(&mut values, Field::Cloud, &place.cloud);
            set(&mut values, Field::CloudRegion, &place.cloud_region);
            values.set(Field::Asn, integer(place.asn.map(u64::from)));
        }
        if let Some((client, network)) = self.clients.get(row.client as usize) {
            set(&mut values, Field::ClientKey, client);
            set(&mut values, Field::ClientNetwork, network);
        }
        if let (Some((path, digest)), Some(blob)) = (self.blobs.get(row.blob as usize), self.block.blob(row))
        {
            // What the path did not say, rules did not see.
            if has_path(texts.shape, texts.odd_path) {
                set(&mut values, Field::Path, path);
            }
            if texts.shape != PathShape::Object {
                set(&mut values, Field::Digest, digest);
                set(&mut values, Field::DigestAlgorithm, algorithm(digest));
            }
            if !texts.joined {
                set(&mut values, Field::Repository, &blob.repository);
            }
        }
        values.set(Field::Ip, texts.address.map_or(Value::Missing, Value::Ip));
        values.set(Field::OddPath, Value::Bool(texts.odd_path));
        set(&mut values, Field::Ray, &texts.ray);
        values.set(Field::TimestampSec, integer(Some(row.id.time_ms() / 1000)));
        set(&mut values, Field::Route, self.route);
        let method = self
            .block
            .treatment(row)
            .map_or("", |treatment| match treatment.method {
                Method::Get => "GET",
                Method::Head => "HEAD",
            });
        set(&mut values, Field::Method, method);
        set(
            &mut values,
            Field::RangeKind,
            texts.seen.map_or("", RangeKind::as_str),
        );
        if let Some(range) = &texts.range {
            range_values(&mut values, range, texts.asked);
        }
        values
    }

    fn agent_values<'v>(&'v self, values: &mut Values<'v>, row: &Row) {
        let (Some(agent), Some(texts)) = (self.block.agent(row), self.agents.get(row.agent as usize)) else {
            return;
        };
        values.set_headers(&texts.headers);
        set(values, Field::ClientFamily, agent.family.as_str());
        set(values, Field::ClientVersion, &agent.version);
        set(values, Field::ClientOs, &agent.os);
        set(values, Field::ClientArch, &agent.arch);
        set(values, Field::ClientKernel, texts.kernel);
        set(values, Field::Fingerprint, &agent.fingerprint);
        set(values, Field::FingerprintTls, texts.tls);
        set(values, Field::FingerprintHttp, texts.http);
        set(values, Field::Version, &agent.protocol);
        set(values, Field::Ja4, &agent.ja4);
        set(values, Field::ClientTcp, &agent.tcp);
        let Some(profile) = texts.profile else { return };
        // A request without one reads as the empty text, as it did when it was decided.
        values.set(Field::UserAgent, Value::from(profile.user_agent.as_str()));
        set(values, Field::Host, &profile.host);
        set(values, Field::Continent, &profile.continent);
        set(values, Field::TlsVersion, &profile.tls_version);
        set(values, Field::TlsCipher, &profile.tls_cipher);
        set(values, Field::TlsCiphersSha1, &profile.tls_ciphers_sha1);
        set(values, Field::TlsExtensionsSha1, &profile.tls_extensions_sha1);
        set(
            values,
            Field::TlsExtensionsSha1Le,
            &profile.tls_extensions_sha1_le,
        );
        set(values, Field::Ja3, &profile.ja3);
        values.set(
            Field::TlsHelloLength,
            integer(profile.tls_hello_length.map(u64::from)),
        );
        if !profile.scheme.is_empty() {
            values.set(Field::Ssl, Value::Bool(profile.scheme == "https"));
        }
    }
}

impl<'a> AgentTexts<'a> {
    fn new(block: &'a Block, agent: &'a blobwatch_records::Agent) -> Self {
        let profile = block.profile(agent);
        let user_agent = profile.map_or("", |profile| profile.user_agent.as_str());
        let (tls, http) = parts(&agent.fingerprint);
        Self {
            profile,
            kernel: Agent::parse(user_agent).kernel,
            tls,
            http,
            headers: [("user-agent", user_agent)]
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .collect(),
        }
    }
}

fn set<'v>(values: &mut Values<'v>, field: Field, text: &'v str) {
    if !text.is_empty() {
        values.set(field, Value::from(text));
    }
}
