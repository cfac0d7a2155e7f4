//! The rulebook that is kept, and the volumes of its rules.

use super::{NOW, flush, held, open};
use crate::store::{FireLog, FireLogError};
use blobwatch_records::{Flush, VolumeCount};
use blobwatch_rulebook::{Program, STARTER};

#[test]
fn a_rulebook_goes_compiled_to_who_has_an_older_one() {
    let mut log = open();
    let document = |revision| STARTER.replace("\"revision\": 0", &format!("\"revision\": {revision}"));
    assert_eq!(log.keep_rulebook(0, &document(5)), Ok(true));
    assert_eq!(log.keep_rulebook(0, &document(4)), Ok(false));
    assert_eq!(log.keep_rulebook(0, &document(5)), Ok(false));
    assert!(matches!(
        log.keep_rulebook(0, "{"),
        Err(FireLogError::Rulebook(_))
    ));
    let told = |revision| {
        let reply = log.reply(held(0, revision), NOW);
        reply
            .rulebook
            .map(|program| Program::decode(&program).unwrap().revision())
    };
    assert_eq!(told(4), Some(5));
    assert_eq!((told(5), told(6)), (None, None));
}

/// The RuleBook may be of a newer build: isolates are told that there is a rulebook, and that they cannot have it.
#[test]
fn a_rulebook_that_cannot_be_compiled_is_told_of() {
    let mut log = open();
    let document = "{\"schema\":9,\"revision\":5,\"unheard_of\":true}";
    assert_eq!(log.keep_rulebook(0, document), Ok(true));
    let reply = log.reply(held(0, 4), NOW);
    assert_eq!((reply.held, reply.rulebook), (held(0, 5), Some(Vec::new())));
    assert_eq!(log.reply(held(0, 5), NOW).rulebook, None);
}

#[test]
fn a_rulebook_of_another_epoch_replaces_one_of_a_higher_revision() {
    let mut log = open();
    let document = |revision| format!("{{\"schema\":1,\"revision\":{revision}}}");
    assert_eq!(log.keep_rulebook(7, &document(50)), Ok(true));
    assert_eq!(log.keep_rulebook(8, &document(1)), Ok(true));
    assert_eq!(log.held(), held(8, 1));
    let FireLog { sql, .. } = log;
    let log = FireLog::open(sql).unwrap();
    assert_eq!(log.held(), held(8, 1), "an object that wakes again knows it");
    let told = |epoch, revision| log.reply(held(epoch, revision), NOW).rulebook.is_some();
    assert_eq!((told(7, 50), told(8, 1), told(0, 0)), (true, false, true));
}

#[test]
fn a_volume_is_counted_once_and_told_with_every_reply() {
    let mut log = open();
    let rule = "{\"id\":\"a\",\"version\":2,\"expression\":\"x\",\"action\":\"block\",\
        \"volume\":{\"by\":\"client\",\"requests\":10,\"seconds\":10}}";
    log.keep_rulebook(0, &format!("{{\"schema\":1,\"revision\":1,\"rules\":[{rule}]}}"))
        .unwrap();
    let volumes = vec![VolumeCount {
        rule: "a".to_owned(),
        version: 2,
        key: 7,
        requests: 6,
    }];
    let body = Flush {
        volumes,
        ..flush(7, 1, &[])
    }
    .encode();
    for _ in 0..5 {
        assert!(log.accept(&body, NOW).unwrap().hot.is_empty());
    }
    let volumes = vec![VolumeCount {
        rule: "a".to_owned(),
        version: 2,
        key: 7,
        requests: 6,
    }];
    let reply = log
        .accept(
            &Flush {
                volumes,
                ..flush(8, 1, &[])
            }
            .encode(),
            NOW,
        )
        .unwrap();
    assert_eq!((reply.hot.len(), reply.hot[0].key), (1, 7));
}
