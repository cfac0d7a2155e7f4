//! A team's public keys as an isolate keeps them. Access signs with a new key every six weeks and shows it before; a key
//! that is not known is looked for, but not for everybody who invents one.

use blobwatch_wire::MAX_BODY;
use serde::Deserialize;
use serde_json::Value;

/// Keys of one team: Access shows two or three.
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

/// An RSA key, as a JWK has it: base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: String,
    pub n: String,
    pub e: String,
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
}

/// The keys of one team.
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
        let may_fetch = self.tries < most || now_ms.saturating_sub(self.tried_ms) >= RETRY_MS;
        let is_old = now_ms.saturating_sub(self.fetched_ms) >= REFRESH_MS;
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
        let is_trusted = now_ms.saturating_sub(self.fetched_ms) < TRUST_MS;
        self.keys.iter().find(|key| key.kid == kid && is_trusted).cloned()
    }

    /// A fetch begins.
    pub fn trying(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.tried_ms) >= RETRY_MS {
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
        let keys: Vec<PublicKey> = document.keys.into_iter().filter_map(rsa).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err("expected an RSA key for signatures, found none".to_owned());
        }
        self.keys = keys;
        self.fetched_ms = now_ms.max(1);
        Ok(())
    }
}

fn rsa(key: Value) -> Option<PublicKey> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let is_digits = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_for_us = key.kty == "RSA"
        && key.alg.is_none_or(|alg| alg == "RS256")
        && key.purpose.is_none_or(|purpose| purpose == "sig")
        && MODULUS.contains(&key.n.len())
        && (1..=8).contains(&key.e.len())
        && is_digits(&key.n)
        && is_digits(&key.e)
        && !key.kid.is_empty();
    is_for_us.then_some(PublicKey {
        kid: key.kid,
        n: key.n,
        e: key.e,
    })
}
