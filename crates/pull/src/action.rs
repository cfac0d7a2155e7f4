//! What a rule may do to a request, and whether it does: the two words that records, rules and routes share.

use serde::{Deserialize, Deserializer, Serialize};

/// What a rule does when it is enforced. `none` is never a rule's own action: it is what is applied in monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Action {
    #[default]
    None,
    Tag,
    /// Lets the request go on as it is, whatever later rules say.
    Allow,
    Detour,
    Throttle,
    Block,
}

/// Reads the action of a rule: what is wrong with another word is said without `none`, which no rule may have.
///
/// # Errors
/// For any other text.
pub fn rule_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Action, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Own {
        Tag,
        Allow,
        Detour,
        Throttle,
        Block,
    }
    Ok(match Own::deserialize(deserializer)? {
        Own::Tag => Action::Tag,
        Own::Allow => Action::Allow,
        Own::Detour => Action::Detour,
        Own::Throttle => Action::Throttle,
        Own::Block => Action::Block,
    })
}

/// The same where there may be none.
///
/// # Errors
/// When it is none of them.
pub fn some_rule_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    #[derive(Deserialize)]
    struct Own(#[serde(deserialize_with = "rule_action")] Action);
    Option::<Own>::deserialize(deserializer).map(|found| found.map(|Own(action)| action))
}

impl Action {
    /// Whether no later rule acts.
    #[must_use]
    pub const fn decides(self) -> bool {
        !matches!(self, Self::None | Self::Tag)
    }

    /// Whether the client gets another answer than without the rule, or the same from elsewhere.
    #[must_use]
    pub const fn intervenes(self) -> bool {
        matches!(self, Self::Detour | Self::Throttle | Self::Block)
    }
}

/// Whether a rule acts. Monitor is enforce without the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Mode {
    Off,
    #[default]
    Monitor,
    Enforce,
}
