//! What the audit log says of rules and routes, as marks and as switches that an onset is held against.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Switch;
use crate::store::{Mark, MarkKind};
use blobwatch_wire::parse_rfc3339;

/// The action of a push of the whole rulebook.
const PUSH: &str = "rulebook.put";

/// Marks of an audit list (`GET audit`), as it answers: one for each change, and one for each route that a push changed.
#[must_use]
pub fn marks_of(audit: &Value) -> Vec<Mark> {
    let pushes = items(audit).filter(|item| is_push(item));
    let parts = pushes.flat_map(parts);
    let routes = parts.filter(|part| changed_route(part).is_some());
    items(audit)
        .filter_map(mark)
        .chain(routes.filter_map(|part| mark(&part)))
        .collect()
}

/// Switches of an audit list.
#[must_use]
pub fn switches_of(audit: &Value) -> Vec<Switch> {
    let changes: Vec<Value> = items(audit).flat_map(parts).collect();
    let mut by_target = ByTarget::new();
    for item in &changes {
        by_target.entry(text(item, "target")).or_default().push(item);
    }
    changes
        .iter()
        .filter_map(|item| switch(item, &by_target))
        .collect()
}

/// Changes of an audit list, in its order.
type ByTarget<'a> = BTreeMap<&'a str, Vec<&'a Value>>;

fn items(audit: &Value) -> impl Iterator<Item = &Value> {
    audit.get("items").and_then(Value::as_array).into_iter().flatten()
}

fn is_push(item: &Value) -> bool {
    text(item, "action") == PUSH
}

/// A push of the whole rulebook as a change of each part that it changed; any other change as it is. A push too large to be
/// kept has the names of its parts alone.
fn parts(item: &Value) -> Vec<Value> {
    if !is_push(item) {
        return vec![item.clone()];
    }
    let side = |of: &str| item.get(of).unwrap_or(&Value::Null);
    let (before, after) = (side("before"), side("after"));
    let keys = [before, after].into_iter().filter_map(Value::as_object);
    let named = after.as_array().into_iter().flatten().filter_map(Value::as_str);
    let targets: BTreeSet<&str> = keys
        .flat_map(|side| side.keys().map(String::as_str))
        .chain(named)
        .collect();
    let part = |target: &str| {
        json!({"time": item.get("time"), "actor": item.get("actor"), "action": PUSH, "target": target,
               "before": before.get(target), "after": after.get(target)})
    };
    targets.into_iter().map(part).collect()
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Of rules, modes and everything at once, and of routes where clients get something else; settings are no change of
/// either.
fn mark(item: &Value) -> Option<Mark> {
    let action = text(item, "action");
    let is_of_rules = ["rule.", "mode.", "panic-off", "rulebook."]
        .iter()
        .any(|of| action.starts_with(of));
    let route = changed_route(item);
    let kind = match text(item, "actor") {
        _ if route.is_some() => MarkKind::RouteChange,
        "schedule" => MarkKind::Stage,
        "guard" => MarkKind::Guard,
        _ => MarkKind::RuleChange,
    };
    (is_of_rules || route.is_some()).then(|| Mark {
        time: text(item, "time").to_owned(),
        kind,
        id: text(item, "target").to_owned(),
        text: route.unwrap_or_else(|| words(item)),
    })
}

fn switch(item: &Value, changes: &ByTarget<'_>) -> Option<Switch> {
    if let Some(text_of_route) = changed_route(item) {
        return Some(Switch {
            rule: None,
            route: text(item, "target").strip_prefix("routes/").map(str::to_owned),
            time_ms: parse_rfc3339(text(item, "time"))?,
            text: text_of_route,
        });
    }
    let mut target = text(item, "target").split('/');
    let (of, rule, below, route) = (target.next()?, target.next()?, target.next(), target.next());
    if of != "rules"
        || !matches!(below, None | Some("modes"))
        || !may_act(item, default_mode(rule, item, changes))
    {
        return None;
    }
    Some(Switch {
        rule: Some(rule.to_owned()),
        route: route.map(str::to_owned),
        time_ms: parse_rfc3339(text(item, "time"))?,
        text: words(item),
    })
}

/// Fields of a route that decide what clients get, and from where.
const ACTING: [&str; 5] = ["host", "repository", "origin", "detour", "redirects"];

/// "route hub: origin https://a.example to https://b.example, by olga"; `None` where it is no change of a route, or of
/// what is watched only.
fn changed_route(item: &Value) -> Option<String> {
    let action = text(item, "action");
    let is_of_routes = action.starts_with("route.") || is_push(item);
    let name = text(item, "target")
        .strip_prefix("routes/")
        .filter(|_| is_of_routes)?;
    let side = |of: &str| item.get(of).filter(|side| side.is_object());
    let what = match (side("before"), side("after")) {
        (Some(before), Some(after)) => {
            let of = |side: &Value, field: &str| match side.get(field) {
                None | Some(Value::Null) => "none".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            let changes: Vec<String> = ACTING
                .into_iter()
                .filter(|field| before.get(field) != after.get(field))
                .map(|field| format!("{field} {} to {}", of(before, field), of(after, field)))
                .collect();
            (!changes.is_empty()).then(|| changes.join(", "))?
        }
        (None, Some(_)) => "new".to_owned(),
        (Some(_), None) => "removed".to_owned(),
        (None, None) => "changed".to_owned(),
    };
    Some(format!("route {name}: {what}, by {}", text(item, "actor")))
}

/// The mode that a rule had by default when it was changed, as far as the audit log reaches back.
fn default_mode<'a>(rule: &str, item: &Value, changes: &ByTarget<'a>) -> Option<&'a str> {
    let until = text(item, "time");
    let writes = changes.get(format!("rules/{rule}").as_str())?;
    let before = writes.iter().filter(|write| text(write, "time") <= until);
    let last = before.max_by_key(|write| text(write, "time"))?;
    last.get("after")?.get("default_mode")?.as_str()
}

