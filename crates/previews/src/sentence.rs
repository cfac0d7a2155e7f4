//! A preview in words.

use std::collections::BTreeSet;

use super::report::{CohortHit, CohortTerm, Report};
use blobwatch_pull::Action;
use blobwatch_wire::{grouped, percent, visible};

/// Values that are named one by one; more are counted.
const MAX_NAMED: usize = 3;

/// Cohorts in the sentence of a whole preview.
const MAX_COHORTS: usize = 2;

/// What the rule does: "deny", "throttle", …
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::Block => "deny",
        Action::Throttle => "throttle",
        Action::Detour => "detour",
        Action::Allow => "let through",
        Action::Tag | Action::None => "tag",
    }
}

/// Who a cohort is: "docker on amzn2 in 6 colos". `colos` are those of the matched.
pub(super) fn who(terms: &[CohortTerm], colos: &BTreeSet<String>) -> String {
    let term = |name: &str| terms.iter().find(|term| term.attribute == name);
    let mut words =
        term("family").map_or_else(|| "clients".to_owned(), |term| listed(term, "client families"));
    let mut add = |text: String| {
        words.push(' ');
        words.push_str(&text);
    };
    if let Some(version) = term("version") {
        add(match version.values.as_slice() {
            [one] if version.not.is_none() => shown(one),
            _ => format!("of version {}", listed(version, "versions")),
        });
    }
    if let Some(os) = term("os") {
        add(format!("on {}", listed(os, "systems")));
    }
    if let Some(fingerprint) = term("fingerprint") {
        add(format!(
            "with fingerprint {}",
            listed(fingerprint, "fingerprints")
        ));
    }
    if let Some(country) = term("country") {
        add(format!("from {}", listed(country, "countries")));
    }
    if let Some(asn) = term("asn") {
        add(format!("of AS {}", listed(asn, "networks")));
    }
    match term("colo") {
        Some(colo) => add(format!("in {}", listed(colo, "colos"))),
        None if colos.len() == 1 => add(format!(
            "in {}",
            colos.first().map(|colo| shown(colo)).unwrap_or_default()
        )),
        None if colos.len() > 1 => add(format!("in {} colos", grouped(colos.len() as u64))),
        None => {}
    }
    words
}

fn listed(term: &CohortTerm, plural: &str) -> String {
    let names: Vec<String> = term.values.iter().map(|value| shown(value)).collect();
    match (term.not, names.as_slice()) {
        (Some(true), names) if names.len() <= MAX_NAMED => format!("all {plural} but {}", joined(names)),
        (Some(true), names) => format!("all but {} {plural}", names.len()),
        (_, names) if names.len() <= MAX_NAMED => joined(names),
        (_, names) => format!("{} {plural}", grouped(names.len() as u64)),
    }
}

fn joined(names: &[String]) -> String {
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn shown(value: &str) -> String {
    if value.is_empty() {
        "(none)".to_owned()
    } else {
        visible(value).into_owned()
    }
}

/// "docker on amzn2 in 6 colos, of which 99.7 % completed their pulls: 1,204 clients in 212 networks".
pub(super) fn of_cohort(cohort: &CohortHit, colos: &BTreeSet<String>, is_exact: bool) -> String {
    let share = percent(cohort.share_of_cohort);
    let health = match cohort.healthy {
        Some(healthy) => format!(", of which {} completed their pulls", percent(healthy)),
        None => String::new(),
    };
    format!(
        "{share} of {}{health}: {}",
        who(&cohort.cohort, colos),
        people(cohort.clients, cohort.networks, is_exact)
    )
}

fn people(clients: u64, networks: u64, is_exact: bool) -> String {
    let about = if is_exact { "" } else { "about " };
    let plural = |count: u64, name: &str| {
        let ending = if count == 1 { "" } else { "s" };
        format!("{} {name}{ending}", grouped(count))
    };
    format!(
        "{about}{} in {}",
        plural(clients, "client"),
        plural(networks, "network")
    )
}

/// The whole preview in one sentence.
pub(super) fn of_report(report: &Report, route: &str, action: Action) -> String {
    let verb = verb(action);
    let lacking = match report.not_judged.requests {
        0 => String::new(),
        some => format!(
            "; {} requests cannot be judged, because records do not keep {}",
            grouped(some),
            report.not_judged.fields.join(", ")
        ),
    };
    if report.matched_requests == 0 {
        let requests = grouped(report.requests);
        return format!("would {verb} nothing: none of {requests} requests on {route} matches{lacking}");
    }
    let cohorts: Vec<&str> = report
        .cohorts
        .iter()
        .take(MAX_COHORTS)
        .map(|cohort| cohort.sentence.as_str())
        .collect();
    let more = match report.cohorts.len().saturating_sub(MAX_COHORTS) {
        0 => String::new(),
        1 => "; and one more cohort".to_owned(),
        more => format!("; and {more} more cohorts"),
    };
    let denied = match report.already_denied_requests {
        0 => String::new(),
        some => {
            let share = some as f64 / report.matched_requests as f64;
            format!("; other rules already deny {} of these requests", percent(share))
        }
    };
    format!("would {verb} {}{more}{denied}{lacking}", cohorts.join("; and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(attribute: &str, values: &[&str], not: Option<bool>) -> CohortTerm {
        CohortTerm {
            attribute: attribute.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            not,
        }
    }

    fn colos(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_cohort_is_said_as_people_speak_of_clients() {
        #[track_caller]
        fn case(terms: &[CohortTerm], in_colos: &[&str], expected: &str) {
            assert_eq!(who(terms, &colos(in_colos)), expected);
        }
        let (docker, amzn2) = (term("family", &["docker"], None), term("os", &["amzn2"], None));
        let six = ["AMS", "FRA", "IAD", "NRT", "SIN", "SYD"];
        case(
            &[docker.clone(), amzn2.clone()],
            &six,
            "docker on amzn2 in 6 colos",
        );
        let but_iad = term("colo", &["IAD"], Some(true));
        case(
            &[docker.clone(), amzn2, but_iad],
            &six,
            "docker on amzn2 in all colos but IAD",
        );
        case(
            &[docker.clone(), term("version", &["19.03.6-ce"], None)],
            &["IAD"],
            "docker 19.03.6-ce in IAD",
        );
        case(&[], &["IAD"], "clients in IAD");
        let two = term("family", &["docker", "podman"], None);
        case(
            &[two, term("asn", &["16509"], None)],
            &[],
            "docker and podman of AS 16509",
        );
        case(&[docker, term("os", &[""], None)], &[], "docker on (none)");
        let many = term("country", &["A", "B", "C", "D"], None);
        case(&[many], &[], "clients from 4 countries");
    }
}
