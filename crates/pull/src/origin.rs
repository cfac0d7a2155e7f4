//! Whose a rule is: the names of our own rules hold no `:`, so the name says it.

use serde::{Deserialize, Serialize};

/// Who acts by a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Origin {
    /// A rule of the rulebook.
    Own,
    /// Another party's mitigation, `<source>:<rule>`.
    Upstream,
}

impl Origin {
    /// Of the rule of that name.
    #[must_use]
    pub fn of(rule: &str) -> Self {
        if rule.contains(':') {
            Self::Upstream
        } else {
            Self::Own
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Upstream => "upstream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn the_name_says_whose_a_rule_is() {
        assert_eq!(Origin::of("botnet-sig"), Origin::Own);
        assert_eq!(Origin::of("cloudflare:ddos_l7/abc"), Origin::Upstream);
    }
}
