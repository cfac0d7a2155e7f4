use std::collections::{BTreeMap, BTreeSet};

use bolero::TypeGenerator;

use super::*;
use crate::flush::Flush;
use crate::flush::queue::{
    ANSWER_WITHIN_MS, DUE_AFTER_MS, MAX_AHEAD_MS, MAX_BATCH_RECORDS, MAX_RETRY_AGE_MS, MIN_URGENT_GAP_MS,
};
use crate::segment;
use blobwatch_pull::{Action, Mode, NetworkKey, RecordId, sample};

const TO: &str = "fl1-fra-0";

/// Of a volume, and of a network.
const KEY: (u64, NetworkKey) = (9, NetworkKey(9));

fn record(counter: u32) -> Record {
    Record {
        id: RecordId::from_parts(1000, 7, counter),
        ..sample::sparse()
    }
}

fn of_network(counter: u32, network: u32) -> Record {
    Record {
        network: NetworkKey(network.into()),
        ..record(counter)
    }
}

fn refused(counter: u32) -> Record {
    let fired = sample::fired("a", 1, Mode::Enforce, Action::Block, Action::Block);
    Record {
        fired: vec![fired],
        verdict: Action::Block,
        ..record(counter)
    }
}

const HELD: RulebookVersion = RulebookVersion {
    epoch: 3,
    revision: 17,
};

fn flush(outgoing: &Outgoing) -> Flush {
    Flush::decode(&outgoing.body).unwrap()
}

/// `src/data_plane/bounds.js` has them too; `bounds.test.js` reads the same.
#[test]
fn bounds_are_those_of_javascript() {
    let sample = include_str!("../../../../../src/data_plane/tests/lines/bounds.json");
    for (name, bound) in [
        ("FLUSH_AFTER_MS", DUE_AFTER_MS),
        ("ANSWER_WITHIN_MS", ANSWER_WITHIN_MS),
        ("MAX_AHEAD_MS", MAX_AHEAD_MS),
        ("MAX_FIRE_LOGS", MAX_TARGETS as u64),
    ] {
        assert!(
            sample.contains(&format!("\"{name}\": {bound},\n")),
            "{name}: {bound}"
        );
    }
}

#[test]
fn a_batch_is_due_after_a_second_or_256_records() {
    let mut batches = Batches::new(7);
    batches.push(TO, record(0), HELD, 5000);
    assert_eq!(batches.due_at_ms(), Some(5000 + DUE_AFTER_MS));
    assert_eq!(batches.next(HELD, 5000 + DUE_AFTER_MS - 1), None);
    assert!(batches.next(HELD, 5000 + DUE_AFTER_MS).is_some());
    let mut batches = Batches::new(7);
    (0..MAX_BATCH_RECORDS as u32).for_each(|n| batches.push(TO, record(n), HELD, 5000));
    assert_eq!(batches.due_at_ms(), Some(0));
    assert!(batches.next(HELD, 5000).is_some());
}

/// Whatever was waited for when the clock was set back is due as if that had not been.
#[test]
fn a_clock_that_is_set_back_delays_nothing() {
    for back in [1_500, 20_000, 3_600_000] {
        let mut batches = Batches::new(7);
        let before = 10_000_000;
        let now = before - back;
        batches.push(TO, record(1), HELD, before);
        batches.is_at(now);
        assert_eq!(batches.due_at_ms(), Some(now + DUE_AFTER_MS));
        let sent = batches.next(HELD, now + DUE_AFTER_MS).unwrap();
        batches.push(TO, refused(2), HELD, now);
        batches.acknowledged(TO, 1);
        assert_eq!(batches.due_at_ms(), Some(now + DUE_AFTER_MS + MIN_URGENT_GAP_MS));

        let mut failing = Batches::new(7);
        failing.push(TO, record(1), HELD, before);
        let ticket = failing.next(HELD, before + DUE_AFTER_MS).unwrap().ticket;
        failing.is_at(now);
        failing.failed(TO, ticket, now);
        failing.is_at(now - back);
        let due = failing.due_at_ms().unwrap();
        assert!(due <= now - back + 31_000 + 1_000, "{due}");
        assert!(failing.next(HELD, due).is_some(), "kept");
        assert_eq!(sent.to, TO);
    }
}

