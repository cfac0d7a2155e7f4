//! What a rule or list of Cloudflare becomes, or why it becomes nothing.

use std::collections::HashSet;

use blobwatch_rulebook::{ListItem, ListKind, MAX_LIST_ITEMS, NamedList, check_list_name, lists_of};
use blobwatch_rules::{List, Lists, parse};
use serde_json::{Value, json};

use super::source::{SourceList, SourceRule, SourceRules};
use super::terraform::{UNKNOWN, unknown_in};
use crate::answer::{text, texts};

/// One that can be said here.
pub(super) struct ConvertedItem {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) value: Value,
    /// What it is here.
    pub(super) words: String,
    /// What is not the same.
    pub(super) notes: Vec<String>,
}

#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) rules: Vec<ConvertedItem>,
    pub(super) lists: Vec<ConvertedItem>,
    /// From where, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// `there`: names of lists that the rulebook has.
pub(super) fn convert(found: &SourceRules, there: &HashSet<String>) -> Outcomes {
    let mut outcomes = Outcomes {
        left_out: found.left_out.clone(),
        ..Outcomes::default()
    };
    let mut lists: Vec<List> = Vec::new();
    for list in &found.lists {
        match of_list(list) {
            Ok((converted, compiled)) => {
                outcomes.lists.push(converted);
                lists.push(compiled);
            }
            Err(why) => outcomes.left_out.push((list.from.clone(), why)),
        }
    }
    let mut ids = HashSet::new();
    let compiled: Lists = lists.into_iter().collect();
    for rule in &found.rules {
        match of_rule(rule, &compiled, there, &mut ids) {
            Ok(converted) => outcomes.rules.push(converted),
            Err(why) => outcomes.left_out.push((rule.from.clone(), why)),
        }
    }
    outcomes
}

fn of_list(found: &SourceList) -> Result<(ConvertedItem, List), String> {
    let kind = match found.kind.as_str() {
        "ip" => ListKind::Network,
        "asn" => ListKind::Number,
        "hostname" => ListKind::HostName,
        "redirect" => {
            return Err("a list of redirects changes where requests go, which no rule here does".to_owned());
        }
        other => return Err(format!("a list of the kind {other:?} is not known")),
    };
    check_list_name(&found.name)
        .map_err(|expected| format!("expected {expected}, found {:?}", found.name))?;
    let items: Vec<ListItem> = found
        .items
        .iter()
        .map(|item| of_item(item, kind))
        .collect::<Result<_, _>>()?;
    if items.len() > MAX_LIST_ITEMS {
        return Err(format!(
            "it has {} items, and a list has at most {MAX_LIST_ITEMS}",
            items.len()
        ));
    }
    let list = NamedList {
        name: found.name.clone(),
        version: 1,
        description: found.description.clone(),
        kind,
        source: None,
        items,
    };
    let list = list.normal("").map_err(|faults| {
        faults
            .first()
            .map_or_else(String::new, |fault| format!("{}: {}", fault.place, fault.message))
    })?;
    let texts: Vec<String> = list.items.iter().map(|item| item.text().into_owned()).collect();
    let compiled = List::new(&list.name, kind, texts.iter().map(String::as_str), 1)
        .map_err(|_| "its items cannot be read".to_owned())?;
    let words = format!("{} {kind}", list.items.len());
    let mut value = serde_json::to_value(&list).map_err(|error| error.to_string())?;
    value.as_object_mut().and_then(|fields| fields.remove("version"));
    let converted = ConvertedItem {
        name: list.name,
        from: found.from.clone(),
        value,
        words,
        notes: Vec::new(),
    };
    Ok((converted, compiled))
}

/// `{"ip": …}`, `{"asn": …}`, `{"hostname": {"url_hostname": …}}`; in Terraform also below `value`.
fn of_item(item: &Value, kind: ListKind) -> Result<ListItem, String> {
    let first = |value: &Value| {
        value
            .as_array()
            .and_then(|values| values.first())
            .cloned()
            .unwrap_or_else(|| value.clone())
    };
    let item = item.get("value").map_or_else(|| item.clone(), first);
    let name = match kind {
        ListKind::Number => "asn",
        ListKind::HostName => "hostname",
        _ => "ip",
    };
    let value = item.get(name).map_or_else(|| item.clone(), first);
    match value.get("url_hostname").unwrap_or(&value) {
        Value::String(text) => Ok(ListItem::Text(if kind == ListKind::Network {
            block(text)
        } else {
            text.clone()
        })),
        Value::Number(number) => number
            .as_i64()
            .map(ListItem::Number)
            .ok_or_else(|| format!("the item {number} is no Integer of 64 bits")),
        other => Err(format!("the item {other} has no {name}")),
    }
}

/// Cloudflare takes 10.0.0.1/8 for 10.0.0.0/8.
fn block(text: &str) -> String {
    let whole = || {
        let (address, bits) = text.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        Some(match address.parse().ok()? {
            std::net::IpAddr::V4(v4) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            std::net::IpAddr::V6(v6) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
            _ => return None,
        })
    };
    whole().unwrap_or_else(|| text.to_owned())
}

