use super::*;

#[test]
fn a_delivery_is_tried_until_it_is_taken_or_given_up() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    let id = detector.tell_test(&hook(), START_MS).unwrap();
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
    detector.tell_test(&hook(), now).unwrap();
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
    detector.tell_test(&hook(), START_MS).unwrap();
    detector.delete_webhook("chat", START_MS).unwrap();
    assert_eq!(detector.due(START_MS, 10).unwrap(), []);
    assert_eq!(detector.webhooks().unwrap(), []);
    assert_eq!(detector.deliveries(u64::MAX, 10).unwrap()[0].status, "failed");
}

#[test]
fn what_is_refused_for_good_is_not_sent_again() {
    let detector = open();
    detector.put_webhook(&hook()).unwrap();
    detector.tell_test(&hook(), START_MS).unwrap();
    let due = detector.due(START_MS, 10).unwrap().remove(0);
    let refused = Attempt::Refused {
        why: "answered 404".to_owned(),
    };
    detector.attempted(&due, &refused, START_MS).unwrap();
    let item = detector.deliveries(u64::MAX, 1).unwrap().remove(0);
    assert_eq!(
        (item.status, item.attempts, item.outcome.as_str()),
        ("failed", 1, "answered 404")
    );
    assert_eq!(detector.next_alarm_ms(START_MS).unwrap(), None);
}

#[test]
fn a_change_is_told_once_to_those_who_want_changes() {
    let mut detector = open();
    let wanting = Webhook {
        id: "desk".to_owned(),
        events: vec![EventName::ModeChanged],
        ..hook()
    };
    detector.put_webhook(&hook()).unwrap();
    detector.put_webhook(&wanting).unwrap();
    for _ in 0..2 {
        detector.change(&written(2, START_MS), START_MS).unwrap();
    }
    detector.catch_up(&[written(1, START_MS - 1)]).unwrap();
    let items = detector.deliveries(u64::MAX, 10).unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| (item.webhook.as_str(), item.event.as_str()))
        .collect();
    assert_eq!(told, [("desk", "mode.changed")]);
}
