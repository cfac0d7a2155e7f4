//! Tokens that are made, expired and revoked by calls. Who may make one, and the token itself, are the control plane's.

use serde::{Deserialize, Serialize};

use super::change::{body, checked_name, checked_reason};
use super::mode_body::future;
use crate::store::{Change, RuleBookStore, TokenRow};
use blobwatch_sql::Sql;
use blobwatch_tokens::{Actor, Grant, MAX_STORED, RESERVED, Role, StoredToken};
use blobwatch_wire::{Place, Problem, json_text, rfc3339};

/// A token as people see it: everything but the token and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenItem {
    pub name: String,
    pub role: Role,
    /// On which routes an operator changes something; `null`: on all.
    pub routes: Option<Vec<String>>,
    pub source: TokenSource,
    /// RFC 3339; not known of the secret's.
    pub created: Option<String>,
    pub created_by: Option<String>,
    /// RFC 3339; `null`: never.
    pub expires: Option<String>,
    /// Whether that time has come.
    pub expired: bool,
    /// RFC 3339, to the hour; `null`: not yet, or not known.
    pub used: Option<String>,
}

/// Where a token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TokenSource {
    /// `BLOBWATCH_TOKENS`.
    Secret,
    Rulebook,
}

impl TokenItem {
    /// One of the secret.
    #[must_use]
    pub fn of_secret(actor: &Actor) -> Self {
        Self {
            name: actor.name.clone(),
            role: actor.role,
            routes: actor.routes.clone(),
            source: TokenSource::Secret,
            created: None,
            created_by: None,
            expires: None,
            expired: false,
            used: None,
        }
    }

    fn of_row(row: TokenRow, now_ms: u64) -> Self {
        let token = row.token;
        Self {
            expired: !token.holds(now_ms),
            name: token.name,
            role: token.grant.role,
            routes: token.grant.routes,
            source: TokenSource::Rulebook,
            created: Some(rfc3339(row.created_ms)),
            created_by: Some(row.created_by),
            expires: token.expires_ms.map(rfc3339),
            used: token.used_ms.map(|at| rfc3339(at - at % 3_600_000)),
        }
    }
}

/// A token that is to be kept, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateToken {
    pub token: StoredToken,
    pub actor: String,
    pub reason: Option<String>,
}

/// A token whose end is set, or moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpireToken {
    pub name: String,
    pub expires_ms: Option<u64>,
    pub actor: String,
    pub reason: Option<String>,
}

/// A token that ends now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    pub name: String,
    pub actor: String,
    pub reason: Option<String>,
}

/// A token that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenUsed {
    pub name: String,
}

/// What is answered to whoever makes one.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewToken {
    pub token: String,
    #[serde(flatten)]
    pub item: TokenItem,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct TokenBody {
    name: String,
    role: Role,
    routes: Option<Vec<String>>,
    expires: Option<String>,
    reason: Option<String>,
}

