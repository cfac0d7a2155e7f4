//! Requests whose answer is not there yet.

use super::*;

#[test]
fn a_request_whose_client_left_is_recorded_when_it_is_old() {
    let mut isolate = isolate();
    let left = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    let later = NOW + UNANSWERED_AFTER_MS + 1;
    let text = facts(BLOB, &[]).replace(&NOW.to_string(), &later.to_string());
    let other = watched(isolate.decide(&text, true).unwrap());
    isolate.settle(other.id, &said(later));
    let records = flushed(&mut isolate, later + 2_000);
    assert_eq!(records.len(), 2);
    let record = records.iter().find(|record| record.id == left.id).unwrap();
    assert_eq!((record.status, record.outcome), (0, Outcome::ClientClosed));
}

#[test]
fn an_observed_body_that_never_ends_keeps_its_answer() {
    let mut isolate = isolate();
    let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    isolate.answered(plan.id, &said(NOW + 5));
    for _ in 0..MAX_IN_FLIGHT {
        let other = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
        isolate.answered(other.id, &said(NOW + 5));
    }
    let records = flushed(&mut isolate, NOW + 2_000);
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].id, records[0].status, records[0].outcome),
        (plan.id, 200, Outcome::NotObserved)
    );
}

/// As large as a request gets: every text that a client or the platform writes is longer than a record keeps, and so is
/// the Range.
fn worst(number: usize, longest: usize) -> String {
    let long = |length| format!("{number}{}", "x".repeat(length));
    let ranges: Vec<String> = (0..longest / 16)
        .map(|n| format!("{}-{}", n * 100, n * 100 + 9))
        .collect();
    let mut lines: Vec<String> = facts(BLOB, &[]).split('\n').map(str::to_owned).collect();
    for line in [3, 6, 8, 10, 11, 13, 14, 15, 16, 17, 19, 20, 21] {
        lines[line] = long(600);
    }
    lines.push(format!(
        "user-agent:docker/{} os/{} {}",
        long(600),
        long(600),
        long(longest)
    ));
    lines.push(format!("range:bytes={}", ranges.join(",")));
    lines.join("\n")
}

/// Of the largest header that clients are known to send, and of ranges that are read: 1,024 of them.
const LONGEST: usize = 16_384;

#[test]
fn what_is_in_flight_is_bounded_by_bytes() {
    #[track_caller]
    fn case(requests: usize, answered: bool) {
        let (mut isolate, first) = (isolate(), worst(0, LONGEST));
        let counted = allocation_counter::measure(|| {
            for number in 0..requests {
                let text = first.replacen("docker/0", &format!("docker/{number}"), 1);
                let plan = watched(isolate.decide(&text, true).unwrap());
                if answered {
                    isolate.answered(plan.id, &said(NOW));
                }
            }
        });
        assert!(counted.bytes_current > 5_000_000, "{counted:?}: room is used");
        assert!(counted.bytes_max < 16_000_000, "{counted:?}");
    }
    case(MAX_IN_FLIGHT, false);
    case(MAX_IN_FLIGHT / 4, true);
}

#[test]
fn a_request_that_makes_room_is_recorded_and_its_answer_counted_as_lost() {
    let mut isolate = isolate();
    let mut plans = Vec::new();
    for number in 0..2_000 {
        plans.push(watched(isolate.decide(&worst(number, 1_024), true).unwrap()).id);
    }
    let (mut evicted, mut counted) = (Vec::new(), 0);
    while let Some(outgoing) = isolate.next_flush(NOW + 60_000) {
        let flush = Flush::decode(&outgoing.body).unwrap();
        let records = blobwatch_records::decode(&flush.segment).unwrap();
        evicted.extend(records.into_iter().map(|record| (record.id, record.status)));
        counted += flush.losses.get("answers_unrecorded").copied().unwrap_or(0) as usize;
        counted -= flush.losses.get("records_dropped").copied().unwrap_or(0) as usize;
        isolate.batches.acknowledged(&outgoing.to, flush.seq);
    }
    assert!(evicted.len() > 500);
    assert_eq!(evicted.len(), counted);
    assert_eq!(evicted[0], (plans[0], 0), "the oldest goes first");
}

/// What is counted for a request is what it takes, whatever it holds.
#[test]
fn the_estimate_of_a_request_is_what_it_takes() {
    for text in [
        at(0, &[]),
        at(0, &["range:bytes=1-2,4-5", "user-agent:docker/1 os/linux"]),
        worst(7, LONGEST),
    ] {
        let mut isolate = isolate();
        isolate.decide(&text, true).unwrap();
        let estimated = isolate.in_flight.bytes();
        let counted = allocation_counter::measure(|| drop(std::mem::take(&mut isolate.in_flight)));
        let taken = usize::try_from(-counted.bytes_current).unwrap();
        assert!(
            taken <= estimated + 300,
            "the map's first node is beside: {taken} of {estimated}"
        );
        assert!(taken * 2 > estimated, "{taken} of {estimated}");
    }
}

/// Requests of one address, small and many or large and fewer, that nobody answers.
#[test]
fn whoever_opens_thousands_of_requests_drives_out_nobody_elses() {
    #[track_caller]
    fn case(flood: usize, longest: usize, answered: bool) {
        let mut isolate = isolate();
        let mut others = Vec::new();
        for number in 0..flood {
            if number % (flood / 100) == 0 {
                let address = format!("198.51.{}.9", others.len());
                let text = at(0, &[]).replace("192.0.2.7", &address);
                others.push(watched(isolate.decide(&text, true).unwrap()).id);
            }
            let plan = watched(isolate.decide(&worst(number, longest), true).unwrap());
            if answered {
                isolate.answered(plan.id, &said(NOW));
            }
        }
        let waiting = others.iter().filter(|id| isolate.in_flight.take(**id).is_some());
        assert_eq!(waiting.count(), others.len(), "{flood}");
    }
    case(MAX_IN_FLIGHT + 1_000, 0, false);
    case(1_500, LONGEST, false);
    case(1_500, LONGEST, true);
}
