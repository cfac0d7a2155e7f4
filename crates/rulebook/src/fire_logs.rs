//! How many FireLogs a colo has: what the operator allows, and what its load asked for.
//!
//! In scope: bounds, layouts and how one follows another. Not in scope: when (`crates/rule-book`), and which FireLog of a layout
//! has what (`crates/records`).

use std::fmt::{self, Formatter};

use blobwatch_pull::UNNAMED_COLO;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::validate::MAX_FIRE_LOGS_PER_COLO;

/// In the settings: every data centre that is not named.
pub const EVERY_COLO: &str = "*";

/// Most FireLogs of a colo that the settings do not name: ten times what any published figure of a registry asks of one colo.
const MOST_BY_DEFAULT: u32 = 16;

/// Layouts that are remembered beside the current one. While the oldest of them still counts volumes, load makes no further one.
const MAX_EARLIER: usize = 4;

/// The least and the most FireLogs of a colo. The same number twice is that number, whatever the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FireLogBounds {
    pub least: u32,
    pub most: u32,
}

impl FireLogBounds {
    #[must_use]
    pub const fn exactly(count: u32) -> Self {
        Self {
            least: count,
            most: count,
        }
    }

    /// The number nearest to `count` that is within the bounds.
    #[must_use]
    pub fn nearest(self, count: u32) -> u32 {
        count
            .min(self.most)
            .max(self.least)
            .clamp(1, MAX_FIRE_LOGS_PER_COLO)
    }

    #[must_use]
    pub fn is_exact(self) -> bool {
        self.least == self.most
    }
}

impl Default for FireLogBounds {
    fn default() -> Self {
        Self {
            least: 1,
            most: MOST_BY_DEFAULT,
        }
    }
}

/// Both bounds, as JSON has them where they differ.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Between {
    least: u32,
    most: u32,
}

/// So many FireLogs, or as many as the load asks for.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, rename = "FireLogBounds")]
#[expect(dead_code, reason = "describes the JSON form")]
enum FireLogBoundsForm {
    /// So many, whatever the load.
    Exactly(u32),
    /// As many as the load asks for.
    Between(Between),
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for FireLogBounds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        FireLogBoundsForm::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        FireLogBoundsForm::json_schema(generator)
    }
}

impl Serialize for FireLogBounds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { least, most } = *self;
        if self.is_exact() {
            serializer.serialize_u32(least)
        } else {
            Between { least, most }.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for FireLogBounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrBounds)
    }
}

struct NumberOrBounds;

impl<'de> Visitor<'de> for NumberOrBounds {
    type Value = FireLogBounds;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a number of FireLogs or {least, most}")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<FireLogBounds, E> {
        let count = u32::try_from(count)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(count), &self))?;
        Ok(FireLogBounds::exactly(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<FireLogBounds, A::Error> {
        let Between { least, most } = Between::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(FireLogBounds { least, most })
    }
}

/// The FireLogs of one colo, where there was ever more than one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FireLogLayout {
    pub colo: String,
    pub count: u32,
    /// When the RuleBook decided so.
    pub since_ms: u64,
    /// Those before it, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierLayout>,
}

/// A layout that another has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EarlierLayout {
    pub count: u32,
    pub since_ms: u64,
    /// Its FireLogs go on to count volumes until then: by that time those of the next layout have seen as much.
    pub until_ms: u64,
}

impl FireLogLayout {
    /// Of a colo that has had `count` FireLogs for as long as anybody remembers.
    #[must_use]
    pub fn new(colo: &str, count: u32) -> Self {
        Self {
            colo: colo.to_owned(),
            count,
            since_ms: 0,
            earlier: Vec::new(),
        }
    }

    /// The layout that follows this one.
    #[must_use]
    pub fn followed_by(&self, count: u32, now_ms: u64, until_ms: u64) -> Self {
        let last = EarlierLayout {
            count: self.count,
            since_ms: self.since_ms,
            until_ms,
        };
        let earlier = std::iter::once(last).chain(self.earlier.iter().copied());
        Self {
            colo: self.colo.clone(),
            count,
            since_ms: now_ms,
            earlier: earlier.take(MAX_EARLIER).collect(),
        }
    }

    /// Whether a layout that still counts volumes would be forgotten if another followed.
    #[must_use]
    pub fn is_full(&self, now_ms: u64) -> bool {
        let oldest = self.earlier.get(MAX_EARLIER - 1);
        oldest.is_some_and(|oldest| oldest.until_ms > now_ms)
    }

    /// Whether more than one layout counts volumes.
    #[must_use]
    pub fn is_changing(&self, now_ms: u64) -> bool {
        self.earlier.iter().any(|earlier| earlier.until_ms > now_ms)
    }

    /// How many FireLogs there were at that time.
    #[must_use]
    pub fn count_at(&self, time_ms: u64) -> u32 {
        if time_ms >= self.since_ms {
            return self.count;
        }
        let then = self.earlier.iter().find(|earlier| time_ms >= earlier.since_ms);
        then.or(self.earlier.last())
            .map_or(self.count, |earlier| earlier.count)
    }
}

/// In thousandths of what a FireLog should have to do: as much as that.
pub const FULL: u32 = 1_000;

/// What a FireLog tells the RuleBook when its colo may need more FireLogs, or fewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    /// As documents name it.
    pub colo: String,
    /// Among the colo's FireLogs.
    pub place: u32,
    /// In thousandths: the least of the last two minutes.
    pub sustained: u32,
    /// In thousandths: the most of the last ten minutes.
    pub peak: u32,
}

/// As documents name a colo.
#[must_use]
pub(crate) fn colo_in_document(colo: &str) -> &str {
    if colo.is_empty() { UNNAMED_COLO } else { colo }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_a_number_or_both() {
        for (text, least, most) in [("4", 4, 4), (r#"{"least":2,"most":8}"#, 2, 8)] {
            let bounds: FireLogBounds = serde_json::from_str(text).unwrap();
            assert_eq!(bounds, FireLogBounds { least, most });
            assert_eq!(serde_json::to_string(&bounds).unwrap(), text);
        }
        for odd in ["-1", "1.5", "\"4\"", "[2, 8]", "{\"least\": 2}", "5000000000"] {
            assert!(serde_json::from_str::<FireLogBounds>(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_a_fire_log_tells_is_pinned() {
        let report = LoadReport {
            colo: "FRA".to_owned(),
            place: 3,
            sustained: 1_200,
            peak: 1_300,
        };
        let text = r#"{"colo":"FRA","place":3,"sustained":1200,"peak":1300}"#;
        assert_eq!(serde_json::to_string(&report).unwrap(), text);
        assert_eq!(serde_json::from_str::<LoadReport>(text).unwrap(), report);
    }

    #[test]
    fn a_layout_is_kept_until_what_follows_it_has_counted_as_much() {
        let one = FireLogLayout::new("FRA", 1);
        let two = one.followed_by(2, 100, 150);
        let four = two.followed_by(4, 200, 250);
        assert_eq!(
            [0, 99, 100, 199, 200, 300].map(|at| four.count_at(at)),
            [1, 1, 2, 2, 4, 4]
        );
        assert_eq!([120, 250].map(|at| four.is_changing(at)), [true, false]);
        let mut many = four;
        for n in 3..10 {
            many = many.followed_by(n, u64::from(n) * 100, u64::from(n) * 100 + 250);
        }
        assert_eq!(many.earlier.len(), MAX_EARLIER);
        assert_eq!([849, 850].map(|at| many.is_full(at)), [true, false]);
        // What was before everything that is remembered was as the oldest of it.
        assert_eq!(many.count_at(0), 5);
    }
}