fn of_rule(
    found: &SourceRule,
    lists: &Lists,
    there: &HashSet<String>,
    ids: &mut HashSet<String>,
) -> Result<ConvertedItem, String> {
    let rule = &found.rule;
    for name in ["action", "expression", "ratelimit"] {
        if let Some(why) = rule.get(name).and_then(unknown_in) {
            return Err(format!("its {name} depends on {why}"));
        }
    }
    if let Some(why) = rule.get(UNKNOWN).and_then(Value::as_str) {
        return Err(format!("it depends on {why}"));
    }
    let mut notes = Vec::new();
    let expression = text(rule, "expression").trim();
    check(expression, lists, there, &mut notes)?;
    let limit = rate_limit(rule, &mut notes)?;
    let action = action(text(rule, "action"), &found.phase, limit.is_some(), &mut notes)?;
    let enabled = rule.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let mode = if enabled { "monitor" } else { "off" };
    let description = text(rule, "description");
    let id = id(rule, description, ids);
    let mut value = json!({
        "id": id,
        "description": description.chars().take(250).collect::<String>(),
        "expression": expression,
        "action": action,
        "default_mode": mode,
    });
    let mut words = format!("{action} in {mode}");
    if let (Some((by, requests, seconds)), Some(fields)) = (limit, value.as_object_mut()) {
        fields.insert(
            "volume".to_owned(),
            json!({"by": by, "requests": requests, "seconds": seconds}),
        );
        words = format!("{words}, above {requests} matches in {seconds} s by {by}");
    }
    Ok(ConvertedItem {
        name: id,
        from: found.from.clone(),
        value,
        words,
        notes,
    })
}

fn check(
    expression: &str,
    lists: &Lists,
    there: &HashSet<String>,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    // Lists that the rulebook has are not known here by their kinds: the names are enough.
    if let Some(name) = lists_of(expression)
        .into_iter()
        .find(|name| there.contains(name) && !name.starts_with("cf."))
    {
        notes.push(format!("names the list ${name} of the rulebook"));
        return parse(expression).map(drop).map_err(|error| error.to_string());
    }
    let checked = parse(expression)
        .and_then(|read| read.check_with(lists))
        .map_err(|error| error.to_string())?;
    notes.extend(checked.warnings().into_iter().map(|warning| warning.message));
    Ok(())
}

fn action(
    action: &str,
    phase: &str,
    is_limited: bool,
    notes: &mut Vec<String>,
) -> Result<&'static str, String> {
    match action {
        "block" if is_limited => Ok("throttle"),
        "block" => Ok("block"),
        "challenge" | "js_challenge" | "managed_challenge" => {
            notes.push(format!(
                "{action}: programs that pull fail a challenge, so that it blocks them"
            ));
            Ok(if is_limited { "throttle" } else { "block" })
        }
        "log" => Ok("tag"),
        "skip" | "allow" | "bypass" => {
            notes.push(format!(
                "{action} lets through what rules of this rulebook would act on, and nothing of Cloudflare's"
            ));
            Ok("allow")
        }
        "execute" | "score" | "ddos_dynamic" | "ddos_mitigation" => Err(format!(
            "the action {action:?} runs a managed ruleset, which Cloudflare alone has"
        )),
        "" => Err("it has no action".to_owned()),
        other => Err(format!(
            "the action {other:?} of the phase {phase:?} changes requests or answers, and rules here only filter"
        )),
    }
}

/// By what, how many, in how many seconds.
fn rate_limit(rule: &Value, notes: &mut Vec<String>) -> Result<Option<(&'static str, u64, u64)>, String> {
    let Some(limit) = rule.get("ratelimit").filter(|limit| !limit.is_null()) else {
        return Ok(None);
    };
    let limit = limit
        .as_array()
        .and_then(|limits| limits.first())
        .unwrap_or(limit);
    let number = |name: &str| limit.get(name).and_then(Value::as_u64);
    let seconds = number("period").ok_or("its rate limit has no period")?;
    let requests = number("requests_per_period")
        .ok_or("its rate limit counts no requests (a score is not known here)")?;
    if let Some(counting) = limit
        .get("counting_expression")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
    {
        return Err(format!(
            "it counts other requests than it acts on ({counting}); a volume counts the rule's own matches"
        ));
    }
    let of: Vec<&str> = texts(limit, "characteristics")
        .into_iter()
        .filter(|name| !name.starts_with("cf.colo."))
        .collect();
    let by = match of.as_slice() {
        ["ip.src" | "cf.unique_visitor_id"] => "client",
        ["ip.src.asnum" | "ip.geoip.asnum"] => "asn",
        ["cf.bot_management.ja3_hash" | "cf.bot_management.ja4"] => {
            notes.push("counted by JA3 or JA4 there, by the fingerprint here".to_owned());
            "fingerprint"
        }
        [] => "route",
        others => {
            return Err(format!(
                "it is counted by {}; a volume is counted by client, network, asn, fingerprint or route",
                others.join(" and ")
            ));
        }
    };
    if let Some(timeout) = number("mitigation_timeout").filter(|timeout| *timeout > 0) {
        notes.push(format!(
            "acts for {timeout} s there, and here as long as the count is above"
        ));
    }
    if seconds > 3_600 {
        return Err(format!("its period is {seconds} s, and a volume's at most 3600"));
    }
    Ok(Some((by, requests.max(1), seconds.max(1))))
}

/// From `ref`, where a person wrote it, or from the description; each once.
fn id(rule: &Value, description: &str, ids: &mut HashSet<String>) -> String {
    let reference = text(rule, "ref");
    let is_made = reference.len() == 32 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_written = !reference.is_empty() && !is_made;
    let base = slug(if is_written { reference } else { description });
    let mut names = std::iter::once(base.clone()).chain((2_u32..).map(|n| format!("{base}-{n}")));
    let id = names.find(|name| !ids.contains(name)).unwrap_or(base);
    ids.insert(id.clone());
    id
}

fn slug(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    let slug: String = slug
        .trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .chars()
        .take(48)
        .collect();
    match slug.trim_end_matches('-') {
        "" => "imported".to_owned(),
        slug => slug.to_owned(),
    }
}
