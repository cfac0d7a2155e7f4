//! What a document must hold beyond its JSON form, expressions apart (`compiled` reads those).
//!
//! In scope: bounds, names, references between the parts. Every fault is named, not only the first.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use super::document::{AnomalyBreadth, DEFAULT_ROUTE, ModeSetting, Route, Rule, Rulebook, Settings, Volume};
use super::fire_logs::{EVERY_COLO, FireLogBounds, FireLogLayout};
use super::ingest;
use super::name::{check_archive, check_host, check_name, check_origin};
use super::named_list::{NamedList, check_list_source};
use super::stages;
use crate::route::{Glob, MAX_ROUTES};
use blobwatch_pull::{Action, Mode};
use blobwatch_rules::{MAX_LIST_ITEMS, check_list_name};
use blobwatch_wire::Place;

/// A rule costs about 1 KB compiled: 2 MB of an isolate's 128 MB.
pub(crate) const MAX_RULES: usize = 2_000;

/// Twenty routes with a mode for each of [`MAX_RULES`] / 4 rules; 32 bytes each, 320 KB compiled.
pub(crate) const MAX_MODES: usize = 10_000;

/// Bytes of one expression: what Cloudflare's own rules allow.
/// <https://developers.cloudflare.com/ruleset-engine/rules-language/expressions/>
pub(crate) const MAX_EXPRESSION: usize = 4_096;

/// Lists of a rulebook: each that rules look something up in is a look-up of each request, some 50 ns.
pub(crate) const MAX_LISTS: usize = 100;

/// Bytes of the items of all lists, each with its quotes and comma: half of a document. 10,000 IPv4 networks take 200 KB
/// here, and 80 KB compiled.
pub(crate) const MAX_LISTS_BYTES: usize = 500_000;

/// Bytes of a description: a paragraph.
pub(crate) const MAX_DESCRIPTION: usize = 1_000;

/// Longest window of a volume: a FireLog keeps a count for each second of it and each key.
pub(crate) const MAX_VOLUME_SECONDS: u32 = 3_600;

/// FireLogs of one colo: each takes about 1,000 flushes a second, far beyond one colo's isolates.
pub(crate) const MAX_FIRE_LOGS_PER_COLO: u32 = 64;

/// Colos with a layout of their own: Cloudflare has some 340. Each takes up to 400 bytes of the document.
pub const MAX_LAYOUTS: usize = 512;

/// Faults that one answer names: a document of 2,000 bad rules would answer with megabytes.
pub(crate) const MAX_PLACES: usize = 50;

/// A day: longer, and a client's operator takes the throttle for a block.
const MAX_RETRY_AFTER_S: u32 = 86_400;

/// A year of records; the size bound cuts far earlier.
const MAX_RETENTION_HOURS: u32 = 366 * 24;

/// A registry with fewer clients or networks than this judges none of its faults.
pub const MAX_ANOMALY_BREADTH: u32 = 10_000;

/// Of 1,000 clients one: fewer tell nothing of the others.
const LEAST_KEEP: f64 = 0.001;

/// Above what one FireLog takes.
const MAX_RECORDS_PER_S: u32 = 1_000_000;

/// What one object may hold, less the room that a merge needs.
const MAX_RETENTION_BYTES: u64 = 9_000_000_000;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Place>);

impl Faults {
    pub(super) fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MAX_PLACES {
            self.0.push(Place::new(place, message));
        }
    }

    fn check(&mut self, place: impl FnOnce() -> String, found: &str, expected: Result<(), &str>) {
        if let Err(expected) = expected {
            self.add(place(), format!("expected {expected}, found {found:?}"));
        }
    }

    fn at_most(&mut self, place: impl Into<String>, found: usize, most: usize, unit: &str) {
        if found > most {
            self.add(place, format!("expected at most {most} {unit}, found {found}"));
        }
    }

    fn within<T: PartialOrd + Display>(&mut self, place: impl Into<String>, found: T, least: T, most: T) {
        if !(found >= least && found <= most) {
            self.add(place, format!("expected {least} to {most}, found {found}"));
        }
    }
}

