use super::*;
use flate2::read::GzDecoder;
use std::io::Read;

fn state(engine: &Engine) -> Vec<u8> {
    postcard::to_allocvec(&(engine, engine.admission(), engine.waiting())).unwrap()
}

#[test]
fn a_save_that_did_not_end_leaves_the_one_before() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..200] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    for _ in 0..2 {
        save(&mut detector, START_MS);
    }
    let before = state(&detector.engine);
    let part = detector.sql.run("SELECT part FROM state", &[]).unwrap();
    assert_eq!(part.len(), 1, "the parts before are gone");
    assert_eq!(part[0].integer(0, "state.part").unwrap(), 1);
    detector
        .sql
        .run("INSERT INTO state (part, bytes) VALUES (2, x'00')", &[])
        .unwrap();
    let mut detector = reopened(detector, START_MS);
    assert_eq!(state(&detector.engine), before);
    save(&mut detector, START_MS);
    let rows = detector.sql.run("SELECT part FROM state", &[]).unwrap();
    assert_eq!(rows.len(), 1, "the rest of it goes with the next one");
    assert_eq!(state(&reopened(detector, START_MS).engine), before);
}

#[test]
fn a_row_that_is_refused_says_why() {
    let detector = open();
    detector.sql.run("DROP TABLE state", &[]).unwrap();
    let error = try_to_save(&mut { detector }, START_MS).unwrap_err().to_string();
    assert!(error.contains("no such table: state"), "{error}");
}

#[test]
fn a_process_that_dies_after_any_batch_goes_on_where_it_was() {
    let (mut steady, mut dying) = (open(), open());
    for detector in [&steady, &dying] {
        detector.put_webhook(&hook()).unwrap();
    }
    for (at, batch) in story().iter().enumerate() {
        let now = arrival(batch);
        accept(&mut steady, batch, now).unwrap();
        accept(&mut dying, batch, now).unwrap();
        if at % 2 == 0 {
            steady.tick(now + 5_000).unwrap();
            dying.tick(now + 5_000).unwrap();
        }
        // Often where things happen, seldom where nothing does.
        if at % 97 == 0 || (365..400).contains(&at) && at % 3 == 0 {
            dying = reopened(dying, now + 6_000);
        }
    }
    assert_eq!(state(&steady.engine), state(&dying.engine));
    let anomalies = steady.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(anomalies, dying.anomalies(u64::MAX, 10).unwrap());
    assert_eq!(anomalies.len(), 1);
    assert!(anomalies[0].closed_ms.is_some());
    let told = steady.deliveries(u64::MAX, 100).unwrap();
    assert_eq!(told, dying.deliveries(u64::MAX, 100).unwrap());
    let entries = anomalies[0].history.len();
    assert_eq!(told.len(), entries, "each change is told once");
    let marks = steady.marks(0, u64::MAX, 100).unwrap();
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert_eq!(marks, dying.marks(0, u64::MAX, 100).unwrap());
}

#[test]
fn a_saved_state_empties_the_log_and_comes_back() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..380] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[379]) + 5_000;
    assert_eq!(detector.log.batches, 380);
    save(&mut detector, now);
    let kept = count(&detector.sql, "SELECT count(*) FROM batch", &[]).unwrap();
    assert_eq!((kept, detector.log.batches), (1, 0));
    let before = state(&detector.engine);
    let mut detector = reopened(detector, now);
    assert_eq!(state(&detector.engine), before);
    assert_eq!(detector.engine.open().count(), 1);
    for batch in &batches[370..400] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    assert_eq!(detector.log.batches, 20, "ten came before");
}

/// A state after eight slots that a build wrote which admitted every value, and the same as the build after it wrote it.
#[test]
fn states_of_older_builds_are_read() {
    let bytes = include_bytes!("../../../tests/data/detector-state-v5.bin");
    reads(5, bytes);
    let admission = postcard::to_allocvec(&crate::Admission::default()).unwrap();
    // It admitted systems and fingerprints, and no families.
    let admission = &admission[..admission.len() / 3 * 2];
    reads(6, &[bytes.as_slice(), admission].concat());
}

/// The state does not describe itself: families with a number are written as ever, others with their name.
#[test]
fn families_are_saved_as_numbers_and_names() {
    let saved = |name: &str| postcard::to_allocvec(&Family::of_name(name).unwrap()).unwrap();
    assert_eq!((saved("docker"), saved("unknown")), (vec![0], vec![23]));
    assert_eq!(saved("helm"), b"\x18\x04helm");
    for name in Family::known().chain(["sometool"]) {
        let read: Family = postcard::from_bytes(&saved(name)).unwrap();
        assert_eq!(read.as_str(), name);
    }
    assert!(postcard::from_bytes::<Family>(&[25]).is_err());
    assert!(postcard::from_bytes::<Family>(b"\x18\x01 ").is_err());
}

