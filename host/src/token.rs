//! Operators' tokens: random text for a person to keep, and the entry with its hash for `BLOBWATCH_TOKENS`.

use anyhow::{Context, Result};
use blobwatch_wire::hex;
use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// 32 bytes: nobody guesses them, and they fit on a line.
const RANDOM_BYTES: usize = 32;

/// What somebody may do.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Reads
    Viewer,
    /// Reads, and previews rules
    Analyst,
    /// Pushes what other parties tell of requests, and reads nothing
    Ingest,
    /// Reads, and changes rules, routes and modes
    Operator,
    /// Does all of that, and says who may call
    Admin,
}

impl Role {
    /// As the worker knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Ingest => "ingest",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Random text: a token, or the secret that client keys are made with.
///
/// # Errors
/// The system has no random bytes.
pub fn random() -> Result<String> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).context("failed to read random bytes")?;
    Ok(hex(&bytes))
}

/// What the worker knows of a token.
#[must_use]
pub fn entry(name: &str, role: Role, token: &str) -> Value {
    json!({"name": name, "role": role.name(), "sha256": sha256(token)})
}

/// The digest of a token, as the worker knows it.
#[must_use]
pub fn sha256(token: &str) -> String {
    hex(&Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::{Role, entry, random};

    #[test]
    fn an_entry_has_the_hash_of_the_token_and_not_the_token() {
        // printf token | sha256sum
        let hash = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";
        let expected = format!(r#"{{"name":"ada","role":"viewer","sha256":"{hash}"}}"#);
        assert_eq!(entry("ada", Role::Viewer, "token").to_string(), expected);
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
