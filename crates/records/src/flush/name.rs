//! Which FireLog a record goes to, and where it is asked. The names outlive every deploy: an object is found by nothing
//! else.

use super::Held;
use blobwatch_pull::ClientKey;

/// Stands for the data centre where the platform names none, as on self-hosted workerd.
pub(crate) const UNKNOWN_COLO: &str = "none";

/// `fl1-<colo>-<n>`: the colo in lower case, and the client's place among the colo's FireLogs, so that one client's
/// records of one colo are together.
#[must_use]
pub fn fire_log_name(colo: &str, client: ClientKey, fire_logs: u32) -> String {
    let colo = if colo.is_empty() { UNKNOWN_COLO } else { colo };
    let place = client.0 % u64::from(fire_logs.max(1));
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
pub fn rulebook_path(colo: &str, held: Held) -> String {
    let Held { epoch, revision } = held;
    format!(
        "{}/rulebook?held={revision}&epoch={epoch}",
        fire_log_name(colo, ClientKey::default(), 1)
    )
}

/// Name of the FireLog in a path.
#[must_use]
pub fn fire_log_of(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_path_names_its_fire_log() {
        let held = Held {
            epoch: 7,
            revision: 12,
        };
        let path = rulebook_path("FRA", held);
        assert_eq!(path, "fl1-fra-0/rulebook?held=12&epoch=7");
        assert_eq!(fire_log_of(&path), "fl1-fra-0");
        assert_eq!(flush_path("fl1-fra-3"), "fl1-fra-3/flush");
    }
}
