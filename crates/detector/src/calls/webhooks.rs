//! The calls that say who is told, and list what was told.

use serde::Serialize;

use crate::store::{DeliveryItem, Detector, MAX_WEBHOOKS, Webhook};
use crate::webhook::{Allowed, WebhookItem, checked_id, read};
use blobwatch_sql::Sql;
use blobwatch_wire::{ApiReply, ApiRequest, List, Parameters, Place, Problem};

/// Deliveries of one answer: the newest.
const DELIVERIES: usize = 200;

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct QueuedDelivery {
    /// Of the delivery.
    id: String,
}

pub(crate) fn answer<S: Sql>(
    store: &Detector<S>,
    call: &ApiRequest<'_>,
    path: &[&str],
    allowed: Allowed,
) -> Result<ApiReply, Problem> {
    match (call.method, path) {
        ("GET", ["webhooks"]) => {
            Parameters::parse(call.query, &[])?;
            let items = store.webhooks()?;
            ApiReply::json(200, &whole_list(items.iter().map(WebhookItem::from).collect()))
        }
        ("GET", ["webhooks", "deliveries"]) => {
            Parameters::parse(call.query, &[])?;
            let items: Vec<DeliveryItem> = store.deliveries(u64::MAX, DELIVERIES)?;
            ApiReply::json(200, &whole_list(items))
        }
        ("GET", ["webhooks", id]) => {
            Parameters::parse(call.query, &[])?;
            ApiReply::json(200, &WebhookItem::from(&webhook(store, id)?))
        }
        ("PUT", ["webhooks", id]) => put(store, call, id, allowed),
        ("DELETE", ["webhooks", id]) => {
            Parameters::parse(call.query, &["reason"])?;
            let webhook = webhook(store, id)?;
            store.delete_webhook(id, call.now_ms)?;
            ApiReply::json(200, &WebhookItem::from(&webhook))
        }
        ("POST", ["webhooks", id, "test"]) => {
            Parameters::parse(call.query, &[])?;
            let id = store.tell_test(&webhook(store, id)?, call.now_ms)?;
            let id = format!("dl-{id:06}");
            ApiReply::json(202, &QueuedDelivery { id })
        }
        ("GET" | "PUT" | "DELETE" | "POST", _) => Err(Problem::no_such_call()),
        _ => Err(Problem::method_not_allowed(call.method)),
    }
}

fn whole_list<T>(items: Vec<T>) -> List<T> {
    List {
        items,
        next_cursor: None,
    }
}

fn webhook<S: Sql>(store: &Detector<S>, id: &str) -> Result<Webhook, Problem> {
    let webhook = store.webhook(checked_id(id)?)?;
    webhook.ok_or_else(|| Problem::not_found("webhook with this id"))
}

fn put<S: Sql>(
    store: &Detector<S>,
    call: &ApiRequest<'_>,
    id: &str,
    allowed: Allowed,
) -> Result<ApiReply, Problem> {
    Parameters::parse(call.query, &["reason"])?;
    if id == "deliveries" {
        let message = "`deliveries` is reserved for the list of deliveries: expected another id";
        return Err(Problem::bad_parameter(Place::new("path.id", message)));
    }
    let known = store.webhook(checked_id(id)?)?;
    let webhook = read(id, call.body, known.as_ref(), allowed, call.actor, call.now_ms)?;
    if known.is_none() && store.webhooks()?.len() >= MAX_WEBHOOKS {
        let message = format!("there are already {MAX_WEBHOOKS} webhooks, the maximum: remove one first");
        return Err(Problem::new(409, "too-many", "Too many webhooks", message));
    }
    store.put_webhook(&webhook)?;
    let status = if known.is_some() { 200 } else { 201 };
    ApiReply::json(status, &WebhookItem::from(&webhook))
}
