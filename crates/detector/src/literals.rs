//! Literals that say what a cohort is and no more: "containerd on bottlerocket", not "containerd on any known system".
//!
//! A cohort is found among all values of an attribute, and said among those that its other literals leave.

use std::collections::BTreeSet;

use super::cohort::{Cohort, Literal, MAX_VALUES, value};
use blobwatch_records::CellKey;

/// The same cohort without exclusions that keep nobody out, and with the values themselves where they are no more than those
/// that an exclusion names. Exclusions that it was `known` by stay as they were: who sends nothing for an hour is no news.
pub(super) fn plainly(mut cohort: Cohort, known: &Cohort, keys: &[&CellKey]) -> Cohort {
    // The program is said rather than its system: from the last literal to the first.
    for place in (0..cohort.0.len()).rev() {
        let Some(literal) = cohort.0.get(place).filter(|literal| literal.not) else {
            continue;
        };
        if known.0.contains(literal) {
            continue;
        }
        let literal = cohort.0.remove(place);
        if let Some(literal) = among(literal, &cohort, keys) {
            cohort.0.insert(place, literal);
        }
    }
    cohort
}

/// An exclusion among the values of a cohort that is said without it; `None` where it keeps nobody out.
fn among(literal: Literal, others: &Cohort, keys: &[&CellKey]) -> Option<Literal> {
    let inside = keys.iter().filter(|key| others.holds(key));
    let values: BTreeSet<_> = inside.filter_map(|key| value(key, &literal.attribute)).collect();
    let is_out = |value: &str| literal.values.iter().any(|known| known == value);
    let (out, kept): (Vec<_>, Vec<_>) = values.into_iter().partition(|value| is_out(value));
    if out.is_empty() {
        return None;
    }
    let not = kept.is_empty() || out.len() < kept.len() || kept.len() > MAX_VALUES;
    let among = kept.len();
    let said = if not { out } else { kept };
    Some(Literal {
        values: said.into_iter().map(|value| value.into_owned()).collect(),
        not,
        among,
        ..literal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_pull::Family;

    fn key(family: Family, os: &str) -> CellKey {
        CellKey {
            route: "hub".into(),
            colo: "".into(),
            country: "".into(),
            asn: None,
            family,
            os: os.into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        }
    }

    /// What a small registry's log has: programs and their systems, and no places.
    fn keys() -> Vec<CellKey> {
        vec![
            key(Family::Docker, "generic"),
            key(Family::Docker, "amzn2"),
            key(Family::Docker, "el8"),
            key(Family::Containerd, ""),
            key(Family::Containerd, "bottlerocket"),
            key(Family::Podman, ""),
        ]
    }

    fn not(attribute: &str, values: &[&str]) -> Literal {
        Literal {
            attribute: attribute.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            not: true,
            among: 4,
        }
    }

    fn of(family: Family, literal: Literal) -> Cohort {
        let mut cohort = Cohort::default().with("family", family.as_str());
        cohort.0.push(literal);
        cohort
    }

    #[track_caller]
    fn case(cohort: Cohort, words: &str) {
        let (keys, all) = (keys(), Cohort::default());
        let keys: Vec<&CellKey> = keys.iter().collect();
        let said = plainly(cohort.clone(), &all, &keys);
        assert_eq!(said.to_string(), words);
        assert_eq!(plainly(said.clone(), &all, &keys), said, "{words}");
        let held = |cohort: &Cohort| keys.iter().map(|key| cohort.holds(key)).collect::<Vec<_>>();
        assert_eq!(held(&said), held(&cohort), "{words}: the same clients");
    }

    #[test]
    fn an_exclusion_is_said_among_what_the_other_literals_leave() {
        case(
            of(Family::Containerd, not("os", &["unknown"])),
            "containerd on bottlerocket",
        );
        case(
            of(Family::Docker, not("os", &["el8", "generic"])),
            "docker on amzn2",
        );
        case(
            of(Family::Docker, not("os", &["bottlerocket", "el8"])),
            "docker on all but el8",
        );
    }

    #[test]
    fn what_keeps_nobody_out_is_not_said() {
        case(of(Family::Podman, not("os", &["generic"])), "podman");
        case(of(Family::Docker, not("os", &["unknown"])), "docker");
        // Either of these keeps the same clients out: the program says who it is.
        let mut both = Cohort(vec![not("family", &["docker"])]);
        both.0.push(not("os", &["amzn2", "el8", "generic"]));
        case(both, "all but docker");
    }

    #[test]
    fn what_it_was_called_before_stays() {
        let keys = keys();
        let keys: Vec<&CellKey> = keys.iter().collect();
        let cohort = of(Family::Containerd, not("os", &["amzn2"]));
        assert_eq!(plainly(cohort.clone(), &cohort, &keys), cohort);
    }
}
