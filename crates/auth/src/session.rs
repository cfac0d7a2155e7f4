//! Sessions of the dashboard: a cookie that stands for a token for some hours.
//!
//! In scope: making and reading the cookie, and what a changing call by cookie must carry against forged requests.
//! Not in scope: HTTP (`src/control_plane/session.rs`) and what a role may do ([`blobwatch_tokens`]).
//!
//! Nothing is stored of a session that holds; the RuleBook keeps which ones were ended before their time. The cookie is
//! `v1.<expiry>.<tag>.<name>`, the tag an HMAC-SHA256 under a key that is derived from the deployment's secret. The hash of
//! the token is under the tag too, so a token that is taken out of `BLOBWATCH_TOKENS`, or replaced, ends its sessions at once.
//! That of a person who signed in at a provider is `v2.<expiry>.<tag>.<person>`: who that is, and not what they may do.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::oidc::{Oidc, Person};
use blobwatch_rulebook::strict;
use blobwatch_tokens::{Actor, Role, Tokens};
use blobwatch_wire::{Changed, MAX_SMALL_BODY, Place, Problem, hex};

/// Name of the cookie on loopback, and everywhere until this build: it is read until the last of those is over.
pub const COOKIE: &str = "blobwatch_session";

/// Name of the cookie elsewhere: browsers take it over TLS only, so that nobody on the wire can set it.
pub(crate) const SECURE_COOKIE: &str = "__Secure-blobwatch_session";

/// Cookies of one name that are looked at, each a hash or two, or a signature. Browsers keep 180 of a domain and its neighbours together.
pub(crate) const MAX_TRIED: usize = 200;

/// Carries [`Session::csrf`] on every changing call by cookie.
pub const CSRF_HEADER: &str = "blobwatch-csrf";

/// How long a session lasts: a shift and its handover.
pub const MAX_AGE_S: u64 = 12 * 3_600;

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
    /// Stands for the cookie where it is ended before its time; it opens nothing.
    pub id: String,
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
        let actor = tokens
            .authorize(Some(&format!("Bearer {token}")), Role::Viewer)
            .map_err(in_body)?;
        let expires_s = now_ms / 1_000 + MAX_AGE_S;
        self.session(tokens, &actor.name, expires_s)
            .ok_or_else(unknown_token)
    }

    /// The session of a `Cookie` header. A neighbour domain can add cookies of our name: those that do not hold count for
    /// nothing, and of two that hold nobody knows which one the person means.
    ///
    /// # Errors
    /// 401 without a cookie of ours, for ones that are malformed, forged, over or of a token that is gone, and for two
    /// sessions.
    pub fn read(&self, tokens: &Tokens, header: &str, now_ms: u64) -> Result<Session, Problem> {
        self.read_of(tokens, None, header, now_ms)
    }

    /// As [`Self::read`], also of people of a provider.
    ///
    /// # Errors
    /// As [`Self::read`], and for somebody whom the configuration gives no role any more.
    pub fn read_of(
        &self,
        tokens: &Tokens,
        oidc: Option<&Oidc>,
        header: &str,
        now_ms: u64,
    ) -> Result<Session, Problem> {
        let mut values: Vec<&str> = cookies(header).collect();
        if values.is_empty() {
            return Err(ended("you are not signed in"));
        }
        values.sort_unstable();
        values.dedup();
        let mut holding = values
            .into_iter()
            .filter_map(|value| Some((value, parts(value)?)))
            .filter(|(_, parts)| parts.expires_s > now_ms / 1_000)
            .take(MAX_TRIED)
            .filter_map(|(value, parts)| {
                let session = match parts.kind {
                    Kind::Token => self.session(tokens, parts.of, parts.expires_s),
                    Kind::Person => self.session_of(oidc?, &person_of(parts.of)?, parts.expires_s),
                }?;
                // The whole text, so that a tag has one way of being written.
                bool::from(session.cookie.as_bytes().ct_eq(value.as_bytes())).then_some(session)
            });
        let session = holding.next().ok_or_else(session_over)?;
        match holding.next() {
            None => Ok(session),
            Some(_) => Err(ended(
                "the request carries two sessions, and either may be somebody else's",
            )),
        }
    }

    /// The one session of a name that ends at that time; `None` for a name without a token.
    fn session(&self, tokens: &Tokens, name: &str, expires_s: u64) -> Option<Session> {
        let (actor, sha256) = tokens.named(name)?;
        let expires = expires_s.to_string();
        let tag = tag(
            &self.keyed,
            &[b"session\0", expires.as_bytes(), b"\0", sha256, name.as_bytes()],
        );
        Some(self.tagged(actor.clone(), tag, expires_s, |tag| {
            format!("v1.{expires}.{tag}.{name}")
        }))
    }

    /// Begins the session of somebody who signed in at a provider.
    ///
    /// # Errors
    /// 401 for somebody without a role.
    pub fn open_for(&self, oidc: &Oidc, person: &Person, now_ms: u64) -> Result<Session, Problem> {
        let expires_s = now_ms / 1_000 + MAX_AGE_S;
        self.session_of(oidc, person, expires_s).ok_or_else(session_over)
    }

    fn session_of(&self, oidc: &Oidc, person: &Person, expires_s: u64) -> Option<Session> {
        let actor = oidc.actor(person)?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_string(person).ok()?);
        let expires = expires_s.to_string();
        let parts: [&[u8]; 4] = [b"person session\0", expires.as_bytes(), b"\0", text.as_bytes()];
        let tag = tag(&self.keyed, &parts);
        Some(self.tagged(actor, tag, expires_s, |tag| format!("v2.{expires}.{tag}.{text}")))
    }

    /// Text that only this deployment can make.
    pub(crate) fn derived(&self, parts: &[&[u8]]) -> String {
        hex(&tag(&self.keyed, parts))
    }

    fn tagged(&self, actor: Actor, tag: Tag, expires_s: u64, cookie: impl FnOnce(&str) -> String) -> Session {
        let csrf = self::tag(&self.keyed, &[b"csrf\0", &tag]);
        let id = self::tag(&self.keyed, &[b"session id\0", &tag]);
        Session {
            actor,
            csrf: hex(&csrf),
            cookie: cookie(&hex(&tag)),
            id: hex(&id),
            expires_s,
        }
    }
}

