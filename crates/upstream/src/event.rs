//! How an event of another party becomes a record: its id, and the rule that fired.

use std::sync::Arc;

use blobwatch_pull::{Action, Fired, MAX_ISOLATE, Mode, RecordId};
use blobwatch_wire::{FNV_START, fnv1a, splitmix};

/// The same for the same event, whenever and however often it is told: `event` is its ray, or its own id where it has no
/// ray, and `rule` what acted. Empty `rule`: the request itself.
///
/// 40 bits of it are a hash. Events of one source and millisecond share an id by chance once in 10^12 pairs.
#[must_use]
pub fn event_id(time_ms: u64, source: &str, event: &str, rule: &str) -> RecordId {
    let hash = [event, rule].iter().fold(FNV_START, |hash, part| {
        fnv1a(hash, part.as_bytes().iter().chain(&[0]))
    });
    let hash = splitmix(hash);
    // Few numbers in the place of an isolate's: a segment writes each of them once.
    let isolate = splitmix(fnv1a(FNV_START, source.as_bytes())) << 8 & MAX_ISOLATE | hash >> 56;
    RecordId::from_parts(time_ms, isolate, hash as u32)
}

/// `<source>:<rule>`.
#[must_use]
pub fn upstream_rule_name(source: &str, rule: &str) -> Arc<str> {
    Arc::from(format!("{source}:{rule}"))
}

/// The fire of an event. What a source logs, counts or previews is monitor; whatever it did is a block, since a registry's
/// client answers no challenge.
#[must_use]
pub fn upstream_fire(rule: Arc<str>, acted: bool) -> Fired {
    let (mode, applied) = if acted {
        (Mode::Enforce, Action::Block)
    } else {
        (Mode::Monitor, Action::None)
    };
    Fired {
        rule,
        version: 0,
        mode,
        would: Action::Block,
        applied,
    }
}

/// Whether what fired did something to the request.
#[must_use]
pub fn acted(fired: &[Fired]) -> bool {
    fired.iter().any(|fired| fired.applied == Action::Block)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids are stored: told again by a later build, the event must have the same one.
    #[test]
    fn the_id_of_an_event_is_pinned() {
        let id = event_id(1_593_975_600_000, "cloudflare", "5ae0123456789abc", "ddos_l7/1");
        assert_eq!(id.time_ms(), 1_593_975_600_000);
        assert_eq!(id.to_string(), "01ECG5JWW0TWYP00YK2G7K2V0N");
    }

    #[test]
    fn another_event_has_another_id() {
        let ids = [
            event_id(1, "cloudflare", "a", "b"),
            event_id(1, "cloudflare", "ab", ""),
            event_id(1, "cloudflare", "a", "c"),
            event_id(1, "aws-waf", "a", "b"),
            event_id(2, "cloudflare", "a", "b"),
        ];
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids.iter().skip(place + 1).any(|other| other == id));
        }
    }

    #[test]
    fn only_what_a_source_did_is_applied() {
        let fire = |acted| upstream_fire(upstream_rule_name("aws-waf", "bots"), acted);
        assert_eq!(
            (fire(false).mode, fire(false).applied),
            (Mode::Monitor, Action::None)
        );
        assert_eq!(
            (fire(true).mode, fire(true).applied),
            (Mode::Enforce, Action::Block)
        );
        assert!(acted(&[fire(false), fire(true)]) && !acted(&[fire(false)]));
    }
}