#[test]
fn an_applied_enforcement_is_due_at_once_but_not_in_a_storm() {
    let mut batches = Batches::new(7);
    batches.push(TO, refused(0), HELD, 5000);
    let first = batches.next(HELD, 5000).unwrap();
    batches.acknowledged(TO, flush(&first).seq);
    batches.push(TO, refused(1), HELD, 5001);
    assert_eq!(batches.next(HELD, 5001), None);
    assert!(batches.next(HELD, 5000 + MIN_URGENT_GAP_MS).is_some());
}

#[test]
fn a_tag_is_no_enforcement() {
    let mut batches = Batches::new(7);
    let fired = sample::fired("a", 1, Mode::Enforce, Action::Tag, Action::Tag);
    batches.push(
        TO,
        Record {
            fired: vec![fired],
            ..record(0)
        },
        HELD,
        5000,
    );
    assert_eq!(batches.next(HELD, 5000), None);
}

#[test]
fn one_flush_is_under_way_at_a_time_and_ten_seconds_end_it() {
    let mut batches = Batches::new(7);
    batches.push(TO, record(0), HELD, 0);
    let first = batches.next(HELD, 1000).unwrap();
    batches.push(TO, record(1), HELD, 1500);
    assert_eq!(batches.next(HELD, 5000), None);
    let late = 1000 + ANSWER_WITHIN_MS;
    assert_eq!(batches.next(HELD, late), None, "backs off for a second");
    let again = batches.next(HELD, late + 1000).unwrap();
    assert_eq!(again.body, first.body, "a repeat has the same number and bytes");
    batches.failed(TO, first.ticket, late + 1100);
    assert_eq!(
        batches.next(HELD, late + 2500),
        None,
        "the failure of an old try does not end the new one"
    );
    batches.acknowledged(TO, flush(&again).seq);
    let next = flush(&batches.next(HELD, late + 2500).unwrap());
    assert_eq!((next.seq, next.losses.get("flush_failed")), (2, Some(&1)));
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let mut batches = Batches::new(7);
    let pushed = MAX_BUFFERED_RECORDS as u32 + 10;
    (0..pushed).for_each(|n| batches.push(TO, of_network(n, n), HELD, 0));
    let (mut kept, mut dropped) = (0, 0);
    while let Some(next) = batches.next(HELD, 60_000) {
        let flush = flush(&next);
        kept += segment::decode(&flush.segment).map_or(0, |records| records.len());
        dropped += flush.losses.get("records_dropped").copied().unwrap_or(0);
        batches.acknowledged(TO, flush.seq);
    }
    assert_eq!((kept, dropped), (MAX_BUFFERED_RECORDS, 10));
    assert_eq!((batches.waiting_records, batches.waiting_bytes), (0, 0));
}

/// A network floods the buffer while no FireLog answers; others have a request here and there.
#[test]
fn a_flood_of_one_network_leaves_room_for_records_of_others() {
    #[track_caller]
    fn case(floods: u32, others: u32) {
        let mut batches = Batches::new(7);
        let flood = 4 * MAX_BUFFERED_RECORDS as u32;
        for n in 0..flood {
            batches.push(TO, of_network(n, n % floods), HELD, 0);
        }
        for n in 0..others {
            batches.push(TO, of_network(flood + n, 1_000 + n % 200), HELD, 0);
        }
        assert!(batches.buffered() <= MAX_BUFFERED_RECORDS);
        let mut kept = 0;
        let mut losses = 0;
        while let Some(next) = batches.next(HELD, 60_000) {
            let flush = flush(&next);
            let records = segment::decode(&flush.segment).unwrap_or_default();
            kept += records.iter().filter(|record| record.network.0 >= 1_000).count() as u32;
            losses += flush.losses.get("records_dropped").copied().unwrap_or(0);
            batches.acknowledged(TO, flush.seq);
        }
        assert_eq!(kept, others, "{floods}");
        assert!(losses > flood / 2, "{losses}");
        // What was sent makes room for everybody.
        batches.push(TO, of_network(0, 0), HELD, 0);
        assert_eq!(batches.buffered(), 1);
    }
    case(1, 800);
    case(3, 400);
    case(10, 100);
}

