//! Times as a file writes them: RFC 3339, a date and a clock without a zone (UTC), numbers since 1970, or small numbers
//! that count slots or seconds from some beginning.

use blobwatch_wire::{parse_rfc3339, rfc3339};
use serde_json::Value;

/// Numbers below this count from a beginning of their own: as seconds since 1970 they would be before 1973-03-03.
const MIN_SECONDS: u64 = 100_000_000;

/// Numbers from here on are milliseconds: as seconds they would be after the year 5138.
const MIN_MILLISECONDS: u64 = 100_000_000_000;

/// Numbers from here on are microseconds.
const MIN_MICROSECONDS: u64 = 100_000_000_000_000;

/// Numbers from here on are nanoseconds.
const MIN_NANOSECONDS: u64 = 100_000_000_000_000_000;

/// How a file writes its times, and how they are written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Rfc3339,
    /// `2020-07-05 19:00:00`, read as UTC.
    Clock,
    /// Since 1970, so many to the second.
    Unix(u64),
    /// Slots, or seconds where they go up by more than one.
    Numbers,
}

impl Style {
    /// What the first time of a file is.
    pub(super) fn of(text: &str) -> Option<Self> {
        if let Some(number) = number(text) {
            return Some(match number {
                0..MIN_SECONDS => Self::Numbers,
                MIN_SECONDS..MIN_MILLISECONDS => Self::Unix(1),
                MIN_MILLISECONDS..MIN_MICROSECONDS => Self::Unix(1000),
                MIN_MICROSECONDS..MIN_NANOSECONDS => Self::Unix(1_000_000),
                _ => Self::Unix(1_000_000_000),
            });
        }
        if parse_rfc3339(text).is_some() {
            return Some(Self::Rfc3339);
        }
        clock(text).map(|_| Self::Clock)
    }

    /// Reads a time: seconds since 1970, or the number as it stands. Fractions of a second are cut.
    pub(super) fn read(self, text: &str) -> Option<u64> {
        match self {
            Self::Rfc3339 => parse_rfc3339(text).map(|ms| ms / 1000),
            Self::Clock => clock(text),
            Self::Numbers | Self::Unix(_) if Self::of(text) != Some(self) => None,
            Self::Numbers => number(text),
            Self::Unix(per_second) => number(text).map(|number| number / per_second),
        }
    }

    /// What a time of this style should have been.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 time such as 2020-07-05T19:00:00Z",
            Self::Clock => "a time such as 2020-07-05 19:00:00, as in the lines before",
            Self::Unix(1) => "seconds since 1970, as in the lines before",
            Self::Unix(1000) => "milliseconds since 1970, as in the lines before",
            Self::Unix(1_000_000) => "microseconds since 1970, as in the lines before",
            Self::Unix(_) => "nanoseconds since 1970, as in the lines before",
            Self::Numbers => "the number of a slot, as in the lines before",
        }
    }

    /// A time that [`Self::read`] read, as the file would write it.
    pub(super) fn write(self, time: u64) -> Value {
        match self {
            Self::Rfc3339 => rfc3339(time * 1000).into(),
            Self::Clock => {
                let text = rfc3339(time * 1000);
                text.get(..19).unwrap_or(&text).replace('T', " ").into()
            }
            Self::Unix(per_second) => (time * per_second).into(),
            Self::Numbers => time.into(),
        }
    }
}

/// The whole part of a plain decimal number.
fn number(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(part))
        .then(|| whole.parse().ok())
        .flatten()
}

/// Seconds of `2020-07-05`, `2020-07-05 19:00`, `2020-07-05T19:00:00` or `2020/07/05 19:00:00.5`.
fn clock(text: &str) -> Option<u64> {
    let (date, clock) = text.split_at_checked(10)?;
    let whole = match clock.len() {
        0 => "T00:00:00",
        6 => &format!("{clock}:00"),
        _ => clock,
    };
    parse_rfc3339(&format!("{}{whole}Z", date.replace('/', "-"))).map(|ms| ms / 1000)
}

#[cfg(test)]
mod tests {
    use super::Style::{self, Clock, Numbers, Rfc3339, Unix};

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
        case("2020-07-05 19:00:00+00:00", Some((Rfc3339, 1_593_975_600)));
        case("2020-07-05 19:00:00", Some((Clock, 1_593_975_600)));
        case("2020-07-05T19:00:00.250", Some((Clock, 1_593_975_600)));
        case("2020/07/05 19:00", Some((Clock, 1_593_975_600)));
        case("2020-07-05", Some((Clock, 1_593_907_200)));
        case("1593975600", Some((Unix(1), 1_593_975_600)));
        case("1593975600.25", Some((Unix(1), 1_593_975_600)));
        case("1593975600250", Some((Unix(1000), 1_593_975_600)));
        case("1593975600250000", Some((Unix(1_000_000), 1_593_975_600)));
        case("1593975600250000000", Some((Unix(1_000_000_000), 1_593_975_600)));
        case("0", Some((Numbers, 0)));
        case("0.0", Some((Numbers, 0)));
        case("99999999", Some((Numbers, 99_999_999)));
    }

    #[test]
    fn times_of_no_style() {
        for text in [
            "",
            "-1",
            "1.",
            "yesterday",
            "NaN",
            "1593975600.x",
            "2020-13-05",
            "2020-07-05 7pm",
        ] {
            case(text, None);
        }
    }

    #[test]
    fn a_style_reads_only_its_own() {
        assert_eq!(Numbers.read("1593975600"), None);
        assert_eq!(Unix(1).read("1593975600250"), None);
        assert_eq!(Rfc3339.read("2020-07-05 19:00:00"), None);
    }

    #[test]
    fn times_are_written_back_as_they_came() {
        for text in ["2020-07-05 19:00:00", "2020-07-05T19:00:00.000Z"] {
            let style = Style::of(text).unwrap();
            assert_eq!(style.write(style.read(text).unwrap()), text);
        }
        for number in [7_u64, 1_593_975_600, 1_593_975_600_000, 1_593_975_600_000_000] {
            let style = Style::of(&number.to_string()).unwrap();
            assert_eq!(style.write(style.read(&number.to_string()).unwrap()), number);
        }
    }
}
