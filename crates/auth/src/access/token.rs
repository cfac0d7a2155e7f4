//! One token of Access: for us, and of whom.

use super::config::{Access, Identity, is_name};
use crate::jwt::{Algorithm, Jwt, Signed};
use blobwatch_tokens::Actor;
use blobwatch_wire::{Place, Problem};

/// Bytes of a token: Access's carry identity and groups in some 1 to 2 KB. Longer ones are refused before they are read.
pub(crate) const MAX_JWT: usize = 8 << 10;

/// A token whose claims hold. It speaks for nobody until its signature is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub signed: Signed,
    identity: Identity,
    actor: Option<Actor>,
}

impl Candidate {
    /// Reads a token and checks everything but its signature.
    ///
    /// # Errors
    /// 401 for a token that is not one of ours, not now or not for us.
    pub fn read(token: &str, access: &Access, now_ms: u64) -> Result<Self, Problem> {
        let jwt = Jwt::read(token, MAX_JWT, &[Algorithm::Rs256]).map_err(|why| refused(&why))?;
        jwt.in_time(now_ms / 1_000).map_err(|why| refused(&why))?;
        for_us(&jwt, access)?;
        let identity = identity(&jwt)?;
        Ok(Self {
            signed: jwt.signed,
            actor: access.actor(&identity),
            identity,
        })
    }

    /// Who the token speaks for, `is_proven` being what the key of [`Signed::kid`] says of the signature.
    ///
    /// # Errors
    /// 401 where it is not the key's, whoever it names: else anybody could ask who has a role. 403 for somebody without one.
    pub fn proven(self, is_proven: bool) -> Result<Actor, Problem> {
        if !is_proven {
            return Err(refused("the signature does not match the team's key"));
        }
        self.actor.ok_or_else(|| no_role(&self.identity))
    }

    /// 401: no token came, and there is no other way in.
    #[must_use]
    pub fn missing() -> Problem {
        refused("this call has no Cloudflare Access token")
    }

    /// 503: nothing is known of the team's keys, so nothing of the token either.
    #[must_use]
    pub fn no_keys() -> Problem {
        let detail = "the public keys of the Access team cannot be fetched, so no Access token can be checked; \
            try again in half a minute, or use one of the deployment's tokens";
        Problem::new(503, "unavailable", "Access cannot be checked", detail)
    }

    /// 401: the team has no such key.
    #[must_use]
    pub fn unknown_key() -> Problem {
        refused("the team has no key with this id")
    }
}

fn for_us(jwt: &Jwt, access: &Access) -> Result<(), Problem> {
    if jwt.text("iss") != Some(&access.team) {
        return Err(refused("the token was issued by another team"));
    }
    if jwt.texts("aud").iter().any(|audience| access.takes(audience)) {
        Ok(())
    } else {
        Err(refused("the token is for another application"))
    }
}

/// A person has an `email`, a service token a `common_name`; Access leaves the other one empty or out.
fn identity(jwt: &Jwt) -> Result<Identity, Problem> {
    match (jwt.text("email"), jwt.text("common_name")) {
        (Some(email), None) if is_name(email) => Ok(Identity::Email(email.to_ascii_lowercase())),
        (None, Some(id)) if is_name(id) => Ok(Identity::Service(id.to_owned())),
        _ => Err(refused("the token identifies neither a person nor a service")),
    }
}

fn refused(why: &str) -> Problem {
    let place = Place::new("header.cf-access-jwt-assertion", why);
    let detail = format!("{why}; sign in through Access, or use one of the deployment's tokens");
    Problem {
        errors: vec![place],
        ..Problem::new(401, "unauthorized", "Not authenticated", detail)
    }
}

fn no_role(identity: &Identity) -> Problem {
    let (Identity::Email(name) | Identity::Service(name)) = identity;
    let detail = format!("BLOBWATCH_ACCESS gives {name:?} no role");
    Problem::new(403, "forbidden", "Not allowed", detail)
}
