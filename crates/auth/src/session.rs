//! Sessions of the dashboard: a cookie that stands for a token for some hours.
//!
//! In scope: making and reading the cookie, and what a changing call by cookie must carry against forged requests.
//! Not in scope: HTTP (`src/control_plane/session.rs`) and what a role may do ([`blobwatch_tokens`]).
//!
//! Nothing is stored: the cookie is `v1.<expiry>.<tag>.<name>`, the tag an HMAC-SHA256 under a key that is derived from
//! the deployment's secret. The hash of the token is under the tag too, so a token that is taken out of
//! `BLOBWATCH_TOKENS`, or replaced, ends its sessions at once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use blobwatch_tokens::{Actor, Role, Tokens};
use blobwatch_wire::{MAX_SMALL_BODY, Place, Problem, hex};

/// Name of the cookie.
pub const COOKIE: &str = "blobwatch_session";

/// Carries [`Session::csrf`] on every changing call by cookie.
pub const CSRF_HEADER: &str = "blobwatch-csrf";

/// How long a session lasts: a shift and its handover.
pub(crate) const MAX_AGE_S: u64 = 12 * 3_600;

/// Bytes of a SHA-256.
type Tag = [u8; 32];

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub actor: Actor,
    /// What changing calls must repeat in [`CSRF_HEADER`]: a page of another site cannot read it.
    pub csrf: String,
    /// Value of the cookie.
    pub cookie: String,
    pub expires_s: u64,
}

/// What a deployment's secret makes sessions with.
#[derive(Clone)]
pub struct Sessions {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions(…)")
    }
}

impl Sessions {
    /// # Errors
    /// 503 without a secret: whoever knows the source could make a cookie.
    pub fn new(secret: &str) -> Result<Self, Problem> {
        if secret.is_empty() {
            return Err(no_secret());
        }
        // Two steps: client keys are HMACs under the same hash of the secret, of texts that begin otherwise.
        let root = keyed(&Sha256::digest(secret).into());
        let key = tag(&root, &[b"session key 1"]);
        Ok(Self { keyed: keyed(&key) })
    }

    /// Signs in with a token.
    ///
    /// # Errors
    /// 503 while nobody is configured, 401 for a token that is not known.
    pub fn open(&self, tokens: &Tokens, token: &str, now_ms: u64) -> Result<Session, Problem> {
        let actor = tokens.authenticate(Some(&format!("Bearer {token}")))?;
        let expires_s = now_ms / 1_000 + MAX_AGE_S;
        self.session(tokens, &actor.name, expires_s)
            .ok_or_else(|| ended("unknown token"))
    }

    /// The session of a `Cookie` header.
    ///
    /// # Errors
    /// 401 without a cookie of ours, and for one that is malformed, forged, over, or of a token that is gone.
    pub fn read(&self, tokens: &Tokens, header: &str, now_ms: u64) -> Result<Session, Problem> {
        let value = cookie(header).ok_or_else(|| ended("you are not signed in"))?;
        let session = parts(value).and_then(|(expires_s, name)| self.session(tokens, name, expires_s));
        // The whole text, so that a tag has one way of being written.
        let session = session.filter(|session| bool::from(session.cookie.as_bytes().ct_eq(value.as_bytes())));
        session
            .filter(|session| session.expires_s > now_ms / 1_000)
            .ok_or_else(|| ended("the session has expired"))
    }

    /// The one session of a name that ends at that time; `None` for a name without a token.
    fn session(&self, tokens: &Tokens, name: &str, expires_s: u64) -> Option<Session> {
        let (actor, sha256) = tokens.named(name)?;
        let expires = expires_s.to_string();
        let tag = tag(
            &self.keyed,
            &[b"session\0", expires.as_bytes(), b"\0", sha256, name.as_bytes()],
        );
        let csrf = self::tag(&self.keyed, &[b"csrf\0", &tag]);
        Some(Session {
            actor: actor.clone(),
            csrf: hex(&csrf),
            cookie: format!("v1.{expires}.{}.{name}", hex(&tag)),
            expires_s,
        })
    }
}

impl Session {
    /// # Errors
    /// 403 when a changing call does not repeat [`Session::csrf`].
    pub fn check_csrf(&self, header: Option<&str>) -> Result<(), Problem> {
        let said = header.unwrap_or_default();
        if bool::from(said.as_bytes().ct_eq(self.csrf.as_bytes())) {
            return Ok(());
        }
        Err(forged(
            "header.blobwatch-csrf",
            "expected the `csrf` value of GET /_blobwatch/session (not needed with a bearer token)",
        ))
    }
}

