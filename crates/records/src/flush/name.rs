//! Which FireLog a record goes to, and where it is asked. The names outlive every deploy: an object is found by nothing
//! else.

use super::RulebookVersion;
use blobwatch_pull::{ClientKey, UNNAMED_COLO};
use blobwatch_wire::{FNV_START, fnv1a, query_number};

/// `fl1-<colo>-<n>`: the colo in lower case, and the client's place among the colo's FireLogs, so that one client's
/// records of one colo are together.
#[must_use]
pub fn fire_log_name(colo: &str, client: ClientKey, fire_logs: u32) -> String {
    name_of(colo, client.0 % u64::from(fire_logs.max(1)))
}

/// The FireLog that counts a key of a rule's volume: one for each key, whichever clients match, since the volume is one of
/// the whole colo.
#[must_use]
pub fn volume_fire_log_name(colo: &str, rule: &str, key: u64, fire_logs: u32) -> String {
    let hash = fnv1a(FNV_START, rule.as_bytes().iter().chain(&key.to_le_bytes()));
    // Multiplied once more, so that the last byte, too, has its share in the upper half.
    let share = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    name_of(colo, (share * u64::from(fire_logs.max(1))) >> 32)
}

/// The colo of a FireLog's name; `None` for what is no such name.
#[must_use]
pub fn colo_of(fire_log: &str) -> Option<&str> {
    let (colo, _) = fire_log.strip_prefix("fl1-")?.rsplit_once('-')?;
    Some(colo)
}

/// The place of a FireLog among those of its colo.
#[must_use]
pub fn place_of(fire_log: &str) -> Option<u32> {
    let (_, place) = fire_log.rsplit_once('-')?;
    place.parse().ok()
}

fn name_of(colo: &str, place: u64) -> String {
    let colo = if colo.is_empty() { UNNAMED_COLO } else { colo };
    // Without the machinery of `format!`: this is made for every record.
    let mut name = String::with_capacity(24);
    name.push_str("fl1-");
    name.extend(colo.chars().map(|letter| letter.to_ascii_lowercase()));
    name.push('-');
    match u8::try_from(place) {
        Ok(digit @ 0..=9) => name.push(char::from(b'0' + digit)),
        _ => name.push_str(&place.to_string()),
    }
    name
}

/// `<FireLog's name>/flush`: where an isolate flushes.
#[must_use]
pub fn flush_path(name: &str) -> String {
    format!("{name}/flush")
}

/// Where an isolate that holds that rulebook reads the current one; any FireLog of its colo will do.
#[must_use]
pub fn rulebook_path(colo: &str, held: RulebookVersion) -> String {
    let RulebookVersion { epoch, revision } = held;
    format!(
        "{}/rulebook?held={revision}&epoch={epoch}",
        fire_log_name(colo, ClientKey::default(), 1)
    )
}

/// What the query of [`rulebook_path`] says that the isolate holds.
#[must_use]
pub fn held_rulebook(query: &str) -> RulebookVersion {
    RulebookVersion {
        epoch: query_number(query, "epoch"),
        revision: query_number(query, "held"),
    }
}

/// Name of the FireLog in a path.
#[must_use]
pub fn fire_log_of(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn case(colo: &str, client: u64, fire_logs: u32, expected: &str) {
        assert_eq!(fire_log_name(colo, ClientKey(client), fire_logs), expected);
    }

    #[test]
    fn the_name_is_pinned() {
        case("FRA", 7, 1, "fl1-fra-0");
        case("FRA", 7, 4, "fl1-fra-3");
        case("FRA", u64::MAX, 4, "fl1-fra-3");
        case("", 7, 1, "fl1-none-0");
        case("FRA", 7, 0, "fl1-fra-0");
    }

    #[track_caller]
    fn volume_case(rule: &str, key: u64, fire_logs: u32, expected: &str) {
        assert_eq!(volume_fire_log_name("FRA", rule, key, fire_logs), expected);
    }

    #[test]
    fn the_name_for_a_volume_is_pinned() {
        volume_case("botnet-sig", 7, 1, "fl1-fra-0");
        volume_case("botnet-sig", 7, 0, "fl1-fra-0");
        volume_case("botnet-sig", 7, 4, "fl1-fra-0");
        volume_case("botnet-sig", u64::MAX, 64, "fl1-fra-32");
        volume_case("digest-sweep", 7, 64, "fl1-fra-30");
        assert_eq!(volume_fire_log_name("", "a", 7, 1), "fl1-none-0");
    }

    /// Numbers of networks are small and close together; keys of clients and of fingerprints are hashes.
    #[test]
    fn keys_are_spread_evenly() {
        for (step, fire_logs) in [(1, 64), (1, 5), (0x9e37_79b9_7f4a_7c15, 64), (1 << 56, 4)] {
            let mut counts = BTreeMap::<String, u32>::new();
            for n in 0..200 * u64::from(fire_logs) {
                let name = volume_fire_log_name("FRA", "a", n.wrapping_mul(step), fire_logs);
                *counts.entry(name).or_default() += 1;
            }
            assert_eq!(counts.len() as u32, fire_logs);
            assert!(
                counts.values().all(|count| (100..=300).contains(count)),
                "{counts:?}"
            );
        }
    }

    #[test]
    fn a_name_names_its_colo() {
        let names = ["FRA", "", "a-b"].map(|colo| fire_log_name(colo, ClientKey(13), 64));
        let colos = names.each_ref().map(|name| colo_of(name));
        assert_eq!(colos, [Some("fra"), Some("none"), Some("a-b")]);
        assert_eq!([colo_of("fra-0"), colo_of("fl1-fra")], [None, None]);
        assert_eq!(names.each_ref().map(|name| place_of(name)), [Some(13); 3]);
        assert_eq!([place_of("fl1-fra-"), place_of("")], [None, None]);
    }

    #[test]
    fn a_path_names_its_fire_log() {
        let held = RulebookVersion {
            epoch: 7,
            revision: 12,
        };
        let path = rulebook_path("FRA", held);
        assert_eq!(path, "fl1-fra-0/rulebook?held=12&epoch=7");
        assert_eq!(
            path.split_once('?').map(|(_, query)| held_rulebook(query)),
            Some(held)
        );
        assert_eq!(fire_log_of(&path), "fl1-fra-0");
        assert_eq!(flush_path("fl1-fra-3"), "fl1-fra-3/flush");
    }
}
