//! The one sentence that an operator reads first.
//!
//! Who, what and since when; which rule correlates (an association, not proof); how many clients are affected.

use super::anomaly::{Anomaly, MAX_RISK_RATIO};
use super::kind::AnomalyKind;
use super::rules::{Contrast, RouteChange, Suspect};
use super::upstream::OpenWindow;
use blobwatch_pull::Origin;
use blobwatch_wire::{grouped, percent, rfc3339};

pub(super) fn of(anomaly: &Anomaly) -> String {
    let mut parts = vec![format!(
        "{}: {} since {}",
        anomaly.who(),
        what(anomaly),
        clock(anomaly.onset_ms)
    )];
    parts.extend(anomaly.rules.first().map(|suspect| rule(anomaly.kind(), suspect)));
    // A rule that was switched says more: it touches these requests and not others.
    let is_switched = anomaly
        .rules
        .first()
        .is_some_and(|rule| rule.switched_ms.is_some());
    parts.extend(anomaly.routes.first().filter(|_| !is_switched).map(route));
    parts.extend(
        anomaly
            .windows
            .first()
            .filter(|_| !is_switched)
            .map(OpenWindow::sentence),
    );
    parts.extend(who(anomaly));
    parts.join("; ")
}

fn what(anomaly: &Anomaly) -> String {
    let kind = anomaly.kind();
    if kind == AnomalyKind::RuleHarm && !anomaly.is_spoilt() {
        return "healthy clients denied".to_owned();
    }
    if kind == AnomalyKind::TrafficCliff {
        let left = 100.0 * anomaly.risk_ratio();
        return format!("requests fell to {left:.0} % of normal");
    }
    let mut words = format!("{}{} {}", anomaly.noun(), anomaly.detail, rise(anomaly));
    let others: Vec<&str> = anomaly.kinds.iter().skip(1).map(|kind| kind.noun()).collect();
    match others.split_last() {
        None => {}
        Some((last, [])) => words.push_str(&format!(", with {last}")),
        Some((last, rest)) => words.push_str(&format!(", with {} and {last}", rest.join(", "))),
    }
    words
}

/// Below it a baseline is as good as none, and how many times more it is says nothing.
const NONE: f64 = 0.000_1;

/// What is healthy may differ by this much at any volume: a ratio to less would frighten.
const HARDLY_ANY: f64 = 0.0005;

/// "38x"; "from none to 12 %" where hardly anything was expected.
fn rise(anomaly: &Anomaly) -> String {
    let (before, now) = (anomaly.baseline, anomaly.observed);
    if before < NONE {
        format!("from none to {}", rate(now))
    } else if before < HARDLY_ANY {
        format!("from {} to {}", rate(before), rate(now))
    } else {
        times(anomaly.risk_ratio())
    }
}

/// "38x", "2.4x".
pub(crate) fn times(ratio: f64) -> String {
    if ratio >= MAX_RISK_RATIO {
        "over 1,000x".to_owned()
    } else if ratio >= 10.0 {
        format!("{ratio:.0}x")
    } else {
        format!("{ratio:.1}x")
    }
}

/// A share of trials; "none" below what anybody would act on.
pub(crate) fn rate(rate: f64) -> String {
    if rate < NONE {
        "none".to_owned()
    } else {
        percent(rate)
    }
}

fn rule(kind: AnomalyKind, suspect: &Suspect) -> String {
    if kind == AnomalyKind::RuleHarm {
        return format!("caused by {}, which the guard put back to monitor", suspect.rule);
    }
    let lift = grouped(suspect.lift.round() as u64);
    let name = &called(&suspect.rule);
    let mut words = match suspect.contrast {
        Contrast::Inside | Contrast::Harmless | Contrast::HeldOut => {
            format!("{lift}x more likely when {name} fires")
        }
        Contrast::Outside => {
            format!(
                "{name} fires on the whole cohort: {lift}x more likely than for similar clients outside it"
            )
        }
        Contrast::Reach => {
            format!("{name} acts on them {lift}x as often as on others")
        }
        Contrast::Before => format!("{name} fires on the whole cohort: {lift}x more likely than before"),
    };
    if let Some(switched) = suspect.switched_ms {
        words.push_str(&format!(", switched at {}", clock(switched)));
        let how = suspect.switched.as_deref();
        words.extend(how.map(|how| format!(" ({how})")));
    }
    words
}

