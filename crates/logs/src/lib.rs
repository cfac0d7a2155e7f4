//! What one line of somebody else's log says of a request, in the same words whatever its format.
//!
//! In scope: the fields, their times and numbers, JSON by the names that a format gives its fields. Not in scope: where
//! lines come from (`cli` reads files, `upstream` what is pushed), and what is made of them.

mod clock;
mod entry;
mod formats;
mod json;
mod shown;

pub use clock::{any_time, common_time};
pub use entry::{Field, LogEntry, named};
pub use formats::LOGPUSH;
pub use json::{Names, texts};
pub use shown::{Answer, Lengths, NO_RANGE, Shown};
