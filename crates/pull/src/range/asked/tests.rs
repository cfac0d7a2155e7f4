use super::MAX_KEPT_HEADER;
use super::RequestedRange;
use crate::range::RangeKind;

#[track_caller]
fn case(range: &str, expected: RangeKind) {
    assert_eq!(RequestedRange::read(Some(range)).kind(), expected, "{range}");
}

#[track_caller]
fn refined(range: &str, size: u64, expected: RangeKind) {
    assert_eq!(
        RequestedRange::read(Some(range)).refined(Some(size)),
        expected,
        "{range} of {size}"
    );
}

#[test]
fn a_request_alone_shows_its_kind() {
    assert_eq!(RequestedRange::read(None).kind(), RangeKind::None);
    case("bytes=0-", RangeKind::Whole);
    case("bytes=0-0", RangeKind::Probe);
    case("bytes=0-1", RangeKind::Probe);
    case("bytes=2000000-", RangeKind::Resume);
    case("bytes=1048576-", RangeKind::Resume);
    case("bytes=-500", RangeKind::Suffix);
    case("bytes=0-1,5-6", RangeKind::Multi);
    case("bytes=0-0,-1", RangeKind::Multi);
    case("bytes=5-4", RangeKind::Invalid);
    case("pages=1-2", RangeKind::Invalid);
}

#[test]
fn a_closed_range_at_a_multiple_of_its_length_is_a_tile() {
    case("bytes=0-8388607", RangeKind::Tile);
    case("bytes=8388608-16777215", RangeKind::Tile);
    case("bytes=2097152-4194303", RangeKind::Tile);
    case("bytes=50000-99999", RangeKind::Tile);
    case("bytes=50001-100000", RangeKind::Scatter);
    case("bytes=8388608-9388607", RangeKind::Scatter);
}

#[test]
fn small_ranges_are_aligned_by_chance() {
    case("bytes=512-1023", RangeKind::Tile);
    case("bytes=510-764", RangeKind::Scatter);
    case("bytes=8-11", RangeKind::Scatter);
    case("bytes=0-99", RangeKind::Scatter);
}

#[test]
fn from_zero_to_the_end_is_whole() {
    refined("bytes=0-", 100, RangeKind::Whole);
    refined("bytes=0-99", 100, RangeKind::Whole);
    refined("bytes=0-100", 100, RangeKind::Whole);
    refined("bytes=0-8388607", 8_388_608, RangeKind::Whole);
    refined("bytes=0-8388607", 8_388_609, RangeKind::Tile);
    refined("bytes=0-98", 100, RangeKind::Scatter);
    refined("bytes=0-1", 2, RangeKind::Probe);
}

#[test]
fn the_closed_rest_is_a_resume() {
    refined("bytes=2000000-10485759", 10_485_760, RangeKind::Resume);
    refined("bytes=2000000-10485760", 10_485_760, RangeKind::Resume);
    refined("bytes=2000000-10485758", 10_485_760, RangeKind::Scatter);
}

#[test]
fn the_rest_at_a_mebibyte_after_a_longer_part_is_the_last_tile() {
    refined("bytes=8388608-10485759", 10_485_760, RangeKind::Tile);
    refined("bytes=31457280-36700159", 36_700_160, RangeKind::Tile);
    // No tile of 1 MiB is followed by a rest of 9.
    refined("bytes=1048576-10485759", 10_485_760, RangeKind::Resume);
    refined("bytes=8388609-10485759", 10_485_760, RangeKind::Resume);
}

#[test]
fn behind_the_end_an_open_range_is_still_a_resume() {
    refined("bytes=100-", 100, RangeKind::Resume);
    refined("bytes=101-", 100, RangeKind::Resume);
}

#[test]
fn offsets_are_what_was_asked() {
    #[track_caller]
    fn case(range: &str, size: Option<u64>, expected: (Option<u64>, Option<u64>)) {
        assert_eq!(
            RequestedRange::read(Some(range)).offsets(size),
            expected,
            "{range}"
        );
    }
    case("bytes=5-9", None, (Some(5), Some(9)));
    case("bytes=5-", Some(100), (Some(5), None));
    case("bytes=-5", None, (None, None));
    case("bytes=-5", Some(100), (Some(95), Some(99)));
    case("bytes=50-59,7-9", None, (Some(7), Some(59)));
    case("bytes=50-59,70-", Some(100), (Some(50), None));
    case("bytes=50-59,-10", None, (Some(50), None));
    case("bytes=50-59,-10", Some(100), (Some(50), Some(99)));
    case("x", Some(100), (None, None));
    assert_eq!(RequestedRange::read(None).offsets(Some(100)), (None, None));
}

/// A header too long to be kept takes no room, and says as many ranges and the same positions as one that is kept.
#[test]
fn a_long_header_keeps_its_count_and_its_ends() {
    #[track_caller]
    fn case(ranges: &str) {
        let short = RequestedRange::read(Some(&format!("bytes={ranges}")));
        let long = RequestedRange::read(Some(&format!("bytes={ranges}{}", " ,".repeat(MAX_KEPT_HEADER))));
        assert!(matches!(short, RequestedRange::Many(_)) && matches!(long, RequestedRange::Long { .. }));
        assert_eq!(long.count(), short.count());
        assert_eq!(long.offsets(None), short.offsets(None));
        assert_eq!(
            (long.kind(), long.refined(Some(99))),
            (short.kind(), short.refined(Some(99)))
        );
    }
    case("100-199,0-9");
    case("7-9,3-4,8-8");
    case("7-9,3-");
    case("5-6,-500");
    case("-1,-2");
}
