//! A request that is written by hand: what it says itself, and what the platform would say of it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use blobwatch_pull::{Facts, TlsFacts};
use blobwatch_rules::{Field, PlatformFact, SEPARATOR};

/// The request, as it was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HandwrittenRequest {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// By the names of the rule language; `null` is a fact that the request does not have.
    pub(crate) facts: BTreeMap<String, Json>,
}

impl HandwrittenRequest {
    /// A name may come several times, and is then one value, as the platform joins it.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        match self.headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push_str(", ");
                known.push_str(value);
            }
            None => self.headers.push((name, value.to_owned())),
        }
    }

    pub(crate) fn default_header(&mut self, name: &str, value: &str) {
        if !self.headers.iter().any(|(known, _)| known == name) {
            self.header(name, value);
        }
    }

    pub(crate) fn set_version(&mut self, version: &str) {
        self.facts
            .insert(Field::Version.name().to_owned(), version.into());
    }

    /// Takes a URL apart; without a scheme it is `http`, as for curl.
    pub(crate) fn set_url(&mut self, url: &str) -> Result<(), String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(format!("an http or https URL, found {url:?}"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let host = authority.rsplit('@').next().unwrap_or_default();
        let port = host
            .rfind(':')
            .filter(|at| !host.get(*at..).unwrap_or_default().contains(']'));
        self.host = host
            .get(..port.unwrap_or(host.len()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if self.host.is_empty() {
            return Err(format!("a URL with a host, found {url:?}"));
        }
        self.scheme = scheme;
        self.path = if path.is_empty() {
            "/".to_owned()
        } else {
            path.to_owned()
        };
        self.query = query.to_owned();
        Ok(())
    }

    pub(crate) fn text(&self, field: Field) -> &str {
        self.facts
            .get(field.name())
            .and_then(Json::as_str)
            .unwrap_or_default()
    }

    fn number<T: TryFrom<u64>>(&self, field: Field) -> Option<T> {
        self.facts.get(field.name())?.as_u64()?.try_into().ok()
    }

    /// What the platform says by name, in its form.
    pub(crate) fn platform(&self) -> String {
        let mut text = String::new();
        for fact in PlatformFact::ALL {
            let said = match self.facts.get(fact.name()) {
                Some(Json::String(said)) => said.clone(),
                Some(Json::Null) | None => continue,
                Some(other) => other.to_string(),
            };
            text.extend([fact.name(), &said].map(|part| format!("{part}{SEPARATOR}")));
        }
        text
    }

    /// Facts that are not known because nobody wrote them.
    pub(crate) fn unknown(&self) -> Vec<Field> {
        let platform = PLATFORM
            .iter()
            .copied()
            .chain([Field::ClientKey, Field::ClientNetwork]);
        let unsaid = platform.filter(|field| !self.facts.contains_key(field.name()));
        let by_name = PlatformFact::ALL
            .iter()
            .any(|fact| self.facts.contains_key(fact.name()));
        unsaid.chain((!by_name).then_some(Field::Platform)).collect()
    }
}

/// What a request does not say by itself.
const PLATFORM: &[Field] = &[
    Field::Ip,
    Field::Asn,
    Field::Country,
    Field::Continent,
    Field::Cloud,
    Field::CloudRegion,
    Field::Colo,
    Field::Ray,
    Field::Version,
    Field::TlsVersion,
    Field::TlsCipher,
    Field::TlsHelloLength,
    Field::TlsCiphersSha1,
    Field::TlsExtensionsSha1,
    Field::TlsExtensionsSha1Le,
    Field::Ja4,
    Field::Ja3,
    Field::ClientTcp,
];

pub(crate) fn facts<'a>(asked: &'a HandwrittenRequest, platform: &'a str, now_ms: u64) -> Facts<'a> {
    let text = |field| asked.text(field);
    let seconds: Option<u64> = asked.number(Field::TimestampSec);
    Facts {
        time_ms: seconds.map_or(now_ms, |seconds| seconds.saturating_mul(1000)),
        method: &asked.method,
        scheme: &asked.scheme,
        host: asked.host.trim_end_matches('.'),
        path: &asked.path,
        query: &asked.query,
        protocol: text(Field::Version),
        address: text(Field::Ip).parse().ok(),
        ray: text(Field::Ray),
        colo: text(Field::Colo),
        country: text(Field::Country),
        continent: text(Field::Continent),
        asn: asked.number(Field::Asn),
        cloud: text(Field::Cloud),
        cloud_region: text(Field::CloudRegion),
        tls: TlsFacts {
            version: text(Field::TlsVersion),
            cipher: text(Field::TlsCipher),
            ciphers_sha1: text(Field::TlsCiphersSha1),
            extensions_sha1: text(Field::TlsExtensionsSha1),
            extensions_sha1_le: text(Field::TlsExtensionsSha1Le),
            hello_length: asked.number(Field::TlsHelloLength),
        },
        ja4: text(Field::Ja4),
        ja3: text(Field::Ja3),
        tcp: text(Field::ClientTcp),
        platform,
        headers: asked
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        ..Facts::default()
    }
}

/// Whether facts can be given by this name.
pub(crate) fn is_fact(name: &str) -> bool {
    let known = PLATFORM
        .iter()
        .chain(&[Field::ClientKey, Field::ClientNetwork, Field::TimestampSec]);
    known.into_iter().any(|field| field.name() == name) || PlatformFact::named(name).is_some()
}
