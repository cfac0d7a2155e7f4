//! Guards: whether an enforcement harms clients that pull cleanly, and when it is taken back (docs/safe-enforcement.md).
//!
//! In scope: who pulls cleanly, what a FireLog counts of the clients that a guarded rule fires on, and the test that may be
//! looked at after every count. Not in scope: where counts and verdicts are kept (`store`), and changing modes
//! (`crates/rule-book`).
//!
//! The counts of a FireLog are totals, so that a report that comes twice, or late, or after one that was lost changes
//! nothing. The verdict is the RuleBook's, which holds the mode too: one transaction has both.

mod counts;
mod evict;
mod evidence;
mod handover;
mod health;
mod health_bytes;
mod judge;
mod ledger;
mod moments;
mod networks;
mod notice;
mod pull;
mod system;
mod tally;
#[cfg(test)]
mod tests;
mod watch;
mod watch_bytes;

pub use counts::{Arm, Cohort, CohortCounts, Counts, Report, Sample, WatchReport};
pub use evidence::ALPHA;
pub use health::Health;
pub use judge::{Against, Harm, MIN_HARMED, MIN_NETWORKS};
pub use ledger::{Ledger, State};
pub use moments::{GuardThen, Moment, StateSince, state_at};
pub use notice::HarmNotice;
pub use watch::{GuardedEnforcement, WINDOW_MS, Watches};