impl Session {
    /// In seconds since 1970.
    #[must_use]
    pub const fn opened_s(&self) -> u64 {
        self.expires_s.saturating_sub(MAX_AGE_S)
    }

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

/// What asks by cookie is a script of our page: no frame, image, script or address bar. Where a browser says what it asks for,
/// it must say that; `is_download` also takes a link of the page that saves a file. Programs, and browsers without TLS, say
/// nothing.
///
/// # Errors
/// 403 for anything else.
pub fn check_destination(fetch_dest: Option<&str>, is_download: bool) -> Result<(), Problem> {
    match fetch_dest {
        None | Some("empty") => Ok(()),
        Some("document") if is_download => Ok(()),
        Some(_) => Err(forged(
            "header.sec-fetch-dest",
            "expected a call of the dashboard's script; use a bearer token elsewhere",
        )),
    }
}

/// Values of `Set-Cookie` that begin a session, and end the one that this browser had under the other name.
#[must_use]
pub fn set_cookie(session: &Session, host: &str) -> Vec<String> {
    if is_loopback(host) {
        return vec![cookie(COOKIE, &session.cookie, MAX_AGE_S, "")];
    }
    vec![
        cookie(SECURE_COOKIE, &session.cookie, MAX_AGE_S, "; Secure"),
        cookie(COOKIE, "", 0, "; Secure"),
    ]
}

/// Values of `Set-Cookie` that end it in this browser.
#[must_use]
pub fn clear_cookie(host: &str) -> Vec<String> {
    if is_loopback(host) {
        return vec![cookie(COOKIE, "", 0, "")];
    }
    [SECURE_COOKIE, COOKIE]
        .map(|name| cookie(name, "", 0, "; Secure"))
        .into()
}

fn cookie(name: &str, value: &str, max_age_s: u64, secure: &str) -> String {
    format!("{name}={value}; Path=/_blobwatch; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}")
}

/// What signs in.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PostedToken {
    token: String,
}

