//! The ID token: by whom, for whom, for which sign-in; and the person that it names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Oidc;
use super::refused;
use crate::access::config::is_name;
use crate::jwt::{Algorithm, Jwt, SignedToken};
use blobwatch_wire::Problem;

/// Bytes of a token: some providers put hundreds of groups into it.
const MAX_JWT: usize = 32 << 10;

/// Somebody who signed in at a provider, as a session keeps it: what they may do is asked of the configuration each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub issuer: String,
    /// For the audit log; one that is no email begins with `oidc:`, so that nobody can pass for a token.
    pub name: String,
    pub email: Option<String>,
    pub groups: Vec<String>,
}

/// An ID token whose claims hold. It speaks for nobody until its signature is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    pub signed: SignedToken,
    person: Person,
}

impl IdToken {
    /// Reads a token and checks everything but its signature.
    ///
    /// # Errors
    /// 401 for a token that is not our provider's, not for us, not now, or not for this sign-in.
    pub fn read(token: &str, oidc: &Oidc, nonce: &str, now_ms: u64) -> Result<Self, Problem> {
        let algorithms = [Algorithm::Rs256, Algorithm::Es256];
        let jwt = Jwt::read(token, MAX_JWT, &algorithms).map_err(|why| refused(&why))?;
        jwt.in_time(now_ms / 1_000).map_err(|why| refused(&why))?;
        for_us(&jwt, oidc)?;
        if jwt.text("nonce") != Some(nonce) {
            return Err(refused("the token belongs to another sign-in (`nonce`)"));
        }
        let person = person(&jwt, oidc)?;
        Ok(Self {
            signed: jwt.signed,
            person,
        })
    }

    /// Who signed in, `is_proven` being what the key of [`SignedToken::kid`] says of the signature.
    ///
    /// # Errors
    /// 401 where it is not the key's. 403 for somebody without a role.
    pub fn proven(self, is_proven: bool, oidc: &Oidc) -> Result<Person, Problem> {
        if !is_proven {
            return Err(refused("the signature does not match the provider's key"));
        }
        if oidc.actor(&self.person).is_none() {
            let detail = format!("BLOBWATCH_OIDC gives {:?} no role", self.person.name);
            return Err(Problem::new(403, "forbidden", "Not allowed", detail));
        }
        Ok(self.person)
    }

    /// 401: the provider has no such key.
    #[must_use]
    pub fn unknown_key() -> Problem {
        refused("the provider has no key with the token's id")
    }
}

fn for_us(jwt: &Jwt, oidc: &Oidc) -> Result<(), Problem> {
    if jwt.text("iss") != Some(&oidc.issuer) {
        return Err(refused("the token was issued by another provider"));
    }
    let audiences = jwt.texts("aud");
    let parties = jwt.claims.get("azp");
    let is_party = match parties {
        None => audiences.len() == 1,
        Some(party) => party.as_str() == Some(&oidc.client_id),
    };
    if !audiences.contains(&oidc.client_id.as_str()) || !is_party {
        return Err(refused("the token is for another application"));
    }
    Ok(())
}

fn person(jwt: &Jwt, oidc: &Oidc) -> Result<Person, Problem> {
    let subject = jwt.text("sub").ok_or_else(|| refused("the token has no `sub`"))?;
    // Somebody who can write any address into a profile need not own it.
    let is_verified = jwt
        .claims
        .get("email_verified")
        .is_none_or(|said| *said == Value::Bool(true));
    let email = jwt.text("email").filter(|email| is_verified && is_email(email));
    let said = match oidc.name.as_str() {
        "email" => email,
        claim => jwt.text(claim).filter(|name| !name.contains('@')),
    };
    let name = match said {
        Some(name) if oidc.name == "email" => name.to_ascii_lowercase(),
        other => format!("oidc:{}", other.unwrap_or(subject)),
    };
    if !is_name(&name) {
        return Err(refused(
            "the token's name is longer than 254 bytes, or has spaces",
        ));
    }
    Ok(Person {
        issuer: oidc.issuer.clone(),
        name,
        email: email.map(str::to_ascii_lowercase),
        groups: oidc.known_groups(&jwt.texts(&oidc.groups)),
    })
}

fn is_email(text: &str) -> bool {
    is_name(text) && text.matches('@').count() == 1
}
