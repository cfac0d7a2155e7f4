//! Parallel fetches, in two chunks and in many, and what looks like one.

use super::*;

#[test]
fn a_parallel_fetch_of_many_chunks_stays_one_when_its_beginning_is_forgotten() {
    let mut history = History::default();
    let mib = 1u64 << 20;
    history.take(&ask(0, Some("0-")));
    for n in 1..300 {
        let record = ask(30 + n / 3 * 700 + n, Some(&format!("{}-", n * 8 * mib)));
        let judged = history.take(&record);
        assert!(n < 2 || judged.kind == RangeKind::Chunk, "chunk {n}: {judged:?}");
        assert!(!judged.start, "the first one was the start");
    }
    let corrections = history.corrections();
    assert_eq!(
        corrections.len(),
        1,
        "only the second ask was taken for another: {corrections:?}"
    );
}

#[test]
fn a_client_s_next_parallel_fetch_is_known_from_its_second_start() {
    let mut history = History::default();
    for (n, start) in ["0-", "8388608-", "16777216-"].into_iter().enumerate() {
        history.take(&ask(n as u64 * 2, Some(start)));
    }
    history.corrections();
    let other = |record: Record| Record {
        digest: format!("sha256:{:064}", 7),
        ..record
    };
    history.take(&other(ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&other(ask(5040, Some("8388608-")))).kind,
        RangeKind::Chunk
    );
}

/// A fetch of exactly two chunks, with the times that a log has: of the request, of its end, or rounded to seconds.
#[test]
fn two_chunks_are_a_parallel_fetch_in_whatever_order_they_come() {
    let mib = 1u64 << 20;
    for (size, second, first_ms, second_ms) in [
        (12 * mib, 8 * mib, 0, 0),
        (12 * mib, 8 * mib, 0, 3),
        (16 * mib, 8 * mib, 3, 0),
        (9 * mib, 8 * mib, 4_000, 1_000),
        (9 * mib, 8 * mib, 1_000, 4_000),
        (30 * mib, 16 * mib, 0, 20_000),
        (3 * mib / 2, mib, 0, 1_000),
    ] {
        // Two pulls of two hosts behind one address, a minute apart.
        let mut records = Vec::new();
        for pull in 0..2u32 {
            let at = u64::from(pull) * 70_000;
            let parts = [("0-".to_owned(), first_ms), (format!("{second}-"), second_ms)];
            for (n, (range, ms)) in (0..).zip(parts) {
                let mut record = ask(at + ms, Some(&range));
                record.id = RecordId::from_parts(record.id.time_ms(), 7, pull * 2 + n);
                record.size = Some(size);
                records.push(record);
            }
        }
        for order in [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0]] {
            let judged = judged(&records, &order);
            let kinds: Vec<RangeKind> = [1, 3].map(|place: usize| judged[place].kind).to_vec();
            assert_eq!(
                kinds,
                [RangeKind::Chunk; 2],
                "{size} {first_ms} {second_ms} {order:?}"
            );
        }
    }
}

/// Workers ask side by side: the second chunk may come first. Each closes its body when it has its chunk.
#[test]
fn a_client_that_ends_its_own_chunks_aborts_nothing() {
    let mib = 1u64 << 20;
    let closed = |id: u32, at: u64, range: &str| Record {
        id: RecordId::from_parts(ask(at, None).id.time_ms(), 7, id),
        size: Some(12 * mib),
        outcome: Outcome::ClientClosed,
        duration_ms: 300,
        ..ask(at, Some(range))
    };
    let in_order = [closed(0, 0, "0-"), closed(1, 2, "8388608-")];
    let second_first = [closed(0, 0, "8388608-"), closed(1, 0, "0-")];
    for records in [in_order, second_first] {
        for order in [[0, 1], [1, 0]] {
            let judged = judged(&records, &order);
            assert!(judged.iter().all(|one| one.parallel), "{order:?} {judged:?}");
        }
    }
    // What is begun anew, and closed, is given up.
    let again = [closed(0, 0, "0-"), closed(1, 2, "8388608-"), closed(2, 250, "0-")];
    assert!(!judged(&again, &[0, 1, 2])[2].parallel);
}

