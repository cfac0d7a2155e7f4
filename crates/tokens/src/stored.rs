//! Tokens that the RuleBook keeps: made, expired and revoked by calls, beside those of the secret.

use serde::{Deserialize, Serialize};

use blobwatch_wire::unhex_any_case;

use crate::{Grant, Token, Tokens};

/// Tokens that the RuleBook keeps: as many people and programs as several teams have. Every isolate that is called holds
/// them, some 200 bytes each, and compares a call with each in 50 ns.
pub const MAX_STORED: usize = 256;

/// What an isolate needs to know of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    pub name: String,
    #[serde(flatten)]
    pub grant: Grant,
    /// In hex; the token itself is nowhere.
    pub sha256: String,
    /// Milliseconds since 1970; from then on it opens nothing.
    pub expires_ms: Option<u64>,
    /// When it was last used, as far as was told.
    pub used_ms: Option<u64>,
}

impl StoredToken {
    #[must_use]
    pub fn holds(&self, now_ms: u64) -> bool {
        self.expires_ms.is_none_or(|at| at > now_ms)
    }
}

impl Tokens {
    /// These, and those of the RuleBook that hold now. A name of the secret is the secret's: whoever deploys has the last
    /// word.
    #[must_use]
    pub fn with_stored(mut self, stored: &[StoredToken], now_ms: u64) -> Self {
        for token in stored.iter().filter(|token| token.holds(now_ms)) {
            let is_taken = self.0.iter().any(|known| known.actor.name == token.name);
            if let Some(sha256) = unhex_any_case(&token.sha256).filter(|_| !is_taken) {
                self.0.push(Token {
                    actor: token.grant.actor(&token.name),
                    sha256,
                });
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use sha2::{Digest, Sha256};

    fn stored(name: &str, role: Role, token: &str) -> StoredToken {
        StoredToken {
            name: name.to_owned(),
            grant: Grant { role, routes: None },
            sha256: blobwatch_wire::hex(&Sha256::digest(token)),
            expires_ms: Some(100),
            used_ms: None,
        }
    }

    #[test]
    fn a_token_of_the_rulebook_opens_until_it_expires() {
        let kept = [stored("ci", Role::Viewer, "kept")];
        let at = |now_ms| Tokens::default().with_stored(&kept, now_ms);
        let found = at(99).authenticate(Some("Bearer kept")).unwrap().clone();
        assert_eq!((found.name.as_str(), found.role), ("ci", Role::Viewer));
        assert!(at(100).is_empty());
    }

    #[test]
    fn the_secret_has_the_last_word_on_a_name() {
        let kept = [stored("ada", Role::Admin, "kept")];
        let tokens = Tokens::default()
            .with_token("ada", Role::Viewer, "secret")
            .with_stored(&kept, 1);
        assert_eq!(
            tokens.authenticate(Some("Bearer secret")).unwrap().role,
            Role::Viewer
        );
        assert_eq!(tokens.authenticate(Some("Bearer kept")).unwrap_err().status, 401);
    }

    #[test]
    fn what_an_isolate_is_told_is_pinned() {
        let text = r#"{"name":"ada","role":"operator","routes":["hub"],"sha256":"00","expires_ms":9,"used_ms":null}"#;
        let token = StoredToken {
            name: "ada".to_owned(),
            grant: Grant {
                role: Role::Operator,
                routes: Some(vec!["hub".to_owned()]),
            },
            sha256: "00".to_owned(),
            expires_ms: Some(9),
            used_ms: None,
        };
        assert_eq!(serde_json::to_string(&token).unwrap(), text);
        assert_eq!(serde_json::from_str::<StoredToken>(text).unwrap(), token);
    }
}
