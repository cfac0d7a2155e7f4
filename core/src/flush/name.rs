//! Which FireLog a record goes to. The names outlive every deploy: an object is found by nothing else.

use crate::client::ClientKey;

/// Stands for the data centre where the platform names none, as on self-hosted workerd.
pub const UNKNOWN_COLO: &str = "none";

/// `fl1-<colo>-<n>`: the colo in lower case, and the client's place among the colo's FireLogs, so that one client's
/// records of one colo are together.
#[must_use]
pub fn fire_log_name(colo: &str, client: ClientKey, fire_logs: u32) -> String {
    let colo = if colo.is_empty() { UNKNOWN_COLO } else { colo };
    let place = client.0 % u64::from(fire_logs.max(1));
    format!("fl1-{}-{place}", colo.to_ascii_lowercase())
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
}
