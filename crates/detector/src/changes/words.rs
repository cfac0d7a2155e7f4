//! What a change says, in words for people.

use std::borrow::Cow;

use crate::broad::clients_in_networks;
use blobwatch_pull::Mode;
use blobwatch_rulebook::{AnomalyBreadth, ChangeNotice, ModeValue, PartChange, RouteValue, SettingsValue};

/// "botnet-sig on default: monitor to enforce 10 %, by olga", "botnet-sig: rule.put, by olga", "route hub: origin
/// https://a.example to https://b.example, by olga".
pub(super) fn part_words(notice: &ChangeNotice, part: &PartChange) -> Option<String> {
    Some(match part {
        PartChange::Mode {
            rule,
            route,
            before,
            after,
            ..
        } => {
            let what = mode_words(before.as_ref(), after.as_ref()).unwrap_or_else(|| notice.action.clone());
            format!("{rule} on {route}: {what}, by {}", notice.actor)
        }
        PartChange::Rule { rule, .. } => words(notice, rule),
        PartChange::Route { route, before, after } => {
            let what = route_words(before.as_ref(), after.as_ref());
            format!("route {route}: {what}, by {}", notice.actor)
        }
        PartChange::Settings { before, after } => {
            let [before, after] = [before, after].map(breadth_words);
            format!(
                "settings: an anomaly needs {after}, before {before}, by {}",
                notice.actor
            )
        }
        PartChange::List { rules, .. } => list_words(notice, part, rules)?,
        PartChange::Proposal { text, .. } => format!("{text}; a second person decides"),
        PartChange::Unknown => return None,
    })
}

/// "list aws of botnet-sig: 12 items added, 1 removed, by olga".
pub(super) fn list_words(notice: &ChangeNotice, part: &PartChange, rules: &[String]) -> Option<String> {
    let PartChange::List {
        list, added, removed, ..
    } = part
    else {
        return None;
    };
    let items = |count: u64| format!("{count} {}", if count == 1 { "item" } else { "items" });
    let what = match (added, removed) {
        (added, 0) => format!("{} added", items(*added)),
        (0, removed) => format!("{} removed", items(*removed)),
        (added, removed) => format!("{} added, {removed} removed", items(*added)),
    };
    Some(format!(
        "list {list} of {}: {what}, by {}",
        rules.join(", "),
        notice.actor
    ))
}

/// "10 clients in 5 networks".
fn breadth_words(value: &Option<SettingsValue>) -> String {
    let AnomalyBreadth { clients, networks } = value.unwrap_or_default().anomaly_breadth;
    clients_in_networks(u64::from(clients), u64::from(networks))
}

pub(super) fn words(notice: &ChangeNotice, of: &str) -> String {
    format!("{of}: {}, by {}", notice.action, notice.actor)
}

/// `None` where the mode is the one that was set before.
fn mode_words(before: Option<&ModeValue>, after: Option<&ModeValue>) -> Option<String> {
    match (before.map(mode_name), after.map(mode_name)) {
        (Some(before), Some(after)) if before != after => Some(format!("{before} to {after}")),
        (None, Some(after)) => Some(format!("set to {after}")),
        (Some(before), None) => Some(format!("{before} to the rule's default")),
        _ => None,
    }
}

fn mode_name(value: &ModeValue) -> String {
    match (value.mode, value.percent) {
        (Mode::Off, _) => "off".to_owned(),
        (Mode::Monitor, _) => "monitor".to_owned(),
        (Mode::Enforce, Some(percent)) => format!("enforce {percent} %"),
        (Mode::Enforce, None) => "enforce".to_owned(),
    }
}

fn route_words(before: Option<&RouteValue>, after: Option<&RouteValue>) -> String {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before.fields(), after.fields()),
        (None, Some(_)) => return "new".to_owned(),
        (Some(_), None) => return "removed".to_owned(),
        (None, None) => return "changed".to_owned(),
    };
    let fields = before
        .into_iter()
        .zip(after)
        .filter(|(before, after)| before != after);
    let value = |value: Option<Cow<'_, str>>| value.unwrap_or(Cow::Borrowed("none")).into_owned();
    let change = |((name, before), (_, after)): ((_, _), (_, _))| {
        format!("{name} {} to {}", value(before), value(after))
    };
    fields.map(change).collect::<Vec<String>>().join(", ")
}
