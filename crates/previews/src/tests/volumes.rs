//! A volume is one of a colo, however many FireLogs the colo has.

use std::collections::{BTreeSet, HashSet};

use super::slices::{hit, log};
use super::*;
use blobwatch_pull::sample::{self, Numbers};
use blobwatch_records::fire_log_name;
use blobwatch_rulebook::{FireLogBounds, Volume, VolumeKey};

pub(super) const ISOLATES: u64 = 4;
pub(super) const ROUNDS: u64 = 24;

/// A request, and who gets it when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) round: u64,
    pub(super) isolate: u64,
    /// Number of the client; what a volume counts by follows from it.
    client: u64,
}

impl Asked {
    const fn asn(self) -> u64 {
        64_512 + self.client % 5
    }

    /// What the volume counts by; 0 stands for the one route, fingerprint or network.
    pub(super) const fn key(self, by: VolumeKey) -> u64 {
        match by {
            VolumeKey::Asn => self.asn(),
            VolumeKey::Client => self.client,
            VolumeKey::Route | VolumeKey::Fingerprint | VolumeKey::Network => 0,
        }
    }

    pub(super) fn facts(self) -> String {
        let time_ms = NOW + self.round * 2_500;
        let digest = format!("sha256:{:064x}", self.client);
        format!(
            "{time_ms}\nGET\nhttps\nregistry.example\n/v2/team/app/blobs/{digest}\n\nHTTP/1.1\n192.0.2.{}\n5ae\nIAD\n\
             US\nNA\n{}\nTLSv1.2\nAES\nc\ne\nl\n508\ngzip\n\n\n\n\n\n\nuser-agent:docker/20.10.7",
            self.client,
            self.asn()
        )
    }
}

/// Clients that come and go, in bursts.
pub(super) fn trace(seed: u64) -> Vec<Asked> {
    let mut numbers = Numbers(seed);
    let mut trace = Vec::new();
    for round in 0..ROUNDS {
        let (busy, most) = (1 + round / 6, 2 + numbers.below(60));
        for _ in 0..numbers.below(most) {
            let client = if numbers.below(2) == 0 {
                busy
            } else {
                1 + numbers.below(200)
            };
            let isolate = numbers.below(ISOLATES);
            trace.push(Asked {
                round,
                isolate,
                client,
            });
        }
    }
    trace
}

pub(super) fn document(volume: Volume, fire_logs: u32) -> Rulebook {
    let candidate = Rule {
        volume: Some(volume),
        ..rule(CANDIDATE, "http.request.method eq \"GET\"", Action::Block)
    };
    let modes = vec![mode(CANDIDATE, "default", Mode::Enforce, None)];
    let mut document = book(vec![candidate], modes);
    let fire_logs = FireLogBounds::exactly(fire_logs);
    document.settings.fire_logs.insert("IAD".to_owned(), fire_logs);
    document
}

/// The isolates of a colo and its FireLogs.
struct Colo {
    isolates: Vec<Edge>,
}

impl Colo {
    fn new(document: &Rulebook) -> Self {
        let edge = |isolate| Edge::numbered(isolate, document.clone());
        let mut colo = Self {
            isolates: (0..ISOLATES).map(edge).collect(),
        };
        // A FireLog learns the rulebook before the first batch; all isolates share them.
        let fire_logs = document.fire_logs("IAD");
        let text = serde_json::to_string(document).unwrap();
        for place in 0..u64::from(fire_logs) {
            let name = fire_log_name("IAD", blobwatch_pull::ClientKey(place), fire_logs);
            let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
            log.keep_rulebook(0, &text).unwrap();
            colo.isolates[0].logs.insert(name, log);
        }
        colo
    }

    /// Plays a trace; the places of the requests that fired.
    fn play(&mut self, trace: &[Asked]) -> BTreeSet<usize> {
        let mut fired = BTreeSet::new();
        for round in 0..ROUNDS {
            let asked = trace.iter().enumerate().filter(|(_, asked)| asked.round == round);
            for (place, asked) in asked {
                let edge = &mut self.isolates[asked.isolate as usize];
                let plan = edge.decide(&asked.facts());
                edge.isolate.settle(plan.id, &said(NOW + round * 2_500, 200));
                if plan.refusal.is_some() {
                    fired.insert(place);
                }
            }
            self.flush(NOW + round * 2_500 + 2_000);
        }
        fired
    }

    /// Every isolate flushes all that it has.
    fn flush(&mut self, now_ms: u64) {
        for isolate in 0..self.isolates.len() {
            let logs = std::mem::take(&mut self.isolates[0].logs);
            self.isolates[isolate].logs = logs;
            self.isolates[isolate].flush(now_ms);
            let logs = std::mem::take(&mut self.isolates[isolate].logs);
            self.isolates[0].logs = logs;
        }
    }
}

pub(super) fn volume(by: VolumeKey, requests: u32) -> Volume {
    Volume {
        by,
        requests,
        seconds: 10,
    }
}

