//! What people do about anomalies: kept once, told once, and not lost when the process dies.

use super::*;
use crate::handling::{Act, MuteRequest};
use crate::store::ActRequest;
use crate::tests::traffic::{AMAZON, Build, Fault, HEALTHY};
use crate::{Anomaly, Moment};

fn request(anomaly: u64, act: Act) -> ActRequest {
    ActRequest {
        anomaly,
        act,
        by: "ada".to_owned(),
        reason: None,
    }
}

#[track_caller]
fn done(detector: &mut Detector<Native>, act: Act, now_ms: u64) -> Anomaly {
    detector.act(request(1, act), now_ms).unwrap().unwrap()
}

#[track_caller]
fn refused(detector: &mut Detector<Native>, act: Act, now_ms: u64, kind: &str) {
    let before = detector.anomaly(1).unwrap();
    let problem = detector.act(request(1, act), now_ms).unwrap().unwrap_err();
    assert!(problem.status == 409 && problem.is(kind), "{problem:?}");
    assert_eq!(detector.anomaly(1).unwrap(), before);
}

fn mute(until_ms: Option<u64>, is_of_cohort: bool) -> Act {
    Act::Mute(MuteRequest {
        until_ms,
        is_of_cohort,
    })
}

/// Traffic that goes on, with a webhook that is told of everything about anomalies.
struct Days {
    world: World,
    detector: Detector<Native>,
    now_ms: u64,
}

impl Days {
    fn new() -> Self {
        let detector = open();
        let all = Webhook {
            events: EventName::DEFAULT.to_vec(),
            ..hook()
        };
        detector.put_webhook(&all).unwrap();
        Self {
            world: World::new(2),
            detector,
            now_ms: START_MS,
        }
    }

    fn play(&mut self, slots: u64, fault: impl Fn(&Build, &str, bool) -> Fault) {
        for _ in 0..slots {
            let batch = self.world.batch(&fault);
            self.now_ms = arrival(&batch);
            accept(&mut self.detector, &batch, self.now_ms).unwrap();
            self.now_ms += 5_000;
            self.detector.tick(self.now_ms).unwrap();
        }
    }

    #[track_caller]
    fn act(&mut self, act: Act) -> Anomaly {
        done(&mut self.detector, act, self.now_ms)
    }

    fn told(&self) -> Vec<String> {
        let items = self.detector.deliveries(u64::MAX, 1_000).unwrap();
        items.into_iter().rev().map(|item| item.event).collect()
    }

    fn open(&self) -> Vec<String> {
        let open = self.detector.engine.open();
        open.map(|anomaly| anomaly.sentence()).collect()
    }
}

/// An hour of health and the night of July 2020 five minutes after its onset.
fn night() -> Days {
    let mut days = Days::new();
    days.play(360, healthy);
    days.play(30, july);
    assert_eq!(days.open().len(), 1);
    days
}

fn moments(anomaly: &Anomaly) -> Vec<Moment> {
    let by_people = anomaly.history.iter().filter(|entry| entry.by.is_some());
    by_people.map(|entry| entry.moment).collect()
}

/// What is wrong for somebody else.
fn ubuntu(build: &Build, _: &str, _: bool) -> Fault {
    if build.os == AMAZON.os {
        HEALTHY
    } else {
        Fault {
            resumed: 0.2,
            repeated: 0.3,
            ..HEALTHY
        }
    }
}

#[test]
fn who_did_what_and_when_is_in_the_history_once() {
    let mut days = night();
    let steps = [
        Act::Acknowledge,
        Act::Assign(Some("grace".to_owned())),
        Act::Comment("the CDN is asked".to_owned()),
        mute(None, false),
        Act::Unmute,
    ];
    for act in steps {
        days.act(act);
    }
    let before = days.act(Act::Acknowledge);
    let same = days.act(Act::Assign(Some("grace".to_owned())));
    assert_eq!(before, same, "what is so already changes nothing");
    let expected = [
        Moment::Acknowledged,
        Moment::Assigned,
        Moment::Commented,
        Moment::Muted,
        Moment::Unmuted,
    ];
    assert_eq!(moments(&same), expected);
    let texts: Vec<&str> = (same
        .history
        .iter()
        .filter(|entry| entry.by.as_deref() == Some("ada")))
    .map(|entry| entry.text.as_str())
    .collect();
    assert_eq!(texts, ["", "to grace", "the CDN is asked", "until it closes", ""]);
    let handling = &same.handling;
    assert_eq!(
        (handling.assignee.as_deref(), &handling.muted),
        (Some("grace"), &None)
    );
    assert_eq!(handling.acknowledged.as_ref().unwrap().by, "ada");
}

