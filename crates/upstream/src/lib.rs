//! What other parties tell of requests: their forms, and batches of them for FireLogs.

mod action;
mod batch;
mod deployment;
mod event;
mod form;
mod intake;
mod lines;
mod packets;
mod report;
#[cfg(feature = "schema")]
mod schema;
mod target;
mod line_event;
mod unpack;
mod window;

pub use batch::{Ingested, UpstreamAnswer, UpstreamBatch};
pub use blobwatch_records::UpstreamRule;
pub use deployment::Deployment;
pub use event::{acted, event_id, upstream_fire, upstream_rule_name};
pub use form::FormReader;
pub use intake::{Harvest, Intake};
pub use packets::{MAX_COMBINATIONS, PACKET_ATTRIBUTES, PacketCounts, PacketOutcome, PacketRow, PacketRule};
pub use report::{Counts, IngestReport, MAX_FAULTS, Refusal};
#[cfg(feature = "schema")]
pub use schema::add_answers;
pub use unpack::{Unpack, UnpackError, too_large};
pub use window::UpstreamWindow;
