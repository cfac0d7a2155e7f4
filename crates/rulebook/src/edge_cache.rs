//! What the cache of a content delivery network does with blobs behind the worker.

use serde::{Deserialize, Serialize};

/// How a route's blobs are cached where Blobwatch runs, on a platform that has a cache between it and the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EdgeCache {
    /// Every request reaches the origin.
    Off,
    /// As the platform does with what the origin answers.
    #[default]
    Origin,
    /// What a digest names never changes: kept for as long as there is room.
    Immutable,
}

impl EdgeCache {
    #[must_use]
    pub fn is_origin(&self) -> bool {
        *self == Self::Origin
    }

    /// What holds for one request. Kept is only what everybody may have, and only under an address that names its content: a
    /// cache asks nobody whether the next client may read it.
    #[must_use]
    pub fn of_request(self, names_digest: bool, has_credentials: bool) -> Self {
        match self {
            Self::Immutable if has_credentials || !names_digest => Self::Origin,
            cache => cache,
        }
    }

    /// As `src/data_plane/origin.js` knows it; empty where nothing is asked of the platform.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Origin => "",
            Self::Immutable => "immutable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EdgeCache::{Immutable, Off, Origin};

    #[test]
    fn only_what_everybody_may_have_is_kept() {
        assert_eq!(Immutable.of_request(true, false), Immutable);
        assert_eq!(Immutable.of_request(true, true), Origin);
        assert_eq!(Immutable.of_request(false, false), Origin);
        assert_eq!(Off.of_request(false, true), Off);
        assert_eq!(Origin.of_request(true, false), Origin);
    }
}
