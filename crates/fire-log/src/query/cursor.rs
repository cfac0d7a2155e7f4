//! Where the next page begins: opaque to clients, bound to the filters it was given for.

use blobwatch_pull::RecordId;

/// Of the text. Cursors of other versions are refused: a client starts over.
const VERSION: u8 = 1;

/// Length of the text: version, position, since, until and check as hex.
const LENGTH: usize = 2 * (1 + 16 + 8 + 8 + 8);

/// A place in an answer. Times are kept as they were on the first page, so that `-15m` means the same on the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Everything from this id on has been given.
    pub before: RecordId,
    pub(super) since_ms: Option<u64>,
    pub(super) until_ms: Option<u64>,
    /// Of the filters.
    pub(super) check: u64,
}

impl Cursor {
    /// The text a client gives back.
    #[must_use]
    pub fn text(&self) -> String {
        let time = |time: Option<u64>| time.unwrap_or(u64::MAX);
        let (since, until) = (time(self.since_ms), time(self.until_ms));
        format!(
            "{VERSION:02x}{:032x}{since:016x}{until:016x}{:016x}",
            self.before.0, self.check
        )
    }

    /// The same, of no records from before that time.
    #[must_use]
    pub(crate) fn since(self, since_ms: Option<u64>) -> Self {
        Self {
            since_ms: self.since_ms.max(since_ms),
            ..self
        }
    }

    /// `None` for anything that is no cursor of this version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if text.len() != LENGTH || !plain {
            return None;
        }
        let word = |range| u64::from_str_radix(text.get(range)?, 16).ok();
        let time = |range| Some(word(range)?).map(|time: u64| (time != u64::MAX).then_some(time));
        if word(0..2)? != u64::from(VERSION) {
            return None;
        }
        Some(Self {
            before: RecordId(u128::from_str_radix(text.get(2..34)?, 16).ok()?),
            since_ms: time(34..50)?,
            until_ms: time(50..66)?,
            check: word(66..82)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        bolero::check!()
            .with_type::<(u128, Option<u32>, Option<u32>, u64)>()
            .for_each(|given| {
                let (before, since, until, check) = *given;
                let cursor = Cursor {
                    before: RecordId(before),
                    since_ms: since.map(u64::from),
                    until_ms: until.map(u64::from),
                    check,
                };
                assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
            });
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let cursor = Cursor {
            before: RecordId(1),
            since_ms: None,
            until_ms: None,
            check: 2,
        }
        .text();
        for wrong in [
            "",
            "x",
            &cursor[1..],
            &cursor.replacen("01", "02", 1),
            &cursor.to_uppercase(),
            &"é".repeat(41),
        ] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }
}
