//! What a FireLog answers about its records; `records_api` asks, and joins the answers of all FireLogs.

use blobwatch_fire_log::{
    AddressesCall, BEFORE, Budget, CellsOfCall, CompareQuery, KIND, KeptAddress, Kind, Page, PageCall, Query,
    RecordCall, SummaryCall, SummaryQuery, address_of, addresses as kept_addresses, find, scan_page,
    summarise, tabulate,
};
use blobwatch_previews::{Budget as SliceBudget, Replay, Slice, SliceCall, scan_slice};
use blobwatch_pull::RecordId;
use blobwatch_sql::{SLICE_RECORDS, Slices};
use blobwatch_wire::{ObjectCall, Problem};
use worker::{Response, Url};

use super::http::{Answer, FailedTo, now_ms, query_pairs};
use super::object_call;
use super::pause::pause;
use super::sql::ObjectSql;

pub(super) async fn answer(call: &str, url: &Url, sql: &ObjectSql) -> Answer<Response> {
    match call.strip_prefix(RecordCall::PATH) {
        Some(id) => record(id, sql).await,
        None if call == PageCall::PATH => page(url, sql).await,
        None if call == SummaryCall::PATH => summary(url, sql).await,
        None if call == CellsOfCall::PATH => cells(url, sql).await,
        None => Err(Problem::not_found("call of a FireLog")),
    }
}

async fn page(url: &Url, sql: &ObjectSql) -> Answer<Response> {
    let mut pairs = query_pairs(url);
    let kind = Kind::of_name(&take(&mut pairs, KIND).unwrap_or_default());
    let query = Query::parse(kind, &pairs, now_ms())?;
    let (budget, pace) = (Budget::default(), Slices::new(pause));
    let page = scan_page(sql, &query.filter, query.before, query.limit, budget, &pace).await;
    let page = page.failed_to("search the records")?;
    if page.records.len() >= SLICE_RECORDS {
        pause().await; // it is written next
    }
    object_call::answer::<PageCall>(page)
}

async fn record(id: &str, sql: &ObjectSql) -> Answer<Response> {
    let id = id
        .parse()
        .map_err(|_| Problem::not_found("record with this id"))?;
    let found = find(sql, id, &Slices::new(pause))
        .await
        .failed_to("search the records")?;
    object_call::answer::<RecordCall>(Page {
        records: found.into_iter().collect(),
        floor: RecordId(0),
    })
}

async fn summary(url: &Url, sql: &ObjectSql) -> Answer<Response> {
    let mut pairs = query_pairs(url);
    let kind = Kind::of_name(&take(&mut pairs, KIND).unwrap_or_default());
    let before = take(&mut pairs, BEFORE)
        .and_then(|id| id.parse().ok())
        .unwrap_or(RecordId(u128::MAX));
    let query = SummaryQuery::parse(kind, &pairs, now_ms())?;
    let (budget, pace) = (Budget::default(), Slices::new(pause));
    let part = summarise(sql, &query.filter, &query.by, before, budget, &pace).await;
    object_call::answer::<SummaryCall>(part.failed_to("count the records")?)
}

/// What a comparison counts.
async fn cells(url: &Url, sql: &ObjectSql) -> Answer<Response> {
    let mut pairs = query_pairs(url);
    let before = take(&mut pairs, BEFORE)
        .and_then(|id| id.parse().ok())
        .unwrap_or(RecordId(u128::MAX));
    let filter = CompareQuery::filter(&pairs, now_ms())?;
    let (budget, pace) = (Budget::default(), Slices::new(pause));
    let part = tabulate(sql, &filter, CompareQuery::tables(), before, budget, &pace).await;
    object_call::answer::<CellsOfCall>(part.failed_to("count the records")?)
}

/// One client's, or those that follow a key.
pub(super) fn addresses(asked: &AddressesCall<'_>, sql: &ObjectSql) -> Answer<Vec<KeptAddress>> {
    let found = match asked.client {
        Some(client) => address_of(sql, client).map(|found| found.into_iter().collect()),
        None => kept_addresses(sql, &asked.after, asked.limit),
    };
    found.failed_to("read the addresses")
}

fn take(pairs: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = pairs.iter().position(|(key, _)| key == name)?;
    Some(pairs.swap_remove(at).1)
}

/// Replays one slice of the records through a preview's candidate.
pub(super) async fn slice(call: &SliceCall, sql: &ObjectSql) -> Answer<Slice> {
    let mut replay = Replay::new(&call.plan).failed_to("compile a preview")?;
    let (budget, pace) = (SliceBudget::default(), Slices::new(pause));
    let slice = scan_slice(sql, &mut replay, call, budget, &pace).await;
    let slice = slice.failed_to("replay the records")?;
    if slice.scanned >= SLICE_RECORDS as u64 {
        pause().await; // it is written next
    }
    Ok(slice)
}
