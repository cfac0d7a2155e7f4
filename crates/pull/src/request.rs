//! A watched request: its facts and what they mean.
//!
//! In scope: bringing together what the modules before this one read, and the values that expressions see. Not in
//! scope: rules and verdicts.

use std::sync::Arc;

use crate::action::Action;
use crate::client::{Client, ClientKey, ClientKeys, NetworkKey};
use crate::facts::Facts;
use crate::fingerprint::{Fingerprint, accept_encoding};
use crate::path::{Blob, BlobShapes};
use crate::range::{RangeKind, RequestedRange};
use crate::record::{Method, Outcome, Profile, RangeRecord, Record, RecordId};
use crate::recorded::algorithm;
use crate::settle::Pending;
use crate::user_agent::Agent;
use blobwatch_rules::{Field, Value, Values};
use blobwatch_wire::clip;

/// A `GET` or `HEAD` of a blob.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub facts: &'a Facts<'a>,
    pub method: Method,
    pub blob: Blob<'a>,
    pub asked: RequestedRange,
    /// What the range means, as far as is known before the answer.
    pub kind: RangeKind,
    pub agent: Agent<'a>,
    pub fingerprint: Fingerprint,
    pub client: ClientKey,
    pub network: NetworkKey,
    /// Where the client stands on the scale of `observe`.
    pub observe_place: f64,
}

/// Who asks, and with which build.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Identity {
    pub client: Client,
    pub fingerprint: Fingerprint,
}

impl Identity {
    #[must_use]
    pub fn of(facts: &Facts<'_>, keys: &ClientKeys) -> Self {
        Self {
            client: Client::of(facts.address, keys),
            fingerprint: Fingerprint::of(facts),
        }
    }
}

/// Text that no fact holds as it is, for [`Request::values`] to borrow.
#[derive(Debug)]
pub struct Texts {
    uri: String,
    full_uri: String,
    client: String,
    network: String,
}

impl<'a> Request<'a> {
    /// `None` for what is not watched, of which nobody needs to know who asks. `form` is the normal form of the
    /// facts' path, `shapes` are those of the route.
    #[must_use]
    pub fn read(
        facts: &'a Facts<'a>,
        form: &'a str,
        shapes: &BlobShapes,
        identify: impl FnOnce() -> Identity,
    ) -> Option<Self> {
        watched(facts.method)?;
        Self::of_blob(facts, shapes.find(facts.path, form)?, identify)
    }

    /// As [`Self::read`], of a blob that was found already.
    #[must_use]
    pub fn of_blob(
        facts: &'a Facts<'a>,
        blob: Blob<'a>,
        identify: impl FnOnce() -> Identity,
    ) -> Option<Self> {
        let method = watched(facts.method)?;
        let Identity { client, fingerprint } = identify();
        let asked = RequestedRange::read(facts.header("range"));
        Some(Self {
            facts,
            method,
            blob,
            kind: asked.kind(),
            asked,
            agent: Agent::parse(facts.header("user-agent").unwrap_or_default()),
            fingerprint,
            client: client.key,
            network: client.network,
            observe_place: client.observe_place,
        })
    }

    /// The same request, if its path is read otherwise.
    #[must_use]
    pub fn with_blob(&self, blob: Blob<'a>) -> Self {
        Self { blob, ..self.clone() }
    }

    #[must_use]
    pub fn texts(&self) -> Texts {
        let facts = self.facts;
        let uri = match facts.query {
            "" => facts.path.to_owned(),
            query => format!("{}?{query}", facts.path),
        };
        Texts {
            full_uri: format!("{}://{}{uri}", facts.scheme, facts.host),
            uri,
            client: self.client.to_string(),
            network: self.network.to_string(),
        }
    }

