//! What all FireLogs keep of clients' addresses.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{FireLogs, ask_all};
use crate::{AddressesCall, EraseAddressCall, KeptAddress};
use blobwatch_pull::ClientKey;
use blobwatch_wire::{Page, Parameters, Place, Problem, rfc3339};

/// As the API answers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressList {
    items: Vec<Item>,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AddressItem")
)]
struct Item {
    client: String,
    address: String,
    /// To the hour.
    seen: String,
}

/// What an erasure did.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ErasedAddress")
)]
pub struct Erased {
    client: String,
    /// FireLogs that had an address of the client.
    pub fire_logs: usize,
}

/// `GET addresses`, of these parameters.
///
/// # Errors
/// 400 for parameters that it does not take; that of the first FireLog where none answers.
pub async fn address_list(
    fire_logs: &impl FireLogs,
    names: &[String],
    query: &str,
) -> Result<AddressList, Problem> {
    let parameters = Parameters::parse(query, &["client", "cursor", "limit"])?;
    let page = Page::read(&parameters)?;
    let call = AddressesCall {
        client: parameters
            .get("client")
            .map(|text| client_of(text, "query.client"))
            .transpose()?,
        after: page.after.as_deref().unwrap_or_default().into(),
        limit: page.limit + 1,
    };
    let gathered = ask_all(fire_logs, names, &call).await;
    if let (true, Some(problem)) = (gathered.answers.is_empty(), gathered.problem) {
        return Err(problem);
    }
    Ok(AddressList::of(
        gathered.answers.into_iter().flatten(),
        page.limit,
        gathered.incomplete,
    ))
}

/// Erases the address of a client everywhere.
///
/// # Errors
/// Where a FireLog does not answer: what is there stays there, and the call is made again.
pub async fn erase_address(
    fire_logs: &impl FireLogs,
    names: &[String],
    client: &str,
) -> Result<Erased, Problem> {
    let key = client_of(client, "path.client")?;
    let gathered = ask_all(fire_logs, names, &EraseAddressCall(key)).await;
    match gathered.problem {
        Some(problem) => Err(problem),
        None => Ok(Erased {
            client: key.to_string(),
            fire_logs: gathered.answers.into_iter().filter(|had| *had).count(),
        }),
    }
}

impl AddressList {
    /// A client that moved between data centres is in several FireLogs: the newest counts.
    fn of(found: impl Iterator<Item = KeptAddress>, limit: usize, incomplete: Vec<String>) -> Self {
        let mut newest: BTreeMap<String, KeptAddress> = BTreeMap::new();
        for kept in found {
            let known = newest.get(&kept.client);
            if known.is_none_or(|known| known.seen_ms < kept.seen_ms) {
                newest.insert(kept.client.clone(), kept);
            }
        }
        let more = newest.len() > limit;
        let items: Vec<Item> = newest.into_values().take(limit).map(Item::of).collect();
        let last = items.last().map(|item| item.client.clone());
        Self {
            next_cursor: last.filter(|_| more),
            items,
            incomplete,
        }
    }
}

impl Item {
    fn of(kept: KeptAddress) -> Self {
        Self {
            seen: rfc3339(kept.seen_ms),
            client: kept.client,
            address: kept.address,
        }
    }
}

fn client_of(text: &str, place: &str) -> Result<ClientKey, Problem> {
    text.parse().map_err(|_| {
        let message = format!("expected 16 hex digits, as `client` of records has them, found {text:?}");
        Problem::bad_parameter(Place::new(place, message))
    })
}
