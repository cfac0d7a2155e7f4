//! Numbers, text and bytes in and out of rows.

use super::{Row, SqlValue};

/// The largest that crosses the platform's border, where numbers are doubles. Times, counts and 48-bit numbers are below.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A number for a statement.
pub fn number(value: u64) -> SqlValue {
    SqlValue::Integer(value.min(MAX_NUMBER) as i64)
}

/// The number in a column; 0 for anything else.
pub fn integer(row: &Row, column: usize) -> u64 {
    match row.get(column) {
        Some(SqlValue::Integer(value)) => u64::try_from(*value).unwrap_or(0),
        Some(SqlValue::Real(value)) => *value as u64,
        _ => 0,
    }
}

/// Takes the bytes out of a column; none for anything else.
pub fn blob(row: &mut Row, column: usize) -> Vec<u8> {
    match row.get_mut(column) {
        Some(SqlValue::Blob(bytes)) => std::mem::take(bytes),
        _ => Vec::new(),
    }
}

pub fn text(row: &Row, column: usize) -> &str {
    match row.get(column) {
        Some(SqlValue::Text(text)) => text,
        _ => "",
    }
}
