//! What the Detector is told of a change: made of the rulebook before and after it, and of entries of the audit log that were
//! written before there were notices ([`audited`]).

mod audited;

pub use audited::changes_since;

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Act, Target};
use super::change::Context;
use blobwatch_rulebook::{
    ChangeNotice, ListItem, ModeSetting, ModeValue, PartChange, Route, RouteValue, Rule, RuleValue, Rulebook,
    SettingsValue, lists_of,
};

/// The notice of a change that is made now; `None` for one that changes no rule, mode or route, and
/// nothing of the settings and lists that the Detector goes by.
pub(super) fn notice(
    context: &Context<'_>,
    (act, target): (Act, &Target),
    (before, after): (&Rulebook, &Rulebook),
    epoch: u64,
) -> Option<ChangeNotice> {
    let revision = before.revision + 1;
    let parts = parts(target, before, after);
    let is_told = !parts.is_empty() || act == Act::RulebookPut;
    is_told.then(|| ChangeNotice {
        id: id(epoch, revision, context.now_ms),
        revision,
        time_ms: context.now_ms,
        actor: context.actor.to_owned(),
        cause: act.cause(),
        action: act.name().to_owned(),
        target: target.to_string(),
        parts,
    })
}

/// Revisions count from an epoch; a rulebook that came back from a backup makes some of them again, at other times.
fn id(epoch: u64, revision: u64, time_ms: u64) -> String {
    format!("{epoch}-{revision}-{time_ms}")
}

fn parts(target: &Target, before: &Rulebook, after: &Rulebook) -> Vec<PartChange> {
    match target {
        Target::Rule(id) => vec![rule_part(id, before, after)],
        Target::Mode { rule, route } => vec![mode_part(rule, route, before, after)],
        Target::Route(name) => route_part(name, before, after).into_iter().collect(),
        Target::List(name) => list_part(name, before, after).into_iter().collect(),
        Target::FireLogs(_) => Vec::new(),
        Target::Modes(_) => mode_parts(before, after),
        Target::Rulebook => all_parts(before, after),
        Target::Settings => settings_part(before, after).into_iter().collect(),
    }
}

/// Routes first, then rules: what is beyond the bound of a notice is the modes of the largest pushes.
fn all_parts(before: &Rulebook, after: &Rulebook) -> Vec<PartChange> {
    let routes = names(&before.routes, &after.routes, |route| route.name.as_str());
    let routes = routes.filter_map(|name| route_part(name, before, after));
    let ids = names(&before.rules, &after.rules, |rule| rule.id.as_str());
    let rules = ids
        .filter(|id| rule_of(before, id) != rule_of(after, id))
        .map(|id| rule_part(id, before, after));
    let settings = settings_part(before, after);
    let lists = names(&before.lists, &after.lists, |list| list.name.as_str());
    let lists = lists.filter_map(|name| list_part(name, before, after));
    let named = routes.chain(settings).chain(lists).chain(rules);
    named.chain(mode_parts(before, after)).collect()
}

fn settings_part(before: &Rulebook, after: &Rulebook) -> Option<PartChange> {
    let [before, after] = [before, after].map(|book| SettingsValue::from(&book.settings));
    (before != after).then_some(PartChange::Settings {
        before: Some(before),
        after: Some(after),
    })
}

/// `None` where its items are the same, or nobody is hit by a rule that names it.
fn list_part(name: &str, before: &Rulebook, after: &Rulebook) -> Option<PartChange> {
    let [old, new] = [before, after].map(|book| items_of(book, name));
    if old == new {
        return None;
    }
    let is_enforced =
        |rule: &&Rule| RuleValue::of(after, &rule.id).is_some_and(|rule| rule.enforced == Some(true));
    let named = after.rules.iter().filter(is_enforced);
    let named = named.filter(|rule| lists_of(&rule.expression).iter().any(|list| list == name));
    let rules: Vec<String> = named.map(|rule| rule.id.clone()).collect();
    (!rules.is_empty()).then(|| PartChange::List {
        list: name.to_owned(),
        rules,
        added: new.difference(&old).count() as u64,
        removed: old.difference(&new).count() as u64,
    })
}

fn items_of<'a>(book: &'a Rulebook, name: &str) -> BTreeSet<&'a ListItem> {
    let lists = book.lists.iter().filter(|list| list.name == name);
    lists.flat_map(|list| &list.items).collect()
}

/// Of both sides, each once.
fn names<'a, T>(
    before: &'a [T],
    after: &'a [T],
    name: impl Fn(&'a T) -> &'a str,
) -> impl Iterator<Item = &'a str> {
    let all: BTreeSet<&str> = before.iter().chain(after).map(name).collect();
    all.into_iter()
}

fn mode_parts(before: &Rulebook, after: &Rulebook) -> Vec<PartChange> {
    let by_name = |book: &'_ Rulebook| -> BTreeMap<(String, String), ModeSetting> {
        let keyed = |mode: &ModeSetting| ((mode.rule.clone(), mode.route.clone()), mode.clone());
        book.modes.iter().map(keyed).collect()
    };
    let (before, modes) = (by_name(before), by_name(after));
    let mut pairs: Vec<&(String, String)> = before.keys().chain(modes.keys()).collect();
    pairs.sort();
    pairs.dedup();
    let changed = pairs
        .into_iter()
        .filter(|pair| before.get(pair) != modes.get(pair));
    changed
        .map(|pair| PartChange::Mode {
            rule: pair.0.clone(),
            route: pair.1.clone(),
            before: before.get(pair).map(ModeValue::from),
            after: modes.get(pair).map(ModeValue::from),
            default_mode: rule_of(after, &pair.0).map(|rule| rule.default_mode),
        })
        .collect()
}

fn mode_part(rule: &str, route: &str, before: &Rulebook, after: &Rulebook) -> PartChange {
    let value = |book: &Rulebook| {
        let mut modes = book.modes.iter();
        modes
            .find(|setting| setting.is_of(rule, route))
            .map(ModeValue::from)
    };
    PartChange::Mode {
        rule: rule.to_owned(),
        route: route.to_owned(),
        before: value(before),
        after: value(after),
        default_mode: rule_of(after, rule).map(|rule| rule.default_mode),
    }
}

fn rule_of<'a>(book: &'a Rulebook, id: &str) -> Option<&'a Rule> {
    book.rules.iter().find(|rule| rule.id == id)
}

fn rule_part(id: &str, before: &Rulebook, after: &Rulebook) -> PartChange {
    PartChange::Rule {
        rule: id.to_owned(),
        before: RuleValue::of(before, id),
        after: RuleValue::of(after, id),
    }
}

/// `None` where what clients get stays as it was.
fn route_part(name: &str, before: &Rulebook, after: &Rulebook) -> Option<PartChange> {
    let value = |book: &Rulebook| {
        let route: Option<&Route> = book.routes.iter().find(|route| route.name == name);
        route.map(RouteValue::from)
    };
    let (before, after) = (value(before), value(after));
    (before != after).then(|| PartChange::Route {
        route: name.to_owned(),
        before,
        after,
    })
}
