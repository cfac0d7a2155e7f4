//! Blobs that are asked for again: after a redirect, a whole body, a cut, and behind their end.

use super::*;

fn redirected_at(at_ms: u64) -> Record {
    Record {
        status: 307,
        ..ask(at_ms, None)
    }
}

#[test]
fn a_redirect_that_leads_nowhere_is_asked_for_again_and_again() {
    let unreached = |records: &[Record]| -> Vec<bool> {
        let order: Vec<usize> = (0..records.len()).collect();
        judged(records, &order)
            .iter()
            .map(|judged| judged.unreached)
            .collect()
    };
    let lost = [0, 5_000, 15_000, 45_000].map(redirected_at);
    assert_eq!(unreached(&lost), [false, false, true, true]);
    let late = [0, 200_000, 400_000].map(redirected_at);
    assert_eq!(unreached(&late), [false; 3], "a job that pulls again");
    let arrived = [
        redirected_at(0),
        ask(50, None),
        redirected_at(9_000),
        ask(9_050, None),
        redirected_at(18_000),
    ];
    assert_eq!(
        unreached(&arrived),
        [false; 5],
        "where we stand at the target too"
    );
}

#[test]
fn a_blob_that_arrives_and_is_asked_for_again_and_again_is_suspect() {
    let suspect = |outcomes: &[Outcome]| -> Vec<bool> {
        let record = |(n, outcome): (usize, &Outcome)| Record {
            outcome: *outcome,
            ..ask(n as u64 * 6_000, None)
        };
        let records: Vec<Record> = outcomes.iter().enumerate().map(record).collect();
        let order: Vec<usize> = (0..records.len()).collect();
        judged(&records, &order)
            .iter()
            .map(|judged| judged.suspect)
            .collect()
    };
    assert_eq!(
        suspect(&[Outcome::Completed; 5]),
        [false, false, true, true, true]
    );
    assert_eq!(suspect(&[Outcome::NotObserved; 4]), [false; 4]);
    let cut = [
        Outcome::Completed,
        Outcome::ClientClosed,
        Outcome::Completed,
        Outcome::Completed,
    ];
    assert_eq!(suspect(&cut), [false; 4]);
}

#[test]
fn a_restart_says_what_became_of_the_body_before() {
    for (outcome, again) in [
        (Outcome::Completed, Again::AfterAWhole),
        (Outcome::ClientClosed, Again::AfterACut),
        (Outcome::OriginFailed, Again::AfterACut),
        (Outcome::NotObserved, Again::Unknown),
    ] {
        let records = [
            Record {
                outcome,
                ..ask(0, None)
            },
            ask(60_000, None),
        ];
        assert_eq!(judged(&records, &[0, 1])[1].again, again, "{outcome:?}");
    }
}

#[test]
fn whoever_has_all_of_a_blob_and_asks_again_loops() {
    let behind = |at_ms, start: u64| {
        let mut record = ask(at_ms, Some(&format!("{start}-")));
        (record.status, record.size, record.range.honoured) = (416, Some(1 << 32), None);
        record
    };
    let end = 1 << 32;
    let looped = |records: &[Record], order: &[usize]| -> Vec<bool> {
        judged(records, order)
            .iter()
            .map(|judged| judged.looped)
            .collect()
    };
    let records = [behind(0, end), behind(2_000, end), behind(4_000, end)];
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        assert_eq!(
            looped(&records, &order),
            [false, true, false],
            "once, however often it goes round"
        );
    }
    let hourly = [behind(0, end), behind(3_600_000, end)];
    assert_eq!(
        looped(&hourly, &[0, 1]),
        [false, false],
        "a job that finds its file complete"
    );
    let inside = [behind(0, 777), behind(2_000, 777)];
    assert_eq!(looped(&inside, &[0, 1]), [false, false], "a refused range");
}
