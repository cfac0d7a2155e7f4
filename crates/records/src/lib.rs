//! How records travel and stand: flushes, segments, what a client did before, counts per cohort.

mod cell;
mod client_sample;
mod flush;
mod fair;
mod halves;
mod history;
mod open_cohort;
mod segment;

pub use cell::{
    Affected, BlobCount, Bounds, Breadth, Cell, CellBatch, CellCounts, CellKey, Cuts, DIGEST, Event,
    Evidence, FURTHER, FewNetworks, Further, LARGE_BYTES, MAX_CELLS, MAX_EVIDENCE, RouteBreadth,
    RouteBreadths, SIZE, SKETCH, SLOT_S, SampleKey, SampledRequest, Sampler, Strata, Tally, UpstreamCells,
    UpstreamCount, UpstreamRule, UpstreamTally, note_blob, slot_of, version_of,
};
pub use client_sample::{ClientSample, MAX_ONE_IN, one_in};
pub use flush::{
    Batches, ClientAddress, Flush, Losses, Outgoing, Reply, RulebookVersion, VolumeCount, colo_of,
    fire_log_name, fire_log_of, flush_path, held_rulebook, place_of, rulebook_path, volume_fire_log_name,
};
pub use halves::{FOLLOWED_WITHIN_MS, FirstHalf, Halves, follows, is_redirect};
pub use history::{Challenges, Classification, History, MAX_CORRECTIONS, Pace, WINDOW_MS};
pub use open_cohort::{OpenCohort, OpenCohortPart};
pub use segment::{
    Agent, Blob, Block, Builder, Client, Codes, Digest, Field, Front, Header, Place, RayKey, Row, Treatment,
    asn_text, decode, digest_key, rule_mode, split,
};
