//! What a FireLog answers to a flush: JSON, because the rulebook inside is JSON.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Which rulebook one holds. All zero for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Of the RuleBook: when it was seeded, in milliseconds since 1970. 0 where that was before there were epochs.
    pub epoch: u64,
    /// Grows by one with each change.
    pub revision: u64,
}

impl Held {
    /// Whether what the source of rulebooks holds takes the place of this. A push can be overtaken, so an older revision
    /// does not. Another epoch does, whatever its revision: the RuleBook was lost and seeded again, or came back from a
    /// backup, and what it says is what the API shows.
    #[must_use]
    pub fn gives_way_to(self, told: Self) -> bool {
        self.epoch != told.epoch || self.revision < told.revision
    }
}

/// The answer to one flush, and to a read of the rulebook (then `ack` is 0).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    /// Number of the batch that is kept now, this time or an earlier one.
    pub ack: u64,
    /// Of the rulebook that the FireLog holds, see [`Held::epoch`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// Of the rulebook that the FireLog holds; 0 for none.
    pub revision: u64,
    /// The document, where it is newer than what the isolate said it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rulebook: Option<Box<RawValue>>,
    /// Keys above the volume of a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hot: Vec<Hot>,
}

impl Reply {
    /// What the FireLog holds.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            epoch: self.epoch,
            revision: self.revision,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A key that a rule with a volume fires for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hot {
    pub rule: String,
    pub version: u32,
    /// 16 hex digits: JSON's numbers end at 2^53.
    #[serde(with = "hex_key")]
    pub key: u64,
    /// Milliseconds since 1970: from then on it is not, if nothing more comes.
    pub until_ms: u64,
}

mod hex_key {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(key: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{key:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_pinned() {
        let hot = Hot {
            rule: "botnet-sig".to_owned(),
            version: 3,
            key: 0xff,
            until_ms: 5,
        };
        let rulebook = RawValue::from_string("{\"schema\":1}".to_owned()).unwrap();
        let reply = Reply {
            ack: 7,
            epoch: 0,
            revision: 2,
            rulebook: Some(rulebook),
            hot: vec![hot.clone()],
        };
        let expected = "{\"ack\":7,\"revision\":2,\"rulebook\":{\"schema\":1},\
            \"hot\":[{\"rule\":\"botnet-sig\",\"version\":3,\"key\":\"00000000000000ff\",\"until_ms\":5}]}";
        assert_eq!(serde_json::to_string(&reply).unwrap(), expected);
        let back: Reply = serde_json::from_str(expected).unwrap();
        assert_eq!((back.ack, back.hot), (7, vec![hot]));
        assert_eq!(back.rulebook.unwrap().get(), "{\"schema\":1}");
        let told = Reply { epoch: 3, ..reply };
        let text = serde_json::to_string(&told).unwrap();
        assert!(
            text.starts_with("{\"ack\":7,\"epoch\":3,\"revision\":2,"),
            "{text}"
        );
    }
}