/// Requests that the window shows.
fn shown(detector: &Detector<Native>) -> u32 {
    let rows = detector.engine.window().rows(0, u64::MAX);
    rows.map(|(_, row)| row.counts.requests).sum()
}

/// A state of format 7 after 24 slots of the story, of which the newest waits: as cells then, as batches since.
#[test]
fn what_waited_in_an_older_build_is_counted_once() {
    let packed = include_bytes!("../../../tests/data/detector-state-v7.bin.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    let mut detector = holding(7, &bytes);
    assert_eq!(detector.engine.ticked(), Some(159_403_703));
    assert_eq!((detector.engine.cohorts(), detector.sources()), (1_545, 1));
    assert_eq!(shown(&detector), 12_584);
    save(&mut detector, START_MS);
    let mut detector = reopened(detector, START_MS);
    detector.tick(arrival(&story()[23]) + 60_000).unwrap();
    assert_eq!(shown(&detector), 13_132);
}

#[test]
fn what_waits_is_saved() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..24] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[23]);
    save(&mut detector, now);
    let mut detector = reopened(detector, now);
    let before = shown(&detector);
    detector.tick(now + 60_000).unwrap();
    assert_eq!((before, shown(&detector)), (12_584, 13_132));
}

/// A detector whose database has this state.
fn holding(format: u64, bytes: &[u8]) -> Detector<Native> {
    let detector = open();
    let head = format!(
        "{{\"format\":{format},\"parts\":1,\"bytes\":{},\"logged\":0}}",
        bytes.len()
    );
    let part = [SqlValue::Integer(0), SqlValue::Blob(bytes.to_vec())];
    let head = [SqlValue::Text(head)];
    let sql = &detector.sql;
    sql.run("INSERT INTO state (part, bytes) VALUES (?, ?)", &part)
        .unwrap();
    sql.run(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)",
        &head,
    )
    .unwrap();
    reopened(detector, START_MS)
}

#[track_caller]
fn reads(format: u64, bytes: &[u8]) {
    let mut detector = holding(format, bytes);
    assert_eq!(detector.engine.ticked(), Some(159_403_688));
    assert_eq!((detector.engine.cohorts(), detector.sources()), (60, 1));
    assert!(shown(&detector) > 0);
    save(&mut detector, START_MS);
    let before = state(&detector.engine);
    assert_eq!(state(&reopened(detector, START_MS).engine), before);
}

#[test]
fn a_state_of_another_build_is_left_and_its_anomalies_are_closed() {
    let mut detector = open();
    let batches = story();
    for batch in &batches[..385] {
        accept(&mut detector, batch, arrival(batch)).unwrap();
    }
    let now = arrival(&batches[384]) + 5_000;
    save(&mut detector, now);
    detector
        .sql
        .run(
            &format!(
                "UPDATE meta SET value = replace(value, '\"format\":{STATE_FORMAT}', '\"format\":0') WHERE key = 'state'"
            ),
            &[],
        )
        .unwrap();
    let detector = reopened(detector, now);
    let anomalies = detector.anomalies(u64::MAX, 10).unwrap();
    assert_eq!(anomalies.len(), 1);
    assert_eq!(anomalies[0].closed_ms, Some(now));
    assert_eq!(detector.engine.open().count(), 0);
}

/// A newer build may save another state under the same schema: the first save of this one must not write over it.
#[test]
fn a_state_of_a_newer_format_is_refused_and_left() {
    let next = STATE_FORMAT + 1;
    for head in [
        &format!("{{\"format\":{next},\"parts\":1,\"bytes\":3,\"logged\":0}}"),
        "{\"format\":99}",
    ] {
        let sql = open().sql;
        let parameters = [SqlValue::Text(head.to_owned())];
        let kept = "INSERT OR REPLACE INTO meta (key, value) VALUES ('state', ?)";
        sql.run(kept, &parameters).unwrap();
        sql.run("INSERT INTO state (part, bytes) VALUES (0, x'010203')", &[])
            .unwrap();
        let refused = crate::store::state::read(&sql).err();
        assert!(
            matches!(refused, Some(StoreError::NewerSchema { found, known: STATE_FORMAT }) if found > STATE_FORMAT),
            "{head}: {refused:?}"
        );
        let left = sql
            .run("SELECT value FROM meta WHERE key = 'state'", &[])
            .unwrap();
        assert_eq!(left[0].text(0, "meta.value").unwrap(), head);
        assert_eq!(sql.run("SELECT bytes FROM state", &[]).unwrap().len(), 1);
    }
}
