//! The calls of the API that the RuleBook answers: rules, routes, modes, settings, FireLogs, audit (docs/api.md).
//!
//! In scope: from a method, a path, a query and a body to an answer or a problem, whatever carries them. A change is
//! checked as the whole rulebook that it would make, before the first write. Not in scope: HTTP and auth
//! (`src`, `auth`).

mod act;
mod archive_calls;
mod audit;
mod change;
mod check_calls;
mod document_calls;
mod ending;
mod entry;
mod enforcing;
mod explain_call;
mod guard_calls;
mod list_calls;
mod fire_log_calls;
mod layouts;
mod mode_body;
mod mode_calls;
mod notices;
mod panic_calls;
mod route_calls;
mod push_calls;
mod pushed;
mod reading_calls;
mod rule_calls;
mod second_person;
mod schedule;
#[cfg(feature = "schema")]
mod schema;
mod settings_calls;
mod token_calls;

pub(crate) use archive_calls::{list_archives, post_archive};
pub(crate) use audit::{ExportStep, list_audit};
pub use audit::{export_audit, export_begin, verify_audit};
pub use change::checked_reason;
pub(crate) use change::{ChangeResult, Context, expected_revision};
pub(crate) use check_calls::check_expression;
pub(crate) use document_calls::get_document;
pub(crate) use entry::Written;
pub use entry::{EntryOnce, NewAuditEntry, write_entry, write_entry_once};
pub(crate) use explain_call::explain_request;
pub(crate) use fire_log_calls::list_fire_logs;
pub(crate) use guard_calls::{GUARD, guard_states, list_guards};
pub use guard_calls::{NextReport, take_report};
pub use layouts::take_load;
pub(crate) use list_calls::{change_items, delete_list, get_list, list_list_versions, list_lists, put_list};
pub(crate) use mode_calls::{ModeChange, delete_mode, get_mode, list_modes, put_mode};
pub use notices::changes_since;
pub(crate) use panic_calls::panic_off;
pub(crate) use push_calls::put_rulebook;
pub(crate) use pushed::{PushedList, suppose_lists};
pub(crate) use reading_calls::get_readings;
pub(crate) use route_calls::{delete_route, get_route, known_route, list_routes, put_route};
pub(crate) use rule_calls::{delete_rule, get_rule, known_rule, list_rules, list_versions, put_rule};
pub use schedule::advance;
pub(crate) use schedule::next_change_ms;
#[cfg(feature = "schema")]
pub use schema::{add_answers, add_bodies};
pub(crate) use second_person::{
    approve_mode, decline_mode, get_second_person, list_pending, pending_count, put_second_person,
};
pub(crate) use settings_calls::{get_settings, put_settings};
pub(crate) use token_calls::{CreateToken, ExpireToken};
pub use token_calls::{
    NewToken, RevokeToken, TokenItem, TokenUsed, create_token, expire_token, list_tokens, new_expiry,
    new_token, revoke_token,
};

use serde::Serialize;

use crate::store::RuleBookStore;
use blobwatch_rulebook::MAX_DOCUMENT;
use blobwatch_sql::Sql;
use blobwatch_wire::{ApiReply, ApiRequest, MAX_BODY, MAX_RULEBOOK_BODY, Page, Parameters, Place, Problem};

/// A whole rulebook may be written with spaces.
const _: () = assert!(MAX_RULEBOOK_BODY == 2 * MAX_DOCUMENT);

/// Does a call.
///
/// # Errors
/// A problem that names the place; nothing was written then.
pub fn answer<S: Sql>(store: &RuleBookStore<S>, call: &ApiRequest<'_>) -> Result<ApiReply, Problem> {
    let most = if matches!(call.path, "rulebook" | "explain") || call.path.starts_with("lists/") {
        MAX_RULEBOOK_BODY
    } else {
        MAX_BODY
    };
    if call.body.len() > most {
        return Err(Problem::too_large(most));
    }
    let segments: Vec<&str> = call.path.split('/').collect();
    match (call.method, segments.as_slice()) {
        // It changes nothing, though it has a body.
        ("POST", ["explain"]) => {
            Parameters::parse(call.query, &[])?;
            read_answer(store, &explain_request(store, call.now_ms, call.body)?)
        }
        ("GET", _) => read(store, call, &segments),
        ("PUT" | "DELETE" | "POST", _) => write(store, call, &segments),
        _ => Err(Problem::method_not_allowed(call.method)),
    }
}

