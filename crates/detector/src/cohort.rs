//! Who: sets of attribute values, and the words for them.

use std::borrow::Cow;
use std::fmt;

use blobwatch_detect::localize;
use serde::{Deserialize, Serialize};

use blobwatch_records::{CellKey, OpenCohort, OpenCohortPart};
use blobwatch_wire::visible;

/// The attributes that a cohort can be named by, in their order everywhere. Rules are left out: they are held against
/// the cohort afterwards.
pub(crate) const ATTRIBUTES: [&str; 7] = ["route", "colo", "country", "asn", "family", "os", "fingerprint"];

/// What an attribute is called that the request did not have.
pub(crate) const ABSENT: &str = "unknown";

/// Values that a cohort keeps of one attribute; the words say how many there are beyond that.
pub(super) const MAX_VALUES: usize = 64;

/// Values of a cell in the order of `ATTRIBUTES`.
#[must_use]
pub fn values(key: &CellKey) -> [Cow<'_, str>; 7] {
    std::array::from_fn(|place| value_at(key, place).unwrap_or_default())
}

/// The one at a place of `ATTRIBUTES`.
pub(super) fn value_at(key: &CellKey, place: usize) -> Option<Cow<'_, str>> {
    let text = match place {
        0 => &*key.route,
        1 => &*key.colo,
        2 => &*key.country,
        3 => {
            let asn = key.asn.map(|asn| Cow::Owned(asn.to_string()));
            return Some(asn.unwrap_or(Cow::Borrowed(ABSENT)));
        }
        4 => key.family.as_str(),
        5 => &*key.os,
        6 => &*key.fingerprint,
        _ => return None,
    };
    Some(Cow::Borrowed(if text.is_empty() { ABSENT } else { text }))
}

/// The value of one attribute; `None` for an attribute that does not exist.
#[must_use]
pub fn value<'a>(key: &'a CellKey, attribute: &str) -> Option<Cow<'a, str>> {
    value_at(key, ATTRIBUTES.iter().position(|name| *name == attribute)?)
}

/// "`attribute` is one of `values`", or with `not` "is none of them".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literal {
    pub attribute: String,
    /// By name.
    pub values: Vec<String>,
    pub not: bool,
    /// Values that the attribute had then beside those of the cohort's side; what "6 colos" counts.
    pub among: usize,
}

/// All literals hold; none is everyone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort(pub Vec<Literal>);

/// A literal as the API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CohortPart")
)]
pub struct LiteralJson<'a> {
    pub attribute: &'a str,
    pub values: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

impl Literal {
    /// False for an attribute that cells do not have.
    #[must_use]
    pub(super) fn holds(&self, key: &CellKey) -> bool {
        let value = value(key, &self.attribute);
        value.is_some_and(|value| self.values.iter().any(|known| *known == value) != self.not)
    }
}

impl Cohort {
    /// What `localize` named; the shorter side is kept.
    #[must_use]
    pub fn of(found: &localize::Cohort) -> Self {
        let literal = |literal: &localize::Literal| {
            let not = literal.others.len() < literal.values.len();
            let (kept, among) = if not {
                (&literal.others, literal.values.len())
            } else {
                (&literal.values, literal.values.len())
            };
            Literal {
                attribute: literal.attribute.clone(),
                values: kept.iter().take(MAX_VALUES).cloned().collect(),
                not,
                among,
            }
        };
        Self(found.literals.iter().map(literal).collect())
    }

    /// Of it, those with this value.
    #[must_use]
    pub(super) fn with(mut self, attribute: &str, value: &str) -> Self {
        self.0.push(Literal {
            attribute: attribute.to_owned(),
            values: vec![value.to_owned()],
            not: false,
            among: 1,
        });
        self
    }

