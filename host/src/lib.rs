//! Blobwatch on a workerd of one's own: what `blobwatch serve` and `cargo xtask dev` share.
//!
//! In scope: the child process, the file of its secrets, tokens, the address of a registry, lines about steps. Not in scope:
//! how a worker is configured and where it comes from, which differ.

mod origin;
pub mod progress;
pub mod token;
pub mod vars;
pub mod workerd;

pub use origin::Origin;
