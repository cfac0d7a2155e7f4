//! What a Range header asks for, and what kind of client behaviour it shows.

use serde::{Deserialize, Serialize};

/// What a Range means in the life of a pull (docs/records.md). `Chunk`, `Repeat` and `Restart` need the client's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeKind {
    None,
    Whole,
    Probe,
    Tile,
    Chunk,
    Scatter,
    Multi,
    Suffix,
    Resume,
    Repeat,
    Restart,
    Invalid,
}
