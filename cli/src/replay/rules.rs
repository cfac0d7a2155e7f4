//! `--rulebook`: which rules would have fired on the requests of a log, on whom, and how those pulls went.
//!
//! In scope: putting a line before the rules as a deployment would put the request, and counting by rule. Not in scope: the
//! rules (`crates/rulebook`), and what a log does not say: a rule that reads such a thing is named with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use blobwatch_detector::clients_in_networks;
use blobwatch_logs::{LogEntry, address_of, named, plain_agent};
use blobwatch_pull::{
    Action, BlobShapes, Client, ClientKey, ClientKeys, Facts, Family, Fingerprint, Identity, NetworkKey,
    RangeKind, RangeRecord, Request as Asked, asked_kind, normal_form, parts, range_values, seen_kind,
};
use blobwatch_records::{Breadth, CellCounts};
use blobwatch_rulebook::{Compiled, DEFAULT_ROUTE, HotKeys, Rule, Subject, check, decide};
use blobwatch_rules::{CheckedExpression, Fact, Field, Scratch, Value as RuleValue, Values};
use blobwatch_wire::{grouped, percent};
use serde_json::{Value, json};

use said::Said;

use super::count::CellCounts64;
use super::names::Meanings;
use super::request::Request;
use crate::problem::Problem;
use crate::{input, rulebook};

mod said;

/// Client builds that are named of a rule.
const MAX_BUILDS: usize = 3;

/// Builds that are counted of a set of rules.
const MAX_COUNTED: usize = 256;

/// A rulebook before which lines are put.
pub(super) struct Ruler {
    compiled: Compiled,
    scratch: Scratch,
    keys: ClientKeys,
    hot: HotKeys,
    checked: Vec<CheckedExpression>,
    /// What some rule reads.
    read: Vec<Field>,
    said: Said,
    /// By rule: whether no line had said something that it reads.
    lacks: Vec<bool>,
    /// Requests that were put before the rules.
    asked: u64,
    /// By rule: of how many of them it depends on what no line had said by then.
    undecided: Vec<u64>,
    /// By rule: how often it acted.
    applied: Vec<u64>,
    has_volume: Vec<bool>,
}

