//! The sentence about what dropped packets share.

use blobwatch_upstream::PacketOutcome;
use blobwatch_wire::{grouped, percent, visible};

use super::finding::PacketFinding;
use crate::cohort::{Cohort, Literal};
use crate::sentence::called;

/// Places and values that are listed one by one.
const MAX_LISTED: usize = 5;

pub(super) fn sentence(finding: &PacketFinding) -> String {
    let rule = called(&finding.rule);
    let (verb, participle) = match finding.outcome {
        PacketOutcome::Logged => ("would drop", "would have dropped"),
        _ => ("drops", "dropped"),
    };
    let place = place(finding);
    let text = match &finding.cohort {
        Some(cohort) => format!(
            "{} of what {rule} {verb}{place} has {}; {} of what passes there",
            percent(finding.share),
            shared(cohort),
            percent(finding.rest)
        ),
        None => format!(
            "{rule} {participle} about {} packets{place}, and {}",
            grouped(finding.packets),
            if finding.passed == 0 {
                "no packet was sampled that passed there"
            } else {
                "nothing that was sampled sets them apart from what passes there"
            }
        ),
    };
    visible(&text).into_owned()
}

/// " at FRA, GRU", " of 192.0.2.1:443 at 12 colos".
fn place(finding: &PacketFinding) -> String {
    let listed = |before: &str, values: &[String], noun: &str| match values.len() {
        0 => String::new(),
        1..=MAX_LISTED => format!(" {before} {}", values.join(", ")),
        many => format!(" {before} {many} {noun}"),
    };
    listed("to", &finding.destinations, "destinations") + &listed("at", &finding.colos, "colos")
}

/// "TTL 255, window 26,883 and no MSS".
fn shared(cohort: &Cohort) -> String {
    let parts: Vec<String> = cohort.0.iter().map(literal).collect();
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

fn literal(literal: &Literal) -> String {
    let name = name(&literal.attribute);
    match literal.values.as_slice() {
        [one] if one.is_empty() && literal.not => format!("a {name}"),
        [one] if one.is_empty() => format!("no {name}"),
        values if values.len() > MAX_LISTED => {
            let other = if literal.not { "none" } else { "one" };
            format!("{other} of {} values of {name}", values.len())
        }
        values => {
            let values: Vec<String> = values
                .iter()
                .map(|value| figure(&literal.attribute, value))
                .collect();
            let other = if literal.not { "other than " } else { "" };
            format!("{name} {other}{}", values.join(" or "))
        }
    }
}

fn name(attribute: &str) -> &str {
    match attribute {
        "asn" => "AS",
        "ttl" => "TTL",
        "mss" => "MSS",
        "window_scale" => "window scale",
        "options" => "TCP options",
        "flags" => "TCP flags",
        "source_port" => "source port",
        other => other,
    }
}

/// Sizes have thousands; numbers that are names have none.
fn figure(attribute: &str, value: &str) -> String {
    let is_size = matches!(attribute, "window" | "mss" | "length");
    match value.parse() {
        Ok(number) if is_size => grouped(number),
        _ if value.is_empty() => "none".to_owned(),
        _ => value.to_owned(),
    }
}
