//! A request that somebody thinks of: what each rule of a rulebook would do with it, and why.
//!
//! In scope: the rulebook asked of it. What the platform would have said and nobody wrote is
//! unknown, not missing: a rule that depends on it is answered with what it depends on. Not in scope: volumes, which need
//! counts, and keys of clients, which need the deployment's secret.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::handwritten_request::{HandwrittenRequest, facts};
use blobwatch_pull::{
    Action, ClientKey, ClientKeys, Identity, Mode, NetworkKey, Request, normal_form, repository_of,
};
use blobwatch_rulebook::{
    HotKeys, ModeSource, Policy, RouteTable, Rule, Rulebook, Subject, Verdict, check, decide, in_percent,
};
use blobwatch_rules::{CheckedExpression, Field, Value, Values};
use blobwatch_wire::Place;

/// What a rulebook would do with a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Hypothesis {
    /// Whether it is a request of a blob, which alone rules are asked of.
    pub watched: bool,
    pub route: String,
    /// What would be done; `none` where nothing is certain to be.
    pub verdict: Action,
    /// The rule that decides.
    pub decided_by: Option<String>,
    /// Enforced rules that may act before it: what they depend on was not said.
    pub uncertain: Vec<String>,
    /// In one sentence.
    pub why: String,
    /// What expressions read, by name; `null` where the request does not have it.
    pub facts: BTreeMap<&'static str, Json>,
    /// Facts that rules read and that were not said.
    pub not_said: Vec<&'static str>,
    /// Every rule, in order.
    pub rules: Vec<RuleHypothesis>,
    pub revision: u64,
}

/// What one rule would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RuleHypothesis {
    pub rule: String,
    pub version: u32,
    /// `null` where it depends on what was not said.
    pub matched: Option<bool>,
    /// What it depends on.
    pub depends_on: Vec<&'static str>,
    pub mode: Mode,
    pub from: ModeSource,
    /// Of the clients; `null` unless the mode is enforce.
    pub percent: Option<f64>,
    pub would: Action,
    pub applied: Action,
    pub why: String,
    pub clauses: Vec<ClauseHypothesis>,
}

/// One part of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ClauseHypothesis {
    pub text: String,
    pub start: usize,
    pub end: usize,
    /// `null` where the request does not have what it compares, or where it was not said.
    pub value: Option<bool>,
}

/// # Errors
/// Where the rulebook is none.
pub(crate) fn suppose(
    asked: &HandwrittenRequest,
    book: &Rulebook,
    now_ms: u64,
) -> Result<Hypothesis, Vec<Place>> {
    let checked = check(book)?;
    let whole = |error: String| vec![Place::new("routes", error)];
    let table = RouteTable::compile(&book.routes).map_err(|error| whole(error.to_string()))?;
    let platform = asked.platform();
    let facts = facts(asked, &platform, now_ms);
    let form = normal_form(facts.path);
    let policy = Policy::new(book);
    // No key of a client is known here: what depends on one is unknown, unless it was written.
    let keys = ClientKeys::new(b"");
    let mut strictest: Option<(Hypothesis, Verdict)> = None;
    for (request, route) in table.readings(&facts, &form, || Identity::of(&facts, &keys)) {
        let supposed = of_reading(asked, book, &checked, &policy, (&request, route), now_ms);
        strictest = Some(stricter(strictest, supposed));
    }
    let route = table.best(facts.host, repository_of(&form));
    Ok(strictest.map_or_else(
        || not_watched(route_name(book, route), asked, book),
        |(supposed, _)| supposed,
    ))
}

/// Of two readings of one path, as isolates decide.
fn stricter(held: Option<(Hypothesis, Verdict)>, other: (Hypothesis, Verdict)) -> (Hypothesis, Verdict) {
    let Some((supposed, mut verdict)) = held else {
        return other;
    };
    let is_other = verdict.or_stricter(other.1);
    (if is_other { other.0 } else { supposed }, verdict)
}

