//! Redirects and the fetches that follow them, in any order of arrival.

use super::*;
use crate::query::find;
use blobwatch_pull::{PathShape, Profile, sample};

const HOST: &str = "cdn.example";

/// Of the registry's host.
fn redirect() -> Record {
    Record {
        id: RecordId::from_parts(NOW, 7, 1),
        ..sample::redirected()
    }
}

/// Of the host that it leads to, a moment later.
fn fetch() -> Record {
    Record {
        id: RecordId::from_parts(NOW + 50, 8, 1),
        digest: redirect().digest,
        object: 0,
        shape: PathShape::Storage,
        profile: Profile {
            host: HOST.to_owned(),
            ..sample::object().profile
        },
        ..sample::object()
    }
}

/// The same by a path that does not say the digest.
fn object() -> Record {
    Record {
        id: fetch().id,
        ..sample::object()
    }
}

fn stored(log: &FireLog<Native>, id: RecordId) -> Record {
    at_once(find(log.sql(), id, &Unpaced)).unwrap().unwrap().unwrap()
}

#[track_caller]
fn is_whole(record: &Record) {
    assert_eq!(
        (&record.repository, &record.digest),
        (&redirect().repository, &redirect().digest)
    );
    assert_eq!((record.joined, record.object), (true, 0));
}

#[test]
fn a_fetch_takes_over_the_repository_of_its_redirect() {
    for second in [fetch(), object()] {
        // In one batch, in two, and the redirect last.
        let mut log = open();
        log.accept(&flush(7, 1, &[redirect(), second.clone()]).encode(), NOW + 100)
            .unwrap();
        is_whole(&stored(&log, second.id));
        let mut log = open();
        log.accept(&flush(7, 1, &[redirect()]).encode(), NOW + 100)
            .unwrap();
        log.accept(&flush(8, 1, std::slice::from_ref(&second)).encode(), NOW + 200)
            .unwrap();
        is_whole(&stored(&log, second.id));
        let mut log = open();
        log.accept(&flush(8, 1, std::slice::from_ref(&second)).encode(), NOW + 100)
            .unwrap();
        assert_eq!(stored(&log, second.id), second, "alone it stays as it is");
        log.accept(&flush(7, 1, &[redirect()]).encode(), NOW + 200)
            .unwrap();
        merged(&mut log, CUT);
        merged(&mut log, CUT + 60_000);
        is_whole(&stored(&log, second.id));
    }
}

#[test]
fn what_a_redirect_was_is_known_after_the_object_slept() {
    let mut log = open();
    log.accept(&flush(7, 1, &[redirect()]).encode(), NOW + 100)
        .unwrap();
    let mut log = FireLog::open(log.sql).unwrap();
    log.accept(&flush(8, 1, &[fetch()]).encode(), NOW + 200).unwrap();
    is_whole(&stored(&log, fetch().id));
}
