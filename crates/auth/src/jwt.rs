//! A JSON Web Token: three parts, a header that names a key and one of two ways to sign, claims that hold now.
//!
//! In scope: what Cloudflare Access and identity providers have in common. Not in scope: for whom a token is, and its
//! signature, which the platform's WebCrypto checks.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};

/// Clocks may differ by this much.
pub(crate) const SKEW_S: u64 = 60;

/// Bytes of a key's name.
const MAX_KID: usize = 128;

/// How a token is signed: `none` is no signature, and HS256 would take a public key for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// What the platform is to check a signature of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedToken {
    pub algorithm: Algorithm,
    /// Name of the key that it says it is signed with.
    pub kid: String,
    pub text: String,
    pub signature: Vec<u8>,
}

/// A token that was read, and proves nothing yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Jwt {
    pub signed: SignedToken,
    pub claims: Map<String, Value>,
}

impl Jwt {
    /// # Errors
    /// What is wrong with it, as a sentence without its end.
    pub(crate) fn read(token: &str, max: usize, algorithms: &[Algorithm]) -> Result<Self, String> {
        if token.len() > max {
            return Err("the token is too long".to_owned());
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("the token does not have three parts".to_owned());
        };
        let (algorithm, kid) = key_of(&object(header, "header")?, algorithms)?;
        let claims = object(claims, "claims")?;
        let signature = decoded(signature, "signature")?;
        // Of the same bytes: header and claims with the dot between them.
        let text = token.rsplit_once('.').map_or("", |(signed, _)| signed).to_owned();
        let signed = SignedToken {
            algorithm,
            kid,
            text,
            signature,
        };
        Ok(Self { signed, claims })
    }

    /// A claim that is text and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.claims.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.claims.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// # Errors
    /// As [`Self::read`], of a token that is over, or not valid yet.
    pub(crate) fn in_time(&self, now_s: u64) -> Result<(), String> {
        let time = |name: &str| match self.claims.get(name) {
            None => Ok(None),
            Some(value) => seconds(value)
                .map(Some)
                .ok_or_else(|| format!("`{name}` is not a time")),
        };
        let expires = time("exp")?.ok_or("the token has no `exp`")?;
        if expires.saturating_add(SKEW_S) <= now_s {
            return Err("the token has expired".to_owned());
        }
        for name in ["nbf", "iat"] {
            if time(name)?.is_some_and(|from| from > now_s + SKEW_S) {
                return Err("the token is not valid yet".to_owned());
            }
        }
        Ok(())
    }
}

fn key_of(header: &Map<String, Value>, algorithms: &[Algorithm]) -> Result<(Algorithm, String), String> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let mut known = algorithms.iter().copied();
    let algorithm = known.find(|algorithm| text("alg") == Some(algorithm.name()));
    let algorithm = algorithm.ok_or_else(|| {
        let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        format!("the token is not signed with {}", names.join(" or "))
    })?;
    if header.contains_key("crit") {
        return Err("the token requires an unknown extension".to_owned());
    }
    if header.contains_key("typ") && !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("jwt")) {
        return Err("the token has an unexpected type".to_owned());
    }
    let kid = text("kid").filter(|kid| (1..=MAX_KID).contains(&kid.len()));
    let kid = kid.ok_or("the token names no key")?;
    Ok((algorithm, kid.to_owned()))
}

/// NumericDate (RFC 7519): seconds, with a fraction if need be.
fn seconds(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| (0.0..1e12).contains(number))?;
    Some(number as u64)
}

/// An object in which no name is twice: of two claims, this reader and another might each see a different one.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut map = Map::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if map.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a name occurs twice"));
            }
        }
        Ok(Unique(map))
    }
}

fn object(part: &str, what: &str) -> Result<Map<String, Value>, String> {
    let bytes = decoded(part, what)?;
    let read = serde_json::from_slice::<Unique>(&bytes);
    read.map(|unique| unique.0)
        .map_err(|error| format!("the token's {what} cannot be read: {error}"))
}

fn decoded(part: &str, what: &str) -> Result<Vec<u8>, String> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|_| format!("the token's {what} is not base64url"))
}