impl Ruler {
    /// # Errors
    /// What was expected of the file.
    pub(super) fn open(file: &Path) -> Result<Self, Problem> {
        let wrong = |expected: String| Problem::File {
            file: input::name(file),
            expected: format!("a rulebook: {expected}"),
        };
        let document = completed(rulebook::read(file)?).to_string();
        let mut book = Compiled::from_json(&document)
            .map_err(|error| wrong(error.to_string()))?
            .book;
        let checked = check(&book).unwrap_or_default();
        let has_volume = book.rules.iter().map(|rule| rule.volume.is_some()).collect();
        // A log has no hot keys: what a rule with a volume matches is counted, whatever the rate.
        book.rules.iter_mut().for_each(|rule| rule.volume = None);
        let compiled = Compiled::build(book).map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            scratch: Scratch::new(&compiled.engine),
            keys: ClientKeys::new(b"replay"),
            hot: HotKeys::default(),
            read: checked.iter().flat_map(CheckedExpression::fields).collect(),
            said: Said::default(),
            lacks: Vec::new(),
            asked: 0,
            undecided: vec![0; checked.len()],
            checked,
            applied: vec![0; compiled.book.rules.len()],
            has_volume,
            compiled,
        })
    }

    /// The rules that would have fired on a line, as a JSON list; empty where none would.
    pub(super) fn fired(&mut self, entry: &LogEntry<'_>, client: ClientKey, network: NetworkKey) -> String {
        let path = if entry.path.is_empty() {
            Cow::Owned(format!("/v2/{}/blobs/{}", entry.repository, entry.digest))
        } else {
            entry.url_path().unwrap_or_default()
        };
        let agent = plain_agent(&entry.user_agent, entry.is_agent_encoded);
        let facts = facts(entry, &path, &agent);
        let form = normal_form(&path);
        let identify = || Identity {
            client: Client::of(facts.address, &self.keys),
            fingerprint: Fingerprint::of(&facts),
        };
        let Some(asked) = Asked::read(&facts, &form, &BlobShapes::default(), identify) else {
            return String::new();
        };
        let repository = Some(&*asked.blob.repository).filter(|name| !name.is_empty());
        let (route, settings) = self.compiled.route("", repository);
        let texts = asked.texts();
        let mut values = asked.values(settings.map_or("", |route| &route.name), &texts);
        set_recorded(&mut values, entry);
        let is_unsaid = |said: &Said, fact: Fact<'_>| !said.has(fact);
        if self.said.see(entry, &values, &self.read) || self.asked == 0 {
            let lacks = |checked: &CheckedExpression| {
                let mut facts = checked.facts().into_iter();
                facts.any(|fact| is_unsaid(&self.said, fact))
            };
            self.lacks = self.checked.iter().map(lacks).collect();
        }
        self.asked += 1;
        let rules = self.checked.iter().zip(&self.lacks).zip(&mut self.undecided);
        for ((checked, _), undecided) in rules.filter(|((_, lacks), _)| **lacks) {
            let judged = checked.judge_without(&values, &|fact| is_unsaid(&self.said, fact));
            *undecided += u64::from(judged.is_none());
        }
        self.compiled.engine.run(&values, &mut self.scratch);
        let subject = Subject {
            route,
            client,
            network,
            fingerprint: &entry.fingerprint,
            asn: entry.asn,
            now_ms: facts.time_ms,
            degraded: false,
        };
        let verdict = decide(&self.compiled.policy, &subject, self.scratch.matched(), &self.hot);
        for fired in verdict.fired.iter().filter(|fired| fired.applied != Action::None) {
            let at = self
                .compiled
                .book
                .rules
                .iter()
                .position(|rule| *rule.id == *fired.rule);
            if let Some(applied) = at.and_then(|at| self.applied.get_mut(at)) {
                *applied += 1;
            }
        }
        let rules: Vec<&str> = verdict.fired.iter().map(|fired| &*fired.rule).collect();
        if rules.is_empty() {
            String::new()
        } else {
            json!(rules).to_string()
        }
    }

    /// What came of each rule, in the order of the rulebook.
    pub(super) fn findings(
        &self,
        tally: &RuleTally,
        totals: &CellCounts64,
        meanings: &Meanings,
    ) -> Vec<RuleFinding> {
        let by_rule = tally.by_rule(meanings);
        let of = |(at, rule): (usize, &Rule)| {
            let id = rule.id.to_string();
            let tally = by_rule.get(&id).cloned().unwrap_or_default();
            let facts = self.checked.get(at).map(CheckedExpression::facts);
            let facts = facts.into_iter().flatten().filter(|fact| !self.said.has(*fact));
            let lacking: Vec<String> = facts.map(|fact| fact.to_string()).collect();
            RuleFinding {
                would: serde_json::to_value(rule.action)
                    .ok()
                    .and_then(|action| action.as_str().map(str::to_owned))
                    .unwrap_or_default(),
                applied: self.applied.get(at).copied().unwrap_or_default(),
                undecided: if lacking.is_empty() {
                    0
                } else {
                    self.undecided.get(at).copied().unwrap_or_default()
                },
                asked: self.asked,
                lacking,
                has_volume: self.has_volume.get(at).copied().unwrap_or_default(),
                others: share(totals, &tally.counts),
                builds: tally.largest(meanings),
                id,
                counts: tally.counts,
                breadth: tally.breadth,
            }
        };
        self.compiled.book.rules.iter().enumerate().map(of).collect()
    }
}

/// What a line says that was read of the request before: our own exports.
fn set_recorded<'a>(values: &mut Values<'a>, entry: &'a LogEntry<'_>) {
    for (field, text) in [
        (Field::ClientFamily, &entry.family),
        (Field::ClientOs, &entry.os),
        (Field::ClientVersion, &entry.version),
    ] {
        if !text.is_empty() {
            values.set(field, RuleValue::from(&**text));
        }
    }
    set_fingerprint(values, &entry.fingerprint);
    let Some(kind) = named::<RangeKind>(&entry.kind) else {
        return;
    };
    let range = RangeRecord {
        kind,
        start: entry.start,
        end: entry.end,
        honoured: entry.honoured,
    };
    let asked = asked_kind(&range);
    range_values(values, &range, asked);
    if let Some(kind) = seen_kind(&range, asked) {
        values.set(Field::RangeKind, RuleValue::from(kind.as_str()));
    }
}

