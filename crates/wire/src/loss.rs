//! What was lost on the way, as objects count it.

use serde::{Deserialize, Serialize};

/// One kind of loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// `decide_trap`, `records_dropped`, …
    pub name: String,
    pub count: u64,
    /// When it was last reported, in milliseconds since 1970.
    pub last_ms: u64,
}
