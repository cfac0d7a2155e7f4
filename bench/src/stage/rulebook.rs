//! Fifty rules as operators write them, all in monitor: those that `rules` measures.

use super::Api;
use anyhow::Result;
use serde_json::json;

/// One expression a line.
const EXPRESSIONS: &str = include_str!("../../data/rules-50.txt");

/// Rules that [`install`] writes.
pub(crate) const RULES: usize = 50;

/// Writes the rules through the API, so that what is measured is what an operator has.
///
/// # Errors
/// When a rule is refused.
pub(crate) fn install(api: &Api) -> Result<()> {
    for (number, expression) in EXPRESSIONS.lines().enumerate() {
        let rule = json!({
            "description": "benchmark", "expression": expression, "action": "block", "default_mode": "monitor",
        });
        api.put(&format!("rules/benchmark-{number}"), &rule)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{EXPRESSIONS, RULES};

    #[test]
    fn there_are_as_many_rules_as_said() {
        assert_eq!(EXPRESSIONS.lines().count(), RULES);
    }
}