    /// Of it, all but those with this value; the others of it have the values `rest`. The shorter side is kept.
    #[must_use]
    pub(super) fn without(mut self, attribute: &str, value: &str, mut rest: Vec<String>) -> Self {
        let place = self.0.iter().position(|literal| literal.attribute == attribute);
        if let Some(literal) = place
            .and_then(|place| self.0.get_mut(place))
            .filter(|literal| !literal.not)
        {
            literal.values.retain(|known| known != value);
            literal.among = literal.values.len();
            return self;
        }
        let known = place.map(|place| self.0.remove(place));
        let mut out = known.map_or_else(Vec::new, |literal| literal.values);
        out.push(value.to_owned());
        out.sort();
        let (among, not) = (rest.len(), out.len() < rest.len());
        rest.truncate(MAX_VALUES);
        let literal = Literal {
            attribute: attribute.to_owned(),
            values: if not { out } else { rest },
            not,
            among,
        };
        self.0.insert(place.unwrap_or(self.0.len()), literal);
        self
    }

    #[must_use]
    pub fn holds(&self, key: &CellKey) -> bool {
        self.0.iter().all(|literal| literal.holds(key))
    }

    /// Without the route: a request that was stopped at one host is on no other host's route.
    #[must_use]
    pub(super) fn wherever(&self) -> Self {
        let literals = self.0.iter().filter(|literal| literal.attribute != "route");
        Self(literals.cloned().collect())
    }

    /// Whether somebody with this value can be in it.
    #[must_use]
    pub fn may_hold(&self, attribute: &str, value: &str) -> bool {
        self.literal(attribute)
            .is_none_or(|literal| literal.values.iter().any(|known| known == value) != literal.not)
    }

    /// Whether nothing but places narrows it: no network, no client build. What a deploy of ours hits.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.0
            .iter()
            .all(|literal| matches!(literal.attribute.as_str(), "route" | "colo"))
    }

    /// As FireLogs are told.
    #[must_use]
    pub(super) fn told(&self) -> OpenCohort {
        let part = |literal: &Literal| OpenCohortPart {
            attribute: literal.attribute.clone(),
            values: literal.values.clone(),
            not: literal.not,
        };
        OpenCohort(self.0.iter().map(part).collect())
    }

    #[must_use]
    pub fn json(&self) -> Vec<LiteralJson<'_>> {
        let literals = self.0.iter().map(|literal| LiteralJson {
            attribute: &literal.attribute,
            values: &literal.values,
            not: literal.not,
        });
        literals.collect()
    }

    fn literal(&self, attribute: &str) -> Option<&Literal> {
        self.0.iter().find(|literal| literal.attribute == attribute)
    }
}

/// "docker on amzn2, 6 colos, not IAD": the program first, then its system, then places and networks.
impl fmt::Display for Cohort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for attribute in BLOB_ATTRIBUTES.into_iter().chain(["version"]) {
            if let Some(literal) = self.literal(attribute) {
                parts.push(words(literal));
            }
        }
        match (self.literal("family"), self.literal("os")) {
            (Some(family), Some(os)) => parts.push(format!("{} on {}", words(family), words(os))),
            (Some(family), None) => parts.push(words(family)),
            (None, Some(os)) => parts.push(format!("clients on {}", words(os))),
            (None, None) => {}
        }
        for attribute in [
            "fingerprint",
            "tcp",
            "cloud",
            "cloud_region",
            "asn",
            "country",
            "colo",
            "protocol",
            "ip_version",
            "served_by",
            "route",
        ] {
            if let Some(literal) = self.literal(attribute) {
                parts.push(words(literal));
            }
        }
        let is_of_blob = |literal: &Literal| BLOB_ATTRIBUTES.contains(&&*literal.attribute);
        if self.0.iter().all(is_of_blob) {
            parts.push("all clients".to_owned());
        }
        // Cohorts that were kept before User-Agents were read as words hold what a client sent.
        f.write_str(&visible(&parts.join(", ")))
    }
}

/// What is asked for, and nothing of who asks.
const BLOB_ATTRIBUTES: [&str; 3] = ["repository", "digest", "size"];

/// Values said one by one; of more their number is said.
const MAX_SAID: usize = 3;