/// Whether the change may have altered what a client gets: a rule that is new and only watches does not, nor does one
/// that goes from off to monitor. Where a side is missing the rule's default held.
fn may_act(item: &Value, default: Option<&str>) -> bool {
    let side = |of: &str, field: &str| {
        let side = item.get(of).filter(|side| !side.is_null())?;
        side.get(field).and_then(Value::as_str)
    };
    let enforces = |mode: &str| mode == "enforce";
    match (side("before", "default_mode"), side("after", "default_mode")) {
        (None, Some(mode)) if item.get("before").is_none_or(Value::is_null) => return enforces(mode),
        (None, None) => {}
        _ => return true,
    }
    match (
        side("before", "mode").or(default),
        side("after", "mode").or(default),
    ) {
        (Some(before), Some(after)) => enforces(before) || enforces(after),
        _ => true,
    }
}

/// "botnet-sig on default: monitor to enforce 10 %, by olga", "botnet-sig: rule.put, by olga".
fn words(item: &Value) -> String {
    let target = text(item, "target");
    let target = target.strip_prefix("rules/").unwrap_or(target);
    let what = match (mode(item.get("before")), mode(item.get("after"))) {
        (Some(before), Some(after)) if before != after => format!("{before} to {after}"),
        (None, Some(after)) => format!("to {after}"),
        (Some(before), None) => format!("{before} to the rule's default"),
        _ => text(item, "action").to_owned(),
    };
    let place = target.replace("/modes/", " on ");
    format!("{place}: {what}, by {}", text(item, "actor"))
}