#[test]
fn volumes_and_losses_travel_with_the_next_batch() {
    let mut batches = Batches::new(7);
    batches.count_loss(TO, "decide_trap", 1, 0);
    batches.count_volume(TO, "botnet-sig", 3, KEY, 0);
    batches.count_volume(TO, "botnet-sig", 3, KEY, 1);
    let flush = flush(&batches.next(HELD, 1000).unwrap());
    assert_eq!(flush.losses, BTreeMap::from([("decide_trap".to_owned(), 1)]));
    assert_eq!(
        (flush.volumes[0].requests, flush.held, flush.segment.len()),
        (2, HELD, 0)
    );
}

/// Sends all that waits; answers the flushes by FireLog.
fn flush_all(batches: &mut Batches, now_ms: u64) -> BTreeMap<String, Flush> {
    let mut flushes = BTreeMap::new();
    while let Some(next) = batches.next(HELD, now_ms) {
        let flush = flush(&next);
        batches.acknowledged(&next.to, flush.seq);
        flushes.insert(next.to, flush);
    }
    flushes
}

/// As many as a colo may have, twice.
#[test]
fn all_fire_logs_of_two_colos_have_queues_of_their_own() {
    let mut batches = Batches::new(7);
    let names = ["fra", "iad"].map(|colo| (0..64).map(move |place| format!("fl1-{colo}-{place}")));
    let names: BTreeSet<String> = names.into_iter().flatten().collect();
    names.iter().for_each(|to| batches.push(to, record(0), HELD, 0));
    names
        .iter()
        .for_each(|to| batches.count_volume(to, "a", 1, KEY, 0));
    let flushes = flush_all(&mut batches, 1000);
    assert!(flushes.keys().eq(names.iter()));
    for flush in flushes.values() {
        let records = segment::decode(&flush.segment).unwrap().len();
        assert_eq!((records, flush.volumes.len(), flush.losses.len()), (1, 1, 0));
    }
}

#[test]
fn an_idle_queue_is_removed_and_its_numbers_are_not_used_again() {
    let mut batches = Batches::new(7);
    for now_ms in [0, 10_000, 20_000] {
        batches.push(TO, record(0), HELD, now_ms);
        flush_all(&mut batches, now_ms + 1000);
    }
    batches.push("fl1-fra-1", record(1), HELD, 25_000);
    flush_all(&mut batches, 21_000 + IDLE_AFTER_MS - 1);
    assert_eq!(batches.queues.len(), 2);
    flush_all(&mut batches, 21_000 + IDLE_AFTER_MS);
    assert_eq!(batches.queues.len(), 1);
    batches.push(TO, record(2), HELD, 100_000);
    assert_eq!(flush_all(&mut batches, 101_000)[TO].seq, 4);
}

#[test]
fn a_queue_in_which_something_waits_is_not_removed() {
    let mut batches = Batches::new(7);
    batches.push(TO, record(0), HELD, 0);
    let first = batches.next(HELD, 1000).unwrap();
    batches.failed(TO, first.ticket, 1500);
    let again = batches.next(HELD, 1000 + IDLE_AFTER_MS).unwrap();
    assert_eq!(again.body, first.body);
}

/// An isolate on workerd meets more colos than it has queues for, one after the other.
#[test]
fn idle_queues_make_room_for_others() {
    let mut batches = Batches::new(7);
    for colo in 0..3 * MAX_TARGETS as u64 {
        let to = format!("fl1-{colo}-0");
        batches.push(&to, record(0), HELD, colo * 1_500);
        batches.count_volume(&to, "a", 1, KEY, colo * 1_500);
        let flushes = flush_all(&mut batches, colo * 1_500 + 1_000);
        assert_eq!(flushes[&to].volumes.len(), 1);
    }
}