    /// What expressions see of this request on the route of that name.
    #[must_use]
    pub fn values(&'a self, route: &'a str, texts: &'a Texts) -> Values<'a> {
        let mut values = Values::new();
        self.platform_values(&mut values);
        self.header_values(&mut values);
        self.range_values(&mut values);
        set(&mut values, Field::Uri, &texts.uri);
        set(&mut values, Field::FullUri, &texts.full_uri);
        set(&mut values, Field::Route, route);
        set(&mut values, Field::Repository, &self.blob.repository);
        set(&mut values, Field::Digest, &self.blob.digest);
        set(&mut values, Field::DigestAlgorithm, algorithm(&self.blob.digest));
        values.set(Field::OddPath, Value::Bool(self.blob.odd_path));
        set(&mut values, Field::ClientFamily, self.agent.family.as_str());
        set(&mut values, Field::ClientVersion, self.agent.version);
        set(&mut values, Field::ClientOs, self.agent.os);
        set(&mut values, Field::ClientArch, self.agent.arch);
        set(&mut values, Field::ClientKernel, self.agent.kernel);
        set(&mut values, Field::ClientKey, &texts.client);
        set(&mut values, Field::ClientNetwork, &texts.network);
        set(&mut values, Field::Fingerprint, self.fingerprint.as_str());
        set(&mut values, Field::FingerprintTls, self.fingerprint.tls());
        set(&mut values, Field::FingerprintHttp, self.fingerprint.http());
        values
    }

    fn platform_values(&self, values: &mut Values<'a>) {
        let facts = self.facts;
        set(values, Field::Host, facts.host);
        set(values, Field::Method, facts.method);
        set(values, Field::Path, facts.path);
        values.set(Field::Query, Value::from(facts.query));
        set(values, Field::Version, facts.protocol);
        set(values, Field::Country, facts.country);
        set(values, Field::Continent, facts.continent);
        set(values, Field::Cloud, facts.cloud);
        set(values, Field::CloudRegion, facts.cloud_region);
        set(values, Field::Colo, facts.colo);
        set(values, Field::Ray, facts.ray);
        set(values, Field::TlsVersion, facts.tls.version);
        set(values, Field::TlsCipher, facts.tls.cipher);
        set(values, Field::TlsCiphersSha1, facts.tls.ciphers_sha1);
        set(values, Field::TlsExtensionsSha1, facts.tls.extensions_sha1);
        set(values, Field::TlsExtensionsSha1Le, facts.tls.extensions_sha1_le);
        set(values, Field::Ja4, facts.ja4);
        set(values, Field::Ja3, facts.ja3);
        set(values, Field::ClientTcp, facts.tcp);
        set(values, Field::Platform, facts.platform);
        values.set(Field::TimestampSec, integer(Some(facts.time_ms / 1000)));
        values.set(Field::Ssl, Value::Bool(facts.scheme == "https"));
        values.set(Field::Ip, facts.address.map_or(Value::Missing, Value::Ip));
        values.set(Field::Asn, integer(facts.asn.map(u64::from)));
        values.set(
            Field::TlsHelloLength,
            integer(facts.tls.hello_length.map(u64::from)),
        );
    }

    fn header_values(&self, values: &mut Values<'a>) {
        values.set_headers(&self.facts.headers);
        let named = [
            (Field::UserAgent, "user-agent"),
            (Field::Referer, "referer"),
            (Field::Cookie, "cookie"),
            (Field::XForwardedFor, "x-forwarded-for"),
        ];
        for (field, name) in named {
            // As on Cloudflare: `http.user_agent eq ""` is how a rule asks for clients that send none.
            values.set(field, Value::from(self.facts.header(name).unwrap_or_default()));
        }
    }

    fn range_values(&self, values: &mut Values<'a>) {
        let (start, end) = self.asked.offsets(None);
        values.set(
            Field::RangePresent,
            Value::Bool(self.facts.header("range").is_some()),
        );
        set(values, Field::RangeKind, self.kind.as_str());
        values.set(Field::RangeStart, integer(start));
        values.set(Field::RangeEnd, integer(end));
        values.set(Field::RangeCount, integer(u64::try_from(self.asked.count()).ok()));
    }

    /// The request until its answer: what the facts say, decided by nobody yet.
    #[must_use]
    pub fn pending(&self, id: RecordId, route: Arc<str>) -> Pending {
        Pending {
            record: self.record(id, route),
            asked: self.asked.clone(),
            conditional: self.facts.header("if-range").is_some(),
        }
    }

    fn record(&self, id: RecordId, route: Arc<str>) -> Record {
        let (facts, agent) = (self.facts, &self.agent);
        let (start, end) = self.asked.offsets(None);
        Record {
            id,
            ray: kept(facts.ray),
            route,
            repository: kept(&self.blob.repository),
            digest: kept(&self.blob.digest),
            object: self.blob.object,
            shape: self.blob.shape,
            joined: false,
            odd_path: self.blob.odd_path,
            method: self.method,
            status: 0,
            range: RangeRecord {
                kind: self.kind,
                start,
                end,
                honoured: None,
            },
            size: None,
            promised: None,
            // Until it is settled: what a request comes to that is never answered, because its client left.
            outcome: Outcome::ClientClosed,
            duration_ms: 0,
            sent_to: String::new(),
            sent_object: 0,
            served_by: String::new(),
            cache: None,
            client: self.client,
            network: self.network,
            asn: facts.asn,
            country: kept(facts.country),
            colo: kept(facts.colo),
            cloud: kept(facts.cloud),
            cloud_region: kept(facts.cloud_region),
            ip_version: facts.ip_version(),
            protocol: kept(facts.protocol),
            rtt_ms: facts.rtt_ms,
            delivery_rate: facts.delivery_rate,
            family: agent.family,
            version: kept(agent.version),
            os: kept(agent.os),
            arch: kept(agent.arch),
            fingerprint: self.fingerprint.to_string(),
            ja4: kept(facts.ja4),
            tcp: kept(facts.tcp),
            fired: Vec::new(),
            verdict: Action::None,
            revision: 0,
            degraded: false,
            weight: 1,
            seen: true,
            profile: self.profile(),
        }
    }

    /// What the record keeps of the facts beside its own fields, each text up to its bound.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let facts = self.facts;
        Profile {
            host: kept(facts.host),
            scheme: kept(facts.scheme),
            user_agent: kept(facts.header("user-agent").unwrap_or_default()),
            accept_encoding: kept(accept_encoding(facts)),
            continent: kept(facts.continent),
            tls_version: kept(facts.tls.version),
            tls_cipher: kept(facts.tls.cipher),
            tls_ciphers_sha1: kept(facts.tls.ciphers_sha1),
            tls_extensions_sha1: kept(facts.tls.extensions_sha1),
            tls_extensions_sha1_le: kept(facts.tls.extensions_sha1_le),
            tls_hello_length: facts.tls.hello_length,
            ja3: kept(facts.ja3),
        }
    }
}

fn watched(method: &str) -> Option<Method> {
    match method {
        "GET" => Some(Method::Get),
        "HEAD" => Some(Method::Head),
        _ => None,
    }
}

/// A text as records keep it.
#[must_use]
pub fn kept(text: &str) -> String {
    clip(text).to_owned()
}

/// Text that is not there is missing, not empty: `eq ""` must not hold for a fact that nobody said.
fn set<'a>(values: &mut Values<'a>, field: Field, text: &'a str) {
    values.set(
        field,
        if text.is_empty() {
            Value::Missing
        } else {
            Value::from(text)
        },
    );
}

fn integer<'a>(number: Option<u64>) -> Value<'a> {
    number
        .and_then(|n| i64::try_from(n).ok())
        .map_or(Value::Missing, Value::Int)
}
