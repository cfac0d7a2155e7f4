//! What one pull says and what is kept of it: facts, path, range, client, fingerprint, request, record.

mod action;
mod cache;
mod client;
mod digest;
mod facts;
mod fingerprint;
mod origin;
mod path;
mod place;
mod range;
mod record;
mod recorded;
mod request;
#[cfg(any(test, feature = "testing"))]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "made up for tests only"
)]
pub mod sample;
#[cfg(feature = "schema")]
mod schema;
mod settle;
mod user_agent;

pub use action::{Action, Mode, rule_action, some_rule_action};
pub use cache::Cache;
pub use client::{Client, ClientKey, ClientKeys, NetworkKey, bucket, keep_place, observed};
pub use facts::{Facts, FactsError, TlsFacts, UNNAMED_COLO, known_colo};
pub use fingerprint::{Fingerprint, NO_TLS, PRESENCE};
pub use origin::Origin;
pub use path::{
    Blob, BlobShapes, MAX_REPOSITORY, PathShape, ShapeError, find_blob, normal_form, other_forms,
    repository_of,
};
pub use place::host_of_address;
pub use range::{Answered, ByteRange, ContentRange, RangeKind, RequestedRange, TILE_UNIT, honoured};
pub use record::{
    BlobKey, Fired, MAX_ISOLATE, Method, Outcome, Profile, RangeRecord, Record, RecordId, SizeClass,
};
pub use recorded::{
    NEVER_KEPT, RecordValues, algorithm, asked_kind, has_path, integer, name_of, not_recorded, parts,
    range_values, seen_kind,
};
pub use request::{Identity, Request, kept};
pub use settle::{ObservedAnswer, Pending};
pub use user_agent::{Agent, Family, Name};
