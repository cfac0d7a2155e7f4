//! Notices of changes that were made before there were notices, as far as the audit log says what they were.
//!
//! This is the one place that reads the names and sides of old entries. It gives what [`notice`](super::notice) gave, or
//! would have given; a test holds the two together.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Act, Target, id};
use crate::audit::AuditEntry;
use crate::store::{RuleBookError, RuleBookStore, StoredVersion};
use blobwatch_pull::Mode;
use blobwatch_rulebook::{
    ChangeNotice, MAX_PARTS, ModeSetting, ModeValue, PartChange, RouteValue, Rule, RuleValue, SettingsValue,
};
use blobwatch_sql::Sql;
use blobwatch_wire::Problem;

/// Entries that are looked through, from the newest on: what timelines showed before there were notices.
const MAX_ENTRIES: usize = 200;

/// Notices of the newest changes after a revision, oldest first; [`MAX_PARTS`] parts together, or the newest alone.
///
/// # Errors
/// When the store refuses.
pub fn changes_since<S: Sql>(store: &RuleBookStore<S>, revision: u64) -> Result<Vec<ChangeNotice>, Problem> {
    Ok(read(store, revision)?)
}

fn read<S: Sql>(store: &RuleBookStore<S>, revision: u64) -> Result<Vec<ChangeNotice>, RuleBookError> {
    let epoch = store.epoch()?;
    let mut versions = Versions::default();
    let (mut notices, mut parts) = (Vec::new(), 0);
    for entry in store.audit(None, MAX_ENTRIES)? {
        let wanted = Some(&entry).filter(|entry| entry.revision > revision);
        let Some(mut notice) = wanted.and_then(|entry| of_entry(entry, epoch)) else {
            continue;
        };
        notice.parts.truncate(MAX_PARTS);
        parts += notice.parts.len();
        if parts > MAX_PARTS && !notices.is_empty() {
            break;
        }
        for part in &mut notice.parts {
            match part {
                PartChange::Mode {
                    rule, default_mode, ..
                } => *default_mode = versions.of(store, rule)?.default_mode(notice.revision),
                PartChange::Rule { rule, before, after } => {
                    let versions = versions.of(store, rule)?;
                    for (side, revision) in [(before, notice.revision - 1), (after, notice.revision)] {
                        if let (Some(side), Some(value)) = (side, versions.value(revision)) {
                            *side = value;
                        }
                    }
                }
                _ => {}
            }
        }
        notices.push(notice);
    }
    notices.reverse();
    Ok(notices)
}

/// Versions of rules and of their modes, each rule read once.
#[derive(Default)]
struct Versions(BTreeMap<String, RuleVersions>);

struct RuleVersions {
    rules: Vec<StoredVersion<Rule>>,
    modes: Vec<StoredVersion<ModeSetting>>,
}

impl Versions {
    fn of<S: Sql>(&mut self, store: &RuleBookStore<S>, rule: &str) -> Result<&RuleVersions, RuleBookError> {
        Ok(match self.0.entry(rule.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(RuleVersions {
                rules: store.rule_versions(rule)?,
                modes: store.mode_versions(rule)?,
            }),
        })
    }
}

impl RuleVersions {
    /// Of the version that was valid from a revision on.
    fn default_mode(&self, revision: u64) -> Option<Mode> {
        self.value(revision)?.default_mode
    }

    /// What it was from a revision on; `None` where there was no such rule.
    fn value(&self, revision: u64) -> Option<RuleValue> {
        let rule = valid_at(&self.rules, revision).next()?;
        Some(RuleValue::with_modes(rule, valid_at(&self.modes, revision)))
    }
}

fn valid_at<T>(versions: &[StoredVersion<T>], revision: u64) -> impl Iterator<Item = &T> {
    let is_valid =
        move |kept: &&StoredVersion<T>| kept.since <= revision && kept.until.is_none_or(|end| end > revision);
    versions.iter().filter(is_valid).map(|kept| &kept.value)
}

/// The notice of an entry; defaults of rules are not in it. `None` for one that changed no rule, mode or route.
fn of_entry(entry: &AuditEntry, epoch: u64) -> Option<ChangeNotice> {
    let (act, target) = (Act::named(&entry.action)?, Target::read(&entry.target)?);
    let (before, after) = (side(entry.before.as_deref()), side(entry.after.as_deref()));
    let parts = parts(&target, &before, &after);
    let is_told = !parts.is_empty() || act == Act::RulebookPut;
    is_told.then(|| ChangeNotice {
        id: id(epoch, entry.revision, entry.time_ms),
        revision: entry.revision,
        time_ms: entry.time_ms,
        actor: entry.actor.clone(),
        cause: act.cause(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        parts,
    })
}

fn side(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn parts(target: &Target, before: &Value, after: &Value) -> Vec<PartChange> {
    match target {
        Target::Modes(_) => modes(before, after),
        Target::Rulebook => pushed(before, after),
        _ => part(target, before, after).into_iter().collect(),
    }
}

fn part(target: &Target, before: &Value, after: &Value) -> Option<PartChange> {
    match target {
        Target::Rule(rule) => Some(PartChange::Rule {
            rule: rule.clone(),
            before: value(retired(before, "rule")),
            after: value(after),
        }),
        Target::Mode { rule, route } => Some(PartChange::Mode {
            rule: rule.clone(),
            route: route.clone(),
            before: value(before),
            after: value(after),
            default_mode: None,
        }),
        Target::Route(route) => {
            let (before, after): (Option<RouteValue>, _) = (value(retired(before, "route")), value(after));
            (before != after || before.is_none()).then(|| PartChange::Route {
                route: route.clone(),
                before,
                after,
            })
        }
        Target::Settings => {
            let (before, after): (Option<SettingsValue>, _) = (value(before), value(after));
            (before != after).then_some(PartChange::Settings { before, after })
        }
        Target::List(_) | Target::Modes(_) | Target::Rulebook | Target::FireLogs(_) => None,
    }
}

fn value<T: DeserializeOwned>(side: &Value) -> Option<T> {
    serde_json::from_value(side.clone()).ok()
}

/// A rule or route that was removed stands beside the modes that went with it.
fn retired<'a>(side: &'a Value, name: &str) -> &'a Value {
    side.get(name).unwrap_or(side)
}

