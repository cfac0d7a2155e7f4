use std::collections::{BTreeMap, BTreeSet};

use super::{ClientSample, MAX_ONE_IN, one_in};
use crate::{Builder, OpenCohort, OpenCohortPart, decode, split};
use blobwatch_pull::{Action, ClientKey, Record, RecordId, sample};

/// Keys as the keyed hash makes them.
fn key(client: u64) -> ClientKey {
    ClientKey(client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

fn record(number: u32, client: u64) -> Record {
    Record {
        id: RecordId::from_parts(sample::JULY_2020_MS + u64::from(number), 7, number),
        client: key(client),
        weight: 1,
        verdict: Action::None,
        fired: Vec::new(),
        ..sample::full()
    }
}

/// What the sample holds of these records, which come in one block.
fn taken(sample: &ClientSample, records: &[Record]) -> Vec<Record> {
    let mut builder = Builder::default();
    records.iter().cloned().for_each(|record| builder.push(record));
    let bytes = builder.encode();
    let (front, back) = split(&bytes).unwrap();
    let mut kept = Builder::default();
    let left_out = sample
        .take(crate::Block::open(front, back).unwrap(), &mut kept)
        .unwrap();
    let kept = decode(&kept.encode()).unwrap();
    assert_eq!(kept.len() as u64 + left_out, records.len() as u64);
    kept
}

fn of_load(load: u32) -> ClientSample {
    ClientSample {
        load,
        ..ClientSample::default()
    }
}

#[test]
fn a_share_is_the_nearest_power_of_two() {
    #[track_caller]
    fn case(share: f64, expected: u32) {
        assert_eq!(one_in(share), expected, "{share}");
    }
    case(1.0, 1);
    case(0.8, 1);
    case(0.5, 2);
    case(0.1, 8);
    case(0.01, 128);
    case(0.001, MAX_ONE_IN);
    case(0.0, MAX_ONE_IN);
    case(-1.0, 1);
    case(f64::NAN, 1);
}

#[test]
fn what_keeps_everything_changes_nothing() {
    let records: Vec<Record> = (0..50).map(|n| record(n, u64::from(n))).collect();
    assert_eq!(taken(&of_load(1), &records), records);
    assert_eq!(taken(&ClientSample::default(), &records), records);
}

/// Over every client that there may be, of any sizes: the sum of weights is that of all requests.
#[test]
fn sums_of_weights_are_the_sums_of_all_requests_in_the_mean() {
    for one_in in [2, 16, 128] {
        let (clients, mut all, mut told) = (60_000_u64, 0.0, 0.0);
        for client in 0..clients {
            let requests = (1 + client % 7) as f64;
            all += requests;
            if ClientSample::holds(key(client), one_in) {
                told += requests * f64::from(one_in);
            }
        }
        // Four standard errors of one in so many clients.
        let error = 4.0 * (f64::from(one_in) / clients as f64).sqrt();
        assert!(
            (told / all - 1.0).abs() < error,
            "one in {one_in}: {}",
            told / all
        );
    }
}

#[test]
fn a_client_is_kept_whole_or_not_at_all() {
    bolero::check!()
        .with_type::<(Vec<u8>, u8)>()
        .for_each(|(clients, halvings)| {
            let records: Vec<Record> = (0..)
                .zip(clients)
                .map(|(n, client)| record(n, u64::from(*client)))
                .collect();
            let one_in = 1 << (halvings % 11);
            let kept = taken(&of_load(one_in), &records);
            let by_client = |records: &[Record]| {
                let mut counts: BTreeMap<ClientKey, u32> = BTreeMap::new();
                records
                    .iter()
                    .for_each(|record| *counts.entry(record.client).or_default() += 1);
                counts
            };
            let all = by_client(&records);
            for (client, requests) in by_client(&kept) {
                assert_eq!(all[&client], requests);
            }
            assert!(kept.iter().all(|record| record.weight == one_in));
        });
}

#[test]
fn who_is_kept_at_a_smaller_share_is_kept_at_every_larger_one() {
    for client in 0..2_000 {
        let held: Vec<bool> = (0..=10)
            .map(|halvings| ClientSample::holds(key(client), 1 << halvings))
            .collect();
        assert!(held.is_sorted_by(|smaller, larger| smaller >= larger), "{client}");
        assert!(held[0]);
    }
}

#[test]
fn a_route_has_a_share_of_its_own_and_the_load_takes_more() {
    let sample = ClientSample {
        routes: BTreeMap::from([("library".to_owned(), 8), ("internal".to_owned(), 1)]),
        ..of_load(0)
    };
    assert_eq!(
        [
            sample.one_in("library"),
            sample.one_in("internal"),
            sample.one_in("other")
        ],
        [8, 1, 1]
    );
    let busy = ClientSample { load: 4, ..sample };
    assert_eq!(
        [
            busy.one_in("library"),
            busy.one_in("internal"),
            busy.one_in("other")
        ],
        [8, 4, 4]
    );
}

#[test]
fn what_was_done_to_somebody_is_never_left_out() {
    let act = |number: u32, change: &dyn Fn(&mut Record)| {
        let mut changed = record(number, u64::from(number));
        change(&mut changed);
        changed
    };
    let fired = |applied| {
        move |record: &mut Record| {
            let mut fired = sample::full().fired.remove(0);
            fired.applied = applied;
            record.fired = vec![fired];
        }
    };
    let mut records = Vec::new();
    for n in 0..200 {
        records.push(act(5 * n, &|record| record.verdict = Action::Block));
        records.push(act(5 * n + 1, &|record| record.verdict = Action::Detour));
        records.push(act(5 * n + 2, &fired(Action::Block)));
        records.push(act(5 * n + 3, &|record| record.seen = false));
        records.push(act(5 * n + 4, &fired(Action::None)));
    }
    let kept = taken(&of_load(64), &records);
    let always = kept.iter().filter(|record| record.weight == 1).count();
    assert_eq!(always, 800);
    let sampled: Vec<&Record> = kept.iter().filter(|record| record.weight == 64).collect();
    assert!(
        sampled.len() < 20
            && sampled
                .iter()
                .all(|record| record.seen && record.verdict == Action::None)
    );
}

#[test]
fn nobody_of_an_open_anomalys_cohort_is_left_out() {
    let part = |attribute: &str, values: &[&str], not| OpenCohortPart {
        attribute: attribute.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        not,
    };
    let records: Vec<Record> = (0..400)
        .map(|n| Record {
            os: if n % 2 == 0 { "amzn2" } else { "" }.to_owned(),
            colo: if n % 4 < 2 { "IAD" } else { "FRA" }.to_owned(),
            ..record(n, u64::from(n))
        })
        .collect();
    let case = |parts: Vec<OpenCohortPart>, is_in: &dyn Fn(&Record) -> bool| {
        let sample = ClientSample {
            open: vec![OpenCohort(parts)],
            ..of_load(256)
        };
        let kept = taken(&sample, &records);
        let whole: BTreeSet<RecordId> = kept
            .iter()
            .filter(|record| record.weight == 1)
            .map(|record| record.id)
            .collect();
        let expected: BTreeSet<RecordId> = records
            .iter()
            .filter(|record| is_in(record))
            .map(|record| record.id)
            .collect();
        assert_eq!(whole, expected);
    };
    case(vec![part("os", &["amzn2"], false)], &|record| {
        record.os == "amzn2"
    });
    case(vec![part("os", &["unknown"], false)], &|record| {
        record.os.is_empty()
    });
    case(
        vec![part("os", &["amzn2"], false), part("colo", &["IAD"], true)],
        &|record| record.os == "amzn2" && record.colo != "IAD",
    );
    case(vec![part("asn", &["1"], false)], &|_| false);
    case(Vec::new(), &|_| true);
    case(vec![part("of a newer build", &["a"], false)], &|_| true);
}
