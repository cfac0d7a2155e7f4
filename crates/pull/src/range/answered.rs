//! Whether a range was answered with what was asked.

use super::{ByteRange, ContentRange, RangeHeader, RequestedRange};
use crate::record::Method;

/// The answer as far as it bears on ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<'a> {
    pub status: u16,
    pub content_range: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

/// `Some(true)` only for 206 with the Content-Range that RFC 9110 (section 15.3.7) says for what was asked, or for
/// several ranges also multipart/byteranges. `None` where nothing can be said:
/// - nothing or nothing valid was asked, or by HEAD, where Range means nothing (section 14.2);
/// - a redirect, 304, 401, 407 or 412 answered: the question was not reached, or is asked elsewhere;
/// - 200 to If-Range (`conditional`): the blob may have changed;
/// - a true 416: its own size says that the range lies behind the end, as after `wget -c` of a complete file;
/// - one part answers a header that was too long to be kept;
/// - no answer came (status 0).
///
/// 200 to `bytes=0-` is the right body and yet not honoured: who counts refusals leaves [`super::RangeKind::Whole`] out.
#[must_use]
pub fn honoured(
    method: Method,
    asked: &RequestedRange,
    conditional: bool,
    answer: &Answered<'_>,
) -> Option<bool> {
    if method == Method::Head || !asked.is_range() {
        return None;
    }
    let part = answer.content_range.and_then(ContentRange::parse);
    match answer.status {
        206 if matches!(asked, RequestedRange::Long { .. }) && part.is_some() => None,
        206 => Some(is_part_asked(asked, part, answer.content_type)),
        416 => is_true_416(asked, part),
        200 if conditional => None,
        0 | 300..=399 | 401 | 407 | 412 => None,
        _ => Some(false),
    }
}

fn is_part_asked(asked: &RequestedRange, part: Option<ContentRange>, content_type: Option<&str>) -> bool {
    match (asked, part) {
        (RequestedRange::One(range), Some(ContentRange::Part { first, last, size })) => {
            is_answer_to(*range, first, last, size)
        }
        (RequestedRange::Many(value), Some(ContentRange::Part { first, last, size })) => {
            is_one_part_of(value, first, last, size)
        }
        // Content-Range must not stand at the top of a multipart answer.
        (RequestedRange::Many(_) | RequestedRange::Long { .. }, None) => {
            content_type.is_some_and(is_byteranges)
        }
        _ => false,
    }
}

/// Without a size, an end may be cut short where the blob ends: less than asked cannot be told from that.
fn is_answer_to(range: ByteRange, first: u64, last: u64, size: Option<u64>) -> bool {
    if let Some(size) = size {
        return range.within(size) == Some((first, last));
    }
    match range {
        ByteRange::Closed {
            first: asked,
            last: end,
        } => first == asked && last <= end,
        ByteRange::Open { first: asked } => first == asked,
        ByteRange::Suffix { length } => last - first < length,
    }
}

/// One part may answer several ranges: the only one there is, or all of them with the gaps between (section 15.3.7.2).
fn is_one_part_of(value: &str, first: u64, last: u64, size: Option<u64>) -> bool {
    let Ok(header) = RangeHeader::parse(value) else {
        return false;
    };
    // Where the size is not told, the blob may end where the answer does.
    let size = size.unwrap_or(last.saturating_add(1));
    let parts = || header.ranges().filter_map(|range| range.within(size));
    parts().map(|(first, _)| first).min() == Some(first) && parts().map(|(_, last)| last).max() == Some(last)
}

/// `None` for a true one, `Some(false)` for one that refuses what there is, or does not say why.
fn is_true_416(asked: &RequestedRange, part: Option<ContentRange>) -> Option<bool> {
    let Some(ContentRange::Unsatisfied { size }) = part else {
        return Some(false);
    };
    let is_satisfiable = match asked {
        RequestedRange::One(range) => range.within(size).is_some(),
        RequestedRange::Many(value) => RangeHeader::parse(value)
            .is_ok_and(|header| header.ranges().any(|range| range.within(size).is_some())),
        RequestedRange::Long { first, .. } => first.is_some_and(|first| first < size),
        RequestedRange::Nothing | RequestedRange::Invalid => false,
    };
    is_satisfiable.then_some(false)
}

fn is_byteranges(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    media_type.eq_ignore_ascii_case("multipart/byteranges")
}

#[cfg(test)]
mod tests;
