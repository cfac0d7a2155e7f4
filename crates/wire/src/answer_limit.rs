//! How long an object's answer is waited for. An object that hangs must not hang who asks it.
//!
//! Whoever hands a call on waits longer than whoever it asks: the problem then names the object that hangs.

use std::time::Duration;

use crate::{Object, Problem};

/// Seconds for every call that is not in [`LIMITS`]: it reads or writes a few rows, and waits for what runs before it. On workerd all
/// objects share one thread, and a summary of a million records takes 13 s of a busy one.
const LIMIT_S: u64 = 20;

/// Seconds for calls of an object by how their paths begin.
const LIMITS: [(Object, &str, u64); 10] = [
    // `healthz` is asked every few seconds.
    (Object::FireLog, "standing", 2),
    // Within a flush, for which an isolate waits ten seconds.
    (Object::FireLog, "handover", 3),
    // Sent again, and a guard waits for the alarm that sends.
    (Object::Detector, "cells", 10),
    // They read up to all that is kept.
    (Object::FireLog, "page", 60),
    (Object::FireLog, "record/", 60),
    (Object::FireLog, "slice", 60),
    (Object::FireLog, "summary", 60),
    // Calls of the API, handed on.
    (Object::Detector, "api/", 30),
    (Object::RuleBook, "api/", 30),
    (Object::Previews, "previews", 30),
];

/// For a call with this path below the object's address.
#[must_use]
pub fn answer_limit(object: Object, path: &str) -> Duration {
    let known = LIMITS
        .iter()
        .find(|(of, begin, _)| *of == object && path.starts_with(begin));
    Duration::from_secs(known.map_or(LIMIT_S, |(_, _, seconds)| *seconds))
}

/// 503: the object of that name gave no answer in time. `purpose` fits "failed to …".
#[must_use]
pub fn unanswered(object: Object, name: &str, purpose: &str, limit: Duration) -> Problem {
    let (seconds, who) = (limit.as_secs(), object.called(name));
    let detail = format!(
        "failed to {purpose}: {who} did not answer within {seconds} s; what was asked may still be done; try again"
    );
    Problem::new(503, "unavailable", "Unavailable", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(object: Object, path: &str, seconds: u64) {
        assert_eq!(answer_limit(object, path), Duration::from_secs(seconds), "{path}");
    }

    #[test]
    fn every_call_has_a_limit() {
        case(Object::FireLog, "standing", 2);
        case(Object::FireLog, "rulebook?epoch=5", 20);
        case(Object::FireLog, "losses", 20);
        case(Object::FireLog, "page?of=fires", 60);
        case(Object::FireLog, "summary?of=fires&by=os", 60);
        case(Object::FireLog, "record/01M85086S2MDP1HBJCFM000006", 60);
        case(Object::FireLog, "slice", 60);
        case(Object::RuleBook, "document?fire_log=fl1-fra-0", 20);
        case(Object::RuleBook, "audit/verify", 20);
        case(Object::RuleBook, "previews/plan", 20);
        case(Object::RuleBook, "api/rules/own", 30);
        case(Object::Detector, "cells", 10);
        case(Object::Detector, "harm", 20);
        case(Object::Detector, "api/timeline?since=-1h", 30);
        case(Object::Previews, "previews/pv-000001", 30);
    }

    /// A data plane waits longer for the objects' host than that host waits for any object: `bounds.test.js` reads the same.
    #[test]
    fn another_host_is_waited_for_longer() {
        let bounds: serde_json::Value =
            serde_json::from_str(include_str!("../../../src/data_plane/tests/lines/bounds.json")).unwrap();
        let longest = LIMITS.iter().map(|(_, _, seconds)| *seconds).max().unwrap();
        assert!(bounds["OBJECTS_HOST_LIMIT_MS"].as_u64().unwrap() > longest.max(LIMIT_S) * 1_000);
    }

    #[test]
    fn an_object_that_hangs_is_named() {
        let problem = unanswered(
            Object::FireLog,
            "fl1-fra-0",
            "read the losses",
            Duration::from_secs(20),
        );
        assert_eq!((problem.status, problem.is("unavailable")), (503, true));
        assert_eq!(
            problem.detail,
            "failed to read the losses: FireLog fl1-fra-0 did not answer within 20 s; what was asked may still be done; \
             try again"
        );
        let hung = unanswered(Object::RuleBook, "rulebook", "read it", Duration::from_secs(1));
        assert!(
            hung.detail.contains("the RuleBook did not answer within 1 s"),
            "{}",
            hung.detail
        );
    }
}
