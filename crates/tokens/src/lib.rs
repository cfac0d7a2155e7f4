//! Who may call the control plane: bearer tokens that the deployment knows by their SHA-256, of its secret and of the RuleBook.
//!
//! In scope: reading the secret, the RuleBook's tokens that hold now, checking an `Authorization` header, roles. Not in scope: Cloudflare Access and
//! session cookies.

mod actor;
mod stored;
mod tries;

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use actor::{Actor, Grant};
use blobwatch_rulebook::{check_name, strict};
pub use blobwatch_wire::Role;
use blobwatch_wire::{Place, Problem, hex, unhex_any_case};
pub use stored::{MAX_STORED, StoredToken};
pub use tries::{Tries, too_many_tries};

/// Value of `WWW-Authenticate` beside a 401 (RFC 6750, section 3).
pub const CHALLENGE: &str = "Bearer realm=\"blobwatch\"";

/// People and programs that operate one deployment; each is one hash comparison a call, about 50 ns.
pub const MAX_TOKENS: usize = 100;

/// Names under which Blobwatch makes changes itself: nobody may pass for it in the audit log.
pub const RESERVED: [&str; 3] = ["blobwatch", "schedule", "guard"];

/// Bytes of a token: longer ones are refused before they are hashed.
pub const MAX_TOKEN: usize = 1_024;

/// The tokens that open the control plane.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Debug, Clone)]
struct Token {
    actor: Actor,
    sha256: [u8; 32],
}

/// One entry of the secret: `{"name": "ci", "role": "viewer", "sha256": "<64 hex digits>"}`; an operator may have `routes`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    role: Role,
    routes: Option<Vec<String>>,
    sha256: String,
}

/// Why the secret is not used; fits "failed to read BLOBWATCH_TOKENS: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokensError(pub String);

impl fmt::Display for TokensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokensError {}

impl Tokens {
    /// Reads the secret, a JSON list of `TokenEntry`s. An empty text or list configures nobody.
    ///
    /// # Errors
    /// The first entry that cannot be used; none of the others is then, so that a typing mistake cannot leave a
    /// deployment with half of its operators.
    pub fn from_json(text: &str) -> Result<Self, TokensError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let entries: Vec<TokenEntry> = strict(text, "tokens").map_err(tokens_error)?;
        if entries.len() > MAX_TOKENS {
            return Err(TokensError(format!(
                "expected at most {MAX_TOKENS} tokens, found {}",
                entries.len()
            )));
        }
        let mut tokens: Vec<Token> = Vec::with_capacity(entries.len());
        for (at, entry) in entries.into_iter().enumerate() {
            let token = Token::new(at, entry)?;
            if tokens.iter().any(|known| known.actor.name == token.actor.name) {
                return Err(TokensError(format!(
                    "tokens[{at}].name: {:?} occurs twice",
                    token.actor.name
                )));
            }
            tokens.push(token);
        }
        Ok(Self(tokens))
    }

    /// Adds a token given in the clear; the development server's.
    #[must_use]
    pub fn with_token(mut self, name: &str, role: Role, token: &str) -> Self {
        self.0.push(Token {
            actor: Actor::everywhere(name, role),
            sha256: Sha256::digest(token).into(),
        });
        self
    }

    /// Everybody, in order.
    pub fn actors(&self) -> impl Iterator<Item = &Actor> {
        self.0.iter().map(|token| &token.actor)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who the `Authorization` header speaks for.
    ///
    /// # Errors
    /// 503 while nobody is configured; 401, to be sent with [`CHALLENGE`], for a header that is missing, malformed
    /// or unknown.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<&Actor, Problem> {
        if self.is_empty() {
            return Err(closed());
        }
        let header = authorization.ok_or_else(|| unauthorized("there is no Authorization header"))?;
        let token = bearer(header).map_err(unauthorized)?;
        self.find(token).ok_or_else(|| unauthorized("unknown token"))
    }

    /// As [`Self::authenticate`], for a call that needs a role.
    ///
    /// # Errors
    /// Also 403 when the token is known and its role is not enough.
    pub fn authorize(&self, authorization: Option<&str>, needed: Role) -> Result<&Actor, Problem> {
        let actor = self.authenticate(authorization)?;
        actor.require(needed)?;
        Ok(actor)
    }

    /// The person or program of that name, and the hash of its token.
    pub fn named(&self, name: &str) -> Option<(&Actor, &[u8; 32])> {
        let token = self.0.iter().find(|token| token.actor.name == name)?;
        Some((&token.actor, &token.sha256))
    }

    /// Looks at every token whatever is found, so that the time says nothing about which one was near.
    fn find(&self, token: &str) -> Option<&Actor> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.sha256.ct_eq(&digest)) {
                found = Some(&known.actor);
            }
        }
        found
    }
}

