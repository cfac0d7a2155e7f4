//! Filters that are read and that hardly any record can match: a name that is nearly one, a digest that is too short.
//!
//! In scope: what the filters themselves show. Not in scope: whether a rule or a route is there, which the RuleBook knows.

use blobwatch_pull::Family;
use blobwatch_wire::{Place, did_you_mean, nearest};

/// One warning for each such value, by the name of its parameter.
#[must_use]
pub fn filter_warnings(pairs: &[(String, String)]) -> Vec<Place> {
    let warned = pairs.iter().filter_map(|(name, value)| {
        let message = match name.trim_end_matches('!') {
            "family" => family(value),
            "repository" => repository(value),
            "digest" => digest(value),
            _ => None,
        };
        message.map(|message| Place::new(format!("query.{name}"), message))
    });
    warned.collect()
}

/// A program that no list knows is a family of its own, so its name is no mistake unless it is nearly another.
fn family(value: &str) -> Option<String> {
    let is_known = Family::of_name(value).is_some_and(|family| family.is_known());
    nearest(value, Family::known()).filter(|_| !is_known)?;
    let meant = did_you_mean(value, Family::known());
    Some(format!("no list of clients has {value:?}{meant}"))
}

fn repository(value: &str) -> Option<String> {
    let lower = value.to_lowercase();
    (lower != value).then(|| format!("repositories are in lower case (did you mean `{lower}`?)"))
}

fn digest(value: &str) -> Option<String> {
    let (algorithm, encoded) = value.split_once(':')?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    let is_whole = encoded.len() == digits && encoded.bytes().all(|b| b.is_ascii_hexdigit());
    (!is_whole).then(|| format!("no blob has this digest: expected {digits} hex digits after `{algorithm}:`"))
}

#[cfg(test)]
mod tests {
    use super::filter_warnings;

    #[test]
    fn only_what_can_hardly_match_is_warned_of() {
        #[track_caller]
        fn case(name: &str, value: &str, expected: Option<&str>) {
            let warnings = filter_warnings(&[(name.to_owned(), value.to_owned())]);
            let found: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
            assert_eq!(found, Vec::from_iter(expected));
            assert!(
                warnings
                    .iter()
                    .all(|warning| warning.place == format!("query.{name}"))
            );
        }
        case("family", "docker", None);
        case("family", "overlaybd", None);
        case(
            "family!",
            "dokcer",
            Some("no list of clients has \"dokcer\" (did you mean `docker`?)"),
        );
        case("repository", "team/app", None);
        case(
            "repository",
            "Team/App",
            Some("repositories are in lower case (did you mean `team/app`?)"),
        );
        case("digest", &format!("sha256:{}", "0f".repeat(32)), None);
        case("digest", "blake3:00", None);
        case(
            "digest",
            "sha256:0f",
            Some("no blob has this digest: expected 64 hex digits after `sha256:`"),
        );
        case("os", "amzn2", None);
    }
}