/// A body that signs in.
///
/// # Errors
/// 400 for anything but `{"token": "…"}`, 413 for one that is too large.
pub fn posted_token(body: &str) -> Result<String, Problem> {
    let place = |message: &str| Problem::bad_parameter(Place::new("body", message));
    if body.len() > MAX_SMALL_BODY {
        return Err(Problem::too_large(MAX_SMALL_BODY));
    }
    // What was found is not repeated: it may be the token.
    strict::<PostedToken>(body, "body")
        .map(|sign_in| sign_in.token)
        .map_err(|_| place("expected {\"token\": \"…\"} as JSON"))
}

/// Whoever signs in sends the token in the body, and no header.
fn in_body(problem: Problem) -> Problem {
    match problem.status {
        401 => unknown_token(),
        _ => problem,
    }
}

fn unknown_token() -> Problem {
    let why = "unknown token";
    Problem {
        errors: vec![Place::new("body.token", why)],
        ..Problem::new(
            401,
            "unauthorized",
            "Not authenticated",
            "unknown token; expected one of the deployment's tokens",
        )
    }
}

/// What a page needs to know of the session that it is in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionItem {
    pub name: String,
    pub role: Role,
    /// On which routes an operator changes something; `null`: on all.
    pub routes: Option<Vec<String>>,
    /// Empty where changes need none: through Access, their origin is checked.
    pub csrf: String,
    /// RFC 3339; `null` through Access, which says itself when that ends.
    pub expires: Option<String>,
    /// What this deployment can do beside what every one can.
    pub capabilities: Capabilities,
}

/// See [`SessionItem::capabilities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
            routes: session.actor.routes.clone(),
            csrf: session.csrf.clone(),
            expires: Some(blobwatch_wire::rfc3339(session.expires_s.saturating_mul(1_000))),
            capabilities,
        }
    }

    /// Of somebody whom Access lets in.
    #[must_use]
    pub fn through_access(actor: Actor, capabilities: Capabilities) -> Self {
        Self {
            name: actor.name,
            role: actor.role,
            routes: actor.routes,
            csrf: String::new(),
            expires: None,
            capabilities,
        }
    }
}

/// There is no TLS there, and browsers differ on whether they would send a `Secure` cookie back.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Our cookies in a `Cookie` header (RFC 6265, section 4.2.1).
fn cookies(header: &str) -> impl Iterator<Item = &str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter(|(name, _)| [COOKIE, SECURE_COOKIE].contains(name))
        .map(|(_, value)| value)
}

/// Whom a cookie says that it is of.
struct Parts<'a> {
    kind: Kind,
    expires_s: u64,
    of: &'a str,
}

enum Kind {
    Token,
    Person,
}

fn parts(value: &str) -> Option<Parts<'_>> {
    let (kind, rest) = match value.strip_prefix("v1.") {
        Some(rest) => (Kind::Token, rest),
        None => (Kind::Person, value.strip_prefix("v2.")?),
    };
    let (expires, rest) = rest.split_once('.')?;
    let (_, of) = rest.split_once('.')?;
    Some(Parts {
        kind,
        expires_s: expires.parse().ok()?,
        of,
    })
}

fn person_of(text: &str) -> Option<Person> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
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

/// Whether somebody may end all sessions of that name: one's own, or as an operator of everything anybody's.
///
/// # Errors
/// 403 for whoever may not.
pub fn check_may_end(actor: &Actor, name: &str) -> Result<(), Problem> {
    if actor.name == name {
        return Ok(());
    }
    actor.require_for(Role::Operator, &Changed::Everything)
}

/// Whether that name can have sessions: that of a token, of whoever asks, or of a person, where people sign in at a provider. What names
/// nobody is a slip, and somebody would take its sessions for ended.
///
/// # Errors
/// 404 for a name that nobody has.
pub fn check_has_sessions(
    actor: &Actor,
    name: &str,
    tokens: &Tokens,
    has_provider: bool,
) -> Result<(), Problem> {
    let may_be_a_person = has_provider && name.contains(['@', ':']);
    if tokens.named(name).is_none() && !may_be_a_person && actor.name != name {
        return Err(Problem::not_found("token of this name"));
    }
    Ok(())
}

/// 401: the session is over, or was ended before its time.
#[must_use]
pub fn session_over() -> Problem {
    ended("the session has expired or was ended")
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