impl Token {
    fn new(at: usize, entry: TokenEntry) -> Result<Self, TokensError> {
        let wrong =
            |field: &str, expected: &str| TokensError(format!("tokens[{at}].{field}: expected {expected}"));
        check_name(&entry.name).map_err(|expected| wrong("name", expected))?;
        if RESERVED.contains(&&*entry.name) {
            return Err(wrong("name", "a name that is not reserved for Blobwatch itself"));
        }
        // The value itself is not repeated: a token in the clear may have been pasted in the wrong place.
        let sha256 = unhex_any_case(&entry.sha256)
            .ok_or_else(|| wrong("sha256", "64 hex digits, the SHA-256 of the token"))?;
        let grant = Grant {
            role: entry.role,
            routes: entry.routes,
        };
        grant
            .check()
            .map_err(|(field, expected)| wrong(field, &expected))?;
        Ok(Self {
            actor: grant.actor(entry.name),
            sha256,
        })
    }
}

fn tokens_error(place: Place) -> TokensError {
    TokensError(format!("{}: {}", place.place, place.message))
}

/// How a token is known, in hex.
#[must_use]
pub fn digest(token: &str) -> String {
    hex(&Sha256::digest(token))
}

/// The token of `Bearer <token>` (RFC 6750, section 2.1: `b64token`; RFC 9110: the scheme in any case).
fn bearer(header: &str) -> Result<&str, &'static str> {
    let expected = "expected `Authorization: Bearer <token>`";
    let (scheme, token) = header.trim().split_once(' ').ok_or(expected)?;
    let token = token.trim_start_matches(' ');
    let known =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    let is_token = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(known);
    if scheme.eq_ignore_ascii_case("bearer") && is_token {
        Ok(token)
    } else {
        Err(expected)
    }
}

fn unauthorized(why: &str) -> Problem {
    let place = Place::new("header.authorization", why);
    let detail = format!("{why}; this call needs one of the deployment's tokens");
    Problem {
        errors: vec![place],
        ..Problem::new(401, "unauthorized", "Not authenticated", detail)
    }
}

