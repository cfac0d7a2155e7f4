//! From SQLite's values to typed ones, and JSON in between.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RuleBookError;
use blobwatch_sql::SqlValue;

/// A number that cannot be negative. The platform may hand a whole number over as a real.
pub(super) fn unsigned(row: &[SqlValue], column: usize, what: &str) -> Result<u64, RuleBookError> {
    let number = match row.get(column) {
        Some(SqlValue::Integer(number)) => u64::try_from(*number).ok(),
        Some(SqlValue::Real(number)) if *number >= 0.0 && number.fract() == 0.0 => Some(*number as u64),
        _ => None,
    };
    number.ok_or_else(|| RuleBookError::Corrupt(what.to_owned()))
}

pub(super) fn string(row: &[SqlValue], column: usize, what: &str) -> Result<String, RuleBookError> {
    optional(row, column, what)?.ok_or_else(|| RuleBookError::Corrupt(what.to_owned()))
}

pub(super) fn optional(row: &[SqlValue], column: usize, what: &str) -> Result<Option<String>, RuleBookError> {
    match row.get(column) {
        Some(SqlValue::Text(text)) => Ok(Some(text.clone())),
        Some(SqlValue::Null) => Ok(None),
        _ => Err(RuleBookError::Corrupt(what.to_owned())),
    }
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, RuleBookError> {
    serde_json::from_str(text).map_err(|error| RuleBookError::Corrupt(format!("{what} ({error})")))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, RuleBookError> {
    serde_json::to_string(value).map_err(|error| RuleBookError::Corrupt(format!("a value ({error})")))
}
