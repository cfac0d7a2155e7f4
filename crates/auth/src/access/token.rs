//! One token: three parts, a header that says RS256 and a key, claims that must hold.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};

use super::config::{Access, Identity, is_name};
use blobwatch_tokens::Actor;
use blobwatch_wire::{Place, Problem};

/// Bytes of a token: Access's carry identity and groups in some 1 to 2 KB. Longer ones are refused before they are read.
pub(crate) const MAX_JWT: usize = 8 << 10;

/// Clocks may differ by this much.
pub(crate) const SKEW_S: u64 = 60;

/// Bytes of a key's name.
const MAX_KID: usize = 128;

/// A token whose claims hold. It speaks for nobody until its signature is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Name of the key that it says it is signed with.
    pub kid: String,
    /// What is signed.
    pub signed: String,
    pub signature: Vec<u8>,
    identity: Identity,
    actor: Option<Actor>,
}

impl Candidate {
    /// Reads a token and checks everything but its signature.
    ///
    /// # Errors
    /// 401 for a token that is not one of ours, not now or not for us.
    pub fn read(token: &str, access: &Access, now_ms: u64) -> Result<Self, Problem> {
        if token.len() > MAX_JWT {
            return Err(refused("the token is too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refused("the token does not have three parts"));
        };
        let kid = key_of(&object(header, "header")?)?;
        let claims = object(claims, "claims")?;
        in_time(&claims, now_ms / 1_000)?;
        for_us(&claims, access)?;
        let identity = identity(&claims)?;
        let signature = decoded(signature, "signature")?;
        // Of the same bytes: header and claims with the dot between them.
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed).to_owned();
        Ok(Self {
            kid,
            signed,
            signature,
            actor: access.actor(&identity),
            identity,
        })
    }

    /// Who the token speaks for, `is_proven` being what the key of [`Self::kid`] says of the signature.
    ///
    /// # Errors
    /// 401 where it is not the key's, whoever it names: else anybody could ask who has a role. 403 for somebody without one.
    pub fn proven(self, is_proven: bool) -> Result<Actor, Problem> {
        if !is_proven {
            return Err(refused("the signature does not match the team's key"));
        }
        self.actor.ok_or_else(|| no_role(&self.identity))
    }

    /// 401: no token came, and there is no other way in.
    #[must_use]
    pub fn missing() -> Problem {
        refused("this call has no Cloudflare Access token")
    }

    /// 503: nothing is known of the team's keys, so nothing of the token either.
    #[must_use]
    pub fn no_keys() -> Problem {
        let detail = "the public keys of the Access team cannot be fetched, so no Access token can be checked; \
            try again in half a minute, or use one of the deployment's tokens";
        Problem::new(503, "unavailable", "Access cannot be checked", detail)
    }

    /// 401: the team has no such key.
    #[must_use]
    pub fn unknown_key() -> Problem {
        refused("the team has no key with this id")
    }
}

/// Only what Access signs with: `none` is no signature, and HS256 would take a public key for a secret.
fn key_of(header: &Map<String, Value>) -> Result<String, Problem> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("RS256") {
        return Err(refused("the token is not signed with RS256"));
    }
    if header.contains_key("crit") {
        return Err(refused("the token requires an unknown extension"));
    }
    if header.contains_key("typ") && !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("jwt")) {
        return Err(refused("the token has an unexpected type"));
    }
    let kid = text("kid").filter(|kid| (1..=MAX_KID).contains(&kid.len()));
    kid.map(str::to_owned)
        .ok_or_else(|| refused("the token names no key"))
}

fn in_time(claims: &Map<String, Value>, now_s: u64) -> Result<(), Problem> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value)
            .map(Some)
            .ok_or_else(|| refused(&format!("`{name}` is not a time"))),
    };
    let expires = time("exp")?.ok_or_else(|| refused("the token has no `exp`"))?;
    if expires.saturating_add(SKEW_S) <= now_s {
        return Err(refused("the token has expired"));
    }
    for name in ["nbf", "iat"] {
        if time(name)?.is_some_and(|from| from > now_s + SKEW_S) {
            return Err(refused("the token is not valid yet"));
        }
    }
    Ok(())
}

/// NumericDate (RFC 7519): seconds, with a fraction if need be.
fn seconds(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| (0.0..1e12).contains(number))?;
    Some(number as u64)
}

fn for_us(claims: &Map<String, Value>, access: &Access) -> Result<(), Problem> {
    if claims.get("iss").and_then(Value::as_str) != Some(&access.team) {
        return Err(refused("the token was issued by another team"));
    }
    let is_ours = match claims.get("aud") {
        Some(Value::String(audience)) => access.takes(audience),
        Some(Value::Array(audiences)) => audiences
            .iter()
            .any(|audience| audience.as_str().is_some_and(|audience| access.takes(audience))),
        _ => false,
    };
    if is_ours {
        Ok(())
    } else {
        Err(refused("the token is for another application"))
    }
}

/// A person has an `email`, a service token a `common_name`; Access leaves the other one empty or out.
fn identity(claims: &Map<String, Value>) -> Result<Identity, Problem> {
    let text = |name: &str| {
        claims
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    match (text("email"), text("common_name")) {
        (Some(email), None) if is_name(email) => Ok(Identity::Email(email.to_ascii_lowercase())),
        (None, Some(id)) if is_name(id) => Ok(Identity::Service(id.to_owned())),
        _ => Err(refused("the token identifies neither a person nor a service")),
    }
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

fn object(part: &str, what: &str) -> Result<Map<String, Value>, Problem> {
    let bytes = decoded(part, what)?;
    let read = serde_json::from_slice::<Unique>(&bytes);
    read.map(|unique| unique.0)
        .map_err(|error| refused(&format!("the token's {what} cannot be read: {error}")))
}

fn decoded(part: &str, what: &str) -> Result<Vec<u8>, Problem> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|_| refused(&format!("the token's {what} is not base64url")))
}

fn refused(why: &str) -> Problem {
    let place = Place::new("header.cf-access-jwt-assertion", why);
    let detail = format!("{why}; sign in through Access, or use one of the deployment's tokens");
    Problem {
        errors: vec![place],
        ..Problem::new(401, "unauthorized", "Not authenticated", detail)
    }
}

fn no_role(identity: &Identity) -> Problem {
    let (Identity::Email(name) | Identity::Service(name)) = identity;
    let detail = format!("BLOBWATCH_ACCESS gives {name:?} no role");
    Problem::new(403, "forbidden", "Not allowed", detail)
}
