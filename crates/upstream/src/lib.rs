//! What other parties tell of requests: their forms, and batches of them for FireLogs.

mod batch;
mod event;

pub use batch::{UpstreamAnswer, UpstreamBatch};
pub use blobwatch_records::UpstreamRule;
pub use event::{acted, event_id, upstream_fire, upstream_rule_name};
