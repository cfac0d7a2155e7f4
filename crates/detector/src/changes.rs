//! Changes of the rulebook, as marks of a timeline and as switches that an onset is held against.

mod words;

use std::collections::BTreeSet;

use crate::store::{Mark, MarkKind};
use crate::{Intervention, Switch};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{AnomalyBreadth, Cause, ChangeNotice, ModeValue, PartChange, RouteValue};
use blobwatch_wire::rfc3339;
use words::{list_words, part_words, words};

/// Parts of one change that are told in words.
const MAX_WORDS: usize = 3;

/// One for each change, and one for each route that a push changed.
pub(crate) fn marks_of(notice: &ChangeNotice) -> Vec<Mark> {
    let whole = (is_whole(notice)).then(|| {
        mark(
            notice,
            mark_kind(notice.cause),
            &notice.target,
            words(notice, &notice.target),
        )
    });
    whole
        .into_iter()
        .chain(notice.parts.iter().filter_map(|part| part_mark(notice, part)))
        .collect()
}

/// What an onset is held against. `panic-off` is none: it takes back what others switched.
pub(crate) fn switches_of(notice: &ChangeNotice) -> Vec<Switch> {
    let parts = notice
        .parts
        .iter()
        .filter(|part| notice.cause != Cause::PanicOff && may_act(part));
    parts.flat_map(|part| switches(notice, part)).collect()
}

/// What may alter a fault, or end it. A `panic-off` is one act.
pub(crate) fn interventions_of(notice: &ChangeNotice) -> Vec<Intervention> {
    if notice.cause == Cause::PanicOff {
        return vec![panic_off(notice)];
    }
    let parts = notice.parts.iter().filter(|part| may_act(part));
    parts.filter_map(|part| intervention(notice, part)).collect()
}

/// How broad a fault of a route must be from then on; `None`: as the settings say.
pub(crate) fn route_breadths_of(
    notice: &ChangeNotice,
) -> impl Iterator<Item = (&str, Option<AnomalyBreadth>)> {
    notice.parts.iter().filter_map(|part| match part {
        PartChange::Route { route, after, .. } => {
            let breadth = after.as_ref().and_then(|after| after.anomaly_breadth);
            Some((route.as_str(), breadth))
        }
        _ => None,
    })
}

/// How broad a fault must be from then on.
pub(crate) fn breadth_of(notice: &ChangeNotice) -> Option<AnomalyBreadth> {
    notice.parts.iter().find_map(|part| match part {
        PartChange::Settings { after, .. } => Some(after.unwrap_or_default().anomaly_breadth),
        _ => None,
    })
}

/// What a change altered for clients, in words; `None` where it altered nothing.
pub(crate) fn change_words(notice: &ChangeNotice) -> Option<String> {
    if notice.cause == Cause::PanicOff {
        return Some(panic_off(notice).text);
    }
    if notice.cause == Cause::Proposal {
        return notice.parts.iter().find_map(|part| part_words(notice, part));
    }
    let parts = notice.parts.iter().filter(|part| may_act(part));
    let all: Vec<String> = parts.filter_map(|part| part_words(notice, part)).collect();
    let more = all.len().saturating_sub(MAX_WORDS);
    let mut words = all.into_iter().take(MAX_WORDS).collect::<Vec<_>>().join("; ");
    if more > 0 {
        words.push_str(&format!("; and {more} more"));
    }
    (!words.is_empty()).then_some(words)
}

/// The routes that a change is on; empty where it may be on every one.
pub(crate) fn routes_of(notice: &ChangeNotice) -> Vec<String> {
    let places = notice.parts.iter().filter_map(place_of);
    let routes: Option<BTreeSet<String>> = places.map(|(_, route)| route.cloned()).collect();
    routes.unwrap_or_default().into_iter().collect()
}

