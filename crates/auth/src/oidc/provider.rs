//! What a provider says of itself, and what its token endpoint is asked and answers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::config::{Oidc, is_address};
use super::refused;
use blobwatch_wire::Problem;

/// What is used of the discovery document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub authorization: String,
    pub token: String,
    pub keys: String,
    /// The client's secret goes into the body: the provider takes no `Authorization`.
    posts_secret: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Provider {
    /// Reads the discovery document.
    ///
    /// # Errors
    /// What is wrong with it: that of another issuer, or without a way that we take.
    pub fn read(text: &str, oidc: &Oidc) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.issuer != oidc.issuer {
            return Err(format!("expected the issuer {}, found another", oidc.issuer));
        }
        for (name, address) in [
            ("authorization_endpoint", &document.authorization_endpoint),
            ("token_endpoint", &document.token_endpoint),
            ("jwks_uri", &document.jwks_uri),
        ] {
            if !is_address(address) {
                return Err(format!("{name}: expected an https address, or http on 127.0.0.1"));
            }
        }
        // RFC 8414: absent is none, but some providers take S256 and do not say so.
        let challenges = document.code_challenge_methods_supported;
        if challenges.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err("expected a provider with PKCE (S256)".to_owned());
        }
        let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
        let has = |name: &str| methods.iter().any(|method| method == name);
        Ok(Self {
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            keys: document.jwks_uri,
            posts_secret: has("client_secret_post") && !has("client_secret_basic"),
        })
    }

    /// What the token endpoint is asked for a code.
    #[must_use]
    pub fn token_request(&self, oidc: &Oidc, code: &str, verifier: &str) -> TokenRequest {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &oidc.redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut authorization = None;
        match &oidc.client_secret {
            Some(secret) if !self.posts_secret => authorization = Some(basic(&oidc.client_id, secret)),
            Some(secret) => {
                form.append_pair("client_id", &oidc.client_id)
                    .append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", &oidc.client_id);
            }
        }
        TokenRequest {
            body: form.finish(),
            authorization,
        }
    }
}

/// A form, and the header beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub body: String,
    pub authorization: Option<String>,
}

/// RFC 6749, section 2.3.1: both are form-encoded first.
fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret));
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// The ID token in the answer of the token endpoint.
///
/// # Errors
/// 401 with what the provider says, which has no secret of ours.
pub fn id_token_of(status: u16, text: &str) -> Result<String, Problem> {
    #[derive(Deserialize)]
    struct Answer {
        id_token: Option<String>,
        error: Option<String>,
    }
    let answer = serde_json::from_str::<Answer>(text)
        .map_err(|_| refused(&format!("the identity provider answered {status} without JSON")))?;
    match (status, answer.id_token, answer.error) {
        (200, Some(token), _) => Ok(token),
        (200, None, _) => Err(refused(
            "the identity provider sent no ID token: is the scope `openid` allowed?",
        )),
        (_, _, error) => {
            let error =
                error.filter(|error| error.len() <= 100 && error.bytes().all(|b| b.is_ascii_graphic()));
            let error = error.unwrap_or_else(|| status.to_string());
            Err(refused(&format!(
                "the identity provider refused the code ({error})"
            )))
        }
    }
}
