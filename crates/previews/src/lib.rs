//! Who a rule would hit: recorded requests replayed through a candidate, before anything is enforced.
//!
//! In scope: counting one slice of one FireLog's records, which slices are asked for and when a preview is over, putting
//! slices together, the cohorts that are hit, the sentence, and keeping previews. Not in scope: asking FireLogs and the
//! RuleBook, and alarms (`src/control_plane/previews_do.rs`). docs/safe-enforcement.md says what operators see.
//!
//! The replay asks the same code that decides about requests: the plan holds a rulebook of the candidate in enforce and
//! every other rule that is enforced on the route, compiled and run as an isolate would. A test replays recorded traffic
//! through an isolate and compares.

mod calls;
mod cells;
mod cover;
mod item;
mod judge;
mod object_calls;
mod partial;
mod reads;
mod report;
mod sample;
mod scan;
mod scheduler;
#[cfg(feature = "schema")]
mod schema;
mod sentence;
mod store;
#[cfg(test)]
mod tests;
mod volume;
mod work;

pub use calls::{PreviewCall, check_body, items_of, stamps_of, too_many_previews};
pub use item::{PreviewItem, Progress};
pub use object_calls::ReplayCall;
pub use partial::Partial;
pub use report::Report;
pub use scan::{Budget, Replay, Slice, SliceCall, SliceTask, scan_slice};
pub use scheduler::{Event, RETRY_MS, Scheduler, Step, Work};
#[cfg(feature = "schema")]
pub use schema::add_answers;
pub use store::{End, Preview, PreviewStore};
pub(crate) use store::{MAX_ATTEMPTS, Status};
pub(crate) use volume::Matches;

/// Keys are places in dictionaries, or keyed hashes that no client can aim.
type FxHashMap<K, V> = std::collections::HashMap<K, V, rustc_hash::FxBuildHasher>;
