//! The public keys of whoever signs tokens, as an isolate keeps them. Access signs with a new key every six weeks and shows it
//! before; a key that is not known is looked for, but not for everybody who invents one.

use crate::jwt::Algorithm;
use blobwatch_wire::MAX_BODY;
use serde::Deserialize;
use serde_json::Value;

/// Keys of one signer: Access shows two or three.
pub(crate) const MAX_KEYS: usize = 32;

/// Keys are fetched again after this long: a key that was taken back is not trusted for longer.
pub(crate) const REFRESH_MS: u64 = 3_600_000;

/// No more than one fetch in this time, whatever is asked for.
pub(crate) const RETRY_MS: u64 = 30_000;

/// While they cannot be fetched, keys are trusted for no longer than this.
pub(crate) const TRUST_MS: u64 = 24 * 3_600_000;

/// Fetches in [`RETRY_MS`] until keys are there for the first time: a page's calls that come at once.
const MAX_FIRST_TRIES: u32 = 8;

/// Base64url digits of a modulus of 2,048 and of 8,192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 342..=1_366;

/// Base64url digits of a coordinate of P-256.
const COORDINATE: usize = 43;

/// A key, as a JWK has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: String,
    pub material: KeyMaterial,
}

/// Its numbers: base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
}

impl PublicKey {
    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            KeyMaterial::Rsa { .. } => Algorithm::Rs256,
            KeyMaterial::P256 { .. } => Algorithm::Es256,
        }
    }
}

#[derive(Deserialize)]
struct Document {
    /// Each read by itself: one that nobody understands hides none of the others (RFC 7517, section 5).
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kid: String,
    #[serde(default)]
    kty: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// The keys of one signer.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<PublicKey>,
    /// When they came; 0 before the first time.
    fetched_ms: u64,
    /// When the last window of fetches began, and how many there were in it.
    tried_ms: u64,
    tries: u32,
}

/// What is to be done for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    Have(PublicKey),
    Fetch,
    /// It is not known, and it was looked for just now.
    Unknown,
}

impl KeyRing {
    /// The key of that name, or what is to be done about it.
    #[must_use]
    pub fn need(&self, kid: &str, now_ms: u64) -> Need {
        // Before the first keys came several requests may fetch: none can wait for another's.
        let most = if self.fetched_ms == 0 { MAX_FIRST_TRIES } else { 1 };
        let may_fetch = self.tries < most || now_ms.abs_diff(self.tried_ms) >= RETRY_MS;
        let is_old = now_ms.abs_diff(self.fetched_ms) >= REFRESH_MS;
        match self.known(kid, now_ms) {
            _ if is_old && may_fetch => Need::Fetch,
            Some(key) => Need::Have(key),
            None if may_fetch => Need::Fetch,
            None => Need::Unknown,
        }
    }

    /// Whether keys came at some time.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The key of that name, where it is known and not too old to be trusted.
    #[must_use]
    pub fn known(&self, kid: &str, now_ms: u64) -> Option<PublicKey> {
        let is_trusted = now_ms.abs_diff(self.fetched_ms) < TRUST_MS;
        self.keys.iter().find(|key| key.kid == kid && is_trusted).cloned()
    }

    /// A fetch begins.
    pub fn trying(&mut self, now_ms: u64) {
        if now_ms.abs_diff(self.tried_ms) >= RETRY_MS {
            (self.tried_ms, self.tries) = (now_ms, 0);
        }
        self.tries += 1;
    }

    /// The document came. One that cannot be read changes nothing; keys of other kinds are passed over.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, document: &str, now_ms: u64) -> Result<(), String> {
        if document.len() > MAX_BODY {
            return Err(format!("expected at most {MAX_BODY} bytes"));
        }
        let document: Document = serde_json::from_str(document).map_err(|error| error.to_string())?;
        let keys: Vec<PublicKey> = document
            .keys
            .into_iter()
            .filter_map(public_key)
            .take(MAX_KEYS)
            .collect();
        if keys.is_empty() {
            return Err("expected a key for signatures with RS256 or ES256, found none".to_owned());
        }
        self.keys = keys;
        self.fetched_ms = now_ms.max(1);
        Ok(())
    }
}

fn public_key(key: Value) -> Option<PublicKey> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let is_for_us = key.purpose.as_deref().is_none_or(|purpose| purpose == "sig") && !key.kid.is_empty();
    let is_of = |algorithm: &str| key.alg.as_deref().is_none_or(|alg| alg == algorithm);
    let material = match (key.kty.as_str(), key.crv.as_str()) {
        ("RSA", _) if is_of("RS256") => rsa(key.n, key.e),
        ("EC", "P-256") if is_of("ES256") => p256(key.x, key.y),
        _ => None,
    };
    Some(PublicKey {
        kid: key.kid,
        material: material.filter(|_| is_for_us)?,
    })
}

fn rsa(n: String, e: String) -> Option<KeyMaterial> {
    let is_key = MODULUS.contains(&n.len()) && (1..=8).contains(&e.len()) && is_digits(&n) && is_digits(&e);
    is_key.then_some(KeyMaterial::Rsa { n, e })
}

fn p256(x: String, y: String) -> Option<KeyMaterial> {
    let is_coordinate = |text: &str| text.len() == COORDINATE && is_digits(text);
    (is_coordinate(&x) && is_coordinate(&y)).then_some(KeyMaterial::P256 { x, y })
}

fn is_digits(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
