//! What is counted and kept while the FireLogs of a colo become more and fewer.

use std::collections::{BTreeSet, HashSet};

use super::volumes::{Asked, ISOLATES, ROUNDS, document, trace, volume};
use super::*;
use blobwatch_fire_log::{Budget, Filter, scan_page};
use blobwatch_pull::RecordId;
use blobwatch_pull::sample::Numbers;
use blobwatch_rulebook::{FireLogLayout, Volume, VolumeKey};

/// Rounds in which an isolate may go by a rulebook that is not the current one.
const FOLLOWS_WITHIN: u64 = 2;

const ROUND_MS: u64 = 2_500;

/// A colo, its RuleBook's document, and isolates that follow it each in its own time.
struct Colo {
    document: Rulebook,
    isolates: Vec<Edge>,
    numbers: Numbers,
    /// One in so many answers to flushes is lost; 0: none.
    loses: u64,
}

impl Colo {
    fn new(volume: Volume, seed: u64, loses: u64) -> Self {
        let document = document(volume, 1);
        let edge = |isolate| Edge::numbered(isolate, document.clone());
        let mut colo = Self {
            isolates: (0..ISOLATES).map(edge).collect(),
            document,
            numbers: Numbers(seed),
            loses,
        };
        colo.tell();
        colo
    }

    fn logs(&mut self) -> &mut BTreeMap<String, FireLog<Native>> {
        &mut self.isolates[0].logs
    }

    /// Every FireLog gets the current rulebook, new ones too.
    fn tell(&mut self) {
        let text = serde_json::to_string(&self.document).unwrap();
        for place in 0..self.document.fire_logs("IAD") {
            let log = FireLog::open(Native::in_memory().unwrap()).unwrap();
            self.logs().entry(format!("fl1-iad-{place}")).or_insert(log);
        }
        for log in self.logs().values_mut() {
            log.keep_rulebook(0, &text).unwrap();
        }
    }

    /// As the RuleBook does.
    fn change(&mut self, count: u32, round: u64) {
        let now_ms = NOW + round * ROUND_MS;
        let until_ms = now_ms + 2 * 10_000 + FOLLOWS_WITHIN * ROUND_MS;
        let layout = self.document.layout("IAD").cloned();
        let layout = layout.unwrap_or_else(|| FireLogLayout::new("IAD", self.document.fire_logs("IAD")));
        if layout.is_full(now_ms) {
            return;
        }
        self.document.layouts = vec![layout.followed_by(count, now_ms, until_ms)];
        self.document.revision += 1;
        self.document = self.document.clone().with_schema();
        self.tell();
    }

    /// Isolates that go by an old rulebook for too long read the current one before they go on. What they would hear of volumes with
    /// it is left out, which with one FireLog nobody hears.
    fn refresh(&mut self, changed: u64, round: u64) {
        if round < changed + FOLLOWS_WITHIN {
            return;
        }
        let now_ms = NOW + round * ROUND_MS;
        for isolate in 0..self.isolates.len() {
            let held = self.isolates[isolate].isolate.held();
            let reply = Reply {
                hot: Vec::new(),
                ..self.logs()["fl1-iad-0"].reply(held, now_ms)
            };
            let isolate = &mut self.isolates[isolate].isolate;
            assert!(isolate.learn("fl1-iad-0", &reply.encode(), now_ms).unwrap());
        }
    }

    /// Plays a trace, and changes the number of FireLogs in these rounds; the places of the requests that fired.
    fn play(&mut self, trace: &[Asked], changes: &BTreeMap<u64, u32>) -> BTreeSet<usize> {
        let (mut fired, mut changed) = (BTreeSet::new(), 0);
        for round in 0..ROUNDS {
            if let Some(count) = changes.get(&round) {
                self.change(*count, round);
                changed = round;
            }
            self.refresh(changed, round);
            for (place, asked) in trace.iter().enumerate().filter(|(_, asked)| asked.round == round) {
                let edge = &mut self.isolates[asked.isolate as usize];
                let plan = edge.decide(&asked.facts());
                edge.isolate.settle(plan.id, &said(NOW + round * ROUND_MS, 200));
                if plan.refusal.is_some() {
                    fired.insert(place);
                }
            }
            self.flush(NOW + round * ROUND_MS + 2_000);
        }
        // What waits for another try, one batch after the other.
        self.loses = 0;
        (1..10).for_each(|minute| self.flush(NOW + ROUNDS * ROUND_MS + minute * 40_000));
        fired
    }