/// A key is counted by its own FireLog or not at all; a record is found wherever it is.
#[test]
fn without_room_for_a_queue_records_go_elsewhere_and_counts_are_lost_and_said() {
    let mut batches = Batches::new(7);
    for place in 0..=MAX_TARGETS {
        let to = format!("fl1-fra-{place:03}");
        batches.push(&to, record(place as u32), HELD, 0);
        batches.count_volume(&to, "a", 1, KEY, 0);
    }
    let flushes = flush_all(&mut batches, 1000);
    assert_eq!(flushes.len(), MAX_TARGETS);
    let first = &flushes["fl1-fra-000"];
    assert_eq!(segment::decode(&first.segment).unwrap().len(), 2);
    assert_eq!(first.volumes[0].requests, 1);
    assert_eq!(first.losses["volume_keys_dropped"], 1);
}

#[test]
fn keys_of_one_network_leave_room_for_those_of_others() {
    let mut batches = Batches::new(7);
    batches.push(TO, record(0), HELD, 0);
    for key in 0..10_000 {
        batches.count_volume(TO, "a", 1, (key, NetworkKey(1)), 0);
    }
    for key in 20_000..20_100 {
        batches.count_volume(TO, "a", 1, (key, NetworkKey(key)), 0);
        batches.count_volume(TO, "a", 1, (key, NetworkKey(1)), 0);
    }
    let flush = &flush_all(&mut batches, 1000)[TO];
    let of_others: Vec<u32> = (flush.volumes.iter())
        .filter(|volume| volume.key >= 20_000)
        .map(|volume| volume.requests)
        .collect();
    assert_eq!(of_others, [2; 100], "a known key needs no room");
    assert_eq!(flush.volumes.len(), 256 + 100);
    assert_eq!(flush.losses["volume_keys_dropped"], 10_000 - 256);
}

#[test]
fn keys_that_wait_are_bounded_over_all_queues() {
    let mut batches = Batches::new(7);
    let names: Vec<String> = (0..64).map(|place| format!("fl1-fra-{place}")).collect();
    names.iter().for_each(|to| batches.push(to, record(0), HELD, 0));
    for key in 0..1_000 {
        names
            .iter()
            .for_each(|to| batches.count_volume(to, "a", 1, (key, NetworkKey(key)), 0));
    }
    let flushes = flush_all(&mut batches, 1000);
    let keys: usize = flushes.values().map(|flush| flush.volumes.len()).sum();
    let lost: u32 = flushes
        .values()
        .map(|flush| flush.losses["volume_keys_dropped"])
        .sum();
    assert_eq!((keys, keys + lost as usize), (MAX_WAITING_KEYS, 64_000));
}

#[derive(Debug, TypeGenerator)]
enum Event {
    Push {
        to: bool,
        records: u8,
    },
    Wait {
        ms: u16,
    },
    WaitLong,
    /// A batch arrives, or not; its answer arrives, is lost, or is an error.
    Send {
        arrives: bool,
        answer: u8,
    },
    /// A batch that was held up somewhere arrives after all.
    ArriveLate {
        which: u8,
    },
}

/// A FireLog as far as numbers go: keeps what is newer than all it has of the isolate.
#[derive(Default)]
struct Log {
    last: u64,
    kept: Vec<RecordId>,
    dropped: u32,
}

impl Log {
    fn accept(&mut self, body: &[u8]) -> u64 {
        let flush = Flush::decode(body).unwrap();
        if flush.seq > self.last {
            self.last = flush.seq;
            self.dropped += flush.losses.get("records_dropped").copied().unwrap_or(0);
            let records = segment::decode(&flush.segment).unwrap_or_default();
            self.kept.extend(records.into_iter().map(|record| record.id));
        }
        flush.seq
    }
}

#[derive(Default)]
struct World {
    now: u64,
    pushed: u32,
    logs: BTreeMap<String, Log>,
    held_up: Vec<Outgoing>,
}

impl World {
    fn run(&mut self, batches: &mut Batches, event: &Event) {
        match *event {
            Event::Push { to, records } => {
                for _ in 0..=u32::from(records) * 2 {
                    let to = if to { "fl1-fra-0" } else { "fl1-fra-1" };
                    batches.push(to, record(self.pushed), HELD, self.now);
                    self.pushed += 1;
                }
            }
            Event::Wait { ms } => self.now += u64::from(ms),
            Event::WaitLong => self.now += 700_000,
            Event::Send { arrives, answer } => {
                if let Some(out) = batches.next(HELD, self.now) {
                    self.deliver(batches, out, arrives, answer % 3);
                }
            }
            Event::ArriveLate { which } => {
                if !self.held_up.is_empty() {
                    let out = self.held_up.remove(usize::from(which) % self.held_up.len());
                    self.logs.entry(out.to).or_default().accept(&out.body);
                }
            }
        }
    }

