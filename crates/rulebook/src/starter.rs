//! The rulebook that ships: in force until another one is known, and the first revision of a new deployment.

use super::document::Rulebook;
use super::read::DocumentError;

/// `config/rulebook.json`; its revision is 0.
pub const STARTER: &str = include_str!("../../../config/rulebook.json");

/// The shipped rulebook, every rule in monitor.
///
/// # Errors
/// Never in a build whose tests pass.
pub fn starter() -> Result<Rulebook, DocumentError> {
    Rulebook::from_json(STARTER)
}

#[cfg(test)]
mod tests;
