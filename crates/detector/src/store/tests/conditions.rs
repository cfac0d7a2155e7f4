use super::*;
use crate::webhook::EventName;
use blobwatch_upstream::IngestReport;
use blobwatch_wire::Loss;

const MINUTE_MS: u64 = 60_000;

fn push(detector: &mut Detector<Native>, received_ms: u64) {
    let report = IngestReport {
        source: "cloudflare".to_owned(),
        received_ms,
        ..IngestReport::default()
    };
    detector.ingested(&report).unwrap();
}

fn told(detector: &Detector<Native>) -> Vec<String> {
    let due = detector.due(u64::MAX >> 1, 100).unwrap();
    let text = |body: &str| -> String {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        format!("{} {}: {}", body["event"], body["status"], body["text"]).replace('"', "")
    };
    due.iter().map(|delivery| text(&delivery.body)).collect()
}

#[test]
fn a_source_that_falls_silent_is_told_once_and_once_when_it_pushes_again() {
    let mut detector = open();
    let webhook = Webhook {
        events: vec![EventName::SourceSilent],
        ..hook()
    };
    detector.put_webhook(&webhook).unwrap();
    let mut now = START_MS;
    for _ in 0..10 {
        now += MINUTE_MS;
        push(&mut detector, now);
        detector.tick(now).unwrap();
    }
    assert_eq!(told(&detector), [] as [&str; 0]);
    // Nothing else may come: the alarm must ring for it.
    let from_ms = detector.next_alarm_ms(now).unwrap().unwrap();
    for _ in 0..2 {
        detector.tick(from_ms).unwrap();
    }
    let silent = "source.silent open: Blobwatch: cloudflare pushed upstream events regularly, and none since \
                  2020-07-06T12:10:00.000Z";
    assert_eq!(told(&detector), [silent]);
    let mut detector = reopened(detector, from_ms);
    detector.tick(from_ms + 1).unwrap();
    assert_eq!(told(&detector).len(), 1);
    push(&mut detector, from_ms + MINUTE_MS);
    detector.tick(from_ms + MINUTE_MS).unwrap();
    let again = "source.silent closed: Blobwatch: cloudflare pushes upstream events again";
    assert_eq!(told(&detector), [silent, again]);
}

fn loss(name: &str, count: u64, last_ms: u64) -> Loss {
    Loss {
        name: name.to_owned(),
        count,
        last_ms,
    }
}

#[test]
fn data_that_is_lost_is_told_once_and_once_when_it_is_over() {
    let detector = open();
    let webhook = Webhook {
        events: vec![EventName::DataLost],
        ..hook()
    };
    detector.put_webhook(&webhook).unwrap();
    let now = START_MS;
    let old = [
        loss("records_dropped", 7, now - 3_600_000),
        loss("flush_failed", 3, now),
    ];
    detector.lost(&old, now).unwrap();
    assert_eq!(told(&detector), [] as [&str; 0], "long ago, and made up for");

    let more = [loss("records_dropped", 9, now)];
    for _ in 0..2 {
        detector.lost(&more, now + 1_000).unwrap();
    }
    let open = "data.lost open: Blobwatch: records_dropped: something that was recorded or counted is gone, since \
                2020-07-06T12:00:00.000Z";
    assert_eq!(told(&detector), [open]);
    let mut detector = reopened(detector, now + 2_000);
    // Another object lost some too: it goes on.
    let later = now + 30 * MINUTE_MS;
    detector
        .lost(&[loss("records_dropped", 1, later)], later)
        .unwrap();
    detector.tick(now + 61 * MINUTE_MS).unwrap();
    assert_eq!(told(&detector), [open]);
    // Nothing else may come: the alarm must ring for it.
    let end_ms = later + 60 * MINUTE_MS;
    assert!(detector.next_alarm_ms(later).unwrap().unwrap() <= end_ms);
    detector.tick(end_ms).unwrap();
    let over = "data.lost closed: Blobwatch: records_dropped: nothing more was lost for an hour";
    assert_eq!(told(&detector), [open, over]);
}

/// A clock that runs ahead keeps nothing open for ever.
#[test]
fn a_loss_of_the_future_counts_as_of_now() {
    let mut detector = open();
    detector
        .lost(&[loss("records_lost", 1, u64::MAX >> 1)], START_MS)
        .unwrap();
    assert!(detector.next_alarm_ms(START_MS).unwrap().unwrap() <= START_MS + 60 * MINUTE_MS);
    detector.tick(START_MS + 60 * MINUTE_MS).unwrap();
    assert_eq!(detector.next_alarm_ms(START_MS + 60 * MINUTE_MS).unwrap(), None);
}