fn panic_off(notice: &ChangeNotice) -> Intervention {
    let taken_back = notice.parts.iter().filter_map(|part| match part {
        PartChange::Mode { rule, route, .. } => Some((rule.clone(), route.clone())),
        _ => None,
    });
    let (mut rules, mut routes): (Vec<String>, Vec<String>) = taken_back.unzip();
    for names in [&mut rules, &mut routes] {
        names.sort();
        names.dedup();
    }
    Intervention {
        time_ms: notice.time_ms,
        actor: notice.actor.clone(),
        text: format!("panic-off: {} to monitor, by {}", rules.join(", "), notice.actor),
        rules,
        routes,
        enforces: false,
        is_version: false,
        rewatches: false,
    }
}

fn intervention(notice: &ChangeNotice, part: &PartChange) -> Option<Intervention> {
    let (rule, route) = place_of(part)?;
    Some(Intervention {
        time_ms: notice.time_ms,
        actor: notice.actor.clone(),
        text: part_words(notice, part)?,
        rules: match part {
            PartChange::List { rules, .. } => rules.clone(),
            _ => rule.into_iter().cloned().collect(),
        },
        routes: route.into_iter().cloned().collect(),
        enforces: match part {
            PartChange::Mode {
                after, default_mode, ..
            } => enforces(mode_of(after, default_mode)),
            PartChange::Rule { after, .. } => after.is_some(),
            PartChange::List { .. } => true,
            _ => false,
        },
        is_version: matches!(part, PartChange::Rule { .. } | PartChange::List { .. }),
        rewatches: rewatches(part),
    })
}

/// The rule and the route that a change is of; a list's is of every route. `None` where it is of neither.
fn place_of(part: &PartChange) -> Option<(Option<&String>, Option<&String>)> {
    match part {
        PartChange::Mode { rule, route, .. } | PartChange::Proposal { rule, route, .. } => {
            Some((Some(rule), Some(route)))
        }
        PartChange::Rule { rule, .. } => Some((Some(rule), None)),
        PartChange::Route { route, .. } => Some((None, Some(route))),
        PartChange::List { .. } => Some((None, None)),
        PartChange::Settings { .. } | PartChange::Unknown => None,
    }
}

/// The mode on one side of a change; `None` where it is not known.
fn mode_of(side: &Option<ModeValue>, default_mode: &Option<Mode>) -> Option<Mode> {
    side.map(|value| value.mode).or(*default_mode)
}

/// Whether rules may act in a mode: in one that is not known they may.
fn enforces(mode: Option<Mode>) -> bool {
    mode.is_none_or(|mode| mode == Mode::Enforce)
}

/// Whether a route takes other requests for blobs of its than before.
fn rewatches(part: &PartChange) -> bool {
    let PartChange::Route { before, after, .. } = part else {
        return false;
    };
    before.as_ref().map(RouteValue::watched) != after.as_ref().map(RouteValue::watched)
}

/// Whether a change has a mark of its own beside those of its parts: a push or a `panic-off` is one act.
fn is_whole(notice: &ChangeNotice) -> bool {
    matches!(notice.cause, Cause::Push | Cause::PanicOff | Cause::Unknown)
}

const fn mark_kind(cause: Cause) -> MarkKind {
    match cause {
        Cause::Stage | Cause::Expiry => MarkKind::Stage,
        Cause::Guard => MarkKind::Guard,
        Cause::Proposal => MarkKind::Note,
        Cause::Operator | Cause::PanicOff | Cause::Push | Cause::Unknown => MarkKind::RuleChange,
    }
}

fn part_mark(notice: &ChangeNotice, part: &PartChange) -> Option<Mark> {
    match part {
        PartChange::Route { route, .. } => {
            let id = format!("routes/{route}");
            Some(mark(
                notice,
                MarkKind::RouteChange,
                &id,
                part_words(notice, part)?,
            ))
        }
        PartChange::Settings { .. } => Some(mark(
            notice,
            MarkKind::Note,
            "settings",
            part_words(notice, part)?,
        )),
        _ if is_whole(notice) => None,
        _ => Some(mark(
            notice,
            mark_kind(notice.cause),
            &notice.target,
            part_words(notice, part)?,
        )),
    }
}

fn mark(notice: &ChangeNotice, kind: MarkKind, id: &str, text: String) -> Mark {
    Mark {
        time: rfc3339(notice.time_ms),
        kind,
        id: id.to_owned(),
        text,
    }
}

