//! What is kept of clients' addresses: read by operators, and erased with an entry of the audit log.

use blobwatch_fire_log::{address_list, erase_address};
use blobwatch_rule_book::{FireLogNamesCall, NewAuditEntry, WriteEntryCall};
use blobwatch_wire::Nothing;
use worker::{Env, Request, Response, Url};

use super::detector_api::reason;
use super::http::{Answer, FailedTo, respond};
use super::object_call::call;
use super::records_api::Objects;

pub(super) async fn answer(path: &str, request: &Request, env: &Env, actor: &str) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    match path.split_once('/') {
        Some((_, client)) => erase(client, &url, &names, env, actor).await,
        None => {
            let query = url.query().unwrap_or_default();
            respond(Ok(address_list(&Objects(env.clone()), &names, query).await?)).failed_to("answer")
        }
    }
}

/// The entry says whose address was erased, and not which it was.
async fn erase(client: &str, url: &Url, names: &[String], env: &Env, actor: &str) -> Answer<Response> {
    let reason = reason(url)?;
    let erased = erase_address(&Objects(env.clone()), names, client).await?;
    let entry = NewAuditEntry {
        action: "address.erase".to_owned(),
        actor: actor.to_owned(),
        after: None,
        before: None,
        reason,
        target: format!("addresses/{client}"),
    };
    call(env, &WriteEntryCall, entry).await?;
    respond(Ok(erased)).failed_to("answer")
}
