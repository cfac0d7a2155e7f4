//! What a rule may do to a request, and whether it does: the two words that records, rules and routes share.

use serde::{Deserialize, Serialize};

/// What a rule does when it is enforced. `none` is never a rule's own action: it is what is applied in monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    #[default]
    None,
    Tag,
    Detour,
    Throttle,
    Block,
}

/// Whether a rule acts. Monitor is enforce without the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Off,
    #[default]
    Monitor,
    Enforce,
}
