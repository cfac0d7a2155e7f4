//! What somebody with an address, or a network, can invent, and what the others' requests are seen as all the same.

use super::*;
use blobwatch_pull::NetworkKey;

/// Far fewer than a FireLog has, and half of what an isolate has: the flood is seven times as many.
const ROOM: usize = 4_096;

const OTHERS: u64 = 60;

const FLOOD: u64 = 30_000;

/// Of a client in a network of its own.
fn by(client: u64, record: Record) -> Record {
    Record {
        network: NetworkKey(client),
        ..of(client, record)
    }
}

/// A large body that arrived in so many milliseconds.
fn arrived(duration_ms: u32, record: Record) -> Record {
    Record {
        outcome: Outcome::Completed,
        size: Some(64 << 20),
        promised: Some(64 << 20),
        duration_ms,
        ..record
    }
}

/// What each other client is seen as that starts, resumes, begins behind the end and starts anew, with a flood before each.
fn seen(flood: impl Fn(u64) -> Option<Record>) -> Vec<Classification> {
    let mut history = History::with_room(ROOM);
    let mut invented = (0..FLOOD).map(flood);
    let mut seen = Vec::new();
    for round in 0..100 {
        let mut usual = by(5_000 + round, arrived(1_000, ask(round, None)));
        usual.digest = format!("sha256:{round}");
        history.take(&usual);
    }
    let (behind, end) = (Some("4194304-"), 4_194_304);
    for (step, range) in [None, Some("777-"), behind, behind, None].into_iter().enumerate() {
        for record in invented.by_ref().take(FLOOD as usize / 5).flatten() {
            history.take(&record);
        }
        for client in 1..=OTHERS {
            let mut record = by(client, ask(10_000 * (1 + step as u64) + client, range));
            if range == behind {
                (record.status, record.size) = (416, Some(end));
            } else if step == 4 {
                record = arrived(30_000, record);
            }
            seen.push(history.take(&record));
            seen.push(history.recall(&record));
        }
    }
    assert!(history.len() <= ROOM);
    seen
}

#[test]
fn what_one_address_or_network_invents_changes_nothing_for_others() {
    let quiet = seen(|_| None);
    for kind in [RangeKind::Resume, RangeKind::Restart] {
        assert!(quiet.iter().any(|seen| seen.kind == kind), "{kind:?}");
    }
    assert!(quiet.iter().any(|seen| seen.looped) && quiet.iter().any(|seen| seen.known_client));
    assert!(quiet.iter().any(|seen| matches!(seen.pace, Pace::Slow(_))));
    let ask = |n: u64| {
        let mut record = of(1 << 40, ask(200 + n / 2, None));
        record.network = NetworkKey(1 << 40);
        record.digest = format!("sha256:flood{n}");
        record
    };
    let case = |name: &str, flood: &dyn Fn(u64) -> Record| {
        assert!(seen(|n| Some(flood(n))) == quiet, "{name}");
    };
    case("blobs", &ask);
    case("clients of one network", &|n| Record {
        client: ClientKey((1 << 40) + n),
        ..ask(n)
    });
    case("systems, versions and bodies", &|n| Record {
        os: format!("os{n}"),
        version: format!("1.{n}"),
        ..arrived(900, ask(n))
    });
    case("ranges behind the end", &|n| {
        let mut record = ask(n);
        (record.status, record.size, record.range.start) = (416, Some(100), Some(100 + n));
        record
    });
    case("redirects", &|n| Record {
        status: 307,
        sent_to: format!("cdn{n}.example"),
        ..ask(n)
    });
}
