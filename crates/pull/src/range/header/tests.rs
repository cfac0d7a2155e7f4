use super::{ByteRange, MAX_POSITION, MAX_RANGE_HEADER, MAX_RANGES, RangeError, RangeHeader};

fn closed(first: u64, last: u64) -> ByteRange {
    ByteRange::Closed { first, last }
}

#[track_caller]
fn case(value: &str, expected: &[ByteRange]) {
    let header = RangeHeader::parse(value).unwrap();
    assert_eq!(header.ranges().collect::<Vec<_>>(), expected);
    assert_eq!((header.first(), header.count()), (expected[0], expected.len()));
}

#[track_caller]
fn refused(value: &str, expected: RangeError) {
    assert_eq!(RangeHeader::parse(value), Err(expected), "{value:?}");
}

#[test]
fn the_forms_of_rfc_9110() {
    case("bytes=0-499", &[closed(0, 499)]);
    case("bytes=9500-", &[ByteRange::Open { first: 9500 }]);
    case("bytes=-500", &[ByteRange::Suffix { length: 500 }]);
    case("bytes=-0", &[ByteRange::Suffix { length: 0 }]);
    case("Bytes=0-0,-1", &[closed(0, 0), ByteRange::Suffix { length: 1 }]);
    case(
        "bytes= 0-999, 4500-5499, -1000",
        &[
            closed(0, 999),
            closed(4500, 5499),
            ByteRange::Suffix { length: 1000 },
        ],
    );
    case("bytes=,,0-1 ,\t,2-3,", &[closed(0, 1), closed(2, 3)]);
    case("bytes=007-8", &[closed(7, 8)]);
}

#[test]
fn what_says_nothing_is_refused_whole() {
    refused("", RangeError::Unit);
    refused("bytes", RangeError::Unit);
    refused("bytes 0-1", RangeError::Unit);
    refused("bytes =0-1", RangeError::Unit);
    refused("items=0-1", RangeError::Unit);
    refused("bytes=", RangeError::Empty);
    refused("bytes=,", RangeError::Empty);
    refused("bytes=-", RangeError::Malformed);
    refused("bytes=1", RangeError::Malformed);
    refused("bytes=a-b", RangeError::Malformed);
    refused("bytes=+1-2", RangeError::Malformed);
    refused("bytes=1--2", RangeError::Malformed);
    // Two Range lines, as the platform joins them.
    refused("bytes=0-4, bytes=5-9", RangeError::Malformed);
    refused("bytes=0 - 1", RangeError::Malformed);
    refused("bytes=0-1;2-3", RangeError::Malformed);
    refused("bytes=500-0", RangeError::Backwards);
    refused("bytes=0-1,5-4", RangeError::Backwards);
    // Two headers that a platform has joined.
    refused("bytes=0-1, bytes=2-3", RangeError::Malformed);
}

#[test]
fn positions_end_at_63_bits() {
    case(
        &format!("bytes=0-{MAX_POSITION}"),
        &[closed(0, 9_223_372_036_854_775_807)],
    );
    refused("bytes=9223372036854775808-", RangeError::TooLarge);
    refused("bytes=0-99999999999999999999999", RangeError::TooLarge);
    refused("bytes=-18446744073709551616", RangeError::TooLarge);
}

#[test]
fn the_1024_ranges_of_a_chunked_pull_are_read() {
    let value = |count| {
        let ranges: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 10, n * 10 + 5)).collect();
        format!("bytes={}", ranges.join(","))
    };
    assert_eq!(RangeHeader::parse(&value(MAX_RANGES)).unwrap().count(), 1024);
    refused(&value(MAX_RANGES + 1), RangeError::TooMany);
}

#[test]
fn length_is_bounded_above_what_1024_ranges_need() {
    let largest = format!("{MAX_POSITION}-{MAX_POSITION}");
    let value = format!("bytes={}", vec![largest; MAX_RANGES].join(","));
    assert_eq!(RangeHeader::parse(&value).unwrap().count(), MAX_RANGES);
    refused(
        &format!("bytes=0-1{}", ",".repeat(MAX_RANGE_HEADER)),
        RangeError::TooLong,
    );
}

#[test]
fn a_range_is_cut_at_the_end_of_the_blob() {
    assert_eq!(closed(2000, 5000).within(2048), Some((2000, 2047)));
    assert_eq!(closed(2048, 5000).within(2048), None);
    assert_eq!(ByteRange::Open { first: 500 }.within(2048), Some((500, 2047)));
    assert_eq!(ByteRange::Suffix { length: 500 }.within(2048), Some((1548, 2047)));
    assert_eq!(ByteRange::Suffix { length: 9999 }.within(2048), Some((0, 2047)));
    assert_eq!(ByteRange::Suffix { length: 0 }.within(2048), None);
    assert_eq!(ByteRange::Open { first: 0 }.within(0), None);
}

#[test]
fn what_parses_prints_back_and_never_runs_backwards() {
    const LETTERS: &[u8] = b"0123456789--,, ";
    bolero::check!()
        .with_max_len(64)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            check(&String::from_utf8_lossy(bytes));
            let set: String = bytes
                .iter()
                .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                .collect();
            check(&format!("bytes={set}"));
        });
}

fn check(value: &str) {
    let Ok(header) = RangeHeader::parse(value) else {
        return;
    };
    let printed = header.to_string();
    let again = RangeHeader::parse(&printed).unwrap();
    assert!(header.ranges().eq(again.ranges()), "{value:?} became {printed:?}");
    assert_eq!(header.ranges().count(), header.count());
    for range in header.ranges() {
        if let ByteRange::Closed { first, last } = range {
            assert!(first <= last);
        }
        for size in [0, 1, 7, MAX_POSITION] {
            let part = range.within(size);
            assert!(
                part.is_none_or(|(first, last)| first <= last && last < size),
                "{range} of {size}"
            );
        }
    }
}