    fn deliver(&mut self, batches: &mut Batches, out: Outgoing, arrives: bool, answer: u8) {
        if !arrives {
            self.held_up.push(out.clone());
        }
        let ack = arrives.then(|| self.logs.entry(out.to.clone()).or_default().accept(&out.body));
        match (ack, answer) {
            (Some(ack), 0) => batches.acknowledged(&out.to, ack),
            (_, 1) => batches.failed(&out.to, out.ticket, self.now),
            _ => {}
        }
    }
}

/// Wherever the isolate ends: what it says is lost then, and what FireLogs were told, are at least all that they do not have.
#[test]
fn what_is_unacknowledged_is_all_that_ends_with_the_isolate() {
    bolero::check!().with_type::<Vec<Event>>().for_each(|events| {
        let mut batches = Batches::new(7);
        let mut world = World::default();
        for event in events {
            world.run(&mut batches, event);
            let ends = batches.unacknowledged();
            let lost = |name: &str| ends.get(name).copied().unwrap_or_default();
            let kept: usize = world.logs.values().map(|log| log.kept.len()).sum();
            let told: u32 = world.logs.values().map(|log| log.dropped).sum();
            assert!(
                kept as u32 + told + lost("records_dropped") + lost("records_lost") >= world.pushed,
                "{ends:?}"
            );
        }
    });
}

#[test]
fn what_a_batch_carries_is_unacknowledged_until_it_is() {
    let mut batches = Batches::new(7);
    batches.push(TO, record(1), HELD, 0);
    batches.count_loss(TO, "decide_trap", 2, 0);
    let out = batches.next(HELD, 1000).unwrap();
    let carried = Losses::from([("decide_trap", 2), ("records_lost", 1)]);
    assert_eq!(
        (&out.carries, batches.unacknowledged()),
        (&carried, carried.clone())
    );
    assert!(!batches.has_lost(), "as it was when it was asked");
    batches.count_loss(TO, "decide_trap", 1, 1001);
    assert!(batches.has_lost());
    let with_the_open_one = Losses::from([("decide_trap", 3), ("records_lost", 1)]);
    assert_eq!(batches.unacknowledged(), with_the_open_one);
    batches.acknowledged(TO, 1);
    assert_eq!(batches.unacknowledged(), Losses::from([("decide_trap", 1)]));
}

/// Whatever is lost, late, repeated or answered twice: no record is kept twice, and each is kept, dropped and
/// counted, or was given up with the log refusing its number.
#[test]
fn no_record_is_doubled_and_none_is_lost_uncounted() {
    bolero::check!().with_type::<Vec<Event>>().for_each(|events| {
        let mut batches = Batches::new(7);
        let mut world = World::default();
        events.iter().for_each(|event| world.run(&mut batches, event));
        let nothing_given_up = world.now + 40_000 < MAX_RETRY_AGE_MS;
        // The network heals: everything that is left gets through.
        for _ in 0..100 {
            world.now += 40_000;
            while let Some(out) = batches.next(HELD, world.now) {
                world.deliver(&mut batches, out, true, 0);
            }
        }
        let kept: Vec<RecordId> = world.logs.values().flat_map(|log| log.kept.clone()).collect();
        let distinct: BTreeSet<RecordId> = kept.iter().copied().collect();
        assert_eq!(kept.len(), distinct.len(), "a record was kept twice");
        let dropped: u32 = world.logs.values().map(|log| log.dropped).sum();
        assert!(
            kept.len() as u32 + dropped >= world.pushed,
            "a record was lost uncounted"
        );
        if nothing_given_up {
            assert_eq!(
                kept.len() as u32 + dropped,
                world.pushed,
                "a record was counted as lost that was kept"
            );
        }
        assert_eq!((batches.waiting_records, batches.waiting_bytes), (0, 0));
    });
}