/// Reads `{name, role, routes?, expires?, reason?}`; `sha256` is that of the token which was made for it.
///
/// # Errors
/// 400 or 422 naming the place.
pub fn new_token(text: &str, actor: &str, sha256: &str, now_ms: u64) -> Result<CreateToken, Problem> {
    let body: TokenBody = body(text)?;
    checked_name("body.name", &body.name)?;
    if RESERVED.contains(&&*body.name) {
        return Err(refused(
            "body.name",
            "expected a name that is not reserved for Blobwatch itself",
        ));
    }
    let grant = Grant {
        role: body.role,
        routes: body.routes,
    };
    grant
        .check()
        .map_err(|(field, expected)| refused(&format!("body.{field}"), format!("expected {expected}")))?;
    let token = StoredToken {
        name: body.name,
        grant,
        sha256: sha256.to_owned(),
        expires_ms: expiry(body.expires.as_deref(), now_ms)?,
        used_ms: None,
    };
    Ok(CreateToken {
        token,
        actor: actor.to_owned(),
        reason: checked_reason("body.reason", body.reason.as_deref())?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ExpiryBody {
    /// RFC 3339; `null`: never.
    // Without it `null` would be the default of a field that was forgotten.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "blobwatch_wire::Nullable<String>"))]
    expires: Option<String>,
    reason: Option<String>,
}

/// Reads `{expires, reason?}`: a time, or `null` for never.
///
/// # Errors
/// 400 or 422 naming the place.
pub fn new_expiry(text: &str, name: &str, actor: &str, now_ms: u64) -> Result<ExpireToken, Problem> {
    let body: ExpiryBody = body(text)?;
    Ok(ExpireToken {
        name: name.to_owned(),
        expires_ms: expiry(body.expires.as_deref(), now_ms)?,
        actor: actor.to_owned(),
        reason: checked_reason("body.reason", body.reason.as_deref())?,
    })
}

fn expiry(text: Option<&str>, now_ms: u64) -> Result<Option<u64>, Problem> {
    text.map(|text| future("body.expires", text, now_ms)).transpose()
}

/// All tokens that were made by calls and not revoked, by name.
///
/// # Errors
/// When the storage cannot be read.
pub fn list_tokens<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Vec<TokenItem>, Problem> {
    let rows = store.tokens()?.into_iter();
    Ok(rows.map(|row| TokenItem::of_row(row, now_ms)).collect())
}

/// Keeps a token.
///
/// # Errors
/// 409 where the name is taken, or there are as many tokens as may be; 422 for a route that is not there.
pub fn create_token<S: Sql>(
    store: &RuleBookStore<S>,
    create: &CreateToken,
    now_ms: u64,
) -> Result<TokenItem, Problem> {
    let CreateToken { token, actor, reason } = create;
    if store.token(&token.name)?.is_some() {
        let detail = format!("there is a token of the name {:?}; revoke it first", token.name);
        return Err(conflict("name-taken", "The name is taken", detail));
    }
    if store.tokens()?.len() >= MAX_STORED {
        let detail = format!("there are {MAX_STORED} tokens; revoke one first");
        return Err(conflict("too-many-tokens", "Too many tokens", detail));
    }
    check_routes(store, &token.grant)?;
    let row = TokenRow {
        token: token.clone(),
        created_ms: now_ms,
        created_by: actor.clone(),
    };
    let target = target(&token.name);
    let change = Change {
        after: Some(shown(&row)?),
        reason: reason.as_deref(),
        ..Change::new(actor, now_ms, "token.create", &target)
    };
    store.create_token(&row, &change)?;
    Ok(TokenItem::of_row(row, now_ms))
}

/// Sets when a token expires.
///
/// # Errors
/// 404 where there is none of that name.
pub fn expire_token<S: Sql>(
    store: &RuleBookStore<S>,
    expire: &ExpireToken,
    now_ms: u64,
) -> Result<TokenItem, Problem> {
    let before = known(store, &expire.name)?;
    let mut row = before.clone();
    row.token.expires_ms = expire.expires_ms;
    let target = target(&expire.name);
    let change = Change {
        before: Some(shown(&before)?),
        after: Some(shown(&row)?),
        reason: expire.reason.as_deref(),
        ..Change::new(&expire.actor, now_ms, "token.expire", &target)
    };
    if row != before {
        store.expire_token(&expire.name, expire.expires_ms, &change)?;
    }
    Ok(TokenItem::of_row(row, now_ms))
}

/// Ends a token.
///
/// # Errors
/// 404 where there is none of that name.
pub fn revoke_token<S: Sql>(
    store: &RuleBookStore<S>,
    revoke: &RevokeToken,
    now_ms: u64,
) -> Result<TokenItem, Problem> {
    let row = known(store, &revoke.name)?;
    let target = target(&revoke.name);
    let change = Change {
        before: Some(shown(&row)?),
        reason: revoke.reason.as_deref(),
        ..Change::new(&revoke.actor, now_ms, "token.revoke", &target)
    };
    store.revoke_token(&revoke.name, &change)?;
    Ok(TokenItem::of_row(row, now_ms))
}

fn known<S: Sql>(store: &RuleBookStore<S>, name: &str) -> Result<TokenRow, Problem> {
    let found = store.token(name)?;
    found.ok_or_else(|| Problem::not_found(&format!("token of the name {name:?}")))
}

/// A route that is misspelled would let nobody in where somebody is needed.
fn check_routes<S: Sql>(store: &RuleBookStore<S>, grant: &Grant) -> Result<(), Problem> {
    let book = store.document()?;
    for (at, name) in grant.routes.iter().flatten().enumerate() {
        if !book.routes.iter().any(|route| route.name == *name) {
            return Err(refused(
                &format!("body.routes[{at}]"),
                format!("expected the name of a route, found {name:?}"),
            ));
        }
    }
    Ok(())
}

/// What the audit log has: no hash, from which a weak token could be guessed.
fn shown(row: &TokenRow) -> Result<String, Problem> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        grant: &'a Grant,
        expires: Option<String>,
    }
    json_text(&Shown {
        grant: &row.token.grant,
        expires: row.token.expires_ms.map(rfc3339),
    })
}

fn target(name: &str) -> String {
    format!("tokens/{name}")
}

fn refused(place: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![Place::new(place, message)])
}

fn conflict(kind: &str, title: &str, detail: String) -> Problem {
    Problem {
        errors: vec![Place::new("body.name", detail.clone())],
        ..Problem::new(409, kind, title, detail)
    }
}
