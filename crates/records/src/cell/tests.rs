mod breadth;
mod bytes;
mod tally;

use super::*;
use crate::cell::breadth::Kmv;
use crate::cell::counts::KINDS;
use crate::history::Classification;
use blobwatch_pull::{Action, ClientKey, Method, NetworkKey, RangeKind, Record, RecordId, sample};
use blobwatch_wire::DecodeError;

fn cell() -> Cell {
    let record = sample::full();
    let mut cell = Cell::new(CellKey::of(&record));
    cell.counts = CellCounts {
        requests: 300,
        starts: 200,
        large_starts: 50,
        resumes: 90,
        large_resumes: 80,
        repeats: 7,
        known_starts: 120,
        restarts: 3,
        ranged: 100,
        refused: 2,
        observed: 10,
        aborted: 4,
        denied: 1,
        kinds: [0; KINDS],
        begun_again: 2,
        failed: 20,
        turned_away: 10,
        redirected: 9,
        unreached: 8,
        behind: 6,
        looped: 5,
        paced: 40,
        slow: 30,
        fetched: 25,
        suspect: 24,
        multi_refused: 1,
        again_cut: 2,
        again_whole: 11,
        blocked: 1,
        detoured: 12,
        tagged: 13,
        answers: [7, 9, 1, 20],
        unauthorized: 4,
        limited: 3,
        forbidden: 2,
        silent: 7,
        pace_sum: 6_400,
        allowed: 0,
    };
    cell.counts.count_kind(RangeKind::None, 210);
    cell.counts.count_kind(RangeKind::Resume, 83);
    cell.counts.count_kind(RangeKind::Repeat, 7);
    for client in 0..40u64 {
        let client = client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (client, network) = (ClientKey(client), NetworkKey(client >> 60));
        cell.affected.insert(Event::Resume, client, network);
    }
    cell.affected.insert(Event::Suspect, ClientKey(7), NetworkKey(7));
    note_blob(&mut cell.blobs, "sha256:0123", 24);
    cell.note(Evidence {
        event: Event::Resume,
        id: record.id,
    });
    for network in [300, 7, 1 << 31, 70_000, 80_000] {
        cell.networks.insert(NetworkKey(network));
    }
    cell.sample = sampled(&record);
    cell
}

#[test]
fn counts_add_up_field_by_field() {
    let mut sum = cell().counts;
    sum.add(&cell().counts);
    assert_eq!(
        (sum.requests, sum.denied, sum.kind(RangeKind::Repeat)),
        (600, 2, 14)
    );
    sum.requests = u32::MAX;
    sum.add(&cell().counts);
    assert_eq!(sum.requests, u32::MAX);
    assert!(!sum.is_empty() && CellCounts::default().is_empty());
}

#[test]
fn two_examples_of_each_event_are_kept() {
    let mut cell = Cell::new(cell().key);
    for n in 0..5 {
        cell.note(Evidence {
            event: Event::Repeat,
            id: RecordId(n),
        });
    }
    cell.note(Evidence {
        event: Event::Resume,
        id: RecordId(9),
    });
    let ids: Vec<u128> = cell.evidence.iter().map(|evidence| evidence.id.0).collect();
    assert_eq!(ids, [0, 1, 9]);
}

#[test]
fn rules_of_a_key_are_sorted_and_each_is_there_once() {
    let mut record = sample::full();
    record.fired.reverse();
    record.fired.extend(sample::full().fired);
    let rules = CellKey::of(&record).rules;
    assert_eq!(
        rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        ["botnet-sig", "note-amzn"]
    );
}

fn sampled(record: &Record) -> Vec<SampledRequest> {
    let mut sampler = Sampler::new(Bounds::BATCH);
    let asked = SampleKey {
        client: record.client,
        network: record.network,
        blob: record.blob_key(),
        slot: slot_of(record.id.time_ms()),
    };
    sampler.offer(&asked, Strata::turned_away(), || Further::from(record));
    let (sample, _) = sampler.finish(usize::MAX, |further| ((), further));
    sample.into_iter().map(|((), request)| request).collect()
}