fn words(literal: &Literal) -> String {
    let list = |word: &str| listed(&literal.values, word, plural(&literal.attribute));
    let said = match literal.attribute.as_str() {
        "asn" => listed(
            &literal
                .values
                .iter()
                .map(|value| as_number(value))
                .collect::<Vec<_>>(),
            "or",
            "networks",
        ),
        "version" => list("or").replace('/', " "),
        _ => list("or"),
    };
    let one_or_many = |one: &'static str| match literal.values.len() {
        0 | 1 => format!("{one} {said}"),
        2..=MAX_SAID => format!("{} {said}", plural(&literal.attribute)),
        _ => said.clone(),
    };
    match (literal.attribute.as_str(), literal.not) {
        ("family", false) if is_unknown(literal) => "unknown programs".to_owned(),
        ("os", false) if is_unknown(literal) => "an unknown system".to_owned(),
        ("family" | "os" | "asn" | "fingerprint", false) => said,
        ("country", false) => format!("in {said}"),
        ("colo", false) if literal.values.len() > MAX_SAID => format!("in {said}"),
        ("colo", false) => format!("at {said}"),
        ("route", false) => format!("route {said}"),
        ("repository", false) => one_or_many("repository"),
        ("digest", false) => one_or_many("blob"),
        ("size", false) => format!("blobs {}", sizes(&literal.values)),
        ("cloud", false) => one_or_many("cloud"),
        ("cloud_region", false) => one_or_many("cloud region"),
        ("protocol", false) => format!("over {said}"),
        ("ip_version", false) => format!("over IPv{}", literal.values.join(" or ")),
        ("tcp", false) => one_or_many("TCP signature"),
        ("served_by", false) => format!("served by {said}"),
        ("family", true) if is_unknown(literal) => "any known program".to_owned(),
        ("os", true) if is_unknown(literal) => "any known system".to_owned(),
        ("family" | "os", true) => format!("all but {said}"),
        (attribute, true) => format!("{} {}, not {said}", literal.among, plural(attribute)),
        (_, false) => said,
    }
}

/// "over 1 GiB", "of 1 MiB to 64 MiB or over 1 GiB".
fn sizes(values: &[String]) -> String {
    let class = |value: &String| match value.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("of {value}"),
        false => value.clone(),
    };
    values.iter().map(class).collect::<Vec<_>>().join(" or ")
}

/// What a request does not say is one value too.
fn is_unknown(literal: &Literal) -> bool {
    matches!(literal.values.as_slice(), [value] if value == ABSENT)
}

fn as_number(value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("AS{value}")
    } else {
        format!("{value} network")
    }
}

fn plural(attribute: &str) -> &str {
    match attribute {
        "route" => "routes",
        "colo" => "colos",
        "country" => "countries",
        "asn" => "networks",
        "family" => "programs",
        "os" => "systems",
        "version" => "versions",
        "cloud" => "clouds",
        "cloud_region" => "cloud regions",
        "served_by" => "servers",
        "protocol" => "protocols",
        "tcp" => "TCP signatures",
        "repository" => "repositories",
        "digest" => "blobs",
        _ => "fingerprints",
    }
}