/// Everything that is wrong with a document, except in its expressions.
#[must_use]
pub fn faults(book: &Rulebook) -> Vec<Place> {
    let mut faults = Faults::default();
    routes(&mut faults, &book.routes);
    rules(&mut faults, &book.rules);
    lists(&mut faults, &book.lists);
    modes(&mut faults, book);
    detours(&mut faults, book);
    settings(&mut faults, &book.settings);
    layouts(&mut faults, &book.layouts);
    faults.0
}

fn routes(faults: &mut Faults, routes: &[Route]) {
    faults.at_most("routes", routes.len(), MAX_ROUTES, "routes");
    let mut names = HashSet::new();
    for (at, route) in routes.iter().enumerate() {
        if !names.insert(route.name.as_str()) {
            faults.add(
                format!("routes[{at}].name"),
                format!("{:?} occurs twice", route.name),
            );
        }
        one_route(faults, &format!("routes[{at}]."), route);
    }
    if !names.contains(DEFAULT_ROUTE) {
        faults.add("routes", "there is no route \"default\"");
    }
}

/// `prefix` goes before each place, for instance `routes[3].` or `body.`.
fn one_route(faults: &mut Faults, prefix: &str, route: &Route) {
    faults.check(|| format!("{prefix}name"), &route.name, check_name(&route.name));
    let repository = route.repository.as_str();
    if let Err(error) = Glob::parse(repository) {
        faults.add(format!("{prefix}repository"), error.to_string());
    }
    if let Err(error) = route.blob_shapes() {
        let place = error.at().map_or_else(String::new, |at| format!("[{at}]"));
        faults.add(format!("{prefix}blobs{place}"), error.to_string());
    }
    if let Some(own) = route.anomaly_breadth {
        breadth(faults, prefix, own);
    }
    if let Some(host) = &route.host {
        faults.check(|| format!("{prefix}host"), host, check_host(host));
    }
    for (field, value) in [("origin", &route.origin), ("detour", &route.detour)] {
        if let Some(value) = value {
            faults.check(|| format!("{prefix}{field}"), value, check_origin(value));
        }
    }
    faults.within(format!("{prefix}observe"), route.observe, 0.0, 1.0);
    if let Some(keep) = route.keep {
        faults.within(format!("{prefix}keep"), keep, LEAST_KEEP, 1.0);
    }
    if route.name == DEFAULT_ROUTE && (route.host.is_some() || repository != "**") {
        faults.add(
            format!("{prefix}repository"),
            "the route \"default\" takes every request that no other route takes: expected no host, and the repository \
             \"**\"",
        );
    }
}

/// Whether items are of their list's kind is said where they are compiled.
fn lists(faults: &mut Faults, lists: &[NamedList]) {
    faults.at_most("lists", lists.len(), MAX_LISTS, "lists");
    let mut names = HashSet::new();
    for (at, list) in lists.iter().enumerate() {
        if !names.insert(list.name.as_str()) {
            faults.add(
                format!("lists[{at}].name"),
                format!("{:?} occurs twice", list.name),
            );
        }
        faults.check(
            || format!("lists[{at}].name"),
            &list.name,
            check_list_name(&list.name),
        );
        if list.version == 0 {
            faults.add(format!("lists[{at}].version"), "expected 1 or more, found 0");
        }
        let description = format!("lists[{at}].description");
        faults.at_most(description, list.description.len(), MAX_DESCRIPTION, "bytes");
        if let Some(source) = &list.source {
            faults.check(
                || format!("lists[{at}].source"),
                source,
                check_list_source(source),
            );
        }
        faults.at_most(
            format!("lists[{at}].items"),
            list.items.len(),
            MAX_LIST_ITEMS,
            "items",
        );
    }
    let bytes = lists.iter().map(NamedList::size).sum();
    faults.at_most("lists", bytes, MAX_LISTS_BYTES, "bytes of items in all lists");
}

