//! The Range header (RFC 9110, section 14.2).

use std::fmt;

/// Ranges of one header. containers/image asks for up to 1024 at once when it pulls zstd:chunked.
pub(crate) const MAX_RANGES: usize = 1024;

/// Bytes of one header: 1024 ranges of two positions of 19 digits, a hyphen and a comma each, are 40 KiB, and the unit.
pub(crate) const MAX_RANGE_HEADER: usize = MAX_RANGES * 40 + 8;

/// Largest position. Registries written in Go read 63 bits, and no blob is that large; what is above is refused by
/// them (416) and invalid here.
pub(crate) const MAX_POSITION: u64 = i64::MAX as u64;

/// One range of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// `first-last`, both included; first ≤ last.
    Closed { first: u64, last: u64 },
    /// `first-`
    Open { first: u64 },
    /// `-length`: the last `length` bytes.
    Suffix { length: u64 },
}

/// A header that was read: at least one range, none of them impossible. Borrows the text; walking it again is cheaper
/// than keeping 1024 ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangeHeader<'a> {
    set: &'a str,
    first: ByteRange,
    count: usize,
}

/// Why a header asks for nothing; fits "failed to read the range: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeError {
    Unit,
    Empty,
    Malformed,
    Backwards,
    TooLarge,
    TooMany,
    TooLong,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("expected \"bytes=\""),
            Self::Empty => f.write_str("expected a range, found none"),
            Self::Malformed => f.write_str("expected \"first-last\", \"first-\" or \"-length\""),
            Self::Backwards => f.write_str("expected the first position before the last"),
            Self::TooLarge => write!(f, "expected a position of at most {MAX_POSITION}"),
            Self::TooMany => write!(f, "expected at most {MAX_RANGES} ranges"),
            Self::TooLong => write!(f, "expected at most {MAX_RANGE_HEADER} bytes"),
        }
    }
}

impl std::error::Error for RangeError {}

impl<'a> RangeHeader<'a> {
    /// Reads the header's value. The unit is `bytes` in any case; empty list elements are skipped (section 5.6.1).
    ///
    /// # Errors
    /// When the unit is another, any of the ranges is malformed, there are none or too many, or the text is too long.
    pub(crate) fn parse(value: &'a str) -> Result<Self, RangeError> {
        if value.len() > MAX_RANGE_HEADER {
            return Err(RangeError::TooLong);
        }
        let (unit, set) = value.split_once('=').ok_or(RangeError::Unit)?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return Err(RangeError::Unit);
        }
        let mut header = None;
        for element in elements(set) {
            let range = ByteRange::parse(element)?;
            let (first, count) = header.unwrap_or((range, 0));
            if count == MAX_RANGES {
                return Err(RangeError::TooMany);
            }
            header = Some((first, count + 1));
        }
        let (first, count) = header.ok_or(RangeError::Empty)?;
        Ok(Self { set, first, count })
    }

    /// The ranges as sent: neither sorted nor merged.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = ByteRange> + use<'a> {
        elements(self.set).filter_map(|element| ByteRange::parse(element).ok())
    }

    #[must_use]
    pub(crate) fn first(&self) -> ByteRange {
        self.first
    }

    /// 1 to [`MAX_RANGES`].
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for RangeHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes=")?;
        for (position, range) in self.ranges().enumerate() {
            let separator = if position == 0 { "" } else { "," };
            write!(f, "{separator}{range}")?;
        }
        Ok(())
    }
}

impl ByteRange {
    fn parse(text: &str) -> Result<Self, RangeError> {
        let (first, last) = text.split_once('-').ok_or(RangeError::Malformed)?;
        match (first, last) {
            ("", length) => Ok(Self::Suffix {
                length: position(length)?,
            }),
            (first, "") => Ok(Self::Open {
                first: position(first)?,
            }),
            (first, last) => Self::closed(position(first)?, position(last)?),
        }
    }

    fn closed(first: u64, last: u64) -> Result<Self, RangeError> {
        if first > last {
            return Err(RangeError::Backwards);
        }
        Ok(Self::Closed { first, last })
    }

    /// First and last position in a blob of `size` bytes; `None` where there is nothing to send (416).
    #[must_use]
    pub fn within(self, size: u64) -> Option<(u64, u64)> {
        let end = size.checked_sub(1)?;
        match self {
            Self::Closed { first, last } => (first <= end).then_some((first, last.min(end))),
            Self::Open { first } => (first <= end).then_some((first, end)),
            Self::Suffix { length: 0 } => None,
            Self::Suffix { length } => Some((size.saturating_sub(length), end)),
        }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { first, last } => write!(f, "{first}-{last}"),
            Self::Open { first } => write!(f, "{first}-"),
            Self::Suffix { length } => write!(f, "-{length}"),
        }
    }
}

fn elements(set: &str) -> impl Iterator<Item = &str> {
    set.split(',')
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

/// `1*DIGIT`, no sign.
pub(super) fn position(text: &str) -> Result<u64, RangeError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RangeError::Malformed);
    }
    text.parse()
        .ok()
        .filter(|position| *position <= MAX_POSITION)
        .ok_or(RangeError::TooLarge)
}

#[cfg(test)]
mod tests;
