//! What one line of somebody else's log says of a request, in the same words whatever its format.
//!
//! In scope: the fields, their times and numbers, JSON by the names that a format gives its fields. Not in scope: where
//! lines come from (`cli` reads files, `upstream` what is pushed), and what is made of them.

mod clock;
mod entry;
mod json;

pub use clock::{any_time, common_time};
pub use entry::{Field, LogEntry};
pub use json::{Names, texts};
