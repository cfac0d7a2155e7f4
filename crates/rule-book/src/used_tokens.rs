//! When an isolate tells the RuleBook that a token of it was used: once in [`USED_EVERY_MS`], however often it is.

use std::collections::BTreeMap;

use crate::{Admission, USED_EVERY_MS};

/// When an isolate last told, by name; only of names that the RuleBook has.
#[derive(Debug, Default)]
pub struct UsedTokens(BTreeMap<String, u64>);

impl UsedTokens {
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether the RuleBook is to be told that the token of that name is used now; then it counts as told.
    pub fn is_due(&mut self, name: &str, admission: &Admission, now_ms: u64) -> bool {
        let is_old = |at: u64| now_ms.saturating_sub(at) >= USED_EVERY_MS;
        let token = admission.tokens.iter().find(|token| token.name == name);
        let is_due = token.is_some_and(|token| token.used_ms.is_none_or(is_old))
            && self.0.get(name).copied().is_none_or(is_old);
        if is_due {
            let is_known = |name: &String| admission.tokens.iter().any(|token| token.name == *name);
            self.0.retain(|name, _| is_known(name));
            self.0.insert(name.to_owned(), now_ms);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_tokens::{Grant, Role, StoredToken};

    const NOW: u64 = 1_593_975_600_000;

    fn admission(tokens: &[(&str, Option<u64>)]) -> Admission {
        let token = |(name, used_ms): &(&str, Option<u64>)| StoredToken {
            name: (*name).to_owned(),
            grant: Grant {
                role: Role::Viewer,
                routes: None,
            },
            sha256: String::new(),
            expires_ms: None,
            used_ms: *used_ms,
        };
        Admission {
            tokens: tokens.iter().map(token).collect(),
            ..Admission::default()
        }
    }

    #[test]
    fn a_token_is_told_of_once_in_an_hour() {
        let mut used = UsedTokens::new();
        let known = admission(&[("ada", None), ("bob", Some(NOW))]);
        assert!(used.is_due("ada", &known, NOW), "never used, as far as is known");
        assert!(!used.is_due("ada", &known, NOW + USED_EVERY_MS - 1), "just told");
        assert!(used.is_due("ada", &known, NOW + USED_EVERY_MS));
        assert!(
            !used.is_due("bob", &known, NOW + USED_EVERY_MS - 1),
            "another isolate told"
        );
        assert!(used.is_due("bob", &known, NOW + USED_EVERY_MS));
    }

    /// The secret's tokens are not the RuleBook's, and names are strangers' to choose.
    #[test]
    fn only_names_that_the_rulebook_has_are_kept() {
        let mut used = UsedTokens::new();
        assert!(!used.is_due("secret", &admission(&[]), NOW));
        assert!(used.is_due("ada", &admission(&[("ada", None)]), NOW));
        assert!(used.is_due("bob", &admission(&[("bob", None)]), NOW));
        assert_eq!(used.0.keys().collect::<Vec<_>>(), ["bob"]);
    }
}
