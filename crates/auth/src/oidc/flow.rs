//! From the page to the provider and back: what a browser carries in between, and what must be the same afterwards.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::config::Oidc;
use super::provider::Provider;
use super::refused;
use crate::session::{MAX_TRIED, Sessions, is_loopback};
use blobwatch_wire::{Problem, hex};

/// How long somebody may take at the provider, with a second factor and a forgotten password.
const LASTS_S: u64 = 600;

/// Name of the cookie on loopback, and elsewhere: only over TLS.
const COOKIE: &str = "blobwatch_sign_in";
const SECURE_COOKIE: &str = "__Secure-blobwatch_sign_in";

/// Bytes of a code and of a state: providers differ.
const MAX_PARAMETER: usize = 4_096;

/// One way to the provider and back. State, nonce and verifier are made of the random text in the browser's cookie with the
/// deployment's key: nothing is stored, and nobody without the cookie can come back in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    random: String,
    expires_s: u64,
    state: String,
    nonce: String,
    verifier: String,
}

impl SignIn {
    /// Begins; `random` is 32 bytes that nobody knows.
    #[must_use]
    pub fn begin(sessions: &Sessions, random: &[u8], now_ms: u64) -> Self {
        Self::of(sessions, hex(random), now_ms / 1_000 + LASTS_S)
    }

    /// The one of the browser's cookies that the provider answers to. A neighbour domain can add cookies of our name, and
    /// cannot make one that has this state.
    ///
    /// # Errors
    /// 401 without one, where it is over, and where the answer belongs to another.
    pub fn read(sessions: &Sessions, cookies: &str, state: &str, now_ms: u64) -> Result<Self, Problem> {
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let values = pairs.filter(|(name, _)| [COOKIE, SECURE_COOKIE].contains(name));
        let mut why = refused("this browser did not begin to sign in here, or sends no cookies");
        for (_, value) in values.take(MAX_TRIED) {
            let Some((expires_s, random)) = parts(value) else {
                continue;
            };
            if expires_s <= now_ms / 1_000 || expires_s > now_ms / 1_000 + LASTS_S {
                why = refused("signing in took longer than ten minutes");
                continue;
            }
            let sign_in = Self::of(sessions, random.to_owned(), expires_s);
            match sign_in.check_state(state) {
                Ok(()) => return Ok(sign_in),
                Err(problem) => why = problem,
            }
        }
        Err(why)
    }

    fn of(sessions: &Sessions, random: String, expires_s: u64) -> Self {
        let expires = expires_s.to_string();
        let derived = |what: &str| {
            sessions.derived(&[
                what.as_bytes(),
                b"\0",
                expires.as_bytes(),
                b"\0",
                random.as_bytes(),
            ])
        };
        Self {
            state: derived("oidc state"),
            nonce: derived("oidc nonce"),
            verifier: derived("oidc verifier"),
            random,
            expires_s,
        }
    }

    /// Where the browser is sent.
    #[must_use]
    pub fn address(&self, oidc: &Oidc, provider: &Provider) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &oidc.client_id)
            .append_pair("redirect_uri", &oidc.redirect_uri)
            .append_pair("scope", &oidc.scopes)
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let separator = if provider.authorization.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{separator}{}", provider.authorization, query.finish())
    }

    /// Whether the provider answers to this one.
    fn check_state(&self, state: &str) -> Result<(), Problem> {
        if bool::from(self.state.as_bytes().ct_eq(state.as_bytes())) {
            Ok(())
        } else {
            Err(refused("the answer belongs to another sign-in (`state`)"))
        }
    }

    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    #[must_use]
    pub fn verifier(&self) -> &str {
        &self.verifier
    }
}

/// When it is over, and the random text.
fn parts(value: &str) -> Option<(u64, &str)> {
    let (expires, random) = value.strip_prefix("v1.")?.split_once('.')?;
    let is_random = random.len() == 64 && random.bytes().all(|b| b.is_ascii_hexdigit());
    is_random.then_some((expires.parse().ok()?, random))
}

/// `Set-Cookie` that begins it. `Lax`: the provider's page leads back here.
#[must_use]
pub fn sign_in_cookie(sign_in: &SignIn, host: &str) -> String {
    let value = format!("v1.{}.{}", sign_in.expires_s, sign_in.random);
    cookie(&value, LASTS_S, host)
}

/// `Set-Cookie` that ends it: a code is taken once.
#[must_use]
pub fn clear_sign_in_cookie(host: &str) -> String {
    cookie("", 0, host)
}

fn cookie(value: &str, max_age_s: u64, host: &str) -> String {
    let (name, secure) = if is_loopback(host) {
        (COOKIE, "")
    } else {
        (SECURE_COOKIE, "; Secure")
    };
    let path = super::BEGIN;
    format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}

/// What the provider sends a browser back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    pub code: String,
    pub state: String,
}

impl Callback {
    /// Reads the query. Providers add parameters of their own.
    ///
    /// # Errors
    /// 401 where the provider says no, for a parameter that is there twice, and for another issuer's answer (RFC 9207).
    pub fn read(query: &str, oidc: &Oidc) -> Result<Self, Problem> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let one = |name: &str| {
            let mut values = pairs
                .iter()
                .filter(|(found, _)| found == name)
                .map(|(_, value)| value);
            match (values.next(), values.next()) {
                (Some(_), Some(_)) => Err(refused(&format!("`{name}` is there twice"))),
                (value, _) => Ok(value.map(|value| value.clone().into_owned())),
            }
        };
        if let Some(error) = one("error")? {
            let is_plain = error.len() <= 100 && error.bytes().all(|b| b.is_ascii_graphic());
            let error = if is_plain { error } else { "an error".to_owned() };
            return Err(refused(&format!("the identity provider says {error}")));
        }
        if one("iss")?.is_some_and(|issuer| issuer != oidc.issuer) {
            return Err(refused("the answer is of another identity provider (`iss`)"));
        }
        let required = |name: &str| {
            let value = one(name)?.filter(|value| (1..=MAX_PARAMETER).contains(&value.len()));
            value.ok_or_else(|| refused(&format!("the answer has no `{name}`")))
        };
        Ok(Self {
            code: required("code")?,
            state: required("state")?,
        })
    }
}
