//! The id of a record: a ULID whose random part is the isolate's number and counter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::RecordId;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of an id.
pub(crate) const ID_LENGTH: usize = 26;

/// Largest number of an isolate: 48 random bits. At 10,000 isolates a day the chance that two of one day share a
/// number is below 1 in 5 million, and they would also have to share a millisecond and a counter.
pub const MAX_ISOLATE: u64 = (1 << 48) - 1;

/// Why a text is no id; fits "failed to read an id: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected {ID_LENGTH} characters of Crockford base 32, the first 0 to 7"
        )
    }
}

impl std::error::Error for NotAnId {}

impl RecordId {
    /// The id of the `counter`th record of an isolate; bits above 48 of time and isolate are cut off.
    #[must_use]
    pub const fn from_parts(time_ms: u64, isolate: u64, counter: u32) -> Self {
        let time = (time_ms & MAX_ISOLATE) as u128;
        let isolate = (isolate & MAX_ISOLATE) as u128;
        Self(time << 80 | isolate << 32 | counter as u128)
    }

    /// The smallest id of a millisecond: everything before it is older.
    #[must_use]
    pub const fn first_at(time_ms: u64) -> Self {
        Self::from_parts(time_ms, 0, 0)
    }

    /// Milliseconds since 1970, UTC.
    #[must_use]
    pub const fn time_ms(self) -> u64 {
        (self.0 >> 80) as u64
    }

    /// As it is written: ASCII.
    fn letters(self) -> [u8; ID_LENGTH] {
        let mut letters = [b'0'; ID_LENGTH];
        for (place, letter) in letters.iter_mut().rev().enumerate() {
            let digit = (self.0 >> (place * 5)) as usize & 31;
            *letter = ALPHABET.get(digit).copied().unwrap_or(b'0');
        }
        letters
    }

    /// 48 bits.
    #[must_use]
    pub const fn isolate(self) -> u64 {
        (self.0 >> 32) as u64 & MAX_ISOLATE
    }

    #[must_use]
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.letters()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for RecordId {
    type Err = NotAnId;

    /// Upper and lower case; `I` and `L` read as 1, `O` as 0, as Crockford's base 32 has it.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let fits =
            text.len() == ID_LENGTH && text.bytes().next().and_then(digit).is_some_and(|first| first < 8);
        if !fits {
            return Err(NotAnId);
        }
        text.bytes()
            .try_fold(0u128, |value, byte| Some(value << 5 | digit(byte)?))
            .map(Self)
            .ok_or(NotAnId)
    }
}

fn digit(byte: u8) -> Option<u128> {
    let letter = match byte.to_ascii_uppercase() {
        b'I' | b'L' => b'1',
        b'O' => b'0',
        other => other,
    };
    ALPHABET
        .iter()
        .position(|known| *known == letter)
        .map(|found| found as u128)
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_is_that_of_a_ulid() {
        // The example of the ULID specification, and its largest value.
        let example: RecordId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        assert_eq!(example.time_ms(), 1_469_922_850_259);
        assert_eq!(example.to_string(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert_eq!(RecordId(u128::MAX).to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    #[test]
    fn parts_come_back() {
        let id = RecordId::from_parts(1_593_975_600_000, 0x1234_5678_9abc, 7);
        assert_eq!(
            (id.time_ms(), id.isolate(), id.counter()),
            (1_593_975_600_000, 0x1234_5678_9abc, 7)
        );
    }

    #[test]
    fn order_of_text_is_order_of_time() {
        let (a, b) = (
            RecordId::from_parts(1, MAX_ISOLATE, u32::MAX),
            RecordId::from_parts(2, 0, 0),
        );
        assert!(a < b && a.to_string() < b.to_string());
    }

    #[test]
    fn every_id_reads_back() {
        bolero::check!().with_type::<u128>().for_each(|bits| {
            assert_eq!(RecordId(*bits).to_string().parse(), Ok(RecordId(*bits)));
        });
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "é1ARZ3NDEKTSV4RRFFQ69G5FA",
        ] {
            assert_eq!(text.parse::<RecordId>(), Err(NotAnId), "{text}");
        }
        assert_eq!(
            "o1arz3ndektsv4rrffq69g5fav".parse::<RecordId>(),
            "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()
        );
    }
}
