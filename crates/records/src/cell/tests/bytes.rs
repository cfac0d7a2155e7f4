use super::*;

/// What `encode` wrote for [`signed`] when the format was made: it must read back for ever.
const PINNED: &[u8] = include_bytes!("../../../tests/data/cell-batch-v7.bin");

/// [`batch`], without signatures of TCP handshakes.
const VERSION_6: &[u8] = include_bytes!("../../../tests/data/cell-batch-v6.bin");

/// That batch in version 5, without what other parties' rules did.
const VERSION_5: &[u8] = include_bytes!("../../../tests/data/cell-batch-v5.bin");

/// That batch in version 4, without the counts of failed, refused and slow downloads, and without blobs.
const VERSION_4: &[u8] = include_bytes!("../../../tests/data/cell-batch-v4.bin");

/// That batch in version 3, without networks.
const VERSION_3: &[u8] = include_bytes!("../../../tests/data/cell-batch-v3.bin");

/// That batch in version 2, without what was begun again.
const VERSION_2: &[u8] = include_bytes!("../../../tests/data/cell-batch-v2.bin");

/// That batch in version 1, with a guard at its end.
const VERSION_1: &[u8] = include_bytes!("../../../tests/data/cell-batch-v1.bin");

/// Of the last stratum, half is left out.
fn cuts() -> Cuts {
    let mut cuts = Cuts::default();
    cuts.0[crate::cell::sample::STRATA - 1] = 1 << 31;
    cuts
}

fn routes() -> RouteBreadths {
    let mut routes = RouteBreadths::default();
    for client in 1..=3u64 {
        routes.insert(&"hub".into(), ClientKey(client << 40), NetworkKey(client >> 1));
    }
    routes.insert(&"default".into(), ClientKey(9), NetworkKey(9));
    routes
}

fn batch() -> CellBatch {
    let sparse = Cell::new(CellKey::of(&sample::sparse()));
    let other = CellCounts {
        requests: 5,
        ..CellCounts::default()
    };
    CellBatch {
        source: "fl1-iad-0".to_owned(),
        epoch: (1 << 53) - 1,
        seq: 300,
        slot: slot_of(sample::JULY_2020_MS),
        cells: vec![sparse, cell()],
        other,
        cuts: cuts(),
        routes: routes().into_list(),
        upstream: upstream(),
    }
}

/// By way of a tally, as a FireLog makes it.
fn upstream() -> UpstreamCells {
    let mut tally = UpstreamTally::default();
    tally.rule(&UpstreamRule {
        id: "cloudflare:ddos".into(),
        system: "l7ddos".to_owned(),
        description: "a botnet".to_owned(),
        action: "block".to_owned(),
        acts: true,
        host: "cdn.example".to_owned(),
        first_ms: sample::JULY_2020_MS,
        last_ms: sample::JULY_2020_MS + 300,
    });
    let (enforce, block) = (blobwatch_pull::Mode::Enforce, Action::Block);
    let fired = [sample::fired("cloudflare:ddos", 0, enforce, block, block)];
    tally.count(&sample::full(), &fired, Some(&cell().counts));
    let mut cells = Tally::default();
    cells.take_upstream(tally, sample::JULY_2020_MS);
    cells.into_batches("", 1, 1).remove(0).upstream
}

/// `BLESS=1 cargo test -p blobwatch-records the_batch_is_pinned` writes it, for as long as the version was not released.
#[test]
fn the_batch_is_pinned() {
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cell-batch-v7.bin");
        std::fs::write(path, signed().encode()).unwrap();
    }
    assert_eq!(CellBatch::decode(PINNED), Ok(signed()));
    assert_eq!(signed().encode(), PINNED);
}

/// With the signature of a TCP handshake, and with what an `allow` did.
fn signed() -> CellBatch {
    let mut batch = batch();
    let request = batch.cells[1].sample.first_mut().unwrap();
    request.values[crate::cell::sample::TCP] = "4:255:0:1460:26883,0:mss:df:0".into();
    batch.cells[1].counts.allowed = 14;
    batch
}

#[test]
fn a_batch_with_signatures_and_without_other_parties_reads_back() {
    let mut signed = signed();
    signed.upstream = UpstreamCells::default();
    assert_eq!(CellBatch::decode(&signed.encode()), Ok(signed));
}