fn closed() -> Problem {
    let detail = "no token is configured, so the control plane is closed. To open it, set the secret BLOBWATCH_TOKENS \
                  to a JSON list such as [{\"name\":\"me\",\"role\":\"operator\",\"sha256\":\"<SHA-256 of your token in \
                  hex>\"}]; `printf %s \"$TOKEN\" | sha256sum` prints the hash";
    Problem::new(503, "not-configured", "The control plane is closed", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `secret`.
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn tokens() -> Tokens {
        let text = format!(r#"[{{"name":"ci","role":"viewer","sha256":"{SECRET}"}}]"#);
        Tokens::from_json(&text)
            .unwrap()
            .with_token("ops", Role::Operator, "another")
            .with_token("logpush", Role::Ingest, "pushed")
    }

    #[test]
    fn a_token_is_known_by_its_hash() {
        let tokens = tokens();
        let actor = tokens.authenticate(Some("Bearer secret")).unwrap();
        assert_eq!((actor.name.as_str(), actor.role), ("ci", Role::Viewer));
        assert_eq!(
            tokens.authenticate(Some("bearer  another")).unwrap().role,
            Role::Operator
        );
    }

    #[test]
    fn an_operator_may_have_routes() {
        let text = format!(r#"[{{"name":"ada","role":"operator","routes":["hub"],"sha256":"{SECRET}"}}]"#);
        let tokens = Tokens::from_json(&text).unwrap();
        let ada = tokens.authenticate(Some("Bearer secret")).unwrap();
        assert_eq!(ada.routes.as_deref(), Some(&["hub".to_owned()][..]));
    }

    #[test]
    fn a_header_that_proves_nothing_is_401() {
        #[track_caller]
        fn case(header: Option<&str>) {
            let problem = tokens().authorize(header, Role::Viewer).unwrap_err();
            assert_eq!(problem.status, 401, "{header:?}");
            assert_eq!(problem.errors[0].place, "header.authorization");
        }
        case(None);
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Basic c2VjcmV0",
            "secret",
            "Bearer wrong",
            "Bearer secret secret",
            "Bearer secre\u{7f}t",
            "Bearer Secret",
        ] {
            case(Some(header));
        }
        case(Some(&format!("Bearer {}", "a".repeat(MAX_TOKEN + 1))));
        // The hash is public to whoever reads the secret's configuration; it is no token.
        case(Some(&format!("Bearer {SECRET}")));
    }

    #[test]
    fn a_role_includes_the_ones_below_it() {
        #[track_caller]
        fn case(token: &str, needed: Role, expected: Option<u16>) {
            let status = tokens()
                .authorize(Some(&format!("Bearer {token}")), needed)
                .err()
                .map(|problem| problem.status);
            assert_eq!(status, expected);
        }
        case("secret", Role::Viewer, None);
        case("secret", Role::Operator, Some(403));
        case("another", Role::Viewer, None);
        case("another", Role::Operator, None);
        case("another", Role::Ingest, None);
        case("secret", Role::Ingest, Some(403));
        case("pushed", Role::Ingest, None);
        case("pushed", Role::Viewer, Some(403));
        case("pushed", Role::Operator, Some(403));
    }

    #[test]
    fn nothing_configured_is_closed_and_says_how_to_open() {
        for text in ["", " ", "[]"] {
            let problem = Tokens::from_json(text)
                .unwrap()
                .authenticate(Some("Bearer secret"))
                .unwrap_err();
            assert_eq!(problem.status, 503);
            assert!(problem.detail.contains("BLOBWATCH_TOKENS"), "{}", problem.detail);
        }
    }

    #[test]
    fn a_secret_that_cannot_be_read_names_the_place() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            let error = Tokens::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        case("{", "tokens: ");
        case(
            r#"[{"name":"a","role":"owner","sha256":""}]"#,
            "tokens[0].role: expected one of `ingest`, `viewer`, `analyst`, `operator`, `admin`, found `owner`",
        );
        case(
            r#"[{"name":"a","role":"viewer","sha256":"secret"}]"#,
            "tokens[0].sha256: expected 64 hex digits",
        );
        case(
            &format!(r#"[{{"name":"A b","role":"viewer","sha256":"{SECRET}"}}]"#),
            "tokens[0].name: expected a lower-case letter",
        );
        case(
            &format!(r#"[{{"name":"guard","role":"viewer","sha256":"{SECRET}"}}]"#),
            "tokens[0].name: expected a name that is not reserved",
        );
        case(
            &format!(r#"[{{"name":"a","role":"viewer","routes":["hub"],"sha256":"{SECRET}"}}]"#),
            "tokens[0].routes: expected no routes beside the role viewer",
        );
        case(
            &format!(r#"[{{"name":"a","role":"operator","routes":"hub","sha256":"{SECRET}"}}]"#),
            "tokens[0].routes: ",
        );
        case(
            r#"[{"name":"a","role":"viewer","sha256":"","x":1}]"#,
            "unknown field `x`",
        );
        let twice = format!(r#"{{"name":"a","role":"viewer","sha256":"{SECRET}"}}"#);
        case(
            &format!("[{twice},{twice}]"),
            "tokens[1].name: \"a\" occurs twice",
        );
    }

    #[test]
    fn an_error_does_not_repeat_a_token_that_was_pasted_as_its_hash() {
        let error =
            Tokens::from_json(r#"[{"name":"a","role":"viewer","sha256":"my-secret-token"}]"#).unwrap_err();
        assert!(!error.to_string().contains("my-secret-token"));
    }
}
