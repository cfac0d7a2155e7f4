//! Tokens that were made by calls: who has which role, until when, by the SHA-256 of the token alone.

use super::{RuleBookError, RuleBookStore, parameter, text};
use crate::store::Change;
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, json};
use blobwatch_tokens::{Grant, MAX_STORED, Role, StoredToken};

/// One row for each token that was not revoked, also where it has expired.
pub(super) const TOKENS: &str = "CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    routes TEXT,
    sha256 TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER
) WITHOUT ROWID";

/// How coarse the last use of a token is: one write in this time, however often it calls.
pub(crate) const USED_EVERY_MS: u64 = 3_600_000;

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    pub token: StoredToken,
    pub created_ms: u64,
    pub created_by: String,
}

const COLUMNS: &str = "name, role, routes, sha256, created_ms, created_by, expires_ms, used_ms";

impl<S: Sql> RuleBookStore<S> {
    /// All tokens, by name.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub(crate) fn tokens(&self) -> Result<Vec<TokenRow>, RuleBookError> {
        let statement = format!("SELECT {COLUMNS} FROM tokens ORDER BY name LIMIT {MAX_STORED}");
        let rows = self.sql.run(&statement, &[])?;
        rows.iter().map(token_row).collect()
    }

    /// The token of that name.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub(crate) fn token(&self, name: &str) -> Result<Option<TokenRow>, RuleBookError> {
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE name = ?1");
        let rows = self.sql.run(&statement, &[text(name)])?;
        rows.first().map(token_row).transpose()
    }

    /// What isolates know of all tokens.
    ///
    /// # Errors
    /// As `tokens`.
    pub fn stored_tokens(&self) -> Result<Vec<StoredToken>, RuleBookError> {
        Ok(self.tokens()?.into_iter().map(|row| row.token).collect())
    }

    /// Keeps a token, and writes down who made it: both or neither.
    ///
    /// # Errors
    /// When SQLite refuses, also because the name is taken.
    pub(crate) fn create_token(&self, row: &TokenRow, change: &Change<'_>) -> Result<(), RuleBookError> {
        let grant = &row.token.grant;
        let routes = match &grant.routes {
            Some(routes) => json(routes, "tokens.routes")?,
            None => SqlValue::Null,
        };
        self.log_with(change, || {
            self.sql.run(
                "INSERT INTO tokens (name, role, routes, sha256, created_ms, created_by, expires_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                &[
                    text(&row.token.name),
                    text(grant.role.name()),
                    routes.clone(),
                    text(&row.token.sha256),
                    parameter(row.created_ms),
                    text(&row.created_by),
                    row.token.expires_ms.map_or(SqlValue::Null, parameter),
                ],
            )?;
            Ok(())
        })
    }

    /// Sets when a token expires, and writes it down.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn expire_token(
        &self,
        name: &str,
        expires_ms: Option<u64>,
        change: &Change<'_>,
    ) -> Result<(), RuleBookError> {
        self.log_with(change, || {
            self.sql.run(
                "UPDATE tokens SET expires_ms = ?2 WHERE name = ?1",
                &[text(name), expires_ms.map_or(SqlValue::Null, parameter)],
            )?;
            Ok(())
        })
    }

    /// Forgets a token, and writes it down.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn revoke_token(&self, name: &str, change: &Change<'_>) -> Result<(), RuleBookError> {
        self.log_with(change, || {
            self.sql
                .run("DELETE FROM tokens WHERE name = ?1", &[text(name)])?;
            Ok(())
        })
    }

    /// A token was used; written at most once in `USED_EVERY_MS`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn token_used(&self, name: &str, now_ms: u64) -> Result<(), RuleBookError> {
        self.sql.run(
            "UPDATE tokens SET used_ms = ?2 WHERE name = ?1 AND coalesce(used_ms, 0) <= ?3",
            &[
                text(name),
                parameter(now_ms),
                parameter(now_ms.saturating_sub(USED_EVERY_MS)),
            ],
        )?;
        Ok(())
    }
}

fn token_row(row: &Row) -> Result<TokenRow, RuleBookError> {
    let role = row.text(1, "tokens.role")?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of a token"));
    let routes = match row.optional_text(2, "tokens.routes")? {
        Some(routes) => Some(serde_json::from_str(routes).map_err(|_| corrupt("routes"))?),
        None => None,
    };
    Ok(TokenRow {
        token: StoredToken {
            name: row.text(0, "tokens.name")?.to_owned(),
            grant: Grant {
                role: Role::of_name(role).ok_or_else(|| corrupt("the role"))?,
                routes,
            },
            sha256: row.text(3, "tokens.sha256")?.to_owned(),
            expires_ms: row.optional_integer(6, "tokens.expires_ms")?,
            used_ms: row.optional_integer(7, "tokens.used_ms")?,
        },
        created_ms: row.integer(4, "tokens.created_ms")?,
        created_by: row.text(5, "tokens.created_by")?.to_owned(),
    })
}
