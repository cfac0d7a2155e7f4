//! The one door to SQLite.

use std::fmt;

use super::Row;

/// A value that crosses to or from SQLite. Integers cross the platform as doubles: above 2^53 use text or a blob.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What SQLite, or the platform around it, answered; fits "failed to store: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError(pub String);

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SqlError {}

/// SQLite as a Durable Object has it: one thread, synchronous, at most 100 parameters a statement, no PRAGMA
/// user_version and no BEGIN.
pub trait Sql {
    /// Runs one statement to its end and returns its rows.
    ///
    /// # Errors
    /// When SQLite refuses the statement or a value does not cross.
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError>;

    /// Runs `body` so that either all of its statements hold or none.
    ///
    /// # Errors
    /// Those of `body`, after everything it wrote was taken back.
    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E>;

    /// Size of the database in bytes.
    fn size_bytes(&self) -> u64;
}
