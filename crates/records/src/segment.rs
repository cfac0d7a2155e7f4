//! The compact block that a batch of records is stored as: one flush is one segment, one row.
//!
//! In scope: the block's bytes, written and read, and the header to skip by. Not in scope: where segments are kept
//! (`crates/fire-log`) and how they are searched (`query`). The format is described in docs/records.md and pinned
//! by `tests/data/segment-v3.bin`; it, `segment-v2.bin` and `segment-v1.bin` must decode for ever.
//!
//! A block has a *front* (what filters read: ids, treatments, agents, places) and a *back* (the rest). They are kept
//! in two columns, so that a scan reads the back only of segments in which something was found.

mod block;
mod bloom;
mod builder;
pub(crate) mod codes;
mod columns;
mod entries;
pub(crate) mod families;
mod fires;
mod front;
mod header;
mod header_bytes;

mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod texts;

pub use block::{Block, Row, decode};
pub use builder::Builder;
pub use columns::Codes;
pub use entries::{Agent, Blob, Client, Digest, Place, Treatment};
pub use fires::RayKey;
pub use front::{Front, split};
pub use header::{Field, Header, asn_text, digest_key, rule_mode};

/// Of the block. A reader refuses a newer one. 2 has where redirects lead, who answered, what caches said, blobs of other
/// paths than a registry's, families by name, clouds, versions of IP and what the platform measured of connections; 3 has
/// signatures of TCP handshakes.
pub(crate) const VERSION: u8 = 3;

/// What is written where no client has such a signature, so that builds before 3 read it.
pub(crate) const WITHOUT_TCP: u8 = 2;

/// Most records of one block. Ids and rows of a decoded block take about 140 bytes a record: 2.3 MB.
pub(crate) const MAX_RECORDS: usize = 16_384;

/// A builder is full at this estimate of its encoded size. A row of a Durable Object holds 2 MB, header included;
/// the estimate is never below the encoded size.
pub(crate) const MAX_BLOCK_BYTES: usize = 1_500_000;

const MAGIC: &[u8; 3] = b"BWS";