fn of_reading(
    asked: &HandwrittenRequest,
    book: &Rulebook,
    checked: &[CheckedExpression],
    policy: &Policy,
    (request, route): (&Request<'_>, usize),
    now_ms: u64,
) -> (Hypothesis, Verdict) {
    let name = route_name(book, route);
    let texts = request.texts();
    let mut values = request.values(name, &texts);
    for field in [Field::ClientKey, Field::ClientNetwork] {
        values.set(field, Value::Missing);
        if let Some(key) = asked.facts.get(field.name()).and_then(Json::as_str) {
            values.set(field, Value::from(key));
        }
    }
    let subject = Subject {
        route,
        client: key(asked.text(Field::ClientKey))
            .map(ClientKey)
            .unwrap_or_default(),
        network: key(asked.text(Field::ClientNetwork))
            .map(NetworkKey)
            .unwrap_or_default(),
        fingerprint: request.fingerprint.as_str(),
        asn: request.facts.asn,
        now_ms,
        degraded: key(asked.text(Field::ClientKey)).is_none(),
    };
    let case = Case {
        book,
        checked,
        policy,
        subject: &subject,
        values: &values,
        unknown: &asked.unknown(),
    };
    answer(&case, name)
}

fn route_name(book: &Rulebook, route: usize) -> &str {
    book.routes.get(route).map_or("", |route| route.name.as_str())
}

fn key(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// All that an answer is made of.
struct Case<'a> {
    book: &'a Rulebook,
    checked: &'a [CheckedExpression],
    policy: &'a Policy,
    subject: &'a Subject<'a>,
    values: &'a Values<'a>,
    unknown: &'a [Field],
}

fn answer(case: &Case<'_>, route: &str) -> (Hypothesis, Verdict) {
    let judged: Vec<Option<bool>> = case
        .checked
        .iter()
        .map(|rule| rule.judge(case.values, case.unknown))
        .collect();
    let matched = judged
        .iter()
        .enumerate()
        .filter(|(_, judged)| **judged == Some(true));
    let verdict = decide(
        case.policy,
        case.subject,
        matched.map(|(at, _)| at),
        &HotKeys::default(),
    );
    let decided_by = verdict
        .decided_by
        .and_then(|at| verdict.fired.get(at))
        .map(|fired| fired.rule.to_string());
    let rules: Vec<RuleHypothesis> = case
        .book
        .rules
        .iter()
        .zip(case.checked)
        .enumerate()
        .map(|(at, (rule, checked))| {
            let fired = verdict.fired.iter().find(|fired| *fired.rule == rule.id);
            let applied = fired.map_or(Action::None, |fired| fired.applied);
            of_rule(
                case,
                at,
                (rule, checked),
                judged.get(at).copied().flatten(),
                applied,
                decided_by.as_deref(),
            )
        })
        .collect();
    let uncertain: Vec<String> = rules
        .iter()
        .take_while(|rule| Some(rule.rule.as_str()) != decided_by.as_deref())
        .filter(|rule| rule.mode == Mode::Enforce && rule.would.decides() && is_open(case, rule))
        .map(|rule| rule.rule.clone())
        .collect();
    let mut not_said: Vec<&'static str> = rules
        .iter()
        .flat_map(|rule| rule.depends_on.iter().copied())
        .collect();
    not_said.sort_unstable();
    not_said.dedup();
    let supposed = Hypothesis {
        watched: true,
        route: route.to_owned(),
        why: in_words(verdict.action, decided_by.as_deref(), &uncertain),
        verdict: verdict.action,
        decided_by,
        uncertain,
        facts: facts_of(case.values),
        not_said,
        rules,
        revision: case.book.revision,
    };
    (supposed, verdict)
}

/// Whether it may act, for all that is known.
fn is_open(case: &Case<'_>, rule: &RuleHypothesis) -> bool {
    let is_partial = rule.percent.is_some_and(|percent| percent < 100.0) && case.subject.degraded;
    let has_volume = case
        .book
        .rules
        .iter()
        .any(|known| known.id == rule.rule && known.volume.is_some());
    rule.matched.is_none()
        || (rule.matched == Some(true) && rule.applied == Action::None && (is_partial || has_volume))
}

fn of_rule(
    case: &Case<'_>,
    at: usize,
    (rule, checked): (&Rule, &CheckedExpression),
    matched: Option<bool>,
    applied: Action,
    decided_by: Option<&str>,
) -> RuleHypothesis {
    let effective = case.policy.mode(case.subject.route, at, case.subject.now_ms);
    let depends_on: Vec<&'static str> = match matched {
        Some(_) => Vec::new(),
        None => checked
            .fields()
            .into_iter()
            .filter(|field| case.unknown.contains(field))
            .map(Field::name)
            .collect(),
    };
    let clauses = checked
        .explain(case.values, case.unknown)
        .into_iter()
        .map(|clause| ClauseHypothesis {
            text: clause.text,
            start: clause.start,
            end: clause.end,
            value: clause.value,
        });
    let mut supposed = RuleHypothesis {
        rule: rule.id.clone(),
        version: rule.version,
        matched,
        depends_on,
        mode: effective.mode,
        from: effective.from,
        percent: (effective.mode == Mode::Enforce).then_some(effective.percent),
        would: rule.action,
        applied,
        why: String::new(),
        clauses: clauses.collect(),
    };
    supposed.why = why(case, rule, &supposed, decided_by);
    supposed
}

