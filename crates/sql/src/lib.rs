//! How the Durable Objects keep what they know in SQLite.
//!
//! In scope: one small trait ([`Sql`]), so that statements run on rusqlite in tests and on the object's own storage in
//! production; rows read strictly ([`Row`]); older databases brought forward ([`migrate`]); one error ([`StoreError`]);
//! long work that pauses ([`Pace`]). Not in scope: the statements, which stand with each object; alarms, requests between objects (`src/control_plane`).

mod error;
mod migrate;
#[cfg(feature = "native")]
mod native;
mod pace;
mod row;
mod sql;

pub use error::{NEWER_SCHEMA, StoreError};
pub use migrate::{META, Run, Step, migrate};
#[cfg(feature = "native")]
pub use native::Native;
pub use pace::{Pace, SLICE_RECORDS, Shared, Slices, Unpaced, at_once, undisturbed};
pub use row::{MAX_NUMBER, Row, json, number};
pub use sql::{Sql, SqlError, SqlValue};
