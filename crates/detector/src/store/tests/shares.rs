//! Links to reports: what they open, until when, and who is told.

use super::*;
use crate::link_hash;
use crate::store::shares::MAX_SHARES;
use crate::store::{SHARED_MS, ShareRequest};

fn request(token: u64) -> ShareRequest {
    ShareRequest {
        anomaly: 1,
        hash: link_hash(&format!("{token:064x}")).unwrap(),
        expires_ms: START_MS + SHARED_MS,
        actor: "ada".to_owned(),
        reason: Some("for the CDN".to_owned()),
    }
}

/// An anomaly, whatever it is about.
fn with_anomaly() -> Detector<Native> {
    let mut detector = open();
    detector.harm(&denial(), START_MS).unwrap();
    detector
}

#[test]
fn a_link_opens_until_it_is_revoked_and_the_audit_log_is_told_of_both() {
    let detector = with_anomaly();
    let (request, now) = (request(7), START_MS + 1_000);
    let share = detector.share(&request, now).unwrap().unwrap();
    assert_eq!(
        detector.share_of(&request.hash, now).unwrap(),
        Some(share.clone())
    );
    assert_eq!(detector.shares(1, now).unwrap(), std::slice::from_ref(&share));
    assert_eq!(detector.shares(2, now).unwrap(), []);
    let detector = reopened(detector, now);
    let made = detector.next_entry().unwrap().unwrap();
    assert_eq!(
        (made.action.as_str(), made.actor.as_str(), made.reason.as_deref()),
        ("anomaly.share", "ada", Some("for the CDN"))
    );
    assert_eq!(
        made.target,
        format!("anomalies/an-000001/shares/{}", share.name())
    );
    assert!(!serde_json::to_string(&made).unwrap().contains(&request.hash));
    detector.entry_written(&made).unwrap();

    let of = |anomaly, name: &str| detector.revoke_share(anomaly, name, ("olga", None), now).unwrap();
    assert_eq!(
        of(2, &share.name()).unwrap_err().status,
        404,
        "of another anomaly"
    );
    assert_eq!(of(1, "sh-1").unwrap_err().status, 404);
    assert_eq!(of(1, &share.name()), Ok(share.clone()));
    assert_eq!(of(1, &share.name()).unwrap_err().status, 404, "once");
    assert_eq!(detector.share_of(&request.hash, now).unwrap(), None);
    let revoked = detector.next_entry().unwrap().unwrap();
    assert_eq!(
        (revoked.action.as_str(), revoked.actor.as_str()),
        ("anomaly.unshare", "olga")
    );
    assert!(revoked.time_ms > made.time_ms);
}

#[test]
fn a_link_opens_nothing_once_it_has_expired_and_is_forgotten() {
    let mut detector = with_anomaly();
    let request = request(7);
    detector.share(&request, START_MS).unwrap().unwrap();
    let is_open = |detector: &Detector<Native>, now| detector.share_of(&request.hash, now).unwrap().is_some();
    assert!(is_open(&detector, request.expires_ms - 1));
    assert!(!is_open(&detector, request.expires_ms));
    assert_eq!(detector.shares(1, request.expires_ms).unwrap(), []);
    detector.tick(request.expires_ms).unwrap();
    assert!(!is_open(&detector, START_MS), "no row of it is left");
}

#[test]
fn links_are_bounded_and_those_that_expired_make_room() {
    let detector = with_anomaly();
    let unknown = ShareRequest {
        anomaly: 9,
        ..request(1)
    };
    assert_eq!(
        detector.share(&unknown, START_MS).unwrap().unwrap_err().status,
        404
    );
    for token in 0..MAX_SHARES {
        detector.share(&request(token), START_MS).unwrap().unwrap();
    }
    let one_more = request(MAX_SHARES);
    let problem = detector.share(&one_more, START_MS).unwrap().unwrap_err();
    assert!(problem.is("too-many"), "{problem:?}");
    let later = ShareRequest {
        expires_ms: one_more.expires_ms + 1_000,
        ..one_more.clone()
    };
    detector.share(&later, one_more.expires_ms).unwrap().unwrap();
}
