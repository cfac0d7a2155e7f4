//! What a FireLog answers to a flush: bytes, because an isolate has no reader of JSON to carry.

use blobwatch_rulebook::HotKey;
use blobwatch_wire::{DecodeError, Reader, put_all, put_bytes, put_option, put_text, put_varint};

const MAGIC: &[u8; 3] = b"BWA";

/// Of the bytes.
const VERSION: u8 = 1;

/// Which rulebook one holds. All zero for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RulebookVersion {
    /// Of the RuleBook: when it was seeded, in milliseconds since 1970. 0 where that was before there were epochs.
    pub epoch: u64,
    /// Grows by one with each change.
    pub revision: u64,
}

impl RulebookVersion {
    /// Whether what the source of rulebooks holds takes the place of this. A push can be overtaken, so an older revision
    /// does not. Another epoch does, whatever its revision: the RuleBook was lost and seeded again, or came back from a
    /// backup, and what it says is what the API shows.
    #[must_use]
    pub fn gives_way_to(self, told: Self) -> bool {
        self.epoch != told.epoch || self.revision < told.revision
    }
}

/// The answer to one flush, and to a read of the rulebook (then `ack` is 0).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Number of the batch that is kept now, this time or an earlier one.
    pub ack: u64,
    /// The rulebook that the FireLog holds.
    pub held: RulebookVersion,
    /// It, compiled ([`blobwatch_rulebook::Program`]), where it is newer than what the isolate said it holds. Empty where
    /// it cannot be compiled, so that an isolate counts that it could not follow.
    pub rulebook: Option<Vec<u8>>,
    /// Keys above the volume of a rule.
    pub hot: Vec<HotKey>,
}

impl Reply {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        for number in [self.ack, self.held.epoch, self.held.revision] {
            put_varint(&mut out, number);
        }
        put_all(&mut out, self.hot.iter(), |out, hot| {
            put_text(out, &hot.rule);
            put_varint(out, u64::from(hot.version));
            out.extend(hot.key.to_le_bytes());
            put_varint(out, hot.until_ms);
        });
        put_option(&mut out, self.rulebook.as_deref(), put_bytes);
        out
    }

    /// The rulebook is taken as it is. What a newer build puts behind it is left out: it must be dispensable, since an
    /// isolate that understood nothing would not even learn what is kept.
    ///
    /// # Errors
    /// When the bytes are no reply, one of a newer version, or corrupt.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(bytes, MAGIC, "a reply to a flush", VERSION)?;
        Ok(Self {
            ack: reader.varint()?,
            held: RulebookVersion {
                epoch: reader.varint()?,
                revision: reader.varint()?,
            },
            hot: reader.all(|reader| {
                Ok(HotKey {
                    rule: reader.text()?.to_owned(),
                    version: reader.narrow("rule version")?,
                    key: reader.word()?,
                    until_ms: reader.varint()?,
                })
            })?,
            rulebook: reader.option(|reader| reader.bytes().map(<[u8]>::to_vec))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_pinned() {
        let reply = Reply {
            ack: 7,
            held: RulebookVersion {
                epoch: 3,
                revision: 200,
            },
            rulebook: Some(b"book".to_vec()),
            hot: vec![HotKey {
                rule: "botnet-sig".to_owned(),
                version: 3,
                key: 0xff,
                until_ms: 5,
            }],
        };
        let expected = b"BWA\x01\x07\x03\xc8\x01\x01\x0abotnet-sig\x03\xff\0\0\0\0\0\0\0\x05\x01\x04book";
        assert_eq!(reply.encode(), expected);
        assert_eq!(Reply::decode(expected), Ok(reply));
    }

    #[test]
    fn what_a_newer_build_adds_is_left_out() {
        let reply = Reply {
            ack: 7,
            ..Reply::default()
        };
        let longer = [reply.encode(), b"more".to_vec()].concat();
        assert_eq!(Reply::decode(&longer), Ok(reply));
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic() {
        bolero::check!().with_max_len(128).for_each(|bytes: &[u8]| {
            let _ = Reply::decode(bytes);
            let _ = Reply::decode(&[b"BWA\x01", bytes].concat());
        });
    }
}
