//! The calls that say who is told, and list what was told.

use serde::Serialize;

use crate::store::{DeliveryItem, Detector, MAX_WEBHOOKS, Webhook};
use crate::webhook::{AllowedAddresses, WebhookItem, checked_id, read};
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

/// A webhook after a change; the edge, which writes the audit log, adds its revision.
#[derive(Serialize)]
struct ChangedHere {
    #[serde(flatten)]
    item: WebhookItem,
    changed: bool,
}

/// The same as it is answered.
#[cfg(feature = "schema")]
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "ChangedWebhookItem")]
pub(super) struct ChangedWebhook {
    #[serde(flatten)]
    item: WebhookItem,
    /// Of the rulebook, whose audit log has the change.
    revision: u64,
    /// False when everything was so already.
    changed: bool,
}

pub(crate) fn answer<S: Sql>(
    store: &Detector<S>,
    call: &ApiRequest<'_>,
    path: &[&str],
    allowed: AllowedAddresses,
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
            changed(200, &webhook, true)
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
    allowed: AllowedAddresses,
) -> Result<ApiReply, Problem> {
    Parameters::parse(call.query, &["reason"])?;
    if id == "deliveries" {
        let message = "`deliveries` is reserved for the list of deliveries: expected another id";
        return Err(Problem::bad_parameter(Place::new("path.id", message)));
    }
    let known = store.webhook(checked_id(id)?)?;
    let webhook = read(id, call.body, known.as_ref(), allowed, call.actor, call.now_ms)?;
    if let Some(same) = known.as_ref().filter(|known| is_same(known, &webhook)) {
        return changed(200, same, false);
    }
    if known.is_none() && store.webhooks()?.len() >= MAX_WEBHOOKS {
        let message = format!("there are already {MAX_WEBHOOKS} webhooks, the maximum: remove one first");
        return Err(Problem::new(409, "too-many", "Too many webhooks", message));
    }
    store.put_webhook(&webhook)?;
    changed(if known.is_some() { 200 } else { 201 }, &webhook, true)
}

/// Whether nothing would come of putting one in the place of the other; who set it is no difference.
fn is_same(known: &Webhook, webhook: &Webhook) -> bool {
    let by_the_same = Webhook {
        actor: known.actor.clone(),
        ..webhook.clone()
    };
    *known == by_the_same
}

fn changed(status: u16, webhook: &Webhook, changed: bool) -> Result<ApiReply, Problem> {
    let item = WebhookItem::from(webhook);
    ApiReply::json(status, &ChangedHere { item, changed })
}
