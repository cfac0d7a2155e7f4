//! Cloudflare Access: who a JWT speaks for, beside bearer tokens (`auth`).
//!
//! In scope: the configuration, who a token is of. Not in scope: the signature itself, which the platform's WebCrypto checks (`src/control_plane/access.rs`), and fetching.
//!
//! <https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>

pub(crate) mod config;
#[cfg(test)]
mod tests;
mod token;

pub use config::Access;
pub use token::{Candidate, Proven};

use crate::session::MAX_TRIED;

/// Carries the token of a request that went through Access.
pub const HEADER: &str = "cf-access-jwt-assertion";

/// Carries it too, from a browser.
pub(crate) const COOKIE: &str = "CF_Authorization";

/// The tokens of a request: that of the header, or those of the `Cookie` header's cookies, each once. A neighbour domain can
/// add cookies of the name.
#[must_use]
pub fn access_tokens_of<'a>(header: Option<&'a str>, cookies: Option<&'a str>) -> Vec<&'a str> {
    let pairs = cookies.unwrap_or_default().split(';');
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    let of_cookies = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    let tokens: Vec<&str> = header.map_or_else(|| of_cookies.collect(), |token| vec![token]);
    let mut once: Vec<&str> = Vec::new();
    for token in tokens
        .into_iter()
        .map(str::trim)
        .filter(|token| !token.is_empty())
    {
        if !once.contains(&token) && once.len() < MAX_TRIED {
            once.push(token);
        }
    }
    once
}
