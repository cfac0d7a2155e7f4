//! `blobwatch rulebook export --cloudflare`: rules and lists of a file in the form of Cloudflare's APIs.
//!
//! Everything comes as `log`, Cloudflare's monitor, unless what is enforced by default is asked for. What Cloudflare cannot
//! say is listed with why.

use std::path::Path;

use blobwatch_rulebook::{
    Action, ListKind, Mode, ModeSetting, NamedList, Rule, Rulebook, VolumeKey, check, lists_of,
};
use blobwatch_rules::{CheckedExpression, Field};
use serde_json::{Map, Value, json};

use super::check::read;
use super::document::replace;
use crate::problem::Problem;
use crate::{Outcome, input, output};

/// What is exported, and what is not.
#[derive(Default)]
struct ExportedRules {
    custom: Vec<Value>,
    limits: Vec<Value>,
    lists: Vec<Value>,
    plan: String,
    left_out: usize,
}

pub(super) fn run(file: &Path, out: Option<&Path>, enforced: bool) -> Result<Outcome, Problem> {
    let wrong = |message: String| Problem::File {
        file: input::name(file),
        expected: format!("a sound rulebook; {message}: `blobwatch rulebook check` says all of it"),
    };
    let said = |places: Vec<blobwatch_wire::Place>| {
        places
            .first()
            .map_or_else(String::new, |place| format!("{}: {}", place.place, place.message))
    };
    let book = read(super::read(file)?)
        .map_err(|places| wrong(said(places)))?
        .book;
    let checked = check(&book).map_err(|places| wrong(said(places)))?;
    let mut exported = ExportedRules::default();
    book.lists.iter().for_each(|list| exported.add_list(list));
    for (rule, checked) in book.rules.iter().zip(&checked) {
        exported.add_rule(&book, rule, checked, enforced);
    }
    book.modes
        .iter()
        .for_each(|setting| exported.add_mode(&book, setting));
    output::text(&exported.plan)?;
    let text = format!("{:#}\n", exported.document());
    match out {
        Some(out) => {
            replace(out, &text)?;
            output::text(&format!("wrote {}\n", input::name(out)))?;
        }
        None => output::raw(text.as_bytes())?,
    }
    Ok(if exported.left_out == 0 {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

impl ExportedRules {
    fn document(&self) -> Value {
        let ruleset = |phase: &str, rules: &[Value]| json!({"kind": "zone", "phase": phase, "rules": rules});
        json!({
            "rulesets": [
                ruleset("http_request_firewall_custom", &self.custom),
                ruleset("http_ratelimit", &self.limits),
            ],
            "lists": self.lists,
        })
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out += 1;
        self.plan
            .push_str(&format!("- {what}  cannot be said at Cloudflare: {why}\n"));
    }

    fn add_list(&mut self, list: &NamedList) {
        match list_of(list) {
            Ok(value) => {
                self.plan.push_str(&format!(
                    "+ lists/{}  {} {}\n",
                    list.name,
                    list.items.len(),
                    list.kind
                ));
                self.lists.push(value);
            }
            Err(why) => self.leave_out(&format!("lists/{}", list.name), why),
        }
    }

    fn add_rule(&mut self, book: &Rulebook, rule: &Rule, checked: &CheckedExpression, enforced: bool) {
        let what = format!("rules/{}", rule.id);
        match rule_of(book, rule, checked, enforced) {
            Ok(value) => {
                let action = value.get("action").and_then(Value::as_str).unwrap_or_default();
                self.plan.push_str(&format!("+ {what}  {action}\n"));
                let is_limit = value.get("ratelimit").is_some();
                let rules = if is_limit {
                    &mut self.limits
                } else {
                    &mut self.custom
                };
                rules.push(value);
            }
            Err(why) => self.leave_out(&what, &why),
        }
    }

    /// The mode of a rule on one route, which is lost where it is not the rule's default. Of a rule that is left out nothing is
    /// said twice.
    fn add_mode(&mut self, book: &Rulebook, setting: &ModeSetting) {
        let rule = book.rules.iter().find(|rule| rule.id == setting.rule);
        let (Some(rule), Some(said)) = (rule, self.action_of(&setting.rule)) else {
            return;
        };
        if is_default(rule, setting) {
            return;
        }
        self.leave_out(
            &format!("modes/{}@{}", setting.rule, setting.route),
            &format!(
                "a rule has one action for all routes there ({said}), and this one is to {} on this route",
                mode_text(setting)
            ),
        );
    }

    /// How a rule was exported.
    fn action_of(&self, rule: &str) -> Option<String> {
        let mut all = self.custom.iter().chain(&self.limits);
        let value = all.find(|value| value.get("ref").and_then(Value::as_str) == Some(rule))?;
        if value.get("enabled") == Some(&json!(false)) {
            return Some("disabled".to_owned());
        }
        value.get("action").and_then(Value::as_str).map(str::to_owned)
    }
}

/// Whether the setting says no more than the rule itself.
fn is_default(rule: &Rule, setting: &ModeSetting) -> bool {
    setting.mode == rule.default_mode && setting.percent.is_none() && setting.expires_ms.is_none()
}

fn mode_text(setting: &ModeSetting) -> String {
    let mode = match setting.mode {
        Mode::Off => "be off",
        Mode::Monitor => "be monitored",
        Mode::Enforce => "be enforced",
    };
    let percent = setting
        .percent
        .map(|percent| format!(" for {percent} % of clients"));
    let end = setting.expires_ms.map(|_| " for some time".to_owned());
    format!("{mode}{}{}", percent.unwrap_or_default(), end.unwrap_or_default())
}

/// Whether a rule is enforced on every route and for every client: only then it may act at Cloudflare, where it has no routes.
fn is_enforced_everywhere(book: &Rulebook, rule: &Rule) -> bool {
    let mut settings = book.modes.iter().filter(|setting| setting.rule == rule.id);
    rule.default_mode == Mode::Enforce
        && settings.all(|setting| setting.mode == Mode::Enforce && setting.percent.is_none())
}

fn list_of(list: &NamedList) -> Result<Value, &'static str> {
    let kind = match list.kind {
        ListKind::Address | ListKind::Network => "ip",
        ListKind::Number => "asn",
        ListKind::HostName => "hostname",
        ListKind::String => return Err("its lists hold addresses, AS numbers and host names"),
    };
    if list.items.iter().any(|item| item.text().contains("..")) {
        return Err("its lists hold no ranges");
    }
    let item = |item: &blobwatch_rulebook::ListItem| match list.kind {
        ListKind::HostName => json!({"hostname": {"url_hostname": item}}),
        _ => json!({kind: item}),
    };
    let items: Vec<Value> = list.items.iter().map(item).collect();
    Ok(json!({"name": list.name, "kind": kind, "description": list.description, "items": items}))
}

fn rule_of(
    book: &Rulebook,
    rule: &Rule,
    checked: &CheckedExpression,
    enforced: bool,
) -> Result<Value, String> {
    let own: Vec<&str> = checked
        .fields()
        .into_iter()
        .filter(|field| is_own(*field))
        .map(Field::name)
        .collect();
    if !own.is_empty() {
        return Err(format!("it reads {}, which Blobwatch alone has", own.join(", ")));
    }
    if let Some(extension) = checked.extensions().first() {
        return Err(format!("it has {extension}, which Blobwatch alone has"));
    }
    for name in lists_of(&rule.expression) {
        if book
            .lists
            .iter()
            .any(|list| list.name == name && list_of(list).is_err())
        {
            return Err(format!("it names the list ${name}, which cannot be said there"));
        }
    }
    let mut value = Map::from_iter([
        ("ref".to_owned(), json!(rule.id)),
        ("description".to_owned(), json!(rule.description)),
        ("expression".to_owned(), json!(expression(checked))),
        ("enabled".to_owned(), json!(rule.default_mode != Mode::Off)),
    ]);
    let limit = limit(rule)?;
    let action = match (enforced && is_enforced_everywhere(book, rule), rule.action) {
        (_, Action::Detour) => {
            return Err("it leads requests to another origin, which no such rule does".to_owned());
        }
        (_, Action::Throttle) if limit.is_none() => {
            return Err("it throttles without a volume, and there only a rate limit answers 429".to_owned());
        }
        (false, _) | (true, Action::Tag | Action::None) => "log",
        (true, Action::Allow) => {
            value.insert("action_parameters".to_owned(), json!({"ruleset": "current"}));
            "skip"
        }
        (true, Action::Block | Action::Throttle) => "block",
    };
    value.insert("action".to_owned(), json!(action));
    value.extend(limit.map(|limit| ("ratelimit".to_owned(), limit)));
    Ok(Value::Object(value))
}

/// In Cloudflare's names, where ours is another.
fn expression(checked: &CheckedExpression) -> String {
    let text = checked.to_string();
    if checked.fields().contains(&Field::TlsCiphersSha1) {
        return text.replace(Field::TlsCiphersSha1.name(), "cf.tls_ciphers_sha1");
    }
    text
}

/// Seconds over which Cloudflare counts; each plan has a longest one.
/// <https://developers.cloudflare.com/waf/rate-limiting-rules/parameters/>
const PERIODS: [u32; 21] = [
    10, 15, 20, 30, 40, 45, 60, 90, 120, 180, 240, 300, 480, 600, 900, 1200, 1800, 2400, 3600, 65535, 86400,
];

fn limit(rule: &Rule) -> Result<Option<Value>, String> {
    let Some(volume) = rule.volume else {
        return Ok(None);
    };
    let by: &[&str] = match volume.by {
        VolumeKey::Client => &["ip.src", "cf.colo.id"],
        VolumeKey::Asn => &["ip.src.asnum", "cf.colo.id"],
        VolumeKey::Route => &["cf.colo.id"],
        VolumeKey::Network | VolumeKey::Fingerprint => {
            return Err(
                "its volume is counted by network or fingerprint, which Blobwatch alone has".to_owned(),
            );
        }
    };
    if !PERIODS.contains(&volume.seconds) {
        let next = PERIODS.iter().find(|period| **period > volume.seconds);
        let next = next.map_or_else(String::new, |next| format!("; the next is {next} s"));
        let periods = PERIODS.map(|period| period.to_string()).join(", ");
        return Err(format!(
            "its volume is counted over {} s, and the periods there are {periods} s{next}",
            volume.seconds
        ));
    }
    Ok(Some(json!({
        "characteristics": by,
        "period": volume.seconds,
        "requests_per_period": volume.requests,
        "mitigation_timeout": 0,
    })))
}

fn is_own(field: Field) -> bool {
    let name = field.name();
    let own = ["oci.", "range.", "client.", "fingerprint.", "ip.src.cloud"];
    own.iter().any(|own| name.starts_with(own))
}
