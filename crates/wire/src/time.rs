//! RFC 3339 times in UTC with milliseconds, as the API writes and reads them.
//!
//! In scope: text to milliseconds since 1970 and back. Not in scope: clocks; time is always a parameter.
//! Dates follow the civil calendar of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".

const DAY_MS: u64 = 86_400_000;

/// First moment that four digits of a year cannot write: 10000-01-01T00:00:00Z.
pub const MAX_TIME_MS: u64 = 253_402_300_800_000;

/// `2020-07-05T19:00:00.000Z`. Times beyond the year 9999 are written as its last millisecond.
#[must_use]
pub fn rfc3339(time_ms: u64) -> String {
    let time_ms = time_ms.min(MAX_TIME_MS - 1);
    let (year, month, day) = civil(time_ms / DAY_MS);
    let ms = time_ms % DAY_MS;
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, milli) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Reads `2020-07-05T19:00:00Z`, with an optional fraction (cut to milliseconds) and `Z` or an offset such as
/// `+02:00`. `None` for anything else, and for times before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (milli, zone) = fraction(rest)?;
    let day = days(date)?;
    let seconds = clock_seconds(clock)?;
    let local = i64::try_from(day * DAY_MS + seconds * 1000 + milli).ok()?;
    let utc = u64::try_from(local - offset_ms(zone)?).ok()?;
    (utc < MAX_TIME_MS).then_some(utc)
}

/// Year, month, day of a day counted from 1970-01-01.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let shifted = days_since_1970 + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn days(date: &str) -> Option<u64> {
    let mut parts = date.split('-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    if parts.next().is_some() || year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = year - u64::from(month <= 2);
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let counted = era * 146_097 + day_of_era - 719_468;
    // 31 April counts to 1 May: only a date that reads back as itself exists.
    (civil(counted) == (year, month, day)).then_some(counted)
}

fn clock_seconds(clock: &str) -> Option<u64> {
    let mut parts = clock.split(':');
    let (hour, minute, second) = (
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    // A leap second is read as the second after it.
    let exists = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    exists.then_some(hour * 3600 + minute * 60 + second)
}

/// Milliseconds of `.123…` and what follows.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (written, zone) = rest.split_at_checked(end)?;
    let thousandths: String = written.chars().chain("000".chars()).take(3).collect();
    if written.is_empty() {
        return None;
    }
    Some((thousandths.parse().ok()?, zone))
}

fn offset_ms(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let minutes = i64::try_from(hours * 60 + minutes).ok()?;
    (hours < 24).then_some(sign * minutes * 60_000)
}

fn digits(text: &str, length: usize) -> Option<u64> {
    let all = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: Option<u64>) {
        assert_eq!(parse_rfc3339(text), expected, "{text}");
    }

    #[test]
    fn known_moments_are_written_as_their_dates() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_593_975_600_007), "2020-07-05T19:00:00.007Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_of_a_thousand_years_reads_back() {
        for day in 0..366_000 {
            let time = day * DAY_MS + day % DAY_MS;
            assert_eq!(parse_rfc3339(&rfc3339(time)), Some(time));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        reads("2020-07-05T19:00:00Z", Some(1_593_975_600_000));
        reads("2020-07-05T21:00:00+02:00", Some(1_593_975_600_000));
        reads("2020-07-05T13:30:00.5-05:30", Some(1_593_975_600_500));
        reads("2020-07-05 19:00:00.123456Z", Some(1_593_975_600_123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2020-07-05",
            "2020-07-05T19:00:00",
            "2020-02-30T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-07-05T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2020-07-05T19:00:00.Z",
            "2020-07-05T19:00:00+2:00",
            "2020-07-05T19:00:00Zx",
            "+020-07-05T19:00:00Z",
            "2020-07-05Té:00:00Z",
            "1970-01-01T00:00:00+01:00",
        ] {
            reads(text, None);
        }
    }
}
