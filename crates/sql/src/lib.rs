//! What the Durable Objects keep in SQLite: statements, migrations, retention.
//!
//! In scope: everything said in SQL, behind one small trait ([`Sql`]), so that it runs on rusqlite in tests and on
//! the object's own storage in production. Not in scope: alarms, requests between objects (`src/control_plane`).

mod column;
#[cfg(feature = "native")]
mod native;
mod sql;

pub use column::{MAX_NUMBER, blob, integer, number, text};
#[cfg(feature = "native")]
pub use native::Native;
pub use sql::{Row, Sql, SqlError, SqlValue};
