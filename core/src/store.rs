//! What the Durable Objects keep in SQLite: statements, migrations, retention.
//!
//! In scope: everything said in SQL, behind one small trait ([`Sql`]), so that it runs on rusqlite in tests and on
//! the object's own storage in production. Not in scope: alarms, requests between objects (`src/edge`).

pub mod rule_book;
mod sql;

pub use sql::{Row, Sql, SqlError, SqlValue};
