//! Times as a file writes them: RFC 3339, seconds since 1970, or slot numbers.

use blobwatch_core::time::{parse_rfc3339, rfc3339};
use serde_json::Value;

/// Numbers below this are slot numbers: as seconds they would be before 1973-03-03.
const MIN_SECONDS: u64 = 100_000_000;

/// Seconds of 9999-12-31T23:59:59Z; larger numbers are some other unit.
const MAX_SECONDS: u64 = 253_402_300_799;

/// How a file writes its times, and how they are written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Rfc3339,
    Seconds,
    Slots,
}

impl Style {
    /// What the first time of a file is.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text.parse::<f64>() {
            Ok(number) if number < MIN_SECONDS as f64 => Some(Self::Slots),
            Ok(_) => Some(Self::Seconds),
            Err(_) => parse_rfc3339(text).map(|_| Self::Rfc3339),
        }
    }

    /// Reads a time, in seconds or as the number of a slot. Fractions of a second are cut.
    pub(super) fn read(self, text: &str) -> Option<u64> {
        match self {
            Self::Rfc3339 => parse_rfc3339(text).map(|ms| ms / 1000),
            Self::Slots => text.parse().ok().filter(|slot| *slot < MIN_SECONDS),
            Self::Seconds => {
                let whole = text
                    .split_once('.')
                    .map_or(Some(text), |(whole, part)| digits(part).then_some(whole))?;
                whole.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS)
            }
        }
    }

    /// What a time of this style should have been.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 time such as 2020-07-05T19:00:00Z",
            Self::Seconds => "seconds since 1970, as in the lines before",
            Self::Slots => "the number of a slot, as in the lines before",
        }
    }

    /// The beginning of a slot, as the file would write it.
    pub(super) fn write(self, slot: u64, slot_seconds: u64) -> Value {
        match self {
            Self::Rfc3339 => rfc3339(slot * slot_seconds * 1000).into(),
            Self::Seconds => (slot * slot_seconds).into(),
            Self::Slots => slot.into(),
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Style::{self, Rfc3339, Seconds, Slots};

    #[track_caller]
    fn case(text: &str, expected: Option<(Style, u64)>) {
        let style = Style::of(text);
        assert_eq!(
            style.and_then(|style| Some((style, style.read(text)?))),
            expected,
            "{text}"
        );
    }

    #[test]
    fn times_of_every_style() {
        case("2020-07-05T19:00:00Z", Some((Rfc3339, 1_593_975_600)));
        case("2020-07-05T21:00:00.5+02:00", Some((Rfc3339, 1_593_975_600)));
        case("1593975600", Some((Seconds, 1_593_975_600)));
        case("1593975600.25", Some((Seconds, 1_593_975_600)));
        case("0", Some((Slots, 0)));
        case("99999999", Some((Slots, 99_999_999)));
    }

    #[test]
    fn times_of_no_style() {
        for text in [
            "",
            "-1",
            "1.5",
            "yesterday",
            "1593975600000000",
            "2020-07-05",
            "NaN",
            "1593975600.x",
        ] {
            case(text, None);
        }
    }
}
