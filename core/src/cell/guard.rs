//! What a rule that acts does to the clients it hits, for the guard.

use std::sync::Arc;

/// Counts of one rule on one route in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardCell {
    pub route: Arc<str>,
    pub rule: Arc<str>,
    pub version: u32,
}
