use super::*;

#[test]
fn a_delivery_is_tried_until_it_is_taken_or_given_up() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    let id = detector.tell_test("chat", START_MS).unwrap();
    let [delivery] = <[Delivery; 1]>::try_from(detector.due(START_MS, 10).unwrap()).unwrap();
    assert_eq!((delivery.id, delivery.attempts), (id, 0));
    let failed = Attempt::Failed {
        why: "status 500".to_owned(),
    };
    detector.attempted(&delivery, &failed, START_MS).unwrap();
    assert_eq!(detector.due(START_MS + 9_999, 10).unwrap(), []);
    assert_eq!(detector.next_alarm_ms(START_MS).unwrap(), Some(START_MS + 10_000));
    let mut now = START_MS + 10_000;
    while let Some(due) = detector.due(now, 10).unwrap().pop() {
        detector.attempted(&due, &failed, now).unwrap();
        now += 3_600_000;
    }
    let item = detector.deliveries(u64::MAX, 10).unwrap().remove(0);
    assert_eq!((item.status, item.attempts), ("failed", MAX_ATTEMPTS));
    detector.tell_test("chat", now).unwrap();
    let due = detector.due(now, 10).unwrap().remove(0);
    detector
        .attempted(&due, &Attempt::Delivered { status: 200 }, now)
        .unwrap();
    assert_eq!(detector.deliveries(u64::MAX, 1).unwrap()[0].status, "delivered");
    assert_eq!(detector.next_alarm_ms(now).unwrap(), None);
}

#[test]
fn a_removed_webhook_is_told_nothing_more() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    detector.tell_test("chat", START_MS).unwrap();
    detector.delete_webhook("chat", START_MS).unwrap();
    assert_eq!(detector.due(START_MS, 10).unwrap(), []);
    assert_eq!(detector.webhooks().unwrap(), []);
    assert_eq!(detector.deliveries(u64::MAX, 10).unwrap()[0].status, "failed");
}