/// Both sides are lists of settings.
fn modes(before: &Value, after: &Value) -> Vec<PartChange> {
    let settings = |side| value::<Vec<ModeSetting>>(side).unwrap_or_default();
    let standing = settings(before);
    let change = |setting: ModeSetting| {
        let before = standing
            .iter()
            .find(|known| known.is_of(&setting.rule, &setting.route));
        PartChange::Mode {
            before: before.map(ModeValue::from),
            after: Some(ModeValue::from(&setting)),
            rule: setting.rule,
            route: setting.route,
            default_mode: None,
        }
    };
    settings(after).into_iter().map(change).collect()
}

/// Both sides have the parts that changed by their targets; of a push that was too large to be kept there are the targets alone.
fn pushed(before: &Value, after: &Value) -> Vec<PartChange> {
    let sides = [before, after].into_iter().filter_map(Value::as_object);
    let keys = sides.flat_map(|side| side.keys().map(String::as_str));
    let named = after.as_array().into_iter().flatten().filter_map(Value::as_str);
    let targets: BTreeSet<&str> = keys.chain(named).collect();
    let side = |of: &Value, target: &str| of.get(target).cloned().unwrap_or_default();
    let change = |target: &str| {
        part(
            &Target::read(target)?,
            &side(before, target),
            &side(after, target),
        )
    };
    targets.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(action: &str, target: &str, before: &Value, after: &Value) -> Option<ChangeNotice> {
        let text = |side: &Value| (!side.is_null()).then(|| side.to_string());
        let entry = AuditEntry {
            seq: 1,
            time_ms: 1_593_975_600_000,
            actor: "git".to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            before: text(before),
            after: text(after),
            reason: None,
            revision: 7,
            previous: String::new(),
            hash: String::new(),
        };
        of_entry(&entry, 5)
    }

    #[test]
    fn a_push_has_each_part_that_it_changed() {
        let route = |origin: &str| json!({"origin": origin, "observe": 0.5});
        let notice = read(
            "rulebook.put",
            "rulebook",
            &json!({"rules/sweep/modes/hub": {"mode": "monitor"}, "routes/hub": route("https://a.example"),
                    "routes/watched": {"origin": "https://c.example", "observe": 0.0}, "rules": ["sweep", "first"]}),
            &json!({"rules/sweep/modes/hub": {"mode": "enforce"}, "routes/hub": route("https://b.example"),
                    "routes/watched": {"origin": "https://c.example", "observe": 1.0}, "rules": ["first", "sweep"]}),
        );
        let expected = json!({"id": "5-7-1593975600000", "revision": 7, "time_ms": 1_593_975_600_000_u64, "actor": "git", "cause": "push",
            "action": "rulebook.put", "target": "rulebook", "parts": [
                {"part": "route", "route": "hub",
                 "before": {"host": null, "repository": null, "origin": "https://a.example", "detour": null, "redirects": null},
                 "after": {"host": null, "repository": null, "origin": "https://b.example", "detour": null, "redirects": null}},
                {"part": "mode", "rule": "sweep", "route": "hub", "before": {"mode": "monitor", "percent": null},
                 "after": {"mode": "enforce", "percent": null}, "default_mode": null}]});
        assert_eq!(serde_json::to_value(notice.unwrap()).unwrap(), expected);
        let large = json!(["rules/sweep/modes/hub", "rules/sweep", "routes/hub", "settings"]);
        let parts = read("rulebook.put", "rulebook", &Value::Null, &large)
            .unwrap()
            .parts;
        let named = |part: &PartChange| match part {
            PartChange::Route {
                route,
                before: None,
                after: None,
            } => (None, Some(route.clone())),
            PartChange::Rule {
                rule,
                before: None,
                after: None,
            } => (Some(rule.clone()), None),
            PartChange::Mode {
                rule,
                route,
                before: None,
                after: None,
                ..
            } => (Some(rule.clone()), Some(route.clone())),
            other => panic!("{other:?}"),
        };
        let named: Vec<_> = parts.iter().map(named).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            named,
            [
                (None, some("hub")),
                (some("sweep"), None),
                (some("sweep"), some("hub"))
            ]
        );
    }

    #[test]
    fn what_changes_no_rulebook_is_no_notice() {
        let hook = json!({"url": "https://hooks.example.org/x"});
        assert_eq!(read("webhook.put", "webhooks/chat", &Value::Null, &hook), None);
        assert_eq!(
            read("seed", "rulebook", &Value::Null, &json!({"rules": []})),
            None
        );
        assert_eq!(read("settings.put", "settings", &json!({}), &json!({})), None);
        let route = |observe: f64| json!({"name": "hub", "origin": "https://b.example", "observe": observe});
        assert_eq!(
            read("route.put", "routes/hub", &route(0.0), &route(0.5)),
            None,
            "what is watched only"
        );
    }
}