fn read<S: Sql>(store: &RuleBookStore<S>, call: &ApiRequest<'_>, path: &[&str]) -> Result<ApiReply, Problem> {
    let page = || Page::parse(call.query);
    let alone = || Parameters::parse(call.query, &[]).map(drop);
    match path {
        ["rules"] => read_answer(store, &list_rules(store, call.now_ms, &page()?)?),
        ["rules", id] => alone().and_then(|()| read_answer(store, &get_rule(store, call.now_ms, id)?)),
        ["rules", id, "versions"] => read_answer(store, &list_versions(store, id, &page()?)?),
        ["rules", id, "modes"] => read_answer(store, &list_modes(store, call.now_ms, Some(id), &page()?)?),
        ["rules", id, "modes", route] => {
            alone().and_then(|()| read_answer(store, &get_mode(store, call.now_ms, id, route)?))
        }
        ["rules", id, "modes", route, "readings"] => {
            alone().and_then(|()| read_answer(store, &get_readings(store, call.now_ms, id, route)?))
        }
        ["modes"] => read_answer(store, &list_modes(store, call.now_ms, None, &page()?)?),
        ["routes"] => read_answer(store, &list_routes(store, &page()?)?),
        ["routes", name] => alone().and_then(|()| read_answer(store, &get_route(store, name)?)),
        ["lists"] => read_answer(store, &list_lists(store, &page()?)?),
        ["lists", name] => alone().and_then(|()| read_answer(store, &get_list(store, name)?)),
        ["lists", name, "versions"] => read_answer(store, &list_list_versions(store, name, &page()?)?),
        ["settings"] => alone().and_then(|()| read_answer(store, &get_settings(store)?)),
        ["pending"] => read_answer(store, &list_pending(store, call.now_ms, &page()?)?),
        ["second-person"] => alone().and_then(|()| read_answer(store, &get_second_person(store)?)),
        ["guards"] => read_answer(store, &list_guards(store, call.now_ms, &page()?)?),
        ["rulebook"] => read_answer(store, &get_document(store, call.query)?),
        ["archives"] => read_answer(store, &list_archives(store, &page()?)?),
        ["fire-logs"] => read_answer(store, &list_fire_logs(store, &page()?)?),
        ["audit"] => read_answer(store, &list_audit(store, &audit_page(call.query)?)?),
        _ => Err(Problem::no_such_call()),
    }
}

fn write<S: Sql>(
    store: &RuleBookStore<S>,
    call: &ApiRequest<'_>,
    path: &[&str],
) -> Result<ApiReply, Problem> {
    let known: &[&str] = match path {
        ["rulebook"] => &["reason", "dry_run"],
        ["rules", "check"] | ["archives"] => &[],
        _ => &["reason"],
    };
    let parameters = Parameters::parse(call.query, known)?;
    let context = Context {
        actor: call.actor,
        now_ms: call.now_ms,
        expected: expected_revision(call.if_match)?,
        reason: change::checked_reason("query.reason", parameters.get("reason"))?,
        is_trial: false,
    };
    match (call.method, path) {
        ("POST", ["archives"]) => read_answer(store, &post_archive(store, &context, call.body)?),
        ("POST", ["rules", "check"]) => read_answer(store, &check_expression(store, call.body)?),
        ("PUT", ["rules", id]) => done(&put_rule(store, &context, id, call.body)?),
        ("DELETE", ["rules", id]) => done(&delete_rule(store, &context, id)?),
        ("PUT", ["rules", id, "modes", route]) => match put_mode(store, &context, id, route, call.body)? {
            ModeChange::Made(made) => done(&made),
            ModeChange::Waits(waiting) => reply(202, &waiting, waiting.revision),
        },
        ("POST", ["rules", id, "modes", route, "approve"]) => {
            done(&approve_mode(store, &context, id, route, call.body)?)
        }
        ("POST", ["rules", id, "modes", route, "decline"]) => {
            read_answer(store, &decline_mode(store, &context, id, route, call.body)?)
        }
        ("PUT", ["second-person"]) => read_answer(store, &put_second_person(store, &context, call.body)?),
        ("DELETE", ["rules", id, "modes", route]) => done(&delete_mode(store, &context, id, route)?),
        ("PUT", ["routes", name]) => done(&put_route(store, &context, name, call.body)?),
        ("DELETE", ["routes", name]) => done(&delete_route(store, &context, name)?),
        ("PUT", ["lists", name]) => done(&put_list(store, &context, name, call.body)?),
        ("DELETE", ["lists", name]) => done(&delete_list(store, &context, name)?),
        ("POST", ["lists", name, "items"]) => done(&change_items(store, &context, name, call.body)?),
        ("POST", ["panic-off"]) => done(&panic_off(store, &context, call.body)?),
        ("PUT", ["rulebook"]) => {
            let dry_run = dry_run(parameters.get("dry_run"))?;
            let push = put_rulebook(store, &context, dry_run, call.body)?;
            reply(200, &push, push.revision)
        }
        ("PUT", ["settings"]) => done(&put_settings(store, &context, call.body)?),
        (
            method,
            [
                "rules" | "modes" | "routes" | "lists" | "settings" | "audit" | "rulebook" | "panic-off"
                | "guards" | "fire-logs" | "archives" | "explain" | "pending" | "second-person",
                ..,
            ],
        ) => Err(Problem::method_not_allowed(method)),
        _ => Err(Problem::no_such_call()),
    }
}

/// The list takes `format=json` too: the export's other value is the edge's, which streams it.
fn audit_page(query: &str) -> Result<Page, Problem> {
    let mut others = form_urlencoded::Serializer::new(String::new());
    let pairs = form_urlencoded::parse(query.as_bytes());
    others.extend_pairs(pairs.filter(|(name, value)| !(name == "format" && value == "json")));
    Page::parse(&others.finish())
}

fn dry_run(value: Option<&str>) -> Result<bool, Problem> {
    match value {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let message = format!("expected true or false, found {other:?}");
            Err(Problem::bad_parameter(Place::new("query.dry_run", message)))
        }
    }
}

fn read_answer<S: Sql, T: Serialize>(store: &RuleBookStore<S>, item: &T) -> Result<ApiReply, Problem> {
    let revision = store.revision()?;
    reply(200, item, revision)
}

fn done<T: Serialize>(changed: &ChangeResult<T>) -> Result<ApiReply, Problem> {
    reply(if changed.created { 201 } else { 200 }, changed, changed.revision)
}

fn reply<T: Serialize>(status: u16, item: &T, revision: u64) -> Result<ApiReply, Problem> {
    Ok(ApiReply::json(status, item)?.at_revision(revision))
}

#[cfg(test)]
mod tests;
