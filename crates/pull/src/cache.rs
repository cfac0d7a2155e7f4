//! What an answer says of the caches that it came through, in one small set of words.
//!
//! In scope: `CF-Cache-Status`, `X-Cache` as CloudFront, Fastly, Akamai, Azure, nginx, Varnish and Squid write it, and
//! `Age`. Not in scope: which of them is read first (`src/data_plane/said.js`).

use serde::{Deserialize, Serialize};

/// Cloudflare's words, which others' are brought to.
/// <https://developers.cloudflare.com/cache/concepts/cache-responses/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Cache {
    Hit,
    Miss,
    Expired,
    Stale,
    Bypass,
    Dynamic,
    Revalidated,
    Updating,
    /// The cache says that it did not look.
    None,
}

/// A word that a cache's answer holds, and what it means; the first that is there counts.
const WORDS: [(&str, Cache); 19] = [
    ("STALE", Cache::Stale),
    ("REFRESH_FAIL", Cache::Stale),
    ("UPDATING", Cache::Updating),
    ("REVALIDATED", Cache::Revalidated),
    ("REFRESHHIT", Cache::Revalidated),
    ("REFRESH_HIT", Cache::Revalidated),
    ("IMS_HIT", Cache::Revalidated),
    ("EXPIRED", Cache::Expired),
    ("REFRESH_MISS", Cache::Expired),
    ("REFRESHMISS", Cache::Expired),
    ("BYPASS", Cache::Bypass),
    ("PASS", Cache::Bypass),
    ("NOSTORE", Cache::Bypass),
    ("NOCACHE", Cache::Bypass),
    ("DYNAMIC", Cache::Dynamic),
    ("GENERATED", Cache::Dynamic),
    ("MISS", Cache::Miss),
    ("HIT", Cache::Hit),
    ("NONE", Cache::None),
];

impl Cache {
    pub const ALL: [Self; 9] = [
        Self::Hit,
        Self::Miss,
        Self::Expired,
        Self::Stale,
        Self::Bypass,
        Self::Dynamic,
        Self::Revalidated,
        Self::Updating,
        Self::None,
    ];

    /// The name in records and queries; the same as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
            Self::Dynamic => "dynamic",
            Self::Revalidated => "revalidated",
            Self::Updating => "updating",
            Self::None => "none",
        }
    }

    /// Reads what a cache said of an answer: a status, or the seconds of `Age`. Of several caches the nearest counts,
    /// which comes last. `None` for what says nothing.
    #[must_use]
    pub fn read(said: &str) -> Option<Self> {
        let nearest = said.rsplit(',').next().unwrap_or_default().trim();
        if nearest.bytes().all(|byte| byte.is_ascii_digit()) {
            // An answer that is new is 0 seconds old, whether a cache had it or not.
            return nearest.bytes().any(|digit| digit != b'0').then_some(Self::Hit);
        }
        // What follows is the cache's own name, which may hold any word.
        let status = nearest.split([' ', '/', ';']).next().unwrap_or_default();
        let has = |word: &str| {
            let mut places = status.as_bytes().windows(word.len());
            places.any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        };
        if status.eq_ignore_ascii_case("UNKNOWN") {
            return Some(Self::None);
        }
        WORDS.iter().find(|(word, _)| has(word)).map(|(_, cache)| *cache)
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn the_words_of_caches_are_read() {
        #[track_caller]
        fn case(said: &str, expected: &str) {
            let read = Cache::read(said).map_or("", Cache::as_str);
            assert_eq!(read, expected, "{said}");
        }
        for (said, expected) in [
            // CF-Cache-Status.
            ("HIT", "hit"),
            ("MISS", "miss"),
            ("EXPIRED", "expired"),
            ("STALE", "stale"),
            ("BYPASS", "bypass"),
            ("DYNAMIC", "dynamic"),
            ("REVALIDATED", "revalidated"),
            ("UPDATING", "updating"),
            ("NONE", "none"),
            ("UNKNOWN", "none"),
            ("NONE/UNKNOWN", "none"),
            // CloudFront.
            ("Hit from cloudfront", "hit"),
            ("Miss from cloudfront", "miss"),
            ("RefreshHit from cloudfront", "revalidated"),
            ("OriginShieldHit from cloudfront", "hit"),
            ("LambdaGeneratedResponse from cloudfront", "dynamic"),
            ("Error from cloudfront", ""),
            // Fastly: of the shield, then of the edge.
            ("HIT, MISS", "miss"),
            ("MISS, HIT", "hit"),
            ("MISS,HIT", "hit"),
            // Akamai.
            (
                "TCP_HIT from a23-1-2-3.deploy.akamaitechnologies.com (AkamaiGHost)",
                "hit",
            ),
            ("TCP_MEM_HIT from a1", "hit"),
            ("TCP_REFRESH_HIT from a1", "revalidated"),
            ("TCP_REFRESH_MISS from a1", "expired"),
            ("TCP_REFRESH_FAIL_HIT from a1", "stale"),
            ("TCP_EXPIRED_MISS from a1", "expired"),
            ("TCP_MISS from hit.example", "miss"),
            // Azure.
            ("TCP_REMOTE_HIT", "hit"),
            ("PRIVATE_NOSTORE", "bypass"),
            ("CONFIG_NOCACHE", "bypass"),
            // Squid, Varnish, nginx.
            ("HIT from proxy:3128", "hit"),
            ("pass", "bypass"),
            ("hit", "hit"),
            // Age.
            ("17", "hit"),
            ("0", ""),
            ("00", ""),
            ("99999999999999999999999", "hit"),
            ("", ""),
            ("-", ""),
            ("yes", ""),
        ] {
            case(said, expected);
        }
    }

    #[test]
    fn every_name_is_the_one_in_json() {
        for cache in Cache::ALL {
            assert_eq!(serde_json::to_value(cache).unwrap(), cache.as_str());
        }
    }
}
