//! SQLite of this process, in memory, for tests.

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use crate::store::{Row, Sql, SqlError, SqlValue};

#[derive(Debug)]
pub(crate) struct Native(pub(crate) Connection);

impl Native {
    pub(crate) fn memory() -> Self {
        Self(Connection::open_in_memory().unwrap())
    }
}

fn refused(error: rusqlite::Error) -> SqlError {
    SqlError(error.to_string())
}

impl Sql for Native {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        assert!(parameters.len() <= 100);
        let mut statement = self.0.prepare_cached(statement).map_err(refused)?;
        let columns = statement.column_count();
        let bound = parameters.iter().map(|value| match value {
            SqlValue::Null => Value::Null,
            SqlValue::Integer(n) => Value::Integer(*n),
            SqlValue::Real(n) => Value::Real(*n),
            SqlValue::Text(t) => Value::Text(t.clone()),
            SqlValue::Blob(b) => Value::Blob(b.clone()),
        });
        let mut rows = statement
            .query(rusqlite::params_from_iter(bound))
            .map_err(refused)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(refused)? {
            let mut values = Vec::new();
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(refused)? {
                    ValueRef::Null => SqlValue::Null,
                    ValueRef::Integer(n) => SqlValue::Integer(n),
                    ValueRef::Real(n) => SqlValue::Real(n),
                    ValueRef::Text(t) => SqlValue::Text(String::from_utf8_lossy(t).into_owned()),
                    ValueRef::Blob(b) => SqlValue::Blob(b.to_vec()),
                });
            }
            found.push(values);
        }
        Ok(found)
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.run("SAVEPOINT t", &[])?;
        match body() {
            Ok(value) => {
                self.run("RELEASE t", &[])?;
                Ok(value)
            }
            Err(error) => {
                self.run("ROLLBACK TO t", &[])?;
                self.run("RELEASE t", &[])?;
                Err(error)
            }
        }
    }

    fn size_bytes(&self) -> u64 {
        0
    }
}
