use super::{Answered, honoured};
use crate::range::RequestedRange;
use crate::record::Method;

fn answered(range: &str, status: u16, content_range: &str, content_type: &str) -> Option<bool> {
    let answer = Answered {
        status,
        content_range: (!content_range.is_empty()).then_some(content_range),
        content_type: (!content_type.is_empty()).then_some(content_type),
    };
    honoured(Method::Get, &RequestedRange::read(Some(range)), false, &answer)
}

#[track_caller]
fn case(range: &str, status: u16, content_range: &str, expected: Option<bool>) {
    let found = answered(range, status, content_range, "application/octet-stream");
    assert_eq!(found, expected, "{range} answered {status} {content_range}");
}

#[test]
fn only_206_with_the_part_asked_is_honoured() {
    case("bytes=500-1499", 206, "bytes 500-1499/2048", Some(true));
    case("bytes=500-", 206, "bytes 500-2047/2048", Some(true));
    case("bytes=0-", 206, "bytes 0-2047/2048", Some(true));
    case("bytes=-500", 206, "bytes 1548-2047/2048", Some(true));
    case("bytes=-5000", 206, "bytes 0-2047/2048", Some(true));
    case("bytes=2000-5000", 206, "bytes 2000-2047/2048", Some(true));
    case("bytes=500-1499", 206, "bytes 500-1498/2048", Some(false));
    case("bytes=500-1499", 206, "bytes 0-1499/2048", Some(false));
    case("bytes=500-", 206, "bytes 500-1000/2048", Some(false));
    case("bytes=-500", 206, "bytes 0-499/2048", Some(false));
    case("bytes=500-", 206, "", Some(false));
    case("bytes=500-", 206, "bytes 500-", Some(false));
    case("bytes=500-", 206, "bytes */2048", Some(false));
}

#[test]
fn an_unknown_size_leaves_the_end_open() {
    case("bytes=500-1499", 206, "bytes 500-1499/*", Some(true));
    case("bytes=2000-5000", 206, "bytes 2000-2047/*", Some(true));
    case("bytes=500-1499", 206, "bytes 500-1500/*", Some(false));
    case("bytes=500-", 206, "bytes 500-2047/*", Some(true));
    case("bytes=-500", 206, "bytes 1548-2047/*", Some(true));
    case("bytes=-500", 206, "bytes 1547-2047/*", Some(false));
    case("bytes=-0", 206, "bytes 0-0/*", Some(false));
}

#[test]
fn a_full_body_or_an_error_is_not_what_was_asked() {
    case("bytes=500-", 200, "", Some(false));
    case("bytes=0-", 200, "", Some(false));
    case("bytes=500-", 400, "", Some(false));
    case("bytes=500-", 404, "", Some(false));
    case("bytes=500-", 503, "", Some(false));
}

#[test]
fn a_true_416_says_nothing_about_the_server() {
    case("bytes=2048-", 416, "bytes */2048", None);
    case("bytes=5000-10000", 416, "bytes */2048", None);
    case("bytes=-0", 416, "bytes */2048", None);
    case("bytes=9-10,5000-", 416, "bytes */9", None);
    case("bytes=500-", 416, "bytes */2048", Some(false));
    case("bytes=9-10,5000-", 416, "bytes */2048", Some(false));
    case("bytes=500-", 416, "", Some(false));
}

#[test]
fn several_ranges_come_as_multipart_or_as_one_part() {
    let asked = "bytes=0-9,100-199";
    let multi = |status, content_range, content_type| answered(asked, status, content_range, content_type);
    assert_eq!(multi(206, "", "multipart/byteranges; boundary=x"), Some(true));
    assert_eq!(multi(206, "", "Multipart/ByteRanges;boundary=x"), Some(true));
    assert_eq!(multi(206, "", "application/octet-stream"), Some(false));
    assert_eq!(multi(206, "", ""), Some(false));
    assert_eq!(multi(200, "", "application/octet-stream"), Some(false));
    case(asked, 206, "bytes 0-199/2048", Some(true));
    case(asked, 206, "bytes 0-199/*", Some(true));
    case(asked, 206, "bytes 0-9/50", Some(true));
    case(asked, 206, "bytes 0-9/2048", Some(false));
    case(asked, 206, "bytes 0-2047/2048", Some(false));
    // One range is not answered in parts.
    assert_eq!(
        answered("bytes=0-9", 206, "", "multipart/byteranges; boundary=x"),
        Some(false)
    );
}

/// Of a header that is too long to be kept, what can be said without its ranges is said.
#[test]
fn many_ranges_are_judged_by_what_is_kept_of_them() {
    let ranges: Vec<String> = (1..=1_024_u64)
        .map(|n| format!("{}-{}", n * 100, n * 100 + 9))
        .collect();
    let asked = format!("bytes={}", ranges.join(","));
    let multi = |status, content_range, content_type| answered(&asked, status, content_range, content_type);
    assert_eq!(multi(206, "", "multipart/byteranges; boundary=x"), Some(true));
    assert_eq!(multi(206, "", "application/octet-stream"), Some(false));
    assert_eq!(multi(200, "", "application/octet-stream"), Some(false));
    assert_eq!(multi(206, "bytes 100-102409/200000", ""), None);
    assert_eq!(multi(416, "bytes */100", ""), None, "none of them is within");
    assert_eq!(multi(416, "bytes */101", ""), Some(false));
}

#[test]
fn where_the_question_was_not_reached_nothing_is_said() {
    for status in [0, 301, 302, 303, 304, 307, 308, 401, 407, 412] {
        case("bytes=500-", status, "", None);
    }
    case("bytes=5-4", 200, "", None);
    case("bytes=5-4", 416, "bytes */2048", None);
    let answer = Answered {
        status: 206,
        content_range: Some("bytes 0-9/10"),
        content_type: None,
    };
    assert_eq!(
        honoured(Method::Get, &RequestedRange::Nothing, false, &answer),
        None
    );
    assert_eq!(
        honoured(
            Method::Head,
            &RequestedRange::read(Some("bytes=0-9")),
            false,
            &answer
        ),
        None
    );
}

#[test]
fn if_range_may_be_answered_with_everything() {
    let full = Answered {
        status: 200,
        content_range: None,
        content_type: None,
    };
    let asked = RequestedRange::read(Some("bytes=5-"));
    assert_eq!(honoured(Method::Get, &asked, true, &full), None);
    assert_eq!(honoured(Method::Get, &asked, false, &full), Some(false));
}

/// What a server that follows RFC 9110 answers is honoured, for any range and size.
#[test]
fn a_conforming_answer_is_always_honoured() {
    bolero::check!()
        .with_type::<(u16, u16, u16, u8)>()
        .with_iterations(10_000)
        .for_each(|(a, b, size, form)| {
            let (low, high) = (*a.min(b), *a.max(b));
            let range = match form % 3 {
                0 => format!("bytes={low}-{high}"),
                1 => format!("bytes={low}-"),
                _ => format!("bytes=-{low}"),
            };
            let last = i64::from(*size) - 1;
            let (first, end) = match form % 3 {
                0 => (i64::from(low), i64::from(high).min(last)),
                1 => (i64::from(low), last),
                _ => ((i64::from(*size) - i64::from(low)).max(0), last),
            };
            if first > end {
                case(&range, 416, &format!("bytes */{size}"), None);
            } else {
                case(&range, 206, &format!("bytes {first}-{end}/{size}"), Some(true));
                case(&range, 206, &format!("bytes {first}-{end}/*"), Some(true));
            }
        });
}
