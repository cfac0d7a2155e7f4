//! The variable `BLOBWATCH_OIDC`: which provider people sign in at, and what they may do.

use std::fmt;

use serde::Deserialize;

use super::CALLBACK;
use super::id_token::Person;
use crate::access::config::is_name;
use blobwatch_rulebook::{check_origin, strict};
use blobwatch_tokens::{Actor, Grant, Role};

/// Entries of roles.
const MAX_ROLES: usize = 1_000;

/// Bytes of a group's name, of a client's id and secret, and of all scopes.
const MAX_TEXT: usize = 256;

/// Groups of a person that a session keeps: a cookie holds 4 KB.
const MAX_GROUPS: usize = 16;

/// Bytes of them together.
const MAX_GROUP_BYTES: usize = 1_500;

/// Why the variable is not used; fits "failed to read BLOBWATCH_OIDC: …". It never has the client's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcError(pub String);

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OidcError {}

/// Which provider, and who has which role.
#[derive(Clone, PartialEq, Eq)]
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    /// `None`: a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    pub redirect_uri: String,
    pub(super) scopes: String,
    /// The claims that name a person and their groups.
    pub(super) name: String,
    pub(super) groups: String,
    entries: Vec<Entry>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oidc({})", self.issuer)
    }
}

/// Who has which role: `{"group": "sre", "role": "operator"}`, `{"email": "ada@example.com", …}` or `{"email": "*@example.com",
/// …}`; an operator may have `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    group: Option<String>,
    email: Option<String>,
    role: Role,
    routes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    redirect_uri: String,
    scopes: Option<String>,
    name: Option<String>,
    groups: Option<String>,
    roles: Vec<Entry>,
}

impl Oidc {
    /// Reads the variable; `None` where it is empty: nobody signs in this way.
    ///
    /// # Errors
    /// The first place that cannot be used; nothing of the variable is used then.
    pub fn from_json(text: &str) -> Result<Option<Self>, OidcError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        // What was found there is not repeated: it may be the secret.
        let document: Document = strict(text, "oidc").map_err(|place| {
            OidcError(match place.place.as_str() {
                "oidc.client_secret" => "oidc.client_secret: expected a text".to_owned(),
                of => format!("{of}: {}", place.message),
            })
        })?;
        document
            .check()
            .map_err(|(place, expected)| OidcError(format!("oidc.{place}: expected {expected}")))?;
        Ok(Some(Self {
            issuer: document.issuer,
            client_id: document.client_id,
            client_secret: document.client_secret,
            redirect_uri: document.redirect_uri,
            scopes: document
                .scopes
                .unwrap_or_else(|| "openid email profile".to_owned()),
            name: document.name.unwrap_or_else(|| "email".to_owned()),
            groups: document.groups.unwrap_or_else(|| "groups".to_owned()),
            entries: document.roles.into_iter().map(Entry::lowered).collect(),
        }))
    }

    /// Where discovery begins.
    #[must_use]
    pub fn discovery(&self) -> String {
        format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        )
    }

    /// Who that is here: the first entry that is the person's holds.
    #[must_use]
    pub fn actor(&self, person: &Person) -> Option<Actor> {
        let entry = self.entries.iter().find(|entry| entry.is_of(person))?;
        (person.issuer == self.issuer).then(|| entry.grant().actor(&person.name))
    }

    /// Those of somebody's groups that roles ask about, as many as a session keeps.
    pub(super) fn known_groups(&self, groups: &[&str]) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for group in self.entries.iter().filter_map(|entry| entry.group.as_ref()) {
            let bytes: usize = known.iter().map(String::len).sum();
            let has_room = known.len() < MAX_GROUPS && bytes + group.len() <= MAX_GROUP_BYTES;
            if has_room && groups.contains(&group.as_str()) && !known.contains(group) {
                known.push(group.clone());
            }
        }
        known
    }
}

impl Document {
    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |place: &str, expected: &str| Err((place.to_owned(), expected.to_owned()));
        let is_text = |text: &str| (1..=MAX_TEXT).contains(&text.len()) && !text.contains(char::is_control);
        if !is_address(&self.issuer) || self.issuer.contains(['?', '#']) {
            return wrong(
                "issuer",
                "the provider's https address, or http on 127.0.0.1, as its tokens have it in `iss`",
            );
        }
        if !is_text(&self.client_id) {
            return wrong("client_id", "1 to 256 bytes");
        }
        if self
            .client_secret
            .as_deref()
            .is_some_and(|secret| !is_text(secret))
        {
            return wrong("client_secret", "1 to 256 bytes");
        }
        let is_ours = self.redirect_uri.strip_suffix(CALLBACK);
        if !is_ours.is_some_and(|origin| check_origin(origin).is_ok() && is_address(&self.redirect_uri)) {
            return wrong("redirect_uri", &format!("the dashboard's address and {CALLBACK}"));
        }
        if let Some(scopes) = &self.scopes
            && !(is_text(scopes) && scopes.split(' ').any(|scope| scope == "openid"))
        {
            return wrong("scopes", "scopes with `openid` among them");
        }
        for (place, claim) in [("name", &self.name), ("groups", &self.groups)] {
            if claim.as_deref().is_some_and(|claim| !is_text(claim)) {
                return wrong(place, "the name of a claim");
            }
        }
        if self.roles.len() > MAX_ROLES {
            return wrong("roles", "at most 1000 entries");
        }
        for (at, entry) in self.roles.iter().enumerate() {
            entry
                .check()
                .map_err(|(field, expected)| (format!("roles[{at}]{field}"), expected))?;
        }
        Ok(())
    }
}

impl Entry {
    fn check(&self) -> Result<(), (String, String)> {
        let is_said = match (&self.group, &self.email) {
            (Some(group), None) => (1..=MAX_TEXT).contains(&group.len()),
            (None, Some(email)) => is_name(email) && email.matches('@').count() == 1 && !email.ends_with('@'),
            _ => false,
        };
        if !is_said {
            return Err((
                String::new(),
                "either a group, or an email, or `*@` and a domain as email".to_owned(),
            ));
        }
        self.grant()
            .check()
            .map_err(|(field, expected)| (format!(".{field}"), expected))
    }

    fn grant(&self) -> Grant {
        Grant {
            role: self.role,
            routes: self.routes.clone(),
        }
    }

    fn lowered(self) -> Self {
        Self {
            email: self.email.map(|email| email.to_ascii_lowercase()),
            ..self
        }
    }

    fn is_of(&self, person: &Person) -> bool {
        if let Some(group) = &self.group {
            return person.groups.contains(group);
        }
        let (Some(granted), Some(email)) = (&self.email, &person.email) else {
            return false;
        };
        match granted.strip_prefix("*@") {
            Some(domain) => email
                .split_once('@')
                .is_some_and(|(name, of)| !name.is_empty() && of == domain),
            None => granted == email,
        }
    }
}

/// Where tokens and codes go: https, or this machine.
pub(super) fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_loopback = authority == "127.0.0.1" || authority.starts_with("127.0.0.1:");
    let is_plain = text.len() <= 2_000 && rest.bytes().all(|b| b.is_ascii_graphic());
    let is_origin = check_origin(&format!("{scheme}://{authority}")).is_ok();
    is_plain && is_origin && (scheme == "https" || is_loopback)
}