fn mode(of: Option<&Value>) -> Option<String> {
    let of = of?;
    let mode = of.get("mode")?.as_str()?;
    Some(match of.get("percent").and_then(Value::as_f64) {
        Some(percent) if mode == "enforce" => format!("{mode} {percent} %"),
        _ => mode.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_for_clients_is_no_switch() {
        let case = |target: &str, before: Value, after: Value, expected: usize| {
            let audit = json!({"items": [{"time": "2020-07-05T19:00:00.000Z", "actor": "olga", "action": "any",
                                          "target": target, "before": before, "after": after}]});
            assert_eq!(switches_of(&audit).len(), expected, "{audit}");
        };
        let rule = |mode: &str| json!({"expression": "true", "default_mode": mode});
        case("rules/sweep", Value::Null, rule("monitor"), 0);
        case("rules/sweep", Value::Null, rule("enforce"), 1);
        case("rules/sweep", rule("monitor"), rule("monitor"), 1);
        case("rules/sweep", rule("monitor"), Value::Null, 1);
        let mode = |mode: &str| json!({"mode": mode});
        case("rules/sweep/modes/hub", mode("off"), mode("monitor"), 0);
        case("rules/sweep/modes/hub", mode("monitor"), mode("enforce"), 1);
        case("rules/sweep/modes/hub", mode("enforce"), mode("off"), 1);
        case("rules/sweep/modes/hub", Value::Null, mode("monitor"), 1);
        for (default, expected) in [("monitor", 0), ("enforce", 2)] {
            let audit = json!({"items": [
                {"time": "2020-07-05T19:01:00.000Z", "actor": "olga", "action": "mode.put",
                 "target": "rules/sweep/modes/hub", "before": null, "after": mode("monitor")},
                {"time": "2020-07-05T19:00:00.000Z", "actor": "olga", "action": "rule.put", "target": "rules/sweep",
                 "before": null, "after": rule(default)},
            ]});
            assert_eq!(switches_of(&audit).len(), expected, "{default}");
        }
    }

    #[test]
    fn a_push_is_a_switch_of_each_part_that_it_changed() {
        let push = |before: Value, after: Value| {
            let audit = json!({"items": [{"time": "2020-07-05T19:00:00.000Z", "actor": "git", "action": "rulebook.put",
                                          "target": "rulebook", "before": before, "after": after}]});
            let switches = switches_of(&audit);
            let said = |switch: Switch| (switch.rule, switch.route, switch.text);
            switches.into_iter().map(said).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let kept = push(
            json!({"rules/sweep/modes/hub": {"mode": "monitor"}, "routes/hub": {"origin": "https://a.example"},
                   "rules/first/modes/hub": {"mode": "off"}}),
            json!({"rules/sweep/modes/hub": {"mode": "enforce"}, "routes/hub": {"origin": "https://b.example"},
                   "rules/first/modes/hub": {"mode": "monitor"}, "rules": ["first", "sweep"]}),
        );
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
        let large = push(
            Value::Null,
            json!(["rules/sweep/modes/hub", "routes/hub", "settings"]),
        );
        let named: Vec<_> = large.into_iter().map(|(rule, route, _)| (rule, route)).collect();
        assert_eq!(named, [(None, some("hub")), (some("sweep"), some("hub"))]);
        let panic = json!({"items": [{"time": "2020-07-05T19:00:00.000Z", "actor": "olga", "action": "panic-off",
                                      "target": "routes/hub/modes", "before": [], "after": []}]});
        assert_eq!(switches_of(&panic), []);
    }

    #[test]
    fn a_push_is_a_mark_and_so_is_each_route_that_it_changed() {
        let route = |origin: &str| json!({"origin": origin, "observe": 0.5});
        let audit = json!({"items": [{"time": "2020-07-05T19:00:00.000Z", "actor": "git", "action": "rulebook.put",
            "target": "rulebook",
            "before": {"rules/sweep/modes/hub": {"mode": "monitor"}, "routes/hub": route("https://a.example"),
                       "routes/watched": {"origin": "https://c.example", "observe": 0.0}},
            "after": {"rules/sweep/modes/hub": {"mode": "enforce"}, "routes/hub": route("https://b.example"),
                      "routes/watched": {"origin": "https://c.example", "observe": 1.0}}}]});
        let marks = marks_of(&audit);
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
        let audit = json!({"items": [
            {"time": "2020-07-05T19:00:00.000Z", "actor": "olga", "action": "mode.put",
             "target": "rules/botnet-sig/modes/hub", "before": null, "after": {"mode": "enforce", "percent": 10.0}},
            {"time": "2020-07-05T19:10:00.000Z", "actor": "schedule", "action": "mode.stage",
             "target": "rules/botnet-sig/modes/hub", "before": {"mode": "enforce", "percent": 10.0},
             "after": {"mode": "enforce"}},
            {"time": "2020-07-05T19:20:00.000Z", "actor": "olga", "action": "rule.put", "target": "rules/sweep",
             "before": null, "after": {}},
            {"time": "2020-07-05T19:30:00.000Z", "actor": "olga", "action": "route.put", "target": "routes/hub",
             "before": {"name": "hub", "origin": "https://a.example", "observe": 0.0},
             "after": {"name": "hub", "origin": "https://b.example", "observe": 0.0}},
            {"time": "2020-07-05T19:40:00.000Z", "actor": "olga", "action": "route.put", "target": "routes/hub",
             "before": {"name": "hub", "origin": "https://b.example", "observe": 0.0},
             "after": {"name": "hub", "origin": "https://b.example", "observe": 0.5}},
        ]});
        let marks = marks_of(&audit);
        let said: Vec<(MarkKind, &str)> = marks.iter().map(|mark| (mark.kind, mark.text.as_str())).collect();
        assert_eq!(
            said,
            [
                (
                    MarkKind::RuleChange,
                    "botnet-sig on hub: to enforce 10 %, by olga"
                ),
                (
                    MarkKind::Stage,
                    "botnet-sig on hub: enforce 10 % to enforce, by schedule"
                ),
                (MarkKind::RuleChange, "sweep: rule.put, by olga"),
                (
                    MarkKind::RouteChange,
                    "route hub: origin https://a.example to https://b.example, by olga"
                ),
            ]
        );
        let switches = switches_of(&audit);
        assert_eq!(switches.len(), 4);
        assert_eq!(
            (switches[3].rule.as_deref(), switches[3].route.as_deref()),
            (None, Some("hub"))
        );
        assert_eq!(
            (
                switches[0].rule.as_deref(),
                switches[0].route.as_deref(),
                switches[2].route.as_deref()
            ),
            (Some("botnet-sig"), Some("hub"), None)
        );
    }
}
