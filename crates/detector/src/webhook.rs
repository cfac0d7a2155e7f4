//! Telling others: which addresses may be told, what they are told of and in which form, and how they know that it was us.
//!
//! In scope: the address, the alert and its forms, the signature, the calls that set a webhook. Not in scope: when something
//! is told and how often (`store`), and the request itself (`src/control_plane`).

mod address;
mod alert;
mod audited;
mod body;
mod event;
mod format;
mod sign;
#[cfg(test)]
mod tests;

pub use address::{AllowedAddresses, check};
pub(crate) use alert::{Alert, Status};
pub use audited::audited;
#[cfg(feature = "schema")]
pub(crate) use body::WebhookBody;
pub(crate) use body::{WebhookItem, checked_id, read};
pub(crate) use event::{EventName, Severity};
pub(crate) use format::{Context, rendered};
pub use format::{Format, SecretUse};
pub use sign::{SIGNATURE_HEADER, signature, standard_signature};
