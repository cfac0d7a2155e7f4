//! The format as a whole: what goes in comes out, old samples still decode, and no bytes make it panic.

use bolero::TypeGenerator;

use super::{Block, Builder, Field, Front, Header, decode, split};
use blobwatch_pull::{Record, sample};
use blobwatch_wire::DecodeError;

fn encode(records: &[Record]) -> Vec<u8> {
    let mut builder = Builder::default();
    records.iter().cloned().for_each(|record| builder.push(record));
    let estimate = builder.bytes();
    let bytes = builder.encode();
    assert!(
        bytes.len() <= estimate,
        "estimated {estimate}, encoded {}",
        bytes.len()
    );
    bytes
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(|record| record.id);
    records
}

fn open(bytes: &[u8]) -> Block {
    let (front, back) = split(bytes).unwrap();
    Block::open(front, back).unwrap()
}

/// Written by the build of format version 1; never written again.
#[test]
fn the_first_sample_still_decodes() {
    let old = include_bytes!("../../tests/data/segment-v1.bin");
    assert_eq!(decode(old).unwrap(), vec![sample::sparse(), sample::full()]);
    let header = include_bytes!("../../tests/data/header-v1.bin");
    assert_eq!(Header::decode(header).unwrap(), Header::of(&open(old)));
}

/// Records of version 2, which is still written where no client has a signature of a TCP handshake.
fn without_tcp() -> [Record; 6] {
    [
        sample::full(),
        sample::sparse(),
        sample::redirected(),
        joined(),
        sample::object(),
        measured(),
    ]
}

/// `BLESS=1 cargo test -p blobwatch-records the_newest_stored_form` writes it, for as long as the version was not released.
#[test]
fn the_newest_stored_form_is_pinned() {
    let mut records = without_tcp().to_vec();
    records.push(signed());
    let bytes = encode(&records);
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/segment-v3.bin");
        std::fs::write(path, &bytes).unwrap();
    }
    let pinned = include_bytes!("../../tests/data/segment-v3.bin");
    assert_eq!(decode(pinned).unwrap(), sorted(records));
    assert_eq!(bytes, pinned);
}

#[test]
fn the_stored_form_is_pinned() {
    let bytes = encode(&without_tcp());
    assert_eq!(bytes, include_bytes!("../../tests/data/segment-v2.bin"));
    assert_eq!(
        Header::of(&open(&bytes)).encode(),
        include_bytes!("../../tests/data/header-v1-of-segment-v2.bin")
    );
}

/// The blob's half of a pull, of distribution's storage, with the repository of the other half.
fn joined() -> Record {
    Record {
        id: blobwatch_pull::RecordId::from_parts(sample::JULY_2020_MS + 59, 0x1234_5678_9abc, 45),
        digest: sample::full().digest,
        repository: "library/alpine".to_owned(),
        object: 0,
        shape: blobwatch_pull::PathShape::Storage,
        joined: true,
        ..sample::object()
    }
}

/// A program that no list knows, in a cloud, over a connection that the platform measured.
fn measured() -> Record {
    Record {
        id: blobwatch_pull::RecordId::from_parts(sample::JULY_2020_MS + 61, 0x1234_5678_9abc, 46),
        family: blobwatch_pull::Family::of_name("sometool").unwrap(),
        cloud: "aws".to_owned(),
        cloud_region: "us-east-1".to_owned(),
        ip_version: Some(6),
        protocol: "HTTP/3".to_owned(),
        rtt_ms: Some(12),
        delivery_rate: Some(1_250_000),
        ..sample::full()
    }
}

/// Behind a front proxy that knows the TCP handshake.
fn signed() -> Record {
    Record {
        id: blobwatch_pull::RecordId::from_parts(sample::JULY_2020_MS + 63, 0x1234_5678_9abc, 47),
        tcp: "4:255:0:1460:26883,0:mss:df:0".to_owned(),
        ..measured()
    }
}

#[test]
fn what_was_measured_reads_back_whatever_of_it_is_there() {
    let mut records = Vec::new();
    for (rtt_ms, delivery_rate) in [
        (None, None),
        (Some(0), None),
        (None, Some(0)),
        (Some(u32::MAX), Some(u64::MAX)),
    ] {
        for ip_version in [None, Some(4), Some(6)] {
            records.push(Record {
                rtt_ms,
                delivery_rate,
                ip_version,
                ..measured()
            });
        }
    }
    assert_eq!(decode(&encode(&records)).unwrap(), records);
}