/// Of a list, one of each rule that names it.
fn switches(notice: &ChangeNotice, part: &PartChange) -> Vec<Switch> {
    let switch = |rule: Option<&String>, route: Option<&String>, text: String| Switch {
        rule: rule.cloned(),
        route: route.cloned(),
        time_ms: notice.time_ms,
        text,
    };
    if let PartChange::List { rules, .. } = part {
        let of_rule = |rule| {
            Some(switch(
                Some(rule),
                None,
                list_words(notice, part, std::slice::from_ref(rule))?,
            ))
        };
        return rules.iter().filter_map(of_rule).collect();
    }
    let of_place = |(rule, route)| Some(switch(rule, route, part_words(notice, part)?));
    place_of(part).and_then(of_place).into_iter().collect()
}

/// Whether the change may have altered what a client gets: a rule that only watches does not, whether it is new, says
/// something else or goes, nor does one that goes from off to monitor. Where a side of a mode is missing the rule's default held.
fn may_act(part: &PartChange) -> bool {
    match part {
        PartChange::Mode {
            before,
            after,
            default_mode,
            ..
        } => enforces(mode_of(before, default_mode)) || enforces(mode_of(after, default_mode)),
        PartChange::Rule {
            before: None,
            after: None,
            ..
        } => true,
        PartChange::Rule { before, after, .. } => {
            // What is new has no settings before, so its default says it.
            let is_new = before.is_none();
            let sides = [before, after].into_iter().flatten();
            sides
                .into_iter()
                .any(|side| side.enforced.unwrap_or(!is_new || enforces(side.default_mode)))
        }
        PartChange::Route {
            before: Some(before),
            after: Some(after),
            ..
        } if before.anomaly_breadth != after.anomaly_breadth => before.acts() != after.acts(),
        PartChange::Route { .. } | PartChange::List { .. } => true,
        PartChange::Settings { .. } | PartChange::Proposal { .. } | PartChange::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A change by `olga` at 19:00, with its parts as they are told.
    fn notice(cause: &str, action: &str, target: &str, parts: &Value) -> ChangeNotice {
        let actor = match cause {
            "stage" | "expiry" => "schedule",
            "guard" => "guard",
            "push" => "git",
            _ => "olga",
        };
        let notice = json!({"id": "5-7", "revision": 7, "time_ms": 1_593_975_600_000_u64, "actor": actor, "cause": cause,
                            "action": action, "target": target, "parts": parts});
        serde_json::from_value(notice).unwrap()
    }

    fn rule(before: Value, after: Value) -> Value {
        json!({"part": "rule", "rule": "sweep", "before": before, "after": after})
    }

    fn mode(before: Value, after: Value, default: Option<&str>) -> Value {
        json!({"part": "mode", "rule": "sweep", "route": "hub", "before": before, "after": after, "default_mode": default})
    }

    fn route(before: Value, after: Value) -> Value {
        json!({"part": "route", "route": "hub", "before": before, "after": after})
    }

    fn said(switches: Vec<Switch>) -> Vec<(Option<String>, Option<String>, String)> {
        let said = |switch: Switch| (switch.rule, switch.route, switch.text);
        switches.into_iter().map(said).collect()
    }

    #[test]
    fn what_changes_nothing_for_clients_is_no_switch() {
        let case = |part: Value, expected: usize| {
            let notice = notice("operator", "any", "any", &json!([part]));
            assert_eq!(switches_of(&notice).len(), expected, "{notice:?}");
        };
        let version = |mode: &str| json!({"version": 1, "default_mode": mode});
        case(rule(Value::Null, version("monitor")), 0);
        case(rule(Value::Null, version("enforce")), 1);
        case(rule(version("monitor"), version("monitor")), 1);
        case(rule(version("monitor"), Value::Null), 1);
        let known = |enforced: bool| json!({"version": 1, "default_mode": "monitor", "enforced": enforced});
        case(rule(known(false), known(false)), 0);
        case(rule(known(false), Value::Null), 0);
        case(rule(Value::Null, known(false)), 0);
        case(rule(known(false), known(true)), 1);
        case(rule(known(true), known(true)), 1);
        case(rule(known(true), Value::Null), 1);
        case(rule(Value::Null, Value::Null), 1);
        let set = |mode: &str| json!({"mode": mode});
        case(mode(set("off"), set("monitor"), None), 0);
        case(mode(set("monitor"), set("enforce"), None), 1);
        case(mode(set("enforce"), set("off"), None), 1);
        case(mode(Value::Null, set("monitor"), None), 1);
        case(mode(Value::Null, set("monitor"), Some("monitor")), 0);
        case(mode(Value::Null, set("monitor"), Some("enforce")), 1);
        case(json!({"part": "tide", "list": "of a newer build"}), 0);
    }

    #[test]
    fn a_list_is_a_switch_of_each_rule_that_names_it() {
        let list = |added: u64, removed: u64, rules: &[&str]| json!([{"part": "list", "list": "aws", "rules": rules, "added": added, "removed": removed}]);
        let of = |parts: &Value| notice("operator", "list.put", "lists/aws", parts);
        let both = of(&list(12, 0, &["botnet-sig", "sweep"]));
        let expected = ["botnet-sig", "sweep"].map(|rule| {
            (
                Some(rule.to_owned()),
                None,
                format!("list aws of {rule}: 12 items added, by olga"),
            )
        });
        assert_eq!(said(switches_of(&both)), expected);
        let [done] = interventions_of(&both).try_into().unwrap();
        assert_eq!(done.rules, ["botnet-sig", "sweep"]);
        assert!(done.enforces && done.is_version && routes_of(&both).is_empty());
        let text = |added, removed| {
            let marks = marks_of(&of(&list(added, removed, &["sweep"])));
            let [mark] = marks.try_into().unwrap();
            assert_eq!((mark.kind, mark.id.as_str()), (MarkKind::RuleChange, "lists/aws"));
            mark.text
        };
        assert_eq!(text(1, 0), "list aws of sweep: 1 item added, by olga");
        assert_eq!(text(0, 3), "list aws of sweep: 3 items removed, by olga");
        assert_eq!(text(2, 1), "list aws of sweep: 2 items added, 1 removed, by olga");
        let pushed = notice("push", "rulebook.put", "rulebook", &list(2, 0, &["sweep"]));
        assert_eq!(marks_of(&pushed).len(), 1, "the push is one act");
        assert_eq!(switches_of(&pushed).len(), 1);
    }

    #[test]
    fn a_push_is_a_switch_of_each_part_that_it_changed() {
        let push = |parts: &Value| said(switches_of(&notice("push", "rulebook.put", "rulebook", parts)));
        let some = |text: &str| Some(text.to_owned());
        let kept = push(&json!([
            route(
                json!({"origin": "https://a.example"}),
                json!({"origin": "https://b.example"})
            ),
            mode(json!({"mode": "monitor"}), json!({"mode": "enforce"}), None),
            mode(json!({"mode": "off"}), json!({"mode": "monitor"}), None),
        ]));
        let expected = [
            (
                None,
                some("hub"),
                "route hub: origin https://a.example to https://b.example, by git".to_owned(),
            ),
            (
                some("sweep"),
                some("hub"),
                "sweep on hub: monitor to enforce, by git".to_owned(),
            ),
        ];
        assert_eq!(kept, expected);
        let unknown = push(&json!([
            route(Value::Null, Value::Null),
            mode(Value::Null, Value::Null, None)
        ]));
        let named: Vec<_> = unknown
            .into_iter()
            .map(|(rule, route, _)| (rule, route))
            .collect();
        assert_eq!(named, [(None, some("hub")), (some("sweep"), some("hub"))]);
        let taken_back = json!([mode(json!({"mode": "enforce"}), json!({"mode": "monitor"}), None)]);
        let panic = notice("panic_off", "panic-off", "routes/hub/modes", &taken_back);
        assert_eq!(switches_of(&panic), []);
    }

    #[test]
    fn a_push_is_a_mark_and_so_is_each_route_that_it_changed() {
        let push = notice(
            "push",
            "rulebook.put",
            "rulebook",
            &json!([
                mode(json!({"mode": "monitor"}), json!({"mode": "enforce"}), None),
                route(
                    json!({"origin": "https://a.example"}),
                    json!({"origin": "https://b.example"})
                ),
            ]),
        );
        let marks = marks_of(&push);
        let said: Vec<_> = marks
            .iter()
            .map(|mark| (mark.kind, mark.id.as_str(), mark.text.as_str()))
            .collect();
        let expected = [
            (MarkKind::RuleChange, "rulebook", "rulebook: rulebook.put, by git"),
            (
                MarkKind::RouteChange,
                "routes/hub",
                "route hub: origin https://a.example to https://b.example, by git",
            ),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_change_of_mode_or_origin_is_a_mark_and_a_switch() {
        let case = |notice: ChangeNotice, kind: MarkKind, text: &str| {
            let marks = marks_of(&notice);
            let said: Vec<_> = marks
                .iter()
                .map(|mark| (mark.kind, mark.id.as_str(), mark.text.as_str()))
                .collect();
            assert_eq!(said, [(kind, notice.target.as_str(), text)]);
            assert_eq!(marks[0].time, "2020-07-05T19:00:00.000Z");
            let [switch] = switches_of(&notice).try_into().unwrap();
            assert_eq!((switch.text.as_str(), switch.time_ms), (text, notice.time_ms));
            (switch.rule, switch.route)
        };
        let of_mode = |cause, action, before, after| {
            notice(
                cause,
                action,
                "rules/sweep/modes/hub",
                &json!([mode(before, after, Some("monitor"))]),
            )
        };
        let (rule_name, route_name) = (Some("sweep".to_owned()), Some("hub".to_owned()));
        let ten = || json!({"mode": "enforce", "percent": 10.0});
        let put = of_mode("operator", "mode.put", Value::Null, ten());
        let concerned = case(
            put,
            MarkKind::RuleChange,
            "sweep on hub: set to enforce 10 %, by olga",
        );
        assert_eq!(concerned, (rule_name.clone(), route_name.clone()));
        let stage = of_mode("stage", "mode.stage", ten(), json!({"mode": "enforce"}));
        case(
            stage,
            MarkKind::Stage,
            "sweep on hub: enforce 10 % to enforce, by schedule",
        );
        let expiry = of_mode("expiry", "mode.expire", ten(), Value::Null);
        case(
            expiry,
            MarkKind::Stage,
            "sweep on hub: enforce 10 % to the rule's default, by schedule",
        );
        let guard = of_mode("guard", "mode.demote", ten(), json!({"mode": "monitor"}));
        case(
            guard,
            MarkKind::Guard,
            "sweep on hub: enforce 10 % to monitor, by guard",
        );
        let same = of_mode("operator", "mode.put", ten(), ten());
        case(same, MarkKind::RuleChange, "sweep on hub: mode.put, by olga");
        let written = notice(
            "operator",
            "rule.put",
            "rules/sweep",
            &json!([rule(Value::Null, json!({}))]),
        );
        let concerned = case(written, MarkKind::RuleChange, "sweep: rule.put, by olga");
        assert_eq!(concerned, (rule_name, None));
        let (a, b) = (
            json!({"origin": "https://a.example"}),
            json!({"origin": "https://b.example"}),
        );
        let moved = notice("operator", "route.put", "routes/hub", &json!([route(a, b)]));
        let text = "route hub: origin https://a.example to https://b.example, by olga";
        assert_eq!(case(moved, MarkKind::RouteChange, text), (None, route_name));
    }

    #[test]
    fn a_panic_off_is_one_mark() {
        let taken_back = json!([mode(json!({"mode": "enforce"}), json!({"mode": "monitor"}), None)]);
        let marks = marks_of(&notice("panic_off", "panic-off", "routes/hub/modes", &taken_back));
        assert_eq!(marks.len(), 1);
        assert_eq!(
            (marks[0].kind, marks[0].id.as_str(), marks[0].text.as_str()),
            (
                MarkKind::RuleChange,
                "routes/hub/modes",
                "routes/hub/modes: panic-off, by olga"
            )
        );
    }
}
