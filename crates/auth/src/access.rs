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
pub use token::Candidate;

/// Carries the token of a request that went through Access.
pub const HEADER: &str = "cf-access-jwt-assertion";

/// Carries it too, from a browser.
pub(crate) const COOKIE: &str = "CF_Authorization";

/// The token of a request: of the header, or of the `Cookie` header's cookie.
#[must_use]
pub fn access_token_of<'a>(header: Option<&'a str>, cookies: Option<&'a str>) -> Option<&'a str> {
    let cookie = || {
        let pairs = cookies?.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
        // Two cookies of the name: one of them may be forged by a neighbour domain.
        values.next().filter(|_| values.next().is_none())
    };
    header
        .or_else(cookie)
        .map(str::trim)
        .filter(|token| !token.is_empty())
}
