//! The variable `BLOBWATCH_ACCESS`: which team's tokens are taken, and what they may do.

use std::fmt;

use serde::Deserialize;

use blobwatch_rulebook::{check_origin, strict};
use blobwatch_tokens::{Actor, Grant, RESERVED, Role};

/// People and services with a role of their own; the others come by a domain.
pub(crate) const MAX_ROLES: usize = 1_000;

/// Audiences: one for each Access application in front.
const MAX_AUDIENCES: usize = 16;

/// Path of a team's public keys.
const KEYS: &str = "/cdn-cgi/access/certs";

/// Why the variable is not used; fits "failed to read BLOBWATCH_ACCESS: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessError(pub String);

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AccessError {}

/// Whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `iss` of every token: `https://<team>.cloudflareaccess.com`.
    pub team: String,
    /// Where its public keys are.
    pub keys: String,
    audiences: Vec<String>,
    entries: Vec<Entry>,
}

/// Who has which role: `{"email": "ada@example.com", "role": "operator"}`, `{"email": "*@example.com", …}` or
/// `{"service": "<client id>", …}`; an operator may have `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    email: Option<String>,
    service: Option<String>,
    role: Role,
    routes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    team: String,
    audiences: Vec<String>,
    roles: Vec<Entry>,
    keys: Option<String>,
}

/// Whom a token is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Email(String),
    /// Client id of a service token.
    Service(String),
}

impl Access {
    /// Reads the variable; `None` where it is empty: no Access.
    ///
    /// # Errors
    /// The first place that cannot be used; nothing of the variable is used then.
    pub fn from_json(text: &str) -> Result<Option<Self>, AccessError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let document: Document = strict(text, "access")
            .map_err(|place| AccessError(format!("{}: {}", place.place, place.message)))?;
        let wrong =
            |place: &str, expected: &str| Err(AccessError(format!("access.{place}: expected {expected}")));
        if check_origin(&document.team).is_err() || !document.team.starts_with("https://") {
            return wrong(
                "team",
                "the team's address such as https://example.cloudflareaccess.com",
            );
        }
        let is_audience = |text: &String| (1..=128).contains(&text.len());
        if !(1..=MAX_AUDIENCES).contains(&document.audiences.len())
            || !document.audiences.iter().all(is_audience)
        {
            return wrong("audiences", "1 to 16 audience tags of the Access application");
        }
        if document.roles.len() > MAX_ROLES {
            return wrong("roles", "at most 1000 entries");
        }
        for (at, entry) in document.roles.iter().enumerate() {
            if let Err(expected) = entry.check() {
                return wrong(&format!("roles[{at}]"), expected);
            }
            if let Err((field, expected)) = entry.grant().check() {
                return wrong(&format!("roles[{at}].{field}"), &expected);
            }
        }
        let keys = match document.keys {
            Some(keys) if is_keys_address(&keys) => keys,
            Some(_) => return wrong("keys", "an https address, or http on loopback"),
            None => format!("{}{KEYS}", document.team),
        };
        Ok(Some(Self {
            team: document.team,
            keys,
            audiences: document.audiences,
            entries: document.roles.into_iter().map(Entry::lowered).collect(),
        }))
    }

    pub(super) fn takes(&self, audience: &str) -> bool {
        self.audiences.iter().any(|known| known == audience)
    }

    /// Who that is here. One's own entry goes before that of the domain; the first of several holds.
    pub(super) fn actor(&self, identity: &Identity) -> Option<Actor> {
        let exact = self.entries.iter().find(|entry| entry.is_of(identity));
        let entry = exact.or_else(|| self.entries.iter().find(|entry| entry.is_of_domain(identity)))?;
        let name = match identity {
            Identity::Email(email) => email.clone(),
            Identity::Service(id) => format!("service:{id}"),
        };
        Some(entry.grant().actor(name))
    }
}

/// Keys in the clear only come from this machine.
fn is_keys_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic());
    let is_loopback = authority.starts_with("127.0.0.1:") || authority == "127.0.0.1";
    let is_origin = check_origin(&format!("{scheme}://{authority}")).is_ok();
    is_plain && is_origin && (scheme == "https" || is_loopback)
}

impl Entry {
    fn grant(&self) -> Grant {
        Grant {
            role: self.role,
            routes: self.routes.clone(),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        match (&self.email, &self.service) {
            (Some(email), None) => {
                let (name, domain) = email.split_once('@').ok_or("an email, or `*@` and a domain")?;
                let is_plain = |text: &str| !text.is_empty() && !text.contains(['*', '@']) && is_name(text);
                if (name == "*" || is_plain(name)) && is_plain(domain) {
                    Ok(())
                } else {
                    Err("an email, or `*@` and a domain")
                }
            }
            (None, Some(service)) if is_name(service) && !RESERVED.contains(&service.as_str()) => Ok(()),
            (None, Some(_)) => Err("the client id of a service token"),
            _ => Err("either an email or a service"),
        }
    }

    /// Only what ASCII has cases of: the Kelvin sign is another person's `k`.
    fn lowered(self) -> Self {
        Self {
            email: self.email.map(|email| email.to_ascii_lowercase()),
            ..self
        }
    }

    fn is_of(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Email(email) => self.email.as_ref() == Some(email),
            Identity::Service(id) => self.service.as_ref() == Some(id),
        }
    }

    fn is_of_domain(&self, identity: &Identity) -> bool {
        let (Identity::Email(email), Some(granted)) = (identity, &self.email) else {
            return false;
        };
        // Nobody has an address without a name.
        let domain = email.split_once('@').filter(|(name, _)| !name.is_empty());
        granted
            .strip_prefix("*@")
            .is_some_and(|granted| domain.is_some_and(|(_, domain)| granted == domain))
    }
}

/// What may be shown in an audit log: printable, without spaces, at most 254 bytes (RFC 5321).
pub(crate) fn is_name(text: &str) -> bool {
    (1..=254).contains(&text.len()) && text.chars().all(|c| !c.is_control() && !c.is_whitespace())
}
