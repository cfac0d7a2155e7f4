//! What was done to a request, and why, in words.

use super::RuleExplanation;
use blobwatch_pull::{Action, Fired, Mode, Origin, Record};
use blobwatch_rulebook::{Volume, VolumeKey};

/// Why a rule did what it did, or did not.
pub(super) fn of_rule(record: &Record, rule: &RuleExplanation) -> String {
    match (rule.fired, rule.matched, rule.mode.value) {
        (true, ..) => fired(record, rule),
        (false, _, Mode::Off) => "it is off on this route: its matches are dropped".to_owned(),
        (false, Some(false), _) => "its expression is false".to_owned(),
        (false, None, _) => {
            "its expression depends on fields that records do not keep; it is not in `fired`, so it was false or its \
             volume was not exceeded"
                .to_owned()
        }
        (false, Some(true), _) => match &rule.volume {
            Some(volume) => format!("it matched and did not fire: {}", below(record, volume)),
            None => "its expression is true for the recorded values, but it did not fire: the isolate decided on \
                     values other than those recorded"
                .to_owned(),
        },
    }
}

fn below(record: &Record, volume: &Volume) -> String {
    let (requests, seconds) = (volume.requests, volume.seconds);
    let by = match volume.by {
        VolumeKey::Fingerprint if record.fingerprint.is_empty() => return unsaid("a fingerprint"),
        VolumeKey::Asn if record.asn.is_none() => return unsaid("a network's number"),
        VolumeKey::Fingerprint => "this fingerprint",
        VolumeKey::Asn => "this network (AS)",
        VolumeKey::Client => "this client",
        VolumeKey::Network => "this network (/24 or /48)",
        VolumeKey::Route => "this route",
    };
    let colo = if record.colo.is_empty() {
        "its data centre"
    } else {
        record.colo.as_str()
    };
    format!(
        "it fires only while {by} has more than {requests} matches in {seconds} s in {colo}, and the isolate had not \
         been told that it had"
    )
}

fn unsaid(what: &str) -> String {
    format!("its volume is counted by {what}, and the request had none")
}

fn fired(record: &Record, rule: &RuleExplanation) -> String {
    let would = verb(rule.would);
    match rule.mode.value {
        Mode::Enforce if rule.applied != Action::None => {
            format!("it fired and {} the request", did(rule.applied))
        }
        Mode::Enforce => format!("it fired and did nothing: {}", idle(record, rule)),
        Mode::Monitor | Mode::Off => {
            format!("it fired in monitor; if enforced, it would {would} the request")
        }
    }
}

fn idle(record: &Record, rule: &RuleExplanation) -> String {
    let percent = rule.mode.percent.unwrap_or(100.0);
    if rule.mode.in_percent == Some(false) {
        return format!("it is enforced for {percent} % of the clients, and this client is not one of them");
    }
    if percent < 100.0 && record.degraded {
        return format!(
            "it is enforced for {percent} % of the clients, and the isolate's rulebook or client keys were not \
             confirmed: no client counts as inside a partial rollout then"
        );
    }
    let is_ours = |fired: &&Fired| Origin::of(&fired.rule) == Origin::Own && is_terminal(fired.applied);
    match record.fired.iter().find(is_ours) {
        Some(before) => format!("{} had already decided", before.rule),
        None => "the route has no detour origin".to_owned(),
    }
}

fn is_terminal(action: Action) -> bool {
    matches!(action, Action::Block | Action::Throttle | Action::Detour)
}

/// What was done to the request as a whole, by us and by others.
pub(super) fn of_record(record: &Record) -> String {
    let others = of_others(record);
    let ours = if record.seen {
        ours(record)
    } else {
        "Blobwatch did not see the request: another party told of it".to_owned()
    };
    [ours].into_iter().chain(others).collect::<Vec<_>>().join("; ")
}

/// What rules of other parties did, as they tell.
fn of_others(record: &Record) -> impl Iterator<Item = String> {
    let fired = record
        .fired
        .iter()
        .filter(|fired| Origin::of(&fired.rule) == Origin::Upstream);
    fired.map(|fired| match fired.applied {
        Action::None => format!("{} (upstream) logged it and let it pass", fired.rule),
        _ => format!("{} (upstream) blocked, challenged or dropped it", fired.rule),
    })
}

fn ours(record: &Record) -> String {
    let own = || {
        record
            .fired
            .iter()
            .filter(|fired| Origin::of(&fired.rule) == Origin::Own)
    };
    let decided = own().find(|fired| is_terminal(fired.applied));
    let fired = match own().count() {
        0 => return "no rule fired: the request was forwarded unchanged".to_owned(),
        1 => "one rule fired".to_owned(),
        some => format!("{some} rules fired"),
    };
    match decided {
        Some(rule) => format!(
            "{fired}; {} version {} {} the request",
            rule.rule,
            rule.version,
            did(rule.applied)
        ),
        None if record.verdict == Action::Tag => format!("{fired}; the request was tagged and forwarded"),
        None => format!("{fired}; none was applied, and the request was forwarded unchanged"),
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Block => "block",
        Action::Throttle => "throttle",
        Action::Detour => "detour",
        Action::Tag => "tag",
        Action::None => "do nothing to",
    }
}

fn did(action: Action) -> &'static str {
    match action {
        Action::Block => "blocked",
        Action::Throttle => "throttled",
        Action::Detour => "detoured",
        Action::Tag => "tagged",
        Action::None => "did nothing to",
    }
}