/// Wherever it was counted: builds before refuse a count that they do not know, and would drop the batch.
#[test]
fn a_batch_with_an_allow_says_that_it_is_of_the_newest_version() {
    let version = |count: fn(&mut CellBatch) -> &mut CellCounts| {
        let mut batch = batch();
        count(&mut batch).allowed = 1;
        let bytes = batch.encode();
        assert_eq!(CellBatch::decode(&bytes), Ok(batch));
        bytes[3]
    };
    assert_eq!(version(|batch| &mut batch.cells[0].counts), 7);
    assert_eq!(version(|batch| &mut batch.other), 7);
    assert_eq!(version(|batch| &mut batch.upstream.counts[0].counts), 7);
}

#[test]
fn batches_of_older_versions_are_read() {
    let mut batch = batch();
    assert_eq!(CellBatch::decode(VERSION_6), Ok(batch.clone()));
    assert_eq!(
        batch.encode(),
        VERSION_6,
        "builds before read what has no signatures"
    );
    batch.upstream = UpstreamCells::default();
    assert_eq!(CellBatch::decode(VERSION_5), Ok(batch.clone()));
    assert_eq!(
        batch.encode(),
        VERSION_5,
        "builds before read what tells of nobody else"
    );
    let known = batch.cells[1].counts.fields();
    let mut fields = [0; counts::FIELDS];
    fields[..26].copy_from_slice(&known[..26]);
    batch.cells[1].counts = CellCounts::of_fields(&fields);
    let mut affected = Affected::default();
    affected.merge_event(Event::Resume, batch.cells[1].affected.of(Event::Resume));
    (batch.cells[1].affected, batch.cells[1].blobs) = (affected, Vec::new());
    (batch.cells[1].sample, batch.cuts) = (Vec::new(), Cuts::default());
    batch.routes = Vec::new();
    assert_eq!(CellBatch::decode(VERSION_4), Ok(batch.clone()));
    batch.cells[1].networks = FewNetworks::default();
    assert_eq!(CellBatch::decode(VERSION_3), Ok(batch.clone()));
    batch.cells[1].counts.begun_again = 0;
    assert_eq!(CellBatch::decode(VERSION_2), Ok(batch.clone()));
    assert_eq!(CellBatch::decode(VERSION_1), Ok(batch));
    let cut = VERSION_1.get(..VERSION_1.len() - 1).unwrap();
    assert_eq!(CellBatch::decode(cut), Err(DecodeError::Truncated));
}

#[test]
fn a_cell_of_one_client_build_takes_few_bytes() {
    let fields = cell().counts.fields();
    let mut healthy = [0; counts::FIELDS];
    healthy[..26].copy_from_slice(&fields[..26]);
    let healthy = CellCounts::of_fields(&healthy);
    let one = CellBatch {
        cells: vec![Cell {
            counts: healthy,
            affected: Affected::default(),
            evidence: Vec::new(),
            blobs: Vec::new(),
            sample: Vec::new(),
            networks: FewNetworks::default(),
            ..cell()
        }],
        cuts: Cuts::default(),
        routes: Vec::new(),
        upstream: UpstreamCells::default(),
        ..batch()
    };
    assert!(one.encode().len() < 150, "{}", one.encode().len());
    let mut sent = one.clone();
    for network in 1..100u64 {
        let hash = network.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sent.cells[0].networks.insert(NetworkKey(hash));
    }
    assert!(sent.encode().len() <= one.encode().len() + 15, "its networks");
}

