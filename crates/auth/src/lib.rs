//! Who may call beside bearer tokens: Cloudflare Access and sessions of browsers.

mod access;
#[cfg(feature = "schema")]
mod schema;
mod session;

pub use access::{Access, Candidate, HEADER, KeyRing, Need, PublicKey, access_token_of};
#[cfg(feature = "schema")]
pub use schema::{add_answers, add_bodies};
pub use session::{
    COOKIE, CSRF_HEADER, Capabilities, MAX_AGE_S, Session, SessionItem, Sessions, check_destination,
    check_origin, clear_cookie, posted_token, session_over, set_cookie,
};