#[test]
fn each_act_has_one_entry_for_the_audit_log_in_order() {
    let mut days = night();
    days.act(Act::Acknowledge);
    days.act(Act::Acknowledge);
    days.act(Act::Comment("seen".to_owned()));
    days.act(Act::Assign(None));
    days.act(Act::Assign(Some("grace".to_owned())));
    let (mut actions, mut last) = (Vec::new(), 0);
    assert_eq!(
        days.detector.next_alarm_ms(days.now_ms).unwrap().map(|at| at > 0),
        Some(true)
    );
    let mut detector = reopened(days.detector, days.now_ms);
    while let Some(entry) = detector.next_entry().unwrap() {
        assert!(entry.time_ms > last, "no two have the same time");
        last = entry.time_ms;
        assert_eq!(
            (entry.actor.as_str(), entry.target.as_str()),
            ("ada", "anomalies/an-000001")
        );
        detector.entry_written(&entry).unwrap();
        actions.push((entry.action, entry.after.map(|after| after.to_string())));
    }
    let expected = [
        ("anomaly.acknowledge", None),
        ("anomaly.comment", Some(r#"{"text":"seen"}"#)),
        ("anomaly.assign", Some(r#"{"to":"grace"}"#)),
    ];
    let expected = expected.map(|(action, after)| (action.to_owned(), after.map(str::to_owned)));
    assert_eq!(actions, expected);
    done(&mut detector, Act::Comment("later".to_owned()), 1);
    assert!(
        detector.next_entry().unwrap().unwrap().time_ms > last,
        "also where the clock goes back"
    );
}

/// Acts come between batches; the process dies after any of them, before or after the state was saved.
#[test]
fn a_process_that_dies_after_any_act_goes_on_where_it_was() {
    let acts = |at: usize| match at {
        376 => Some(Act::Acknowledge),
        377 => Some(Act::Assign(Some("grace".to_owned()))),
        378 => Some(Act::Comment("asked".to_owned())),
        380 => Some(mute(None, true)),
        384 => Some(Act::Unmute),
        386 => Some(mute(Some(START_MS + 10 * 3_600_000), false)),
        450 => Some(Act::Reopen),
        455 => Some(Act::Comment("again".to_owned())),
        _ => None,
    };
    let (mut steady, mut dying) = (open(), open());
    for (at, batch) in story().iter().enumerate() {
        let now = arrival(batch);
        for detector in [&mut steady, &mut dying] {
            accept(detector, batch, now).unwrap();
            if let Some(act) = acts(at) {
                detector.act(request(1, act), now + 1_000).unwrap().unwrap();
            }
        }
        if at == 379 {
            save(&mut dying, now);
        }
        if acts(at).is_some() {
            dying = reopened(dying, now + 2_000);
        }
    }
    assert_eq!(state(&steady), state(&dying));
    let anomalies = steady.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(anomalies, dying.anomalies(u64::MAX, 10).unwrap());
    assert!(moments(&anomalies[0]).len() >= 7, "{:?}", anomalies[0].history);
}

fn state(detector: &Detector<Native>) -> Vec<u8> {
    postcard::to_allocvec(&*detector.engine).unwrap()
}

#[test]
fn what_is_expected_closes_and_is_normal_from_then_on() {
    let mut days = night();
    let closed = days.act(Act::Expected);
    assert!(closed.handling.expected && closed.closed_ms == Some(days.now_ms));
    assert_eq!(days.told().last().unwrap(), "anomaly.closed");
    days.play(3 * 360, july);
    assert_eq!(days.open(), [""; 0], "the level goes on");
    let all = days.detector.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        all.iter().map(Anomaly::sentence).collect::<Vec<_>>()
    );
    days.play(40, ubuntu);
    assert!(!days.open().is_empty(), "what is wrong for others opens as ever");
}

#[test]
fn a_level_that_nobody_expects_stays_open() {
    let mut days = night();
    days.play(3 * 360, july);
    assert_eq!(days.open().len(), 1);
}

#[test]
fn a_muted_cohort_opens_silently_and_another_one_is_told() {
    let mut days = night();
    days.act(mute(None, true));
    let told = days.told().len();
    days.play(120, healthy);
    assert_eq!(days.open(), [""; 0]);
    assert_eq!(
        days.told()[told..],
        ["anomaly.closed"],
        "what was told to be open is told to be over"
    );
    let told = days.told().len();
    days.play(40, july);
    assert_eq!(days.open().len(), 1);
    let again = days.detector.anomaly(1).unwrap().unwrap();
    assert!(again.handling.muted.as_ref().unwrap().is_silent, "{again:?}");
    days.play(120, healthy);
    assert_eq!(days.told().len(), told, "nothing of it is told");
    days.play(60, ubuntu);
    assert!(
        days.told()[told..].contains(&"anomaly.opened".to_owned()),
        "{:?} {:?}",
        days.told(),
        days.open()
    );
}

#[test]
fn what_opened_silently_is_told_once_it_is_muted_no_more() {
    let mut days = night();
    days.act(mute(Some(days.now_ms + 1_900_000), true));
    days.play(120, healthy);
    days.play(40, july);
    let told = days.told().len();
    days.play(40, july);
    assert_eq!(days.told()[told..], ["anomaly.opened"], "its time is over");
    assert!(days.detector.engine.mutes().is_empty());
    let rows = days.detector.sql.run("SELECT anomaly FROM mute", &[]).unwrap();
    assert!(rows.is_empty());
}

#[test]
fn a_muted_anomaly_that_somebody_unmutes_goes_on_being_told() {
    let mut days = night();
    let told = days.told().len();
    days.act(mute(None, false));
    days.act(Act::Acknowledge);
    assert_eq!(days.told().len(), told);
    days.act(Act::Unmute);
    assert_eq!(days.told()[told..], ["anomaly.changed"]);
}

#[test]
fn what_somebody_reopens_is_over_once_it_looks_healthy_from_then_on() {
    let mut days = night();
    days.play(60, healthy);
    assert_eq!(days.open(), [""; 0]);
    let again = days.act(Act::Reopen);
    assert_eq!((again.reopened, again.closed_ms), (1, None));
    assert_eq!(days.told().last().unwrap(), "anomaly.opened");
    days.play(5, healthy);
    assert_eq!(days.open().len(), 1, "not at once");
    days.play(90, healthy);
    assert_eq!(days.open(), [""; 0]);
    days.play(8 * 360, healthy);
    refused(&mut days.detector, Act::Reopen, days.now_ms, "too-late");
    let comment = days.act(Act::Comment("in the morning".to_owned()));
    assert_eq!(comment.history.last().unwrap().text, "in the morning");
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let mut days = night();
    days.play(60, healthy);
    let now = days.now_ms;
    for act in [Act::Acknowledge, Act::Expected, mute(None, false)] {
        refused(&mut days.detector, act, now, "anomaly-closed");
    }
    for number in 0..50 {
        days.act(Act::Comment(format!("comment {number}")));
    }
    refused(
        &mut days.detector,
        Act::Comment("more".to_owned()),
        now,
        "too-many",
    );
    let missing = days.detector.act(request(7, Act::Acknowledge), now).unwrap();
    assert_eq!(missing.unwrap_err().status, 404);
}

#[test]
fn a_history_that_is_full_keeps_what_people_said() {
    let mut days = night();
    for number in 0..50 {
        days.act(Act::Comment(format!("comment {number}")));
    }
    for number in 0..60 {
        days.act(Act::Assign(Some(format!("person {number}"))));
    }
    let anomaly = days.act(Act::Acknowledge);
    assert_eq!(anomaly.history.len(), 100);
    assert_eq!(anomaly.history[0].moment, Moment::Opened);
    assert_eq!(anomaly.history.last().unwrap().moment, Moment::Acknowledged);
}

#[test]
fn a_harm_is_open_until_somebody_looks_or_for_an_hour() {
    for is_acknowledged in [true, false] {
        let mut days = Days::new();
        days.detector.harm(&denial(), START_MS).unwrap();
        let mut detector = reopened(days.detector, START_MS + 1_000);
        assert_eq!(detector.engine.open().count(), 1);
        days.now_ms = START_MS + 60_000;
        if is_acknowledged {
            let closed = done(&mut detector, Act::Acknowledge, days.now_ms);
            assert_eq!(closed.closed_ms, Some(days.now_ms));
        }
        let alarm = detector.next_alarm_ms(days.now_ms).unwrap();
        assert!(alarm.is_some_and(|at| at <= START_MS + 3_700_000), "{alarm:?}");
        detector.tick(START_MS + 3_000_000).unwrap();
        assert_eq!(detector.engine.open().count(), usize::from(!is_acknowledged));
        let mut detector = reopened(detector, START_MS + 3_000_000);
        detector.tick(START_MS + 3_700_000).unwrap();
        assert_eq!(detector.engine.open().count(), 0);
        let anomaly = detector.anomaly(1).unwrap().unwrap();
        assert!(anomaly.closed_ms.is_some());
        days.detector = detector;
        let told = days.told();
        let expected: &[&str] = match is_acknowledged {
            true => &["anomaly.opened", "anomaly.acknowledged", "anomaly.closed"],
            false => &["anomaly.opened", "anomaly.closed"],
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn what_was_switched_meanwhile_is_in_the_history_once() {
    let mut days = night();
    let switch = ChangeNotice {
        parts: vec![PartChange::Rule {
            rule: "sweep".to_owned(),
            before: None,
            after: None,
        }],
        ..written(3, days.now_ms)
    };
    let off = ChangeNotice {
        cause: Cause::PanicOff,
        parts: Vec::new(),
        ..switch
    };
    for _ in 0..2 {
        days.detector.change(&off, days.now_ms).unwrap();
    }
    days.play(12, july);
    let mut detector = reopened(days.detector, days.now_ms);
    detector.tick(days.now_ms + 20_000).unwrap();
    let anomaly = detector.anomaly(1).unwrap().unwrap();
    let responses: Vec<_> = (anomaly.history.iter())
        .filter(|entry| entry.moment == Moment::Response)
        .map(|entry| (entry.by.as_deref(), entry.text.as_str()))
        .collect();
    assert_eq!(responses, [(Some("olga"), anomaly.responses[0].text.as_str())]);
}
