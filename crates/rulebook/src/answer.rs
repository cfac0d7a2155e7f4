//! What the client sees of Blobwatch: headers and refusals.
//!
//! In scope: the values of `Blobwatch-Fired` and `Proxy-Status` (structured fields, RFC 9651), and the answers that
//! are ours, in the error envelope of the OCI distribution-spec. Not in scope: `Blobwatch-Id`, which is the record's
//! id as it is, and sending anything.

mod fired;
mod proxy_status;
mod refusal;

pub use fired::{fired, is_disclosed};
pub use refusal::{OriginFailure, Refusal, refusal, unreachable};
