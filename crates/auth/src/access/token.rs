//! One token of Access: for us, and of whom.

use super::config::{Access, Identity, is_name};
use crate::jwt::{Algorithm, Jwt, SignedToken};
use blobwatch_tokens::Actor;
use blobwatch_wire::{Place, Problem};

/// Bytes of a token: Access's carry identity and groups in some 1 to 2 KB. Longer ones are refused before they are read.
pub(crate) const MAX_JWT: usize = 8 << 10;

/// A token whose claims hold. It speaks for nobody until its signature is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub signed: SignedToken,
    identity: Identity,
    actor: Option<Actor>,
}

/// Who a token speaks for, whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    identity: Identity,
    actor: Option<Actor>,
}

impl Proven {
    /// Who calls, by all tokens that hold: of two people nobody knows which one it is.
    ///
    /// # Errors
    /// 401 for none, with the reason why the first one did not hold, and for two people; 403 for somebody without a role.
    pub fn only(proven: Vec<Self>, why: Option<Problem>) -> Result<Actor, Problem> {
        let mut proven = proven.into_iter();
        let Some(first) = proven.next() else {
            return Err(why.unwrap_or_else(Candidate::missing));
        };
        if proven.any(|other| other.identity != first.identity) {
            return Err(refused("the request carries the tokens of two people"));
        }
        first.actor.ok_or_else(|| no_role(&first.identity))
    }
}

impl Candidate {
    /// Those of several tokens whose claims hold.
    ///
    /// # Errors
    /// 401 where none does, with the reason of the first.
    pub fn read_all(tokens: &[&str], access: &Access, now_ms: u64) -> Result<Vec<Self>, Problem> {
        let mut why = None;
        let mut candidates = Vec::new();
        for token in tokens {
            match Self::read(token, access, now_ms) {
                Ok(candidate) => candidates.push(candidate),
                Err(problem) => why = why.or(Some(problem)),
            }
        }
        if candidates.is_empty() {
            return Err(why.unwrap_or_else(Self::missing));
        }
        Ok(candidates)
    }

    /// Reads a token and checks everything but its signature.
    ///
    /// # Errors
    /// 401 for a token that is not one of ours, not now or not for us.
    pub(crate) fn read(token: &str, access: &Access, now_ms: u64) -> Result<Self, Problem> {
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

    /// Who the token speaks for, `is_proven` being what the key of [`SignedToken::kid`] says of the signature.
    ///
    /// # Errors
    /// 401 where it is not the key's, whoever it names: else anybody could ask who has a role.
    pub fn proven(self, is_proven: bool) -> Result<Proven, Problem> {
        if !is_proven {
            return Err(refused("the signature does not match the team's key"));
        }
        Ok(Proven {
            identity: self.identity,
            actor: self.actor,
        })
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
