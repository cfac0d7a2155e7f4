//! SQLite of this process that counts rows as the platform bills them: an index entry is a row too.

use blobwatch_sql::{Native, Row, Sql, SqlError, SqlValue};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

pub(super) struct Counted {
    sql: Native,
    written: Cell<u64>,
    read: Cell<u64>,
    /// By statement: the rows of one that it writes, with its index entries.
    entries: RefCell<HashMap<String, u64>>,
}

impl Counted {
    pub(super) fn new(sql: Native) -> Self {
        Self {
            sql,
            written: Cell::new(0),
            read: Cell::new(0),
            entries: RefCell::default(),
        }
    }

    pub(super) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Rows that statements gave: what an index spares is not counted, what a scan passes over neither.
    pub(super) fn read(&self) -> u64 {
        self.read.get()
    }

    fn count(&self, statement: &str, changed: u64) -> Result<(), SqlError> {
        let known = self.entries.borrow().get(statement).copied();
        let entries = match known {
            Some(entries) => entries,
            None => 1 + self.indexes(statement)?,
        };
        self.entries.borrow_mut().insert(statement.to_owned(), entries);
        self.written.set(self.written.get() + changed * entries);
        Ok(())
    }

    fn indexes(&self, statement: &str) -> Result<u64, SqlError> {
        let mut words = statement.split_whitespace();
        let table = words
            .by_ref()
            .find(|word| matches!(*word, "INTO" | "UPDATE" | "FROM"))
            .and_then(|_| words.next())
            .and_then(|word| word.split('(').next())
            .unwrap_or_default();
        let rows = self.sql.run(
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = ?",
            &[SqlValue::Text(table.to_owned())],
        )?;
        let count = rows.first().and_then(|row| row.integer(0, "count").ok());
        Ok(count.unwrap_or(0))
    }
}

impl Sql for Counted {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        let before = self.sql.rows_written();
        let rows = self.sql.run(statement, parameters)?;
        self.read.set(self.read.get() + rows.len() as u64);
        let changed = self.sql.rows_written() - before;
        if changed > 0 {
            self.count(statement, changed)?;
        }
        Ok(rows)
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.sql.transaction(body)
    }

    fn size_bytes(&self) -> u64 {
        self.sql.size_bytes()
    }
}
