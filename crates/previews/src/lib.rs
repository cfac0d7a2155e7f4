//! Who a rule would hit: recorded requests replayed through a candidate, before anything is enforced.
//!
//! In scope: the plan of a preview, counting one slice of one FireLog's records, putting slices together, the cohorts
//! that are hit, the sentence, and whether a finished preview still holds. Not in scope: driving the slices and keeping
//! previews (`src/control_plane`, `store`). docs/safe-enforcement.md says what operators see.
//!
//! The replay asks the same code that decides about requests: the plan holds a rulebook of the candidate in enforce and
//! every other rule that is enforced on the route, compiled and run as an isolate would. A test replays recorded traffic
//! through an isolate and compares.

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
mod sentence;
mod store;
#[cfg(test)]
mod tests;
mod volume;

pub use item::{PreviewItem, Progress};
pub use object_calls::ReplayCall;
pub use partial::Partial;
pub use report::Report;
pub use scan::{Budget, Replay, Slice, SliceCall, scan_slice};
pub use store::{End, MAX_ATTEMPTS, MAX_WAITING, Preview, PreviewError, PreviewStore, Status};
pub use volume::Windows;

/// Keys are places in dictionaries, or keyed hashes that no client can aim.
type FxHashMap<K, V> = std::collections::HashMap<K, V, rustc_hash::FxBuildHasher>;