/// The deployment's own fingerprint of a request; lines have too little of one to make it again.
fn set_fingerprint<'a>(values: &mut Values<'a>, fingerprint: &'a str) {
    let own = if fingerprint.starts_with("bw1-") {
        fingerprint
    } else {
        ""
    };
    let (tls, http) = parts(own);
    for (field, text) in [
        (Field::Fingerprint, own),
        (Field::FingerprintTls, tls),
        (Field::FingerprintHttp, http),
    ] {
        let value = if text.is_empty() {
            RuleValue::Missing
        } else {
            RuleValue::from(text)
        };
        values.set(field, value);
    }
}

/// The request of a line, as far as it says it.
fn facts<'a>(entry: &'a LogEntry<'_>, path: &'a str, agent: &'a str) -> Facts<'a> {
    let named = [
        ("user-agent", agent),
        ("range", &entry.range),
        ("x-forwarded-for", &entry.forwarded),
    ];
    let said = named.into_iter().filter(|(_, value)| !value.is_empty());
    Facts {
        time_ms: entry.time_ms.unwrap_or_default(),
        method: if entry.method.is_empty() {
            "GET"
        } else {
            &entry.method
        },
        scheme: if entry.scheme == "http" { "http" } else { "https" },
        host: &entry.host,
        path,
        query: entry.url_query(),
        protocol: &entry.protocol,
        address: address_of(&entry.address),
        colo: &entry.colo,
        country: &entry.country,
        asn: entry.asn,
        ja4: if entry.fingerprint.starts_with('t') {
            &entry.fingerprint
        } else {
            ""
        },
        headers: said.collect(),
        ..Facts::default()
    }
}

/// A document as a person writes one has no versions, and permits that are for a push.
fn completed(mut document: Value) -> Value {
    let Some(fields) = document.as_object_mut() else {
        return document;
    };
    for (name, value) in [
        ("schema", json!(1)),
        ("revision", json!(0)),
        ("routes", json!([])),
        ("rules", json!([])),
        ("modes", json!([])),
    ] {
        fields.entry(name).or_insert(value);
    }
    let default = json!({"name": DEFAULT_ROUTE});
    if let Some(routes) = fields.get_mut("routes").and_then(Value::as_array_mut)
        && !routes
            .iter()
            .any(|route| route.get("name") == default.get("name"))
    {
        routes.insert(0, default);
    }
    for list in ["rules", "modes"] {
        let entries = fields.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            for permit in ["force", "preview", "reason"] {
                entry.remove(permit);
            }
            if list == "rules" {
                entry.entry("version").or_insert(json!(1));
            }
        }
    }
    document
}

/// Requests by the set of rules that fired on them.
#[derive(Default)]
pub(super) struct RuleTally(HashMap<u16, SetTally>);

#[derive(Clone, Default)]
struct SetTally {
    counts: CellCounts64,
    breadth: Breadth,
    /// By family and system.
    builds: HashMap<(Family, u16), u64>,
}

impl RuleTally {
    pub(super) fn add(&mut self, request: &Request, counts: &CellCounts) {
        // 0 is the set of no rule.
        if request.cohort.rules == 0 {
            return;
        }
        let tally = self.0.entry(request.cohort.rules).or_default();
        tally.counts.add(counts);
        tally.breadth.insert(request.client, request.network);
        let build = (request.cohort.family, request.cohort.os);
        if tally.builds.len() < MAX_COUNTED || tally.builds.contains_key(&build) {
            *tally.builds.entry(build).or_default() += u64::from(counts.requests);
        }
    }

    fn by_rule(&self, meanings: &Meanings) -> BTreeMap<String, SetTally> {
        let mut rules: BTreeMap<String, SetTally> = BTreeMap::new();
        for (set, tally) in &self.0 {
            for rule in meanings.rules(*set) {
                let of = rules.entry(rule.to_string()).or_default();
                of.counts.merge(&tally.counts);
                of.breadth.merge(&tally.breadth);
                for (build, count) in &tally.builds {
                    *of.builds.entry(*build).or_default() += count;
                }
            }
        }
        rules
    }
}

