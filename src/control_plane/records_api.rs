//! The calls about records: asked of every FireLog at once, and put together (`fan_out` of `blobwatch-fire-log`).

use blobwatch_fire_log::{
    CompareQuery, Export, Filter, FireLogs, Format, Kind, Listing, Notes, Older, Query, SummaryQuery,
    compare_all, explain, filter_warnings, find_anywhere, follow_anywhere, summarise_all,
};
use blobwatch_pull::{Record, RecordId};
use blobwatch_rule_book::{
    DocumentCall, FilterNames, FireLogNamesCall, GuardsAt, GuardsThenCall, HealthCall, RetentionCall,
    UnknownNamesCall,
};
use blobwatch_rulebook::{Rulebook, starter};
use blobwatch_wire::{Nothing, ObjectCall, Place, Problem};
use futures_util::future::join3;
use futures_util::stream;
use worker::{Env, Request, Response, Url};

use super::http::{Answer, FailedTo, internal, now_ms, query_pairs, respond, without_parameters};
use super::object_call::{call, call_named};
use super::pause::pause;

pub(super) async fn answer(path: &str, request: &Request, env: &Env) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let (of, rest) = path.split_once('/').unwrap_or((path, ""));
    let kind = Kind::of_name(of);
    match rest {
        "" => list(kind, &url, env).await,
        "summary" => summary(kind, &url, env).await,
        id => explanation(id, &url, env).await,
    }
}

/// One query asks FireLogs for so long: whoever asks is told what there is before they give up.
const PATIENCE_MS: u64 = 25_000;

/// FireLogs, by their Durable Objects.
pub(super) struct Objects(pub(super) Env);

impl FireLogs for Objects {
    async fn ask<C: ObjectCall<Request = Nothing>>(&self, name: &str, call: &C) -> Answer<C::Reply> {
        call_named(&self.0, name, call, Nothing).await
    }

    fn patience(&self) -> impl Fn() -> bool {
        let until_ms = now_ms() + PATIENCE_MS;
        move || now_ms() > until_ms
    }
}

async fn list(kind: Kind, url: &Url, env: &Env) -> Answer<Response> {
    let pairs = query_pairs(url);
    let query = Query::parse(kind, &pairs, now_ms())?;
    let (names, notes) = names_and_notes(&query.filter, &pairs, env).await?;
    let listing = Listing {
        names,
        notes,
        fire_logs: Objects(env.clone()),
        kind,
        pairs,
        query,
    };
    match listing.query.format {
        Format::Json => respond(Ok(listing.list().await?)).failed_to("answer"),
        Format::Ndjson => export(listing),
    }
}

fn export(listing: Listing<Objects>) -> Answer<Response> {
    let lines = stream::unfold(Export::new(listing), |mut export| async {
        pause().await;
        let lines = export.lines().await?;
        Some((lines.map_err(worker::Error::RustError), export))
    });
    let response = Response::from_stream(lines).failed_to("answer")?;
    let headers = response.headers();
    headers
        .set("Content-Type", "application/x-ndjson")
        .failed_to("answer")?;
    headers.set("Cache-Control", "no-store").failed_to("answer")?;
    Ok(response)
}

/// The FireLogs to ask, and what is said beside their records. That a RuleBook of an older build does not say it hides none of
/// those that are kept.
async fn names_and_notes(
    filter: &Filter,
    pairs: &[(String, String)],
    env: &Env,
) -> Answer<(Vec<String>, Notes)> {
    let names = call(env, &FireLogNamesCall, Nothing);
    let (names, older, unknown) = join3(names, older(filter, env), unknown(pairs, env)).await;
    let warnings = filter_warnings(pairs).into_iter().chain(unknown).collect();
    Ok((names?, Notes { older, warnings }))
}

async fn older(filter: &Filter, env: &Env) -> Option<Older> {
    if !filter.may_reach_older(now_ms()) {
        return None;
    }
    let retention = call(env, &RetentionCall, Nothing).await.ok()?;
    filter.older(retention, now_ms())
}

async fn unknown(pairs: &[(String, String)], env: &Env) -> Vec<Place> {
    let names = FilterNames::of(pairs);
    if names.is_empty() {
        return Vec::new();
    }
    call(env, &UnknownNamesCall, names).await.unwrap_or_default()
}

async fn summary(kind: Kind, url: &Url, env: &Env) -> Answer<Response> {
    let pairs = query_pairs(url);
    let query = SummaryQuery::parse(kind, &pairs, now_ms())?;
    let (names, notes) = names_and_notes(&query.filter, &pairs, env).await?;
    let objects = Objects(env.clone());
    let summary = summarise_all(&objects, &names, kind, &pairs, &query, notes).await;
    respond(Ok(summary)).failed_to("answer")
}

/// What is different about a selection of records.
pub(super) async fn compare(request: &Request, body: &str, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let query = CompareQuery::parse(body, now_ms())?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let objects = Objects(env.clone());
    let compared = compare_all(&objects, &names, &query).await;
    respond(Ok(compared)).failed_to("answer")
}

async fn explanation(id: &str, url: &Url, env: &Env) -> Answer<Response> {
    without_parameters(url)?;
    let id: RecordId = id
        .parse()
        .map_err(|e| Problem::bad_parameter(Place::new("path.id", format!("{e}"))))?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let record = record(id, &names, env).await?;
    let book = book_of(&record, env).await?;
    let guards = match record.revision {
        0 => Vec::new(),
        revision => {
            let then = GuardsAt {
                revision,
                route: record.route.to_string(),
                time_ms: record.id.time_ms(),
            };
            call(env, &GuardsThenCall, then).await?
        }
    };
    let current = call(env, &HealthCall, Nothing).await?.revision;
    let explanation = explain(&record, &book, &guards, current);
    let mut explanation = explanation
        .map_err(|places| internal("read the rulebook of that revision", format!("{places:?}")))?;
    explanation.followed = follow_anywhere(&Objects(env.clone()), &names, &record).await;
    respond(Ok(explanation)).failed_to("answer")
}

/// `names` are the FireLogs that are asked.
pub(super) async fn record(id: RecordId, names: &[String], env: &Env) -> Answer<Record> {
    find_anywhere(&Objects(env.clone()), names, id).await
}

/// The rulebook that decided; 0 is the one that ships.
async fn book_of(record: &Record, env: &Env) -> Answer<Rulebook> {
    match record.revision {
        0 => starter().failed_to("read the shipped rulebook"),
        revision => {
            let document = call(env, &DocumentCall::AtRevision(revision), Nothing).await?;
            Rulebook::from_json(&document.0).failed_to("read the rulebook of that revision")
        }
    }
}
