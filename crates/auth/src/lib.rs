//! Who may call beside bearer tokens: Cloudflare Access, people who sign in at an OpenID Connect provider, and sessions of
//! browsers.

mod access;
mod jwt;
mod keys;
mod oidc;
#[cfg(feature = "schema")]
mod schema;
mod session;

pub use access::{Access, Candidate, HEADER, Proven, access_tokens_of};
pub use jwt::SignedToken;
pub use keys::{KeyMaterial, KeyRing, Need, PublicKey};
pub use oidc::{
    BEGIN, CALLBACK, Callback, IdToken, Oidc, Provider, SignIn, clear_sign_in_cookie, id_token_of,
    sign_in_cookie,
};
#[cfg(feature = "schema")]
pub use schema::{add_answers, add_bodies};
pub use session::{
    COOKIE, CSRF_HEADER, Capabilities, MAX_AGE_S, Session, SessionItem, Sessions, check_destination,
    check_has_sessions, check_may_end, check_origin, clear_cookie, posted_token, session_over, set_cookie,
};