fn why(case: &Case<'_>, rule: &Rule, supposed: &RuleHypothesis, decided_by: Option<&str>) -> String {
    match (supposed.matched, supposed.mode) {
        (Some(false), _) => "its expression is false".to_owned(),
        (None, _) => format!(
            "its expression depends on {}, which was not said",
            supposed.depends_on.join(", ")
        ),
        (Some(true), Mode::Off) => "its expression is true, and it is off on this route".to_owned(),
        (Some(true), Mode::Monitor) => {
            "its expression is true; it is in monitor, which changes nothing".to_owned()
        }
        (Some(true), Mode::Enforce) if supposed.applied != Action::None => {
            "its expression is true, and it acts".to_owned()
        }
        (Some(true), Mode::Enforce) => idle(case, rule, supposed, decided_by),
    }
}

fn idle(case: &Case<'_>, rule: &Rule, supposed: &RuleHypothesis, decided_by: Option<&str>) -> String {
    let percent = supposed.percent.unwrap_or(100.0);
    let is_in = in_percent(case.subject.client, &rule.id, percent);
    match (&rule.volume, decided_by) {
        (Some(volume), _) => format!(
            "its expression is true; it acts only above its volume, {} matches in {} s",
            volume.requests, volume.seconds
        ),
        (None, _) if percent < 100.0 && case.subject.degraded => {
            format!(
                "its expression is true; it is enforced for {percent} % of the clients, and client.key was not said"
            )
        }
        (None, _) if !is_in => format!(
            "its expression is true; this client is not among the {percent} % that it is enforced for"
        ),
        (None, Some(other)) if other != rule.id => {
            format!("its expression is true; {other} has already decided")
        }
        _ => "its expression is true, and the route has no detour origin".to_owned(),
    }
}

fn in_words(verdict: Action, decided_by: Option<&str>, uncertain: &[String]) -> String {
    let done = match (verdict, decided_by) {
        (Action::Block, Some(rule)) => format!("{rule} blocks the request"),
        (Action::Throttle, Some(rule)) => format!("{rule} throttles the request"),
        (Action::Detour, Some(rule)) => format!("{rule} sends the request to the alternate origin"),
        (Action::Allow, Some(rule)) => format!("{rule} lets the request through"),
        (Action::Tag, _) => "the request is tagged and forwarded".to_owned(),
        _ => "the request is forwarded unchanged".to_owned(),
    };
    match uncertain {
        [] => done,
        rules => format!(
            "{done}, unless {} acts first: what it depends on was not said",
            rules.join(" or ")
        ),
    }
}

fn not_watched(route: &str, asked: &HandwrittenRequest, book: &Rulebook) -> Hypothesis {
    let why = match asked.method.as_str() {
        "GET" | "HEAD" => {
            "the path is none of a blob on this route: the request passes, and no rule is asked".to_owned()
        }
        method => format!(
            "{method} is not watched, only GET and HEAD of blobs: the request passes, and no rule is asked"
        ),
    };
    Hypothesis {
        watched: false,
        route: route.to_owned(),
        verdict: Action::None,
        decided_by: None,
        uncertain: Vec::new(),
        why,
        facts: BTreeMap::new(),
        not_said: Vec::new(),
        rules: Vec::new(),
        revision: book.revision,
    }
}

fn facts_of(values: &Values<'_>) -> BTreeMap<&'static str, Json> {
    let fields = Field::ALL
        .iter()
        .filter(|field| !matches!(field, Field::Headers | Field::Platform));
    let json = |value| match value {
        Value::Missing => Json::Null,
        Value::Bytes(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Json::from(number),
        Value::Bool(truth) => Json::Bool(truth),
        Value::Ip(address) => Json::String(address.to_string()),
    };
    fields
        .map(|field| (field.name(), json(values.get(*field))))
        .collect()
}