impl SetTally {
    /// Builds with most requests.
    fn largest(&self, meanings: &Meanings) -> Vec<(String, u64)> {
        let name = |(family, os): (Family, u16)| match &*meanings.systems.text(os) {
            "" => family.as_str().to_owned(),
            os => format!("{} on {os}", family.as_str()),
        };
        let mut builds: Vec<(String, u64)> = self
            .builds
            .iter()
            .map(|(build, count)| (name(*build), *count))
            .collect();
        builds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        builds.truncate(MAX_BUILDS);
        builds
    }
}

/// Requests that did not go well: resumed, started over, refused, failed or turned away.
fn troubled(counts: &CellCounts64) -> u64 {
    counts.resumes + counts.restarts + counts.refused + counts.failed + counts.turned_away
}

/// The share of those that a rule did not match which did not go well.
fn share(totals: &CellCounts64, matched: &CellCounts64) -> Option<f64> {
    let others = totals.requests.saturating_sub(matched.requests);
    (others > 0).then(|| troubled(totals).saturating_sub(troubled(matched)) as f64 / others as f64)
}

/// What would have come of one rule.
pub(super) struct RuleFinding {
    id: String,
    would: String,
    counts: CellCounts64,
    breadth: Breadth,
    applied: u64,
    others: Option<f64>,
    builds: Vec<(String, u64)>,
    /// Facts that it reads and the log does not say.
    lacking: Vec<String>,
    /// Requests of which it depends on these, of all that were put before it.
    undecided: u64,
    asked: u64,
    has_volume: bool,
}

impl RuleFinding {
    fn trouble(&self) -> Option<f64> {
        (self.counts.requests > 0).then(|| troubled(&self.counts) as f64 / self.counts.requests as f64)
    }

    /// What a log does not say cannot be judged: a rule that asks for it matches nothing, and one that asks for its absence
    /// everything.
    pub(super) fn text(&self) -> String {
        let lacking = || format!("the log does not say {}", self.lacking.join(", "));
        if self.undecided > 0 && self.undecided == self.asked {
            return format!("{} ({}): cannot be judged, {}", self.id, self.would, lacking());
        }
        let mut words = vec![match self.trouble() {
            None => format!("{} ({}): no request", self.id, self.would),
            Some(trouble) => {
                let others = self.others.map_or_else(String::new, |others| {
                    format!(", {} of the others", percent(others))
                });
                format!(
                    "{} ({}): {} requests of {}; {} of them resumed, refused or failed{others}",
                    self.id,
                    self.would,
                    grouped(self.counts.requests),
                    clients_in_networks(self.breadth.count_clients(), self.breadth.count_networks()),
                    percent(trouble),
                )
            }
        }];
        if self.applied > 0 {
            words.push(format!("it acts on {}", grouped(self.applied)));
        }
        if !self.builds.is_empty() {
            let builds: Vec<String> = self
                .builds
                .iter()
                .map(|(build, count)| format!("{build} {}", grouped(*count)))
                .collect();
            words.push(builds.join(", "));
        }
        if self.undecided > 0 {
            let (undecided, asked) = (grouped(self.undecided), grouped(self.asked));
            words.push(format!(
                "{undecided} of {asked} requests cannot be judged, {}",
                lacking()
            ));
        }
        if self.has_volume {
            words.push("its volume was not counted".to_owned());
        }
        words.join("; ")
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "rule": self.id,
            "would": self.would,
            "requests": self.counts.requests,
            "clients": self.breadth.count_clients(),
            "networks": self.breadth.count_networks(),
            "applied": self.applied,
            "troubled": self.trouble(),
            "others_troubled": self.others,
            "builds": self.builds.iter().map(|(build, requests)| json!({"build": build, "requests": requests})).collect::<Vec<_>>(),
            "not_logged": self.lacking,
            "undecided": self.undecided,
            "volume_ignored": self.has_volume,
        })
    }
}