fn rules(faults: &mut Faults, rules: &[Rule]) {
    faults.at_most("rules", rules.len(), MAX_RULES, "rules");
    let mut ids = HashSet::new();
    for (at, rule) in rules.iter().enumerate() {
        if !ids.insert(rule.id.as_str()) {
            faults.add(format!("rules[{at}].id"), format!("{:?} occurs twice", rule.id));
        }
        one_rule(faults, &format!("rules[{at}]."), rule);
    }
}

fn one_rule(faults: &mut Faults, prefix: &str, rule: &Rule) {
    faults.check(|| format!("{prefix}id"), &rule.id, check_name(&rule.id));
    if rule.version == 0 {
        faults.add(format!("{prefix}version"), "expected 1 or more, found 0");
    }
    let description = format!("{prefix}description");
    faults.at_most(description, rule.description.len(), MAX_DESCRIPTION, "bytes");
    faults.at_most(
        format!("{prefix}expression"),
        rule.expression.len(),
        MAX_EXPRESSION,
        "bytes",
    );
    if rule.action == Action::None {
        let message = "expected tag, detour, throttle, block or allow, found none";
        faults.add(format!("{prefix}action"), message);
    }
    if let Some(volume) = &rule.volume {
        one_volume(faults, prefix, volume);
    }
}

fn one_volume(faults: &mut Faults, prefix: &str, volume: &Volume) {
    faults.within(
        format!("{prefix}volume.requests"),
        volume.requests,
        1,
        1_000_000_000,
    );
    faults.within(
        format!("{prefix}volume.seconds"),
        volume.seconds,
        1,
        MAX_VOLUME_SECONDS,
    );
}

fn modes(faults: &mut Faults, book: &Rulebook) {
    faults.at_most("modes", book.modes.len(), MAX_MODES, "modes");
    let rules: HashSet<&str> = book.rules.iter().map(|rule| rule.id.as_str()).collect();
    let routes: HashSet<&str> = book.routes.iter().map(|route| route.name.as_str()).collect();
    let mut pairs = HashSet::new();
    for (at, setting) in book.modes.iter().enumerate() {
        if !rules.contains(setting.rule.as_str()) {
            faults.add(
                format!("modes[{at}].rule"),
                format!("there is no rule {:?}", setting.rule),
            );
        }
        if !routes.contains(setting.route.as_str()) {
            faults.add(
                format!("modes[{at}].route"),
                format!("there is no route {:?}", setting.route),
            );
        }
        if !pairs.insert((&setting.rule, &setting.route)) {
            faults.add(
                format!("modes[{at}]"),
                "this rule already has a mode on this route",
            );
        }
        percent(faults, &format!("modes[{at}]."), setting);
        for (place, message) in stages::faults(setting) {
            faults.add(format!("modes[{at}].{place}"), message);
        }
    }
}

fn percent(faults: &mut Faults, prefix: &str, setting: &ModeSetting) {
    let Some(percent) = setting.percent else {
        return;
    };
    let place = format!("{prefix}percent");
    if setting.mode != Mode::Enforce {
        faults.add(place, "expected no percent: only the mode enforce has one");
    } else if !(percent > 0.0 && percent <= 100.0) {
        faults.add(place, format!("expected above 0 and up to 100, found {percent}"));
    }
}

