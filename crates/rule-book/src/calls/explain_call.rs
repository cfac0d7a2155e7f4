//! What a rulebook would do with a request that is written by hand: the live one, or a candidate.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::change::body;
use super::pushed::{PushBody, PushedList, suppose_lists};
use crate::curl;
use crate::handwritten_request::{HandwrittenRequest, is_fact};
use crate::hypothetical::{Hypothesis, suppose};
use crate::store::RuleBookStore;
use blobwatch_pull::{Action, Mode, rule_action};
use blobwatch_rulebook::{Rule, Rulebook, Volume};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ExplainBody {
    /// A command line.
    curl: Option<String>,
    /// Or what it would say.
    request: Option<RequestBody>,
    /// What the platform says, by the names of the rule language.
    #[serde(default)]
    facts: BTreeMap<String, Json>,
    /// A rulebook instead of the live one.
    rulebook: Option<PushBody>,
    /// Lists in place of those that are there, in the form of a rulebook's.
    #[serde(default)]
    lists: Vec<PushedList>,
    /// A rule that is asked after all others, in monitor.
    rule: Option<DraftBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ExplainedRequest")
)]
struct RequestBody {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn get() -> String {
    "GET".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DraftRule")
)]
struct DraftBody {
    expression: String,
    #[serde(deserialize_with = "rule_action")]
    action: Action,
    volume: Option<Volume>,
}

/// Name of the rule that is thought of.
const DRAFT: &str = "draft";

/// # Errors
/// 400 or 422 naming the place.
pub(crate) fn explain_request<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    text: &str,
) -> Result<Hypothesis, Problem> {
    let asking: ExplainBody = body(text)?;
    let asked = asked(asking.curl, asking.request, asking.facts)?;
    let live = store.document()?;
    let mut book = match asking.rulebook {
        Some(pushed) => {
            let candidate = pushed.candidate(store, &live, now_ms)?;
            if !candidate.faults.is_empty() {
                return Err(Problem::invalid(candidate.faults));
            }
            candidate.book
        }
        None => live,
    };
    suppose_lists(&mut book, asking.lists, store)?;
    if let Some(rule) = asking.rule {
        append(&mut book, rule);
    }
    let own = format!("rules[{}].", book.rules.len().saturating_sub(1));
    let is_draft = book.rules.last().is_some_and(|rule| rule.id == DRAFT);
    suppose(&asked, &book, now_ms).map_err(|places| {
        let told = |place: Place| match place.place.strip_prefix(&own).filter(|_| is_draft) {
            Some(field) => Place {
                place: format!("body.rule.{field}"),
                ..place
            },
            None => Place {
                place: format!("body.rulebook.{}", place.place),
                ..place
            },
        };
        Problem::invalid(places.into_iter().map(told).collect())
    })
}

fn append(book: &mut Rulebook, rule: DraftBody) {
    book.rules.retain(|known| known.id != DRAFT);
    book.modes.retain(|setting| setting.rule != DRAFT);
    book.rules.push(Rule {
        id: DRAFT.to_owned(),
        version: 1,
        description: String::new(),
        expression: rule.expression,
        action: rule.action,
        default_mode: Mode::Monitor,
        volume: rule.volume,
    });
}

fn asked(
    line: Option<String>,
    request: Option<RequestBody>,
    facts: BTreeMap<String, Json>,
) -> Result<HandwrittenRequest, Problem> {
    let refuse = |place: &str, message: String| Problem::invalid(vec![Place::new(place, message)]);
    let mut asked = match (line, request) {
        (Some(line), None) => {
            curl::read(&line).map_err(|expected| refuse("body.curl", format!("expected {expected}")))?
        }
        (None, Some(request)) => {
            let mut asked = HandwrittenRequest {
                method: request.method,
                ..HandwrittenRequest::default()
            };
            asked
                .set_url(&request.url)
                .map_err(|expected| refuse("body.request.url", format!("expected {expected}")))?;
            request
                .headers
                .iter()
                .for_each(|(name, value)| asked.header(name, value));
            asked
        }
        _ => {
            return Err(refuse(
                "body",
                "expected `curl` or `request`, and not both".to_owned(),
            ));
        }
    };
    if let Some(name) = facts.keys().find(|name| !is_fact(name)) {
        let message = "expected the name of a fact that the platform says, such as ip.src.country; what the request says \
                       itself is in its URL and headers";
        return Err(refuse(&format!("body.facts.{name}"), message.to_owned()));
    }
    asked.facts.extend(facts);
    Ok(asked)
}
