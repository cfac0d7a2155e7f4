//! What somebody who calls may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a token may do; an operator may do all that the others may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Role {
    /// Pushes what other parties tell of requests, and nothing else: it reads nothing.
    Ingest,
    /// Reads.
    Viewer,
    /// Changes what happens to requests.
    Operator,
}

impl Role {
    /// Whether whoever has this role may do what asks for the other.
    #[must_use]
    pub fn allows(self, needed: Self) -> bool {
        match needed {
            // Whoever reads may not tell what was read.
            Self::Ingest => self != Self::Viewer,
            Self::Viewer | Self::Operator => self >= needed,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        })
    }
}
