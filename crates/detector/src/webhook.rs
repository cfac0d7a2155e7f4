//! Telling others: which addresses may be told, what they are told, and how they know that it was us.
//!
//! In scope: the address, the message, its signature, the calls that set a webhook. Not in scope: when something is
//! told and how often (`store`), and the request itself (`src/control_plane`).

mod address;
mod audited;
mod body;
mod message;
mod sign;

pub use address::{Allowed, check};
pub use audited::audited;
pub(crate) use body::{WebhookItem, checked_id, read};
pub(crate) use message::{EventName, message, test_message};
pub use sign::{SIGNATURE_HEADER, signature};
