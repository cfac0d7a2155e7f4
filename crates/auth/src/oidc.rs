//! OpenID Connect: signing in at an identity provider of one's own, where there is no Cloudflare Access in front.
//!
//! In scope: the configuration, what discovery must say, the authorization code flow with PKCE, state and nonce, the claims of
//! the ID token, and which role a person has. Not in scope: fetching and signatures (`src/control_plane/oidc.rs`), and the
//! session that follows ([`crate::Sessions`]).
//!
//! <https://openid.net/specs/openid-connect-core-1_0.html>, <https://www.rfc-editor.org/rfc/rfc9700>

mod config;
mod flow;
mod id_token;
mod provider;
#[cfg(test)]
mod tests;

pub use config::Oidc;
pub use flow::{Callback, SignIn, clear_sign_in_cookie, sign_in_cookie};
pub use id_token::IdToken;
pub(crate) use id_token::Person;
pub use provider::{Provider, id_token_of};

use blobwatch_wire::{Place, Problem};

/// Where signing in begins.
pub const BEGIN: &str = "/_blobwatch/session/oidc";

/// Where the provider sends people back to.
pub const CALLBACK: &str = "/_blobwatch/session/oidc/callback";

/// 401 for a sign-in that does not hold; whoever tries again begins anew.
fn refused(why: &str) -> Problem {
    Problem {
        errors: vec![Place::new("oidc", why)],
        ..Problem::new(
            401,
            "unauthorized",
            "Not signed in",
            format!("{why}; sign in again at /_blobwatch/"),
        )
    }
}
