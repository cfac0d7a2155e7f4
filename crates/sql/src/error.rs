//! Why a store did not do what was asked, and what a caller of the API is told of it.

use std::fmt;

use blobwatch_wire::{DecodeError, Problem, STORAGE, STORAGE_TITLE};

use super::SqlError;

/// The kind of the problem that lasts until the build that wrote a database is deployed.
pub const NEWER_SCHEMA: &str = "newer-schema";

/// Fits "failed to …: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    Sql(SqlError),
    /// The database was written by a newer build; nothing was touched.
    NewerSchema {
        found: u64,
        known: u64,
    },
    /// A column does not hold what was written.
    Column {
        /// With its table: `inbox.seq`.
        name: &'static str,
        expected: &'static str,
        found: &'static str,
    },
    /// Bytes that came, or were stored, cannot be read.
    Decode(DecodeError),
    /// What was read is not what was written.
    Corrupt(String),
}

impl StoreError {
    /// `None` for what was read and is not what was written. What SQLite refuses stays an error.
    ///
    /// # Errors
    /// When nothing could be read.
    pub fn readable<T>(read: Result<T, Self>) -> Result<Option<T>, Self> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Self::Column { .. } | Self::Decode(_) | Self::Corrupt(_)) => Ok(None),
            Err(error @ (Self::Sql(_) | Self::NewerSchema { .. })) => Err(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => error.fmt(f),
            Self::NewerSchema { found, known } => {
                write!(
                    f,
                    "the database has schema {found}, but this build reads at most {known}"
                )
            }
            Self::Column {
                name,
                expected,
                found,
            } => write!(f, "expected {expected} in {name}, found {found}"),
            Self::Decode(error) => error.fmt(f),
            Self::Corrupt(what) => write!(f, "{what} cannot be read"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<DecodeError> for StoreError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// The one place where errors of stores become problems.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NewerSchema { .. } => Self::new(
                503,
                NEWER_SCHEMA,
                "The database was written by a newer build",
                format!("{error}; deploy that build"),
            ),
            // It may be over when somebody has made room.
            StoreError::Sql(error) => Self::new(503, STORAGE, STORAGE_TITLE, error.to_string()),
            error => Self::new(500, STORAGE, STORAGE_TITLE, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(error: StoreError, status: u16, kind: &str, detail: &str) {
        let problem = Problem::from(error);
        assert_eq!(problem.status, status);
        assert_eq!(problem.kind, format!("urn:blobwatch:problem:{kind}"));
        assert_eq!(problem.detail, detail);
    }

    #[test]
    fn problems_say_what_is_wrong() {
        let newer = "the database has schema 6, but this build reads at most 5; deploy that build";
        case(
            StoreError::NewerSchema { found: 6, known: 5 },
            503,
            "newer-schema",
            newer,
        );
        let column = StoreError::Column {
            name: "inbox.seq",
            expected: "text",
            found: "NULL",
        };
        case(column, 500, "storage", "expected text in inbox.seq, found NULL");
        let full = StoreError::Sql(SqlError("disk full".to_owned()));
        case(full, 503, "storage", "disk full");
        case(
            StoreError::Corrupt("a plan".to_owned()),
            500,
            "storage",
            "a plan cannot be read",
        );
        let short = StoreError::Decode(DecodeError::Truncated);
        case(short, 500, "storage", "the bytes end too early");
    }

    #[test]
    fn what_sqlite_refuses_is_not_passed_over() {
        let refused = StoreError::Sql(SqlError("busy".to_owned()));
        let truncated = StoreError::Decode(DecodeError::Truncated);
        assert_eq!(StoreError::readable(Ok(7)), Ok(Some(7)));
        assert_eq!(StoreError::readable::<u64>(Err(truncated)), Ok(None));
        assert_eq!(StoreError::readable::<u64>(Err(refused.clone())), Err(refused));
    }
}
