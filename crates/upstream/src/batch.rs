//! What one FireLog is told of requests by another party: the message's bytes, and the answer.
//!
//! In scope: the form and its bounds. Not in scope: reading what the party sends (the other modules), and what a FireLog
//! makes of a batch (`crates/fire-log`). All of a batch is of one colo and of clients of one FireLog, as an isolate picks it.

use crate::report::Counts;
use blobwatch_records::UpstreamRule;
use blobwatch_wire::{DecodeError, MAX_TEXT_BYTES, Reader};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 3] = b"BWU";

/// Of the message. A FireLog refuses a newer one.
const VERSION: u8 = 1;

/// Of the message: two full segments, and [`MAX_RULES`].
const MAX_BYTES: usize = 4 << 20;

/// Rules that one batch tells of: a zone has some hundred managed rules that match anything. Their texts have at most
/// [`MAX_TEXT_BYTES`]: 2.6 MB.
pub(crate) const MAX_RULES: usize = 1_024;

/// What one FireLog is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpstreamBatch {
    /// A segment of records, one for each event, `seen: false` and one rule fired each; empty where there is none. They are
    /// joined to the records of their requests by ray, and stand alone where there is no such record.
    pub fires: Vec<u8>,
    /// A segment of whole requests, `seen: false`, which Blobwatch may have seen itself; empty where there is none.
    pub requests: Vec<u8>,
    /// One for each rule and action among them.
    pub rules: Vec<UpstreamRule>,
}

/// What a FireLog made of a batch; stored when it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpstreamAnswer {
    /// Stand alone, or wait some seconds for a record of ours.
    pub new: u64,
    /// Were joined to a record that was there.
    pub joined: u64,
    /// Were told before.
    pub repeats: u64,
    /// Did not fit.
    pub dropped: u64,
}

/// What a body came to.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ingested {
    #[serde(flatten)]
    pub counts: Counts,
    #[serde(flatten)]
    pub answer: UpstreamAnswer,
}

impl Ingested {
    /// 200 where there was nothing to store, such as a trial; 202 where everything is stored.
    #[must_use]
    pub const fn status(&self) -> u16 {
        let Counts {
            events,
            windows,
            packets,
            ..
        } = self.counts;
        if events + windows + packets > 0 { 202 } else { 200 }
    }
}

impl UpstreamAnswer {
    /// Adds what was made of another batch.
    pub fn add(&mut self, more: &Self) {
        self.new += more.new;
        self.joined += more.joined;
        self.repeats += more.repeats;
        self.dropped += more.dropped;
    }
}

impl UpstreamBatch {
    /// # Errors
    /// When it is above the bounds; `blobwatch_wire::clip` cuts texts to theirs.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        self.check()?;
        let start = [MAGIC.as_slice(), &[VERSION]].concat();
        let bytes = postcard::to_extend(self, start).map_err(|_| DecodeError::Invalid("upstream batch"))?;
        match bytes.len() {
            0..=MAX_BYTES => Ok(bytes),
            _ => Err(TOO_LONG),
        }
    }

    /// Reads a message; the segments are taken as they are.
    ///
    /// # Errors
    /// When the bytes are no batch, one of a newer version, corrupt, or above the bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_BYTES {
            return Err(TOO_LONG);
        }
        let body = Reader::open(bytes, MAGIC, "an upstream batch", VERSION)?.rest();
        let read = postcard::take_from_bytes::<Self>(body);
        let (batch, rest) = read.map_err(|_| DecodeError::Invalid("upstream batch"))?;
        if !rest.is_empty() {
            return Err(DecodeError::Trailing);
        }
        batch.check()?;
        Ok(batch)
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.rules.len() > MAX_RULES {
            return Err(DecodeError::Invalid("number of upstream rules"));
        }
        if self.rules.iter().all(fits) {
            Ok(())
        } else {
            Err(DecodeError::Invalid("text of an upstream rule"))
        }
    }
}

const TOO_LONG: DecodeError = DecodeError::Invalid("length of an upstream batch");

fn fits(rule: &UpstreamRule) -> bool {
    rule.texts().iter().all(|text| text.len() <= MAX_TEXT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> UpstreamBatch {
        UpstreamBatch {
            fires: b"BWS\x02".to_vec(),
            requests: Vec::new(),
            rules: vec![UpstreamRule {
                id: "cloudflare:ddos".into(),
                system: "l7ddos".to_owned(),
                description: "a botnet".to_owned(),
                action: "block".to_owned(),
                acts: true,
                host: "cdn.example".to_owned(),
                first_ms: 300,
                last_ms: 301,
            }],
        }
    }

    #[test]
    fn the_message_is_pinned() {
        let expected = b"BWU\x01\x04BWS\x02\x00\x01\x0fcloudflare:ddos\x06l7ddos\x08a botnet\x05block\x01\
            \x0bcdn.example\xac\x02\xad\x02";
        assert_eq!(sample().encode().unwrap(), expected);
        assert_eq!(UpstreamBatch::decode(expected), Ok(sample()));
    }

    #[test]
    fn a_newer_message_is_refused_by_its_number() {
        let mut bytes = sample().encode().unwrap();
        bytes[3] = 2;
        let newer = DecodeError::Newer { found: 2, known: 1 };
        assert_eq!(UpstreamBatch::decode(&bytes), Err(newer));
    }

    #[test]
    fn what_is_above_a_bound_is_neither_written_nor_read() {
        let mut long = sample();
        long.rules[0].description = "x".repeat(MAX_TEXT_BYTES + 1);
        let mut many = sample();
        many.rules = vec![many.rules[0].clone(); MAX_RULES + 1];
        let large = UpstreamBatch {
            fires: vec![0; MAX_BYTES],
            ..sample()
        };
        for batch in [long, many, large] {
            assert!(batch.encode().is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_message_that_reads_back() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let bytes = [b"BWU\x01", bytes].concat();
            if let Ok(batch) = UpstreamBatch::decode(&bytes) {
                assert_eq!(UpstreamBatch::decode(&batch.encode().unwrap()), Ok(batch));
            }
        });
    }
}
