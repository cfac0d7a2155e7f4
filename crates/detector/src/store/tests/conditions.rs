use super::*;
use crate::webhook::EventName;
use blobwatch_upstream::IngestReport;

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
