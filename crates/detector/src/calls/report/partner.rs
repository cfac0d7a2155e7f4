//! What a report says to somebody outside: what is wrong and for whom, and nothing that is the team's own business.
//!
//! Kept: the cohort, rates, clients, rules and what they did, other parties' rules and windows, examples. Left out: who of
//! the team did what, comments, where routes lead, other anomalies, addresses.

use std::net::IpAddr;

use super::super::ReportFacts;
use crate::HistoryEntry;
use crate::anomaly::Moment;
use crate::cohort::Cohort;
use crate::handling::Handling;
use crate::intervention::Response;
use crate::store::MarkKind;

/// What stands for an address.
const ADDRESS: &str = "[address]";

/// The facts as somebody outside may have them.
pub(in crate::calls) fn for_partner(mut facts: ReportFacts) -> ReportFacts {
    let anomaly = &mut facts.anomaly;
    let named = anomaly.named.iter_mut();
    for cohort in [&mut anomaly.cohort].into_iter().chain(named) {
        hide_origins(cohort);
    }
    for change in &mut anomaly.routes {
        change.text = format!("route {} was changed", change.route);
    }
    for suspect in &mut anomaly.rules {
        suspect.switched = None;
    }
    for response in &mut anomaly.responses {
        response.text = what_was_done(response);
        response.actor.clear();
    }
    let history = std::mem::take(&mut anomaly.history);
    anomaly.history = history.into_iter().filter_map(own_entry).collect();
    anomaly.handling = Handling::default();
    facts
        .marks
        .retain(|mark| matches!(mark.kind, MarkKind::Upstream | MarkKind::UpstreamWindow));
    facts
}

/// `served_by` says at which host an origin is.
fn hide_origins(cohort: &mut Cohort) {
    let literals = cohort.0.iter_mut();
    for literal in literals.filter(|literal| literal.attribute == "served_by") {
        for value in &mut literal.values {
            if let Some(party) = ["origin", "detour"].into_iter().find(|party| {
                value
                    .strip_prefix(party)
                    .is_some_and(|rest| rest.starts_with(':'))
            }) {
                *value = party.to_owned();
            }
        }
        literal.values.dedup();
    }
}

/// From what is known of it: its text has names, and where routes lead.
fn what_was_done(response: &Response) -> String {
    let rules = response.rules.join(", ");
    match (response.rules.is_empty(), response.enforces) {
        (true, _) => "the configuration of a route was changed".to_owned(),
        (false, true) => format!("{rules}: enforced"),
        (false, false) => format!("{rules}: taken back"),
    }
}

/// What the Detector saw; its texts repeat a sentence that has names.
fn own_entry(entry: HistoryEntry) -> Option<HistoryEntry> {
    let is_own = matches!(
        entry.moment,
        Moment::Opened | Moment::Grew | Moment::Renamed | Moment::Closed | Moment::Reopened
    );
    is_own.then(|| HistoryEntry {
        text: String::new(),
        by: None,
        ..entry
    })
}

/// Puts a word in the place of each address: of a flood's target, of whatever a client calls itself.
pub(super) fn without_addresses(text: &mut String) {
    let is_part = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':');
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(begin) = rest.find(is_part) {
        let (before, from) = rest.split_at(begin);
        let end = from.find(|letter| !is_part(letter)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        let bounded = !ends_in_word(&out) && !after.starts_with(|letter: char| letter.is_alphanumeric());
        match address_in(word).filter(|_| bounded) {
            Some(length) => {
                out.push_str(ADDRESS);
                out.push_str(word.get(length..).unwrap_or_default());
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    *text = out;
}

/// Whether what follows is part of a word, or the version of a product (`Docker/1.2.3.4`).
fn ends_in_word(text: &str) -> bool {
    let is_version = text.ends_with('/') && !text.ends_with("//");
    is_version || text.ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
}

/// How many bytes at the start of a word are an address; what may follow is a port, or the end of a sentence.
fn address_in(word: &str) -> Option<usize> {
    let ends = [word.len(), word.trim_end_matches(['.', ':']).len()];
    let port = word.split_once(':').map(|(address, _)| address.len());
    let is_address = |end: &usize| {
        let address = word.get(..*end).and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some_and(|address| !address.is_unspecified() || *end > 2)
    };
    ends.into_iter().chain(port).find(is_address)
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let mut text = text.to_owned();
        without_addresses(&mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn an_address_is_not_told_in_any_spelling() {
        case(
            "SYN floods at 192.0.2.1:443, 12000 packets/s",
            "SYN floods at [address]:443, 12000 packets/s",
        );
        case(
            "at 192.0.2.0/24 and 2001:db8::/32.",
            "at [address]/24 and [address]/32.",
        );
        case("at [2001:db8::1]:443", "at [[address]]:443");
        case("from 192.0.2.1.", "from [address].");
        case(
            "http://192.0.2.1/v2/ and ::ffff:192.0.2.1",
            "http://[address]/v2/ and [address]",
        );
        case("(192.0.2.1) '198.51.100.7'", "([address]) '[address]'");
    }

    #[test]
    fn times_versions_and_digests_stay() {
        for text in [
            "opened 2020-07-05T19:00:52.000Z, at 20:40:52",
            "containerd/2.1.3 and Docker/1.2.3.4 on 5.4.0-42",
            "sha256:e3b0c44298fc1c14: std::fmt, 0.4 %",
            "99.9 % :: 12 ... abc",
        ] {
            case(text, text);
        }
    }
}