#[test]
fn what_is_no_fetch_of_two_chunks_stays_a_resume() {
    let mib = 1u64 << 20;
    #[track_caller]
    fn case(size: u64, start: u64, later_ms: u64, why: &str) {
        let record = |at, range: &str| Record {
            size: Some(size),
            ..ask(at, Some(range))
        };
        let records = [record(0, "0-"), record(later_ms, &format!("{start}-"))];
        assert_eq!(judged(&records, &[0, 1])[1].kind, RangeKind::Resume, "{why}");
    }
    case(40 * mib, 8 * mib, 1_000, "a third chunk is missing");
    case(12 * mib, 8 * mib + 17, 1_000, "clients stop anywhere");
    case(12 * mib, 8 * mib, 120_000, "too late to be of the same fetch");
}

#[test]
fn a_chunk_that_is_asked_for_again_in_one_pull_is_no_progress() {
    let mib = 1u64 << 20;
    let record = |at, range: &str| Record {
        size: Some(12 * mib),
        ..ask(at, Some(range))
    };
    let records = [record(0, "0-"), record(1, "8388608-"), record(70_000, "8388608-")];
    assert_eq!(judged(&records, &[0, 1, 2])[2].kind, RangeKind::Repeat);
}

#[test]
fn what_three_clients_of_a_build_do_is_known_of_the_fourth() {
    let mut history = History::default();
    let build = |client, record: Record| Record {
        fingerprint: "bw1-chunks".to_owned(),
        digest: format!("sha256:{client:064}"),
        ..of(client, record)
    };
    for client in 1..=3 {
        for (n, start) in ["0-", "8388608-", "16777216-"].into_iter().enumerate() {
            history.take(&build(client, ask(n as u64 * 2, Some(start))));
        }
    }
    history.take(&build(4, ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&build(4, ask(5900, Some("8388608-")))).kind,
        RangeKind::Chunk
    );
    let other = |record: Record| Record {
        fingerprint: "bw1-other".to_owned(),
        ..build(5, record)
    };
    history.take(&other(ask(5000, Some("0-"))));
    assert_eq!(
        history.take(&other(ask(5900, Some("8388608-")))).kind,
        RangeKind::Resume
    );
}

/// ollama: sixteen parts of a large blob at a time, each cut after a while.
#[test]
fn parts_that_are_cut_and_asked_for_again_are_repeats() {
    let part = 268_000_000u64;
    let mut records = Vec::new();
    for (round, at) in [0u64, 1_000, 3_000, 7_000].into_iter().enumerate() {
        for n in 0..16u64 {
            let range = format!("{}-{}", n * part, (n + 1) * part - 1);
            let mut record = ask(at, Some(&range));
            record.id = RecordId::from_parts(record.id.time_ms(), 7, (round * 16) as u32 + n as u32);
            record.size = Some(16 * part);
            record.outcome = Outcome::ClientClosed;
            records.push(record);
        }
    }
    let mut history = History::default();
    let kinds: Vec<RangeKind> = records.iter().map(|record| history.take(record).kind).collect();
    let (first, again) = kinds.split_at(16);
    assert!(!first.contains(&RangeKind::Repeat), "{first:?}");
    assert!(again.iter().all(|kind| *kind == RangeKind::Repeat), "{again:?}");
    let whole = records.into_iter().map(|record| Record {
        outcome: Outcome::Completed,
        ..record
    });
    let mut history = History::default();
    assert!(
        whole
            .take(32)
            .all(|record| history.take(&record).kind != RangeKind::Repeat),
        "hosts behind one address take the same parts"
    );
}
