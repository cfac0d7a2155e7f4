//! Who a request's credential speaks for, read and not believed.
//!
//! The token is not verified: the registry does that, and answers 401 to a forged one. Here a subject only tells apart
//! the clients behind one address, and it counts together with the address, so a forger can make new keys for himself
//! and can never speak under another's. What new keys are worth: he draws a new place in a percentage and starts anew
//! in a volume by client. A percentage is a roll-out, not a defence, and a volume by fingerprint, network or route
//! does not look at clients; rotating addresses gives him the same.

use std::borrow::Cow;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use serde::Deserialize;

/// Bytes of a credential that are looked at; tokens with a certificate chain in them reach 6 KB.
pub(crate) const MAX_CREDENTIAL: usize = 16 * 1024;

/// Bytes of a subject; an identity provider's are below 256.
pub(crate) const MAX_SUBJECT: usize = 512;

/// The name a credential gives, by where it stands: a user's `ci` is not a token's `ci`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `sub` of a Bearer token that is a JWT.
    Token(String),
    /// User name of Basic.
    User(String),
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// The one claim that is read; all others are skipped.
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
}

impl Subject {
    /// Reads an Authorization header. `None` for anonymous tokens (Docker Hub's have an empty `sub`), for opaque ones,
    /// and for anything odd.
    #[must_use]
    pub fn read(authorization: &str) -> Option<Self> {
        if authorization.len() > MAX_CREDENTIAL {
            return None;
        }
        let (scheme, credential) = authorization.split_once(' ')?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            token_subject(credential).map(Self::Token)
        } else if scheme.eq_ignore_ascii_case("basic") {
            user_name(credential).map(Self::User)
        } else {
            None
        }
    }
}

fn token_subject(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE.decode(payload).ok()?;
    let claims: Claims<'_> = serde_json::from_str(std::str::from_utf8(&payload).ok()?).ok()?;
    named(&claims.sub)
}

fn user_name(credential: &str) -> Option<String> {
    let pair = STANDARD.decode(credential).ok()?;
    let (user, _) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    named(user)
}

fn named(name: &str) -> Option<String> {
    (1..=MAX_SUBJECT).contains(&name.len()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::{MAX_CREDENTIAL, MAX_SUBJECT, Subject};

    fn bearer(payload: &str) -> String {
        format!(
            "Bearer eyJhbGciOiJSUzI1NiJ9.{}.c2ln",
            BASE64_URL_SAFE_NO_PAD.encode(payload)
        )
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    #[track_caller]
    fn token(header: &str, expected: Option<&str>) {
        assert_eq!(
            Subject::read(header),
            expected.map(|name| Subject::Token(name.into()))
        );
    }

    #[track_caller]
    fn user(header: &str, expected: Option<&str>) {
        assert_eq!(
            Subject::read(header),
            expected.map(|name| Subject::User(name.into()))
        );
    }

    #[test]
    fn a_token_names_its_subject() {
        token(
            &bearer(r#"{"access":[{"type":"repository","name":"a"}],"sub":"0b1e-9","iat":1}"#),
            Some("0b1e-9"),
        );
        token(&bearer(r#"{"sub":"a\"b"}"#), Some("a\"b"));
        token(
            &bearer(r#"{"sub":"x"}"#).replace("Bearer ", "bearer   "),
            Some("x"),
        );
    }

    #[test]
    fn a_token_that_names_nobody_is_anonymous() {
        token(&bearer(r#"{"sub":""}"#), None);
        token(&bearer(r#"{"iss":"auth"}"#), None);
        token(&bearer(r#"{"sub":7}"#), None);
        token(&bearer(r#"{"sub":"a","sub":"b"}"#), None);
        token(&bearer("[]"), None);
        token(&bearer("{"), None);
        token("Bearer opaque", None);
        token("Bearer a.b", None);
        token("Bearer a.b.c.d", None);
        token("Bearer ..", None);
        token("Bearer a.!!.c", None);
    }

    #[test]
    fn basic_names_its_user() {
        user(&basic("ci:secret:with:colons"), Some("ci"));
        user(&basic("ci:"), Some("ci"));
        user(&basic(":x"), None);
        user(&basic("nobody"), None);
        user("Basic ???", None);
        user("Basic", None);
        user("Digest username=\"ci\"", None);
        user("", None);
    }

    #[test]
    fn length_is_bounded() {
        user(
            &basic(&format!("{}:x", "a".repeat(MAX_SUBJECT))),
            Some(&"a".repeat(MAX_SUBJECT)),
        );
        user(&basic(&format!("{}:x", "a".repeat(MAX_SUBJECT + 1))), None);
        token(
            &bearer(&format!(r#"{{"sub":"a","x":"{}"}}"#, "y".repeat(MAX_CREDENTIAL))),
            None,
        );
        // Nesting is bounded by the parser.
        token(&bearer(&format!(r#"{{"x":{}"#, "[".repeat(9_000))), None);
    }

    #[test]
    fn whatever_is_sent_is_read_without_a_panic() {
        bolero::check!().with_max_len(256).for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            for header in [
                text.to_string(),
                bearer(&text),
                basic(&text),
                format!("Bearer {text}"),
            ] {
                if let Some(Subject::Token(name) | Subject::User(name)) = Subject::read(&header) {
                    assert!((1..=MAX_SUBJECT).contains(&name.len()));
                }
            }
        });
    }
}