/// What fires with many FireLogs is what fires with one. An isolate hears of a key from the FireLog that counts it, with
/// its flush: only in the first batch with that key after one without may it not know yet what it would know with one.
#[test]
fn a_rule_fires_where_it_fires_with_one_fire_log() {
    for (seed, (by, requests)) in [
        (VolumeKey::Asn, 20),
        (VolumeKey::Client, 8),
        (VolumeKey::Route, 60),
        (VolumeKey::Asn, 5),
        (VolumeKey::Client, 3),
    ]
    .into_iter()
    .enumerate()
    {
        let trace = trace(seed as u64);
        let play = |fire_logs| Colo::new(&document(volume(by, requests), fire_logs)).play(&trace);
        let with_one = play(1);
        assert!(!with_one.is_empty(), "{by:?}: nothing fires");
        assert!(with_one.len() < trace.len(), "{by:?}: everything fires");
        let place = |asked: &Asked| (asked.isolate, asked.round, asked.key(by));
        let counted: HashSet<(u64, u64, u64)> = trace.iter().map(place).collect();
        for fire_logs in [2, 3, 5, 16, 64] {
            let fired = play(fire_logs);
            assert!(fired.is_subset(&with_one), "{by:?} over {fire_logs}: fires more");
            for missing in with_one.difference(&fired) {
                let asked = trace[*missing];
                let before = (asked.isolate, asked.round - 1, asked.key(by));
                assert!(
                    !counted.contains(&before),
                    "{by:?} over {fire_logs}: {asked:?} does not fire"
                );
            }
        }
    }
}

/// Records of a few colos in so many FireLogs each.
fn preview(records: &[Record], plan: &PreviewPlan, fire_logs: u32, budget: u64) -> Report {
    let mut shares = BTreeMap::<String, Vec<Record>>::new();
    for record in records {
        let name = fire_log_name(&record.colo, record.client, fire_logs);
        shares.entry(name).or_default().push(record.clone());
    }
    let logs: BTreeMap<String, FireLog<Native>> = shares
        .into_iter()
        .map(|(name, records)| (name, log(records)))
        .collect();
    let logs = logs.iter().map(|(name, log)| (name.clone(), log.sql())).collect();
    report_of(plan, replayed(&logs, plan, budget).0)
}

/// July 2020's mechanism over any number of FireLogs, in stretches of any size.
#[test]
fn a_preview_says_the_same_over_any_number_of_fire_logs() {
    let mut records = sample::traffic(6, 1_000);
    for (n, record) in records.iter_mut().enumerate() {
        record.colo = ["IAD", "FRA"][usize::from(n % 9 == 0)].to_owned();
    }
    for by in [VolumeKey::Asn, VolumeKey::Fingerprint, VolumeKey::Route] {
        let plan = hit("client.family ne \"x\"", Some(volume(by, 20)));
        let with_one = preview(&records, &plan, 1, u64::MAX);
        let matched = with_one.matched_requests;
        assert!(0 < matched && matched < 1_000, "{by:?}: {matched}");
        for (fire_logs, budget) in [(1, 300), (5, 100), (16, 1), (64, u64::MAX)] {
            let found = preview(&records, &plan, fire_logs, budget);
            assert_eq!(found, with_one, "{by:?} over {fire_logs}");
        }
    }
}

/// One colo's matches say nothing about another's.
#[test]
fn a_preview_counts_each_colo_for_itself() {
    let mut records = sample::traffic(6, 400);
    for (n, record) in records.iter_mut().enumerate() {
        record.colo = ["IAD", "FRA", "GRU", "NRT"][n % 4].to_owned();
    }
    let plan = hit("client.family ne \"x\"", Some(volume(VolumeKey::Route, 110)));
    assert_eq!(preview(&records, &plan, 4, 1_000).matched_requests, 0);
    records
        .iter_mut()
        .for_each(|record| record.colo = "IAD".to_owned());
    assert!(preview(&records, &plan, 4, 1_000).matched_requests > 200);
}

/// The FireLogs that answer are counted with; the one that does not is named.
#[test]
fn a_fire_log_that_does_not_answer_holds_up_no_other() {
    let plan = hit("client.family ne \"x\"", Some(volume(VolumeKey::Asn, 20)));
    let store = PreviewStore::open(Native::in_memory().unwrap()).unwrap();
    store.begin(&plan, "ada", NOW).unwrap();
    let (preview, plan, _) = store.next().unwrap().unwrap();
    let names = ["fl1-iad-0", "fl1-iad-1", "fl1-fra-0"].map(str::to_owned);
    let mut run = Run::new(preview, plan, names.to_vec());
    let log = log(sample::traffic(1, 500));
    let mut asked_of_it = 0;
    while !run.is_over() {
        let slices = run.ask().into_iter().map(|(name, call)| {
            let answers = name != "fl1-iad-1";
            asked_of_it += u32::from(!answers);
            answers.then(|| slice(log.sql(), &call, 200))
        });
        let slices = slices.collect();
        at_once(run.take(slices, &Unpaced)).unwrap();
    }
    assert_eq!((asked_of_it, run.progress().scanned), (3, 1_000));
}
