//! What one line of somebody else's log says of a request, in the same words whatever its format.
//!
//! In scope: the fields, their times and numbers, JSON by the names that a format gives its fields. Not in scope: where
//! lines come from (`cli` reads files, `upstream` what is pushed), and what is made of them.

mod carrier;
mod cells;
mod clock;
mod entry;
mod escapes;
mod formats;
mod inferred;
mod json;
mod logfmt;
mod numbers;
mod presets;
mod producers;
mod shown;
mod split;
mod template;
mod variables;

pub use carrier::{Carriers, Stripped, is_object};
pub use cells::{Cells, Layout, is_array};
pub use clock::{any_time, common_time};
pub use entry::{Field, LogEntry, address_of, named};
pub use escapes::{percent_decoded, plain_agent};
pub use formats::LOGPUSH;
pub use inferred::looks::looks;
pub use inferred::{inferred, inferred_rows};
pub use json::{Names, texts};
pub use logfmt::{is_logfmt, read_logfmt};
pub use presets::{PRESETS, preset, recognised};
pub use producers::{CLOUDFRONT, ZEEK, producer, producer_of};
pub use shown::{Answer, Lengths, NO_RANGE, Shown};
pub use split::separator_of;
pub use template::{Template, end_of_quoted, unescaped};