/// A rule of another party is never mistaken for ours.
pub(crate) fn called(rule: &str) -> String {
    match Origin::of(rule) {
        Origin::Own => rule.to_owned(),
        Origin::Upstream => format!("{rule} (upstream)"),
    }
}

fn route(change: &RouteChange) -> String {
    format!("route {} was changed at {}", change.route, clock(change.time_ms))
}

fn who(anomaly: &Anomaly) -> Option<String> {
    let affected = anomaly.affected;
    if affected.clients == 0 {
        return None;
    }
    let about = if affected.exact { "" } else { "about " };
    let clients = grouped(affected.clients);
    Some(match affected.networks {
        0 => format!("{about}{clients} clients"),
        networks => format!("{about}{clients} clients in {} networks", grouped(networks)),
    })
}

/// "19:04", UTC as everything.
fn clock(time_ms: u64) -> String {
    rfc3339(time_ms).get(11..16).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broad::Affected;
    use crate::cohort::{Cohort, Literal};
    use crate::handling::Handling;
    use blobwatch_wire::parse_rfc3339;

    fn literal(attribute: &str, value: &str, not: bool, among: usize) -> Literal {
        Literal {
            attribute: attribute.to_owned(),
            values: vec![value.to_owned()],
            not,
            among,
        }
    }

    fn july() -> Anomaly {
        let at = |text| parse_rfc3339(text).unwrap();
        Anomaly {
            id: 12,
            kinds: vec![AnomalyKind::ResumeSurge],
            onset_ms: at("2020-07-05T19:04:10Z"),
            opened_ms: at("2020-07-05T19:05:00Z"),
            closed_ms: None,
            reopened: 0,
            cohort: Cohort(vec![
                literal("family", "docker", false, 1),
                literal("os", "amzn2", false, 1),
                literal("colo", "IAD", true, 6),
            ]),
            named: None,
            baseline: 0.004,
            observed: 0.152,
            affected: Affected {
                clients: 1204,
                networks: 212,
                exact: true,
            },
            rules: vec![Suspect {
                rule: "botnet-sig".to_owned(),
                lift: 210.2,
                share: 0.97,
                events: 900,
                contrast: Contrast::Inside,
                switched_ms: None,
                switched: None,
            }],
            routes: Vec::new(),
            windows: Vec::new(),
            evidence: vec![],
            history: vec![],
            detail: String::new(),
            responses: Vec::new(),
            handling: Handling::default(),
        }
    }

    const THIRTY_ONE: Affected = Affected {
        clients: 31,
        networks: 0,
        exact: true,
    };

    fn window(until_ms: Option<u64>) -> OpenWindow {
        OpenWindow {
            rule: "cloudflare:3b".to_owned(),
            from_ms: parse_rfc3339("2020-07-05T19:00:00Z").unwrap(),
            until_ms,
            text: "SYN floods at 192.0.2.1:443".to_owned(),
            while_open: Some(0.152),
            after: None,
        }
    }

    #[track_caller]
    fn case(change: impl FnOnce(&mut Anomaly), expected: &str) {
        let mut anomaly = july();
        change(&mut anomaly);
        assert_eq!(of(&anomaly), expected);
    }

    #[test]
    fn the_sentence_says_who_what_since_when_and_with_which_rule() {
        case(
            |_| {},
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; 210x more likely when botnet-sig fires; \
             1,204 clients in 212 networks",
        );
        case(
            |a| a.affected.exact = false,
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; 210x more likely when botnet-sig fires; \
             about 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.kinds.push(AnomalyKind::StallSurge);
                a.kinds.push(AnomalyKind::AbortSurge);
                a.rules.clear();
            },
            "docker on amzn2, 6 colos, not IAD: resumes 38x, with stalled resumes and aborted downloads since 19:04; \
             1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.rules[0].contrast = Contrast::Before;
                a.rules[0].switched_ms = parse_rfc3339("2020-07-05T19:00:00Z");
            },
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; botnet-sig fires on the whole cohort: 210x \
             more likely than before, switched at 19:00; 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::StartRefused];
                a.detail = " with 403".to_owned();
                (a.baseline, a.observed) = (0.0, 0.61);
                a.rules.clear();
            },
            "docker on amzn2, 6 colos, not IAD: blob starts refused with 403 from none to 61 % since 19:04; 1,204 \
             clients in 212 networks",
        );
        case(
            |a| {
                a.rules[0].switched_ms = parse_rfc3339("2020-07-05T19:00:00Z");
                a.rules[0].switched = Some("on hub: monitor to enforce, by olga".to_owned());
            },
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; 210x more likely when botnet-sig fires, \
             switched at 19:00 (on hub: monitor to enforce, by olga); 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::RangeRefused];
                a.cohort = Cohort(vec![literal("family", "podman", false, 1)]);
                a.baseline = 0.2;
                a.observed = 0.48;
                a.rules.clear();
            },
            "podman: refused ranges 2.4x since 19:04; 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::RangeRefused];
                a.cohort = Cohort::default();
                a.rules.clear();
                a.routes = vec![RouteChange {
                    route: "hub".to_owned(),
                    time_ms: a.onset_ms - 60_000,
                    text: "route hub: origin https://a.example to https://b.example, by olga".to_owned(),
                }];
            },
            "all clients: refused ranges 38x since 19:04; route hub was changed at 19:03; 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.rules.clear();
                a.windows = vec![window(None)];
            },
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; window cloudflare:3b (upstream) was open since \
             19:00 (SYN floods at 192.0.2.1:443); 1,204 clients in 212 networks",
        );
        case(
            |a| a.windows = vec![window(Some(a.onset_ms + 41_000_000))],
            "docker on amzn2, 6 colos, not IAD: resumes 38x since 19:04; 210x more likely when botnet-sig fires; window \
             cloudflare:3b (upstream) was open from 19:00 to 06:27 (SYN floods at 192.0.2.1:443); 1,204 clients in 212 \
             networks",
        );
        case(
            |a| {
                a.baseline = 0.0;
                a.rules.clear();
                a.cohort = Cohort::default();
            },
            "all clients: resumes from none to 15.2 % since 19:04; 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.baseline = 0.000_3;
                a.kinds.push(AnomalyKind::StallSurge);
                a.rules.clear();
            },
            "docker on amzn2, 6 colos, not IAD: resumes from 0.03 % to 15.2 %, with stalled resumes since 19:04; \
             1,204 clients in 212 networks",
        );
        case(
            |a| {
                (a.baseline, a.observed) = (0.000_6, 0.61);
                a.rules.clear();
            },
            "docker on amzn2, 6 colos, not IAD: resumes over 1,000x since 19:04; 1,204 clients in 212 networks",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::RuleHarm];
                a.rules[0].contrast = Contrast::Harmless;
                a.affected = THIRTY_ONE;
            },
            "docker on amzn2, 6 colos, not IAD: healthy clients denied since 19:04; caused by botnet-sig, which the \
             guard put back to monitor; 31 clients",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::RuleHarm];
                (a.baseline, a.observed) = (0.024, 0.17);
                a.rules[0].contrast = Contrast::HeldOut;
                a.affected = THIRTY_ONE;
            },
            "docker on amzn2, 6 colos, not IAD: failed first minutes 7.1x since 19:04; caused by botnet-sig, which \
             the guard put back to monitor; 31 clients",
        );
        case(
            |a| {
                a.kinds = vec![AnomalyKind::TrafficCliff];
                (a.baseline, a.observed) = (240.0, 7.0);
                a.rules.clear();
                a.affected = Affected::default();
            },
            "docker on amzn2, 6 colos, not IAD: requests fell to 3 % of normal since 19:04",
        );
    }
}