/// Enforced detours have an origin to go to, now and when a setting expires.
fn detours(faults: &mut Faults, book: &Rulebook) {
    let set: HashMap<(&str, &str), (usize, &ModeSetting)> = (book.modes.iter().enumerate())
        .map(|(at, setting)| ((setting.rule.as_str(), setting.route.as_str()), (at, setting)))
        .collect();
    for (rule_at, rule) in book.rules.iter().enumerate() {
        if rule.action != Action::Detour {
            continue;
        }
        for route in book.routes.iter().filter(|route| route.detour.is_none()) {
            let setting = set.get(&(rule.id.as_str(), route.name.as_str()));
            let message = format!(
                "the route {:?} has no detour origin, which enforcing this rule needs",
                route.name
            );
            match setting {
                Some((at, setting)) if setting.mode == Mode::Enforce => {
                    faults.add(format!("modes[{at}].mode"), message);
                }
                Some((_, setting)) if setting.expires_ms.is_none() => {}
                _ if rule.default_mode == Mode::Enforce => {
                    faults.add(format!("rules[{rule_at}].default_mode"), message);
                }
                _ => {}
            }
        }
    }
}

fn breadth(faults: &mut Faults, prefix: &str, breadth: AnomalyBreadth) {
    for (field, least) in [("clients", breadth.clients), ("networks", breadth.networks)] {
        let place = format!("{prefix}anomaly_breadth.{field}");
        faults.within(place, least, 1, MAX_ANOMALY_BREADTH);
    }
}

fn settings(faults: &mut Faults, settings: &Settings) {
    faults.within(
        "settings.retry_after_s",
        settings.retry_after_s,
        1,
        MAX_RETRY_AFTER_S,
    );
    faults.within(
        "settings.retention_hours",
        settings.retention_hours,
        1,
        MAX_RETENTION_HOURS,
    );
    faults.within(
        "settings.address_hours",
        settings.address_hours,
        1,
        MAX_RETENTION_HOURS,
    );
    let bytes = settings.retention_bytes;
    faults.within("settings.retention_bytes", bytes, 1_000_000, MAX_RETENTION_BYTES);
    if let Some(most) = settings.max_records_per_s {
        faults.within("settings.max_records_per_s", most, 1, MAX_RECORDS_PER_S);
    }
    breadth(faults, "settings.", settings.anomaly_breadth);
    ingest::mappings(faults, &settings.ingest);
    if let Some(archive) = &settings.archive {
        faults.check(|| "settings.archive".to_owned(), archive, check_archive(archive));
    }
    for (colo, bounds) in &settings.fire_logs {
        fire_log_bounds(faults, colo, *bounds);
    }
}

fn fire_log_bounds(faults: &mut Faults, colo: &str, bounds: FireLogBounds) {
    let place = format!("settings.fire_logs.{colo}");
    if colo != EVERY_COLO && !is_colo(colo) {
        faults.add(place.clone(), "expected a data centre's code such as FRA, or *");
    }
    let FireLogBounds { least, most } = bounds;
    if bounds.is_exact() {
        faults.within(place.clone(), least, 1, MAX_FIRE_LOGS_PER_COLO);
    } else {
        faults.within(format!("{place}.least"), least, 1, MAX_FIRE_LOGS_PER_COLO);
        faults.within(format!("{place}.most"), most, least, MAX_FIRE_LOGS_PER_COLO);
    }
    // Isolates know the colos that are named, and one FireLog of every other.
    if colo == EVERY_COLO && least > 1 {
        faults.add(
            place,
            "expected a least number of 1 for every data centre that is not named",
        );
    }
}

fn is_colo(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn layouts(faults: &mut Faults, layouts: &[FireLogLayout]) {
    faults.at_most("layouts", layouts.len(), MAX_LAYOUTS, "layouts");
    for (at, layout) in layouts.iter().enumerate() {
        if !is_colo(&layout.colo) {
            faults.add(
                format!("layouts[{at}].colo"),
                "expected a data centre's code such as FRA",
            );
        }
        let earlier = layout.earlier.iter().map(|earlier| earlier.count);
        for count in std::iter::once(layout.count).chain(earlier) {
            faults.within(format!("layouts[{at}].count"), count, 1, MAX_FIRE_LOGS_PER_COLO);
        }
    }
}

#[cfg(test)]
mod tests;