/// Blocks of all versions are merged to one of the newest.
#[test]
fn the_first_sample_is_merged_with_others() {
    let mut merged = Builder::default();
    merged.append(open(include_bytes!("../../tests/data/segment-v1.bin")));
    merged.append(open(include_bytes!("../../tests/data/segment-v2.bin")));
    merged.append(open(include_bytes!("../../tests/data/segment-v3.bin")));
    let records = decode(&merged.encode()).unwrap();
    assert_eq!(records.len(), 15);
    assert!(records.contains(&joined()) && records.contains(&measured()) && records.contains(&signed()));
    assert_eq!(
        records.iter().filter(|record| **record == sample::full()).count(),
        3
    );
}

/// A flag in a bit that builds before it wrote as 0 and pass over: they read what this one writes.
#[test]
fn the_flag_of_an_odd_path_is_one_bit_of_the_old_form() {
    let odd = Record {
        odd_path: true,
        ..sample::full()
    };
    let (plain, marked) = (encode(&[sample::full()]), encode(std::slice::from_ref(&odd)));
    assert_eq!(plain.len(), marked.len());
    let differing: Vec<u8> = plain
        .iter()
        .zip(&marked)
        .map(|(a, b)| a ^ b)
        .filter(|bits| *bits != 0)
        .collect();
    assert_eq!(differing, [1 << 6]);
    assert_eq!(decode(&marked).unwrap(), [odd]);
}

/// Likewise; a build before it takes such a record for one that was seen.
#[test]
fn the_flag_of_what_was_told_is_one_bit_of_the_old_form() {
    let told = Record {
        seen: false,
        ..sample::full()
    };
    let (plain, marked) = (encode(&[sample::full()]), encode(std::slice::from_ref(&told)));
    let differing: Vec<u8> = plain
        .iter()
        .zip(&marked)
        .map(|(a, b)| a ^ b)
        .filter(|bits| *bits != 0)
        .collect();
    assert_eq!((plain.len(), differing), (marked.len(), vec![1 << 7]));
    assert_eq!(decode(&marked).unwrap(), [told]);
}

#[test]
fn records_round_trip_in_order_of_their_ids() {
    bolero::check!().with_type::<u64>().for_each(|seed| {
        let records = sample::traffic(*seed, (*seed % 300) as usize);
        assert_eq!(decode(&encode(&records)).unwrap(), sorted(records));
    });
}

#[test]
fn odd_values_round_trip() {
    let mut odd = sample::full();
    odd.size = Some(u64::MAX);
    odd.promised = Some(u64::MAX);
    odd.range.start = Some(u64::MAX);
    odd.range.end = Some(0);
    odd.asn = Some(u32::MAX);
    odd.weight = u32::MAX;
    odd.revision = u64::MAX;
    odd.duration_ms = u32::MAX;
    odd.digest = format!("sha512:{}", "0f".repeat(64));
    odd.profile.tls_hello_length = Some(u32::MAX);
    let mut rays = Vec::new();
    for ray in [
        "",
        "5ae0123456789abc",
        "5AE0123456789ABC",
        "5ae0123456789abc-FRA",
        "x",
        "5ae0123456789abc-",
    ] {
        rays.push(Record {
            ray: ray.to_owned(),
            ..odd.clone()
        });
    }
    let upper = Record {
        digest: format!("sha256:{}", "AB".repeat(32)),
        ..odd.clone()
    };
    let suffix = Record {
        range: blobwatch_pull::RangeRecord {
            start: None,
            ..odd.range
        },
        ..odd
    };
    rays.extend([upper, suffix]);
    assert_eq!(decode(&encode(&rays)).unwrap(), rays);
}

#[test]
fn a_merged_block_is_the_block_of_all_its_records() {
    bolero::check!().with_type::<(u64, u64)>().for_each(|(a, b)| {
        let (a, b) = (sample::traffic(*a, 40), sample::traffic(*b, 60));
        let mut merged = Builder::default();
        merged.append(open(&encode(&a)));
        merged.append(open(&encode(&b)));
        let estimate = merged.bytes();
        let merged = merged.encode();
        assert!(merged.len() <= estimate);
        let together: Vec<Record> = a.into_iter().chain(b).collect();
        assert_eq!(decode(&merged).unwrap(), sorted(together));
    });
}

