//! The Content-Range header (RFC 9110, section 14.4).

use std::fmt;

use super::header::position;

/// What an answer says it is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes first-last/size`, or `/*` where the size is unknown; first ≤ last < size.
    Part {
        first: u64,
        last: u64,
        size: Option<u64>,
    },
    /// `bytes */size`, with 416.
    Unsatisfied { size: u64 },
}

impl ContentRange {
    /// Strict: a part that cannot be (`5-4/9`, `5-9/9`) is none, since a client that believes it corrupts its blob.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.split_once(' ')?;
        let (part, size) = rest.split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let size = match size {
            "*" => None,
            digits => Some(position(digits).ok()?),
        };
        if part == "*" {
            return size.map(|size| Self::Unsatisfied { size });
        }
        let (first, last) = part.split_once('-')?;
        let (first, last) = (position(first).ok()?, position(last).ok()?);
        let possible = first <= last && size.is_none_or(|size| last < size);
        possible.then_some(Self::Part { first, last, size })
    }

    /// Bytes of the whole blob.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match *self {
            Self::Part { size, .. } => size,
            Self::Unsatisfied { size } => Some(size),
        }
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part {
                first,
                last,
                size: Some(size),
            } => write!(f, "bytes {first}-{last}/{size}"),
            Self::Part {
                first,
                last,
                size: None,
            } => write!(f, "bytes {first}-{last}/*"),
            Self::Unsatisfied { size } => write!(f, "bytes */{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ContentRange;

    #[track_caller]
    fn case(text: &str, expected: ContentRange) {
        assert_eq!(ContentRange::parse(text), Some(expected));
        assert_eq!(expected.to_string(), text);
    }

    #[test]
    fn the_forms_of_rfc_9110() {
        let part = |first, last, size| ContentRange::Part { first, last, size };
        case("bytes 42-1233/1234", part(42, 1233, Some(1234)));
        case("bytes 42-1233/*", part(42, 1233, None));
        case("bytes 0-0/1", part(0, 0, Some(1)));
        case("bytes */1234", ContentRange::Unsatisfied { size: 1234 });
        case("bytes */0", ContentRange::Unsatisfied { size: 0 });
        assert_eq!(
            ContentRange::parse("Bytes 0-1/2"),
            Some(part(0, 1, Some(2))),
            "units are case-insensitive (section 14.1)"
        );
    }

    #[test]
    fn what_cannot_be_is_none() {
        for text in [
            "",
            "bytes",
            "bytes ",
            "bytes */*",
            "bytes 5-4/9",
            "bytes 5-9/9",
            "bytes 0-0/0",
            "bytes 0-/9",
            "bytes -5/9",
            "bytes 0-4",
            "bytes=0-4/9",
            "bytes  0-4/9",
            "bytes 0-4/9 ",
            "bytes +0-4/9",
            "bytes 0-4/9223372036854775808",
            "bytes 0-99999999999999999999/*",
            "items 0-4/9",
        ] {
            assert_eq!(ContentRange::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_parses_is_possible_and_prints_back() {
        bolero::check!()
            .with_type::<(u64, u64, Option<u64>, bool, Vec<u8>)>()
            .for_each(|(first, last, size, unsatisfied, noise)| {
                let size = size.map_or("*".to_owned(), |size| size.to_string());
                let text = if *unsatisfied {
                    format!("bytes */{size}")
                } else {
                    format!("bytes {first}-{last}/{size}")
                };
                for text in [text.as_str(), &String::from_utf8_lossy(noise)] {
                    check(text);
                }
            });
    }

    fn check(text: &str) {
        let Some(parsed) = ContentRange::parse(text) else {
            return;
        };
        assert_eq!(ContentRange::parse(&parsed.to_string()), Some(parsed));
        if let ContentRange::Part { first, last, size } = parsed {
            assert!(first <= last && size.is_none_or(|size| last < size), "{text}");
        }
    }
}
