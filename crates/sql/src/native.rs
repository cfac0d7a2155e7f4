//! [`Sql`] on SQLite of this process: for tests, benches and the command line, never in the worker.
//!
//! Statements that a Durable Object refuses are refused here too, as far as that is cheap to see.

use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::{Row, Sql, SqlError, SqlValue};

/// Bound parameters of one statement on the platform.
const MAX_PARAMETERS: usize = 100;

/// Bytes of one row on the platform; here of one value.
const MAX_VALUE_BYTES: usize = 2_000_000;

/// A database of this process.
#[derive(Debug)]
pub struct Native {
    connection: Connection,
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl Native {
    /// # Errors
    /// When SQLite cannot be opened.
    pub fn in_memory() -> Result<Self, SqlError> {
        Ok(Self {
            connection: Connection::open_in_memory()?,
        })
    }

    /// Opens or makes a database file; changes are not synced, so that a power cut may lose it.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(Self { connection })
    }

    /// Runs several statements, for instance those of an old sample.
    ///
    /// # Errors
    /// Those of the statements.
    pub fn script(&self, statements: &str) -> Result<(), SqlError> {
        Ok(self.connection.execute_batch(statements)?)
    }

    /// Rows written since the database was opened, without index entries.
    #[must_use]
    pub fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }

    fn pragma(&self, name: &str) -> u64 {
        let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let value = self
            .connection
            .query_row(&format!("SELECT * FROM pragma_{name}()"), [], read);
        value
            .ok()
            .and_then(|value| u64::try_from(value).ok())
            .unwrap_or(0)
    }
}

impl Sql for Native {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        if parameters.len() > MAX_PARAMETERS {
            return Err(SqlError(format!(
                "{} parameters, at most {MAX_PARAMETERS}",
                parameters.len()
            )));
        }
        let parameters = parameters
            .iter()
            .map(to_sqlite)
            .collect::<Result<Vec<Value>, SqlError>>()?;
        let mut prepared = self.connection.prepare_cached(statement)?;
        let mut rows = prepared.query(params_from_iter(parameters))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            // Asked of the row: a statement from the cache is prepared anew when its table has changed.
            let columns = row.as_ref().column_count();
            let values = (0..columns).map(|column| Ok(from_sqlite(row.get_ref(column)?)));
            found.push(values.collect::<Result<Row, SqlError>>()?);
        }
        Ok(found)
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let run = |statement| self.connection.execute_batch(statement).map_err(SqlError::from);
        run("BEGIN IMMEDIATE")?;
        match body() {
            Ok(value) => run("COMMIT").map(|()| value).map_err(E::from),
            Err(error) => {
                run("ROLLBACK")?;
                Err(error)
            }
        }
    }

    fn size_bytes(&self) -> u64 {
        (self.pragma("page_count") - self.pragma("freelist_count")) * self.pragma("page_size")
    }
}

fn to_sqlite(value: &SqlValue) -> Result<Value, SqlError> {
    match value {
        SqlValue::Null => Ok(Value::Null),
        SqlValue::Integer(integer) if integer.unsigned_abs() >= 1 << 53 => {
            Err(SqlError(format!("{integer} is beyond 2^53")))
        }
        SqlValue::Integer(integer) => Ok(Value::Integer(*integer)),
        SqlValue::Real(real) => Ok(Value::Real(*real)),
        SqlValue::Text(text) => Ok(Value::Text(text.clone())),
        SqlValue::Blob(blob) if blob.len() > MAX_VALUE_BYTES => Err(SqlError(format!(
            "a value of {} bytes, at most {MAX_VALUE_BYTES}",
            blob.len()
        ))),
        SqlValue::Blob(blob) => Ok(Value::Blob(blob.clone())),
    }
}

fn from_sqlite(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Integer(integer),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(blob) => SqlValue::Blob(blob.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sql: &Native) -> usize {
        sql.run("SELECT * FROM t", &[]).unwrap().len()
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let sql = Native::in_memory().unwrap();
        sql.script("CREATE TABLE t (a)").unwrap();
        let failed = sql.transaction(|| {
            sql.run("INSERT INTO t VALUES (1)", &[])?;
            Err::<(), _>(SqlError("no".to_owned()))
        });
        assert_eq!((failed, rows(&sql)), (Err(SqlError("no".to_owned())), 0));
        let kept = sql.transaction(|| sql.run("INSERT INTO t VALUES (1)", &[]));
        assert!(kept.is_ok());
        assert_eq!(rows(&sql), 1);
    }

    #[test]
    fn a_statement_that_ran_before_its_table_changed_reads_the_new_columns() {
        let sql = Native::in_memory().unwrap();
        sql.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            .unwrap();
        let read = || sql.run("SELECT * FROM t", &[]).unwrap();
        let one = SqlValue::Integer(1);
        assert_eq!(read(), [[one.clone()].into_iter().collect()]);
        sql.script("ALTER TABLE t ADD COLUMN b DEFAULT 2").unwrap();
        assert_eq!(read(), [[one, SqlValue::Integer(2)].into_iter().collect()]);
    }

    #[test]
    fn what_the_platform_refuses_is_refused() {
        let sql = Native::in_memory().unwrap();
        assert!(sql.run("SELECT ?", &[SqlValue::Integer(1 << 54)]).is_err());
        assert!(
            sql.run("SELECT ?", &[SqlValue::Blob(vec![0; 2_000_001])])
                .is_err()
        );
        assert!(sql.run("SELECT 1", &vec![SqlValue::Null; 101]).is_err());
    }
}
