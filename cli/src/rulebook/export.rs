//! `blobwatch rulebook export --cloudflare`: rules and lists of a file in the form of Cloudflare's APIs.
//!
//! Everything comes as `log`, Cloudflare's monitor, unless what is enforced by default is asked for. What Cloudflare cannot
//! say is listed with why.

use std::path::Path;

use blobwatch_rulebook::{Action, ListKind, Mode, NamedList, Rule, Rulebook, VolumeKey, check, lists_of};
use blobwatch_rules::{CheckedExpression, Field};
use serde_json::{Map, Value, json};

use super::check::read;
use super::document::replace;
use crate::problem::Problem;
use crate::{Outcome, input, output};

/// What is exported, and what is not.
#[derive(Default)]
struct Exported {
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
    let mut exported = Exported::default();
    book.lists.iter().for_each(|list| exported.add_list(list));
    for (rule, checked) in book.rules.iter().zip(&checked) {
        exported.add_rule(&book, rule, checked, enforced);
    }
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

impl Exported {
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
        ("expression".to_owned(), json!(checked.to_string())),
        ("enabled".to_owned(), json!(rule.default_mode != Mode::Off)),
    ]);
    let limit = limit(rule)?;
    let action = match (enforced && rule.default_mode == Mode::Enforce, rule.action) {
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