#[test]
fn a_header_has_every_value_of_its_records() {
    bolero::check!().with_type::<u64>().for_each(|seed| {
        let mut records = sample::traffic(*seed, 200);
        for record in records.iter_mut().step_by(3) {
            record.tcp = format!("4:64:0:{}:64240,7:mss:df:0", seed % 5);
        }
        let header = Header::of(&open(&encode(&records)));
        assert_eq!(Header::decode(&header.encode()), Ok(header.clone()));
        for record in &records {
            assert!(header.may_have(Field::Route, record.route.as_bytes()));
            assert!(header.may_have(Field::Os, record.os.as_bytes()));
            assert!(header.may_have(Field::Fingerprint, record.fingerprint.as_bytes()));
            assert!(header.may_have(Field::Status, record.status.to_string().as_bytes()));
            assert!(header.may_have(Field::Client, &record.client.0.to_le_bytes()));
            assert!(header.may_have(Field::Repository, record.repository.as_bytes()));
            assert!(header.may_have(Field::ServedBy, record.served_by.as_bytes()));
            assert!(
                record
                    .cache
                    .is_none_or(|cache| header.may_have(Field::Cache, cache.as_str().as_bytes()))
            );
            let clouds = [
                (Field::Cloud, &record.cloud),
                (Field::CloudRegion, &record.cloud_region),
                (Field::Tcp, &record.tcp),
            ];
            for (field, value) in clouds {
                assert!(value.is_empty() || header.may_have(field, value.as_bytes()));
            }
            assert!(header.has_family(record.family) && header.has_verdict(record.verdict));
            assert!(header.has_range(record.range.kind));
            assert!(header.first <= record.id && record.id <= header.last);
        }
        assert!(!header.may_have(Field::Route, b"no such route"));
    });
}

#[test]
fn a_header_knows_families_by_name() {
    let header = Header::of(&open(&encode(&[measured(), sample::full()])));
    let family = |name: &str| header.has_family(blobwatch_pull::Family::of_name(name).unwrap());
    assert!(family("sometool") && family("docker"));
    assert!(!family("othertool") && !family("podman"));
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let mut bytes = encode(&[sample::full()]);
    bytes[3] = 4;
    assert_eq!(decode(&bytes), Err(DecodeError::Newer { found: 4, known: 3 }));
    assert_eq!(
        decode(&bytes).unwrap_err().to_string(),
        "format version 4 is newer than 3, the newest this build reads"
    );
    assert_eq!(
        decode(b"{}xx").unwrap_err(),
        DecodeError::Foreign {
            expected: "a segment"
        }
    );
}

#[derive(Debug, TypeGenerator)]
struct Damage {
    seed: u8,
    changes: Vec<(u16, u8)>,
    cut: u16,
}

/// Opening checks every code, so that what opens can also be read, merged and summed up.
#[test]
fn damaged_bytes_are_an_error_or_a_block_that_works() {
    bolero::check!().with_type::<Damage>().for_each(|damage| {
        let mut records = sample::traffic(u64::from(damage.seed), 20);
        records.extend((damage.cut % 2 == 1).then(signed));
        let mut bytes = encode(&records);
        for (at, value) in &damage.changes {
            let at = usize::from(*at) % bytes.len();
            bytes[at] = *value;
        }
        if damage.cut % 4 == 0 {
            bytes.truncate(usize::from(damage.cut) % (bytes.len() + 1));
        }
        survives(&bytes);
    });
}

#[test]
fn any_bytes_are_an_error_or_a_block_that_works() {
    bolero::check!().for_each(|bytes: &[u8]| {
        survives(bytes);
        let _ = Header::decode(bytes);
        survives(&[b"BWS\x01", bytes].concat());
        survives(&[b"BWS\x02", bytes].concat());
        survives(&[b"BWS\x03", bytes].concat());
        let _ = Header::decode(&[b"BWH\x01", bytes].concat());
    });
}

fn survives(bytes: &[u8]) {
    if let Ok(front) = Front::parse(bytes) {
        let _ = (front.ids(), front.treatments(), front.agents(), front.places());
    }
    let Ok((front, back)) = split(bytes) else { return };
    let Ok(block) = Block::open(front, back) else {
        return;
    };
    let header = Header::of(&block);
    let records: Vec<Record> = block
        .rows()
        .iter()
        .map(|row| block.record(row).unwrap())
        .collect();
    assert_eq!(header.records as usize, records.len());
    let mut merged = Builder::default();
    merged.append(block);
    assert_eq!(decode(&merged.encode()).unwrap().len(), records.len());
}

/// The budget of docs/records.md: see the figures there.
#[test]
fn a_record_of_ordinary_traffic_takes_few_bytes() {
    let flush = encode(&sample::traffic(7, 256)).len() as f64 / 256.0;
    let merged = encode(&sample::traffic(7, 8192)).len() as f64 / 8192.0;
    println!("bytes a record: {flush:.1} in a flush of 256, {merged:.1} merged to 8,192");
    assert!(merged <= 40.5, "{merged}");
    assert!(flush <= 95.0, "{flush}");
}