#[test]
fn a_full_batch_of_the_longest_texts_fits_a_row() {
    let text =
        |n: usize, place: usize| format!("{n:03}{place}{}", "x".repeat(blobwatch_wire::MAX_TEXT_BYTES));
    let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut affected = Affected::default();
    for (event, client) in Event::ALL
        .into_iter()
        .flat_map(|event| (0..100).map(move |n| (event, n)))
    {
        affected.insert(event, ClientKey(hash(client)), NetworkKey(hash(client + 1000)));
    }
    let cells = (0..MAX_CELLS).map(|n| Cell {
        key: CellKey {
            os: text(n, 1).into(),
            fingerprint: text(n, 2).into(),
            ..cell().key
        },
        counts: CellCounts::of_fields(&[u32::MAX; counts::FIELDS]),
        affected: affected.clone(),
        evidence: Event::ALL
            .into_iter()
            .flat_map(|event| {
                [
                    Evidence {
                        event,
                        id: RecordId(1),
                    },
                    Evidence {
                        event,
                        id: RecordId(2),
                    },
                ]
            })
            .collect(),
        networks: cell().networks,
        blobs: (0..MAX_BLOBS)
            .map(|blob| BlobCount {
                digest: text(n, 3 + blob),
                times: u32::MAX,
            })
            .collect(),
        // Together as much as a batch's samples may take.
        sample: sampled(&Record {
            repository: text(n, 9).chars().take(210).collect(),
            ..sample::full()
        }),
    });
    let cells: Vec<Cell> = cells.collect();
    let sampled = |cells: &[Cell]| -> usize {
        let all = cells.iter().flat_map(|cell| &cell.sample);
        all.map(SampledRequest::bytes).sum()
    };
    assert!(
        (180_000..200_000).contains(&sampled(&cells)),
        "{}",
        sampled(&cells)
    );
    let encoded = |cells: Vec<Cell>| {
        let (cells, other) = crate::cell::tally::fit(cells);
        let full = CellBatch {
            cells,
            other,
            routes: full_routes(RouteBreadth::MAX),
            ..batch()
        };
        let bytes = full.encode();
        assert!(bytes.len() < 1_900_000, "{}", bytes.len());
        CellBatch::decode(&bytes).unwrap()
    };
    let ended = encoded(cells.clone());
    assert!(ended.cells.len() >= 200, "{}", ended.cells.len());
    assert_eq!(ended.other.requests, u32::MAX, "what does not fit is counted");
    // What any cohort shows of all this: the events of the first version.
    let mut usual = Affected::default();
    Event::ALL[..5]
        .iter()
        .for_each(|event| usual.merge_event(*event, affected.of(*event)));
    let of_few = |cell: Cell| Cell {
        affected: usual.clone(),
        blobs: Vec::new(),
        evidence: cell.evidence.into_iter().take(10).collect(),
        ..cell
    };
    let few = encoded(cells.into_iter().map(of_few).collect());
    assert_eq!(few.cells.len(), MAX_CELLS);
}

#[test]
fn a_newer_batch_is_refused_by_its_number() {
    let mut bytes = batch().encode();
    bytes[3] = 9;
    assert_eq!(
        CellBatch::decode(&bytes),
        Err(DecodeError::Newer { found: 9, known: 7 })
    );
}

#[test]
fn any_bytes_are_an_error_or_a_batch_that_reads_back() {
    let pinned = [batch().encode(), signed().encode()];
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut damaged = pinned[bytes.len() % 2].clone();
        for (place, byte) in bytes
            .chunks_exact(2)
            .map(|pair| (usize::from(pair[0]) * 2, pair[1]))
        {
            let place = place % damaged.len();
            damaged[place] = byte;
        }
        for bytes in [
            [b"BWC\x01", bytes].concat(),
            [b"BWC\x02", bytes].concat(),
            damaged,
        ] {
            if let Ok(batch) = CellBatch::decode(&bytes) {
                assert_eq!(CellBatch::decode(&batch.encode()), Ok(batch));
            }
        }
    });
}

#[test]
fn counts_of_a_state_are_as_long_as_they_need() {
    let bytes: Vec<u32> = CellCounts::default().into();
    assert!(bytes.is_empty());
    let counts = cell().counts;
    assert_eq!(CellCounts::from(Vec::from(counts)), counts);
    let older: Vec<u32> = counts.fields().into_iter().take(26).collect();
    assert_eq!(CellCounts::from(older).begun_again, counts.begun_again);
}

#[test]
fn a_batch_says_who_is_on_each_route_within_its_bound() {
    let mut tally = Tally::default();
    let mut record = sample::full();
    for client in 1..=12u64 {
        record.client = ClientKey(client << 33);
        record.network = NetworkKey((client / 4) << 33);
        tally.count(&record, &Classification::alone(&record));
        tally.count(&record, &Classification::alone(&record));
    }
    let [batch] = tally.into_batches("", 1, 1).try_into().unwrap();
    let [of] = batch.routes.try_into().unwrap();
    assert_eq!(of.route, record.route);
    assert_eq!((of.breadth.clients.count(), of.breadth.networks.count()), (12, 4));
    let many = full_routes(2 * RouteBreadth::MAX);
    assert_eq!(many.len(), RouteBreadth::MAX);
}

/// Routes with full sketches and names of 64 bytes.
fn full_routes(count: usize) -> Vec<RouteBreadth> {
    let mut routes = RouteBreadths::default();
    for route in 0..count {
        let name: Arc<str> = format!("{route:064}").into();
        for client in 0..100u64 {
            let hash = client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            routes.insert(&name, ClientKey(hash), NetworkKey(hash));
        }
    }
    routes.into_list()
}