    fn flush(&mut self, now_ms: u64) {
        let mut logs = std::mem::take(self.logs());
        for edge in &mut self.isolates {
            while let Some(outgoing) = edge.isolate.next_flush(now_ms) {
                let log = logs.get_mut(&outgoing.to).unwrap();
                let reply = log.accept(&outgoing.body, now_ms).unwrap();
                if self.loses > 0 && self.numbers.below(self.loses) == 0 {
                    edge.isolate.flush_failed(&outgoing.to, outgoing.ticket, now_ms);
                } else {
                    edge.isolate.learn(&outgoing.to, &reply.encode(), now_ms).unwrap();
                }
            }
        }
        *self.logs() = logs;
    }

    /// Ids of records, as many times as they are kept.
    fn records(&mut self) -> Vec<RecordId> {
        let all = self.logs().values();
        let mut ids: Vec<RecordId> = all.flat_map(|log| ids(log.sql())).collect();
        ids.sort_unstable();
        ids
    }
}

fn ids(sql: &Native) -> Vec<RecordId> {
    let (filter, all) = (Filter::default(), RecordId(u128::MAX));
    let page = scan_page(sql, &filter, all, 1_000_000, Budget::default(), &Unpaced);
    let records = at_once(page).unwrap().unwrap().records;
    records.into_iter().map(|record| record.id).collect()
}

fn changes(numbers: &mut Numbers) -> BTreeMap<u64, u32> {
    let count = 1 + numbers.below(4);
    let change = |numbers: &mut Numbers| {
        (
            1 + numbers.below(ROUNDS - 2),
            [1, 2, 3, 4, 8, 16][numbers.below(6) as usize],
        )
    };
    (0..count).map(|_| change(numbers)).collect()
}

/// However often the number changes, and however late isolates hear of it: what fires is what fires with one FireLog, but for the
/// first batch with a key after one without it.
#[test]
fn a_rule_fires_where_it_fires_with_one_fire_log_while_their_number_changes() {
    let mut fires = 0;
    for seed in 0..40_u64 {
        let (by, requests) = [
            (VolumeKey::Asn, 20),
            (VolumeKey::Client, 8),
            (VolumeKey::Route, 60),
            (VolumeKey::Asn, 5),
            (VolumeKey::Client, 3),
        ][(seed % 5) as usize];
        let trace = trace(seed);
        let with_one = Colo::new(volume(by, requests), seed, 0).play(&trace, &BTreeMap::new());
        let changes = changes(&mut Numbers(seed + 1_000));
        let fired = Colo::new(volume(by, requests), seed, 0).play(&trace, &changes);
        assert!(fired.is_subset(&with_one), "{seed}, {changes:?}: fires more");
        let place = |asked: &Asked| (asked.isolate, asked.round, asked.key(by));
        let counted: HashSet<(u64, u64, u64)> = trace.iter().map(place).collect();
        for missing in with_one.difference(&fired) {
            let asked = trace[*missing];
            let before = (asked.isolate, asked.round.wrapping_sub(1), asked.key(by));
            assert!(
                !counted.contains(&before),
                "{seed}, {changes:?}: {asked:?} does not fire"
            );
        }
        fires += fired.len();
    }
    assert!(fires > 1_000, "{fires}");
}

/// Answers get lost, batches are sent again, and meanwhile their FireLogs change: each record is kept once.
#[test]
fn each_record_is_kept_once_while_the_number_changes() {
    for seed in 0..20_u64 {
        let trace = trace(seed);
        let changes = changes(&mut Numbers(seed + 2_000));
        let mut colo = Colo::new(volume(VolumeKey::Asn, 20), seed, 5);
        colo.play(&trace, &changes);
        let ids = colo.records();
        assert_eq!(ids.len(), trace.len(), "{seed}, {changes:?}");
        let distinct: BTreeSet<RecordId> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "{seed}, {changes:?}");
    }
}