/// "a", "a or b", "a, b or c", "7 colos".
fn listed(values: &[String], word: &str, many: &str) -> String {
    match values.split_last() {
        None => String::new(),
        _ if values.len() > MAX_SAID => format!("{} {many}", values.len()),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(attribute: &str, values: &[&str], not: bool, among: usize) -> Literal {
        Literal {
            attribute: attribute.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            not,
            among,
        }
    }

    #[track_caller]
    fn case(literals: Vec<Literal>, expected: &str) {
        assert_eq!(Cohort(literals).to_string(), expected);
    }

    #[test]
    fn a_cohort_is_said_as_a_person_would() {
        case(vec![], "all clients");
        case(
            vec![
                literal("colo", &["IAD"], true, 6),
                literal("family", &["docker"], false, 1),
                literal("os", &["amzn2"], false, 1),
            ],
            "docker on amzn2, 6 colos, not IAD",
        );
        case(vec![literal("os", &["amzn2"], false, 1)], "clients on amzn2");
        case(vec![literal("colo", &["FRA", "SIN"], false, 2)], "at FRA or SIN");
        case(
            vec![literal("colo", &["A", "B", "C", "D"], false, 4)],
            "in 4 colos",
        );
        case(
            vec![literal("asn", &["16509", "unknown"], false, 2)],
            "AS16509 or unknown network",
        );
        case(
            vec![
                literal("route", &["hub"], false, 1),
                literal("family", &["podman", "skopeo"], false, 2),
            ],
            "podman or skopeo, route hub",
        );
        case(vec![literal("os", &["el8"], true, 4)], "clients on all but el8");
        case(
            vec![literal("os", &["unknown"], true, 4)],
            "clients on any known system",
        );
        case(
            vec![literal("os", &["unknown"], false, 1)],
            "clients on an unknown system",
        );
        case(
            vec![
                literal("family", &["unknown"], false, 1),
                literal("os", &["el8"], false, 1),
            ],
            "unknown programs on el8",
        );
        case(vec![literal("asn", &["1"], true, 9)], "9 networks, not AS1");
        case(vec![literal("country", &["DE"], false, 1)], "in DE");
    }

    #[test]
    fn what_is_asked_for_is_said_before_who_asks() {
        let repository = literal("repository", &["team/license-server"], false, 1);
        case(
            vec![repository.clone()],
            "repository team/license-server, all clients",
        );
        case(
            vec![literal("family", &["docker"], false, 1), repository],
            "repository team/license-server, docker",
        );
        case(
            vec![literal("repository", &["a", "b"], false, 2)],
            "repositories a or b, all clients",
        );
        case(
            vec![literal("repository", &["a", "b", "c", "d"], false, 4)],
            "4 repositories, all clients",
        );
        case(
            vec![literal("digest", &["sha256:00"], false, 1)],
            "blob sha256:00, all clients",
        );
        case(
            vec![literal("size", &["over 1 GiB"], false, 1)],
            "blobs over 1 GiB, all clients",
        );
        case(
            vec![literal("size", &["64 MiB to 1 GiB", "over 1 GiB"], false, 2)],
            "blobs of 64 MiB to 1 GiB or over 1 GiB, all clients",
        );
        case(
            vec![literal("version", &["containerd/2.1.3"], false, 1)],
            "containerd 2.1.3",
        );
        case(
            vec![
                literal("cloud_region", &["eu-west-1"], false, 1),
                literal("protocol", &["HTTP/3"], false, 1),
                literal("ip_version", &["6"], false, 1),
            ],
            "cloud region eu-west-1, over HTTP/3, over IPv6",
        );
        case(
            vec![literal("tcp", &["4:255:0:1460:26883,0:mss:df:0"], false, 1)],
            "TCP signature 4:255:0:1460:26883,0:mss:df:0",
        );
        case(
            vec![
                literal("family", &["docker"], false, 1),
                literal("tcp", &["a", "b"], false, 2),
            ],
            "docker, TCP signatures a or b",
        );
    }

    #[test]
    fn not_takes_in_values_never_seen() {
        let key = |colo: &str| blobwatch_records::CellKey {
            route: "hub".into(),
            colo: colo.into(),
            country: "".into(),
            asn: Some(16509),
            family: blobwatch_pull::Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        };
        let cohort = Cohort(vec![literal("colo", &["IAD"], true, 6)]);
        assert!(cohort.holds(&key("NRT")) && !cohort.holds(&key("IAD")));
        let absent = Cohort(vec![literal("os", &[ABSENT], false, 1)]);
        assert!(absent.holds(&key("NRT")));
        assert!(Cohort::default().holds(&key("NRT")));
        assert!(cohort.is_wide() && !absent.is_wide());
    }
}