/// Whether a request with credentials that a browser adds by itself may change something: `Origin` must be this host, and
/// `Sec-Fetch-Site` must not speak of another. Programs send neither.
///
/// # Errors
/// 403 for a request from a page of another site.
pub fn check_origin(origin: Option<&str>, fetch_site: Option<&str>, host: &str) -> Result<(), Problem> {
    // Only the host: behind a proxy that ends TLS the scheme that we see is not the browser's.
    let authority = origin.map(|origin| origin.split_once("://").map_or("", |(_, authority)| authority));
    if authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
        return Err(forged(
            "header.origin",
            "expected a call from a page of this host",
        ));
    }
    if !matches!(fetch_site, None | Some("same-origin" | "none")) {
        return Err(forged(
            "header.sec-fetch-site",
            "expected a call from a page of this host",
        ));
    }
    Ok(())
}

/// Value of `Set-Cookie` that begins a session.
#[must_use]
pub fn set_cookie(session: &Session, host: &str) -> String {
    format!(
        "{COOKIE}={}; Path=/_blobwatch; HttpOnly; SameSite=Strict; Max-Age={MAX_AGE_S}{}",
        session.cookie,
        secure(host)
    )
}

/// Value of `Set-Cookie` that ends it in this browser.
#[must_use]
pub fn clear_cookie(host: &str) -> String {
    format!(
        "{COOKIE}=; Path=/_blobwatch; HttpOnly; SameSite=Strict; Max-Age=0{}",
        secure(host)
    )
}

/// A body that signs in.
///
/// # Errors
/// 400 for anything but `{"token": "…"}`, 413 for one that is too large.
pub fn posted_token(body: &str) -> Result<String, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct SignIn {
        token: String,
    }
    let place = |message: &str| Problem::bad_parameter(Place::new("body", message));
    if body.len() > MAX_SMALL_BODY {
        return Err(Problem::too_large(MAX_SMALL_BODY));
    }
    // What was found is not repeated: it may be the token.
    serde_json::from_str::<SignIn>(body)
        .map(|sign_in| sign_in.token)
        .map_err(|_| place("expected {\"token\": \"…\"} as JSON"))
}

/// What a page needs to know of the session that it is in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SessionItem {
    pub name: String,
    pub role: Role,
    pub csrf: String,
    /// RFC 3339.
    pub expires: String,
    /// What this deployment can do beside what every one can.
    pub capabilities: Capabilities,
}

/// See [`SessionItem::capabilities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Capabilities {
    /// July 2020 can be played: `POST demo/play`.
    pub demo: bool,
}

impl SessionItem {
    #[must_use]
    pub fn new(session: &Session, capabilities: Capabilities) -> Self {
        Self {
            name: session.actor.name.clone(),
            role: session.actor.role,
            csrf: session.csrf.clone(),
            expires: blobwatch_wire::rfc3339(session.expires_s.saturating_mul(1_000)),
            capabilities,
        }
    }
}

/// `Secure`, but on loopback: there is no TLS there, and browsers differ on whether they would send it back.
fn secure(host: &str) -> &'static str {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    match name {
        "localhost" | "127.0.0.1" | "[::1]" => "",
        _ => "; Secure",
    }
}

/// Our cookie in a `Cookie` header (RFC 6265, section 4.2.1).
fn cookie(header: &str) -> Option<&str> {
    header
        .split(';')
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Expiry and name, of a cookie of this version.
fn parts(value: &str) -> Option<(u64, &str)> {
    let (expires, rest) = value.strip_prefix("v1.")?.split_once('.')?;
    let (_, name) = rest.split_once('.')?;
    Some((expires.parse().ok()?, name))
}

fn keyed(key: &Tag) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    Hmac::new(&block)
}

fn tag(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> Tag {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn ended(why: &str) -> Problem {
    Problem {
        errors: vec![Place::new("header.cookie", why)],
        ..Problem::new(
            401,
            "unauthorized",
            "Not signed in",
            format!("{why}; sign in with a token at /_blobwatch/"),
        )
    }
}

fn forged(place: &str, message: &str) -> Problem {
    Problem {
        errors: vec![Place::new(place, message)],
        ..Problem::new(
            403,
            "cross-site",
            "Cross-site request refused",
            format!("{place}: {message}"),
        )
    }
}

fn no_secret() -> Problem {
    let detail = "nobody can sign in with a browser: the secret BLOBWATCH_CLIENT_SECRET, from which the session key is derived, \
                  is not set. Set it with `wrangler secret put BLOBWATCH_CLIENT_SECRET`. Bearer tokens work without it";
    Problem::new(503, "not-configured", "Sessions are not available", detail)
}

#[cfg(test)]
mod tests;
