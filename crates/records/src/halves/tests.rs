use super::{FOLLOWED_WITHIN_MS, Halves, MAX_WAITING, follows};
use blobwatch_pull::{ClientKey, Method, NetworkKey, PathShape, Profile, Record, RecordId, sample};

const START_MS: u64 = sample::JULY_2020_MS;

fn redirect() -> Record {
    Record {
        id: RecordId::from_parts(START_MS, 1, 1),
        ..sample::redirected()
    }
}

/// Of the storage's path, which says the digest, so much later.
fn fetch(after_ms: u64) -> Record {
    Record {
        id: RecordId::from_parts(START_MS + after_ms, 2, 1),
        digest: redirect().digest,
        object: 0,
        shape: PathShape::Storage,
        ..sample::object()
    }
}

/// The same, where its path does not say the digest.
fn object(after_ms: u64) -> Record {
    Record {
        id: fetch(after_ms).id,
        ..sample::object()
    }
}

fn at_host(host: &str, record: Record) -> Record {
    let profile = Profile {
        host: host.to_owned(),
        ..record.profile
    };
    Record { profile, ..record }
}

/// Whether they are one pull, whichever comes first and whoever asks.
#[track_caller]
fn case(name: &str, redirect: &Record, fetch: &Record, are_one: bool) {
    let mut halves = Halves::default();
    assert_eq!(halves.take_redirect(redirect), None, "{name}");
    let taken = halves.take_fetch(fetch);
    assert_eq!(taken.is_some(), are_one, "{name}");
    let mut late = Halves::default();
    assert_eq!(late.take_fetch(fetch), None, "{name}");
    let found = late.take_redirect(redirect);
    assert_eq!(found.is_some(), are_one, "{name}, the fetch first");
    assert_eq!(follows(fetch, redirect), are_one, "{name}, as stored");
    if let Some(half) = taken {
        assert_eq!(found, Some((fetch.id, half.clone())), "{name}");
        let mut whole = fetch.clone();
        half.complete(&mut whole);
        assert_eq!(
            (&whole.repository, &whole.digest),
            (&redirect.repository, &redirect.digest),
            "{name}"
        );
        assert_eq!((whole.object, whole.joined), (0, true), "{name}");
        assert!(follows(&whole, redirect), "{name}, as stored then");
    }
}

#[test]
fn a_fetch_elsewhere_after_a_redirect_is_its_other_half() {
    case("at once", &redirect(), &fetch(0), true);
    case("a minute later", &redirect(), &fetch(FOLLOWED_WITHIN_MS), true);
    case("by the object", &redirect(), &object(50), true);
    case(
        "at another host than it was sent to",
        &redirect(),
        &at_host("shield.example", fetch(5)),
        true,
    );
    let here = Record {
        sent_to: "registry.example".to_owned(),
        ..redirect()
    };
    case(
        "on the same host",
        &here,
        &at_host("registry.example", fetch(5)),
        true,
    );
}

#[test]
fn other_fetches_are_not() {
    case("too late", &redirect(), &fetch(FOLLOWED_WITHIN_MS + 1), false);
    let late = Record {
        id: RecordId::from_parts(START_MS + 1, 1, 1),
        ..redirect()
    };
    case("before it", &late, &fetch(0), false);
    let other = Record {
        client: ClientKey(7),
        ..fetch(5)
    };
    case("another client's", &redirect(), &other, false);
    let other = Record {
        digest: format!("sha256:{}", "f".repeat(64)),
        ..fetch(5)
    };
    case("another blob's", &redirect(), &other, false);
    let other = Record {
        object: 7,
        ..object(5)
    };
    case("another object's", &redirect(), &other, false);
    case(
        "at the host that redirects elsewhere",
        &redirect(),
        &at_host("registry.example", fetch(5)),
        false,
    );
    let head = Record {
        method: Method::Head,
        ..fetch(5)
    };
    case("HEAD", &redirect(), &head, false);
    let answered = Record {
        status: 200,
        ..redirect()
    };
    let mut halves = Halves::default();
    halves.take_redirect(&answered);
    assert_eq!(halves.take_fetch(&fetch(5)), None, "no redirect");
}

/// A repository that the path said stays.
#[test]
fn a_fetch_with_a_repository_keeps_it() {
    let mut halves = Halves::default();
    halves.take_redirect(&redirect());
    let own = Record {
        repository: "own/name".to_owned(),
        ..fetch(5)
    };
    assert_eq!(halves.take_fetch(&own), None);
}

#[test]
fn what_waits_is_bounded() {
    let mut halves = Halves::default();
    for client in 0..3 * MAX_WAITING as u64 {
        let client = ClientKey(client);
        halves.take_redirect(&Record { client, ..redirect() });
        halves.take_fetch(&Record {
            client: ClientKey(client.0 | 1 << 60),
            ..fetch(5)
        });
    }
    for waiting in [halves.redirects.len(), halves.fetches.len()] {
        assert!(waiting <= MAX_WAITING, "{waiting}");
    }
    assert!(halves.take_evicted() > 0);
}

#[test]
fn what_one_network_is_redirected_to_leaves_the_halves_of_others() {
    let of = |client: u64, network: u64, record: Record| Record {
        client: ClientKey(client),
        network: NetworkKey(network),
        ..record
    };
    let mut halves = Halves::default();
    for client in 0..500 {
        halves.take_redirect(&of(client, client, redirect()));
        assert_eq!(halves.take_fetch(&of(1_000 + client, client, fetch(5))), None);
    }
    for client in 0..3 * MAX_WAITING as u64 {
        halves.take_redirect(&of(10_000 + client, 7_777, redirect()));
        halves.take_fetch(&of(1 << 40 | client, 7_777, fetch(5)));
    }
    for client in 0..500 {
        assert!(
            halves.take_fetch(&of(client, client, fetch(5))).is_some(),
            "{client}"
        );
        assert!(
            halves
                .take_redirect(&of(1_000 + client, client, redirect()))
                .is_some()
        );
    }
}
