//! The calls about records: asked of every FireLog at once, and put together.
//!
//! A FireLog that does not answer is named in `incomplete` instead of hiding what the others have: in an incident, most
//! of the truth now is worth more than all of it later.

use blobwatch_fire_log::{
    BEFORE, Followed, Format, Joined, KIND, Kind, MAX_LIMIT, PageCall, Part, Query, RecordCall, Summary,
    SummaryCall, SummaryQuery, explain, followed, followers, join,
};
use blobwatch_pull::{Record, RecordId};
use blobwatch_rule_book::{DocumentCall, FireLogNamesCall, GuardsAt, GuardsThenCall, HealthCall};
use blobwatch_rulebook::{Rulebook, starter};
use blobwatch_wire::{Nothing, Place, Problem};
use futures_util::future::join_all;
use futures_util::stream;
use serde::Serialize;
use worker::{Env, Request, Response, Url};

use super::http::{Answer, FailedTo, internal, now_ms, query_pairs, respond};
use super::object_call::{call, call_named};

pub(super) async fn answer(path: &str, request: &Request, env: &Env) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let (of, rest) = path.split_once('/').unwrap_or((path, ""));
    let kind = if of == "requests" {
        Kind::Requests
    } else {
        Kind::Fires
    };
    match rest {
        "" => list(of, kind, &url, env).await,
        "summary" => summary(of, kind, &url, env).await,
        id => explanation(id, &url, env).await,
    }
}

/// What several FireLogs answered, and the names of those that did not.
struct Gathered<T> {
    answers: Vec<T>,
    incomplete: Vec<String>,
    /// Why the first of those did not.
    problem: Option<Problem>,
}

#[derive(Serialize)]
struct List {
    items: Vec<Record>,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

async fn list(of: &str, kind: Kind, url: &Url, env: &Env) -> Answer<Response> {
    let pairs = query_pairs(url);
    let query = Query::parse(kind, &pairs, now_ms())?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let walk = Walk {
        of: of.to_owned(),
        pairs,
        names,
        env: env.clone(),
        query,
    };
    match walk.query.format {
        Format::Json => {
            let (joined, incomplete) = walk.next(walk.query.before, walk.query.limit).await?;
            let next_cursor = joined.before.map(|before| walk.query.cursor(before).text());
            respond(Ok(List {
                items: joined.records,
                next_cursor,
                incomplete,
            }))
            .failed_to("answer")
        }
        Format::Ndjson => export(walk),
    }
}

/// One list, page by page.
struct Walk {
    of: String,
    pairs: Vec<(String, String)>,
    names: Vec<String>,
    env: Env,
    query: Query,
}

impl Walk {
    async fn next(&self, before: RecordId, limit: usize) -> Answer<(Joined, Vec<String>)> {
        let cursor = self.query.cursor(before).text();
        let mut pairs: Vec<(&str, &str)> = vec![(KIND, &self.of), ("cursor", &cursor)];
        let limit_text = limit.to_string();
        pairs.push(("limit", &limit_text));
        let own = |name: &str| matches!(name, "cursor" | "limit" | "format");
        pairs.extend(
            self.pairs
                .iter()
                .filter(|(name, _)| !own(name))
                .map(|(n, v)| (n.as_str(), v.as_str())),
        );
        let page = PageCall(&pairs);
        let asked = self
            .names
            .iter()
            .map(|name| call_named(&self.env, name, &page, Nothing));
        let gathered = gather(&self.names, join_all(asked).await);
        match gathered.problem {
            Some(problem) if gathered.answers.is_empty() => Err(problem),
            _ => Ok((join(gathered.answers, limit), gathered.incomplete)),
        }
    }
}

/// NDJSON, a page at a time: memory stays that of one page. A page that cannot be had breaks the stream off, so that a
/// shortened export is never taken for a whole one.
fn export(walk: Walk) -> Answer<Response> {
    let start = Some((walk.query.before, walk.query.limit));
    let pages = stream::unfold((walk, start), |(walk, at)| async move {
        let (before, left) = at?;
        let page = match walk.next(before, left.min(MAX_LIMIT)).await {
            Ok((joined, incomplete)) if incomplete.is_empty() => joined,
            Ok((_, incomplete)) => return Some((Err(broken(&incomplete.join(", "))), (walk, None))),
            Err(problem) => return Some((Err(broken(&problem.detail)), (walk, None))),
        };
        let left = left.saturating_sub(page.records.len());
        let next = page.before.filter(|_| left > 0).map(|before| (before, left));
        Some((lines(&page.records), (walk, next)))
    });
    let response = Response::from_stream(pages).failed_to("answer")?;
    let headers = response.headers();
    headers
        .set("Content-Type", "application/x-ndjson")
        .failed_to("answer")?;
    headers.set("Cache-Control", "no-store").failed_to("answer")?;
    Ok(response)
}

fn lines(records: &[Record]) -> worker::Result<Vec<u8>> {
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, record).map_err(|e| worker::Error::RustError(e.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

fn broken(why: &str) -> worker::Error {
    worker::Error::RustError(format!("the export is incomplete: {why}"))
}

fn gather<T>(names: &[String], answers: Vec<Answer<T>>) -> Gathered<T> {
    let mut gathered = Gathered {
        answers: Vec::new(),
        incomplete: Vec::new(),
        problem: None,
    };
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Ok(answer) => gathered.answers.push(answer),
            Err(problem) => {
                gathered.incomplete.push(name.clone());
                gathered.problem.get_or_insert(problem);
            }
        }
    }
    gathered
}

async fn summary(of: &str, kind: Kind, url: &Url, env: &Env) -> Answer<Response> {
    let pairs = query_pairs(url);
    let query = SummaryQuery::parse(kind, &pairs, now_ms())?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let parts = join_all(names.iter().map(|name| parts(env, name, of, &pairs))).await;
    let gathered = gather(&names, parts);
    let mut summary = Summary::default();
    gathered
        .answers
        .into_iter()
        .flatten()
        .for_each(|part| summary.absorb(part));
    respond(Ok(Counted {
        counts: summary.finish(&query.by, query.limit),
        incomplete: gathered.incomplete,
    }))
    .failed_to("answer")
}

#[derive(Serialize)]
struct Counted<T> {
    #[serde(flatten)]
    counts: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

/// Everything that one FireLog counts, stretch by stretch.
async fn parts(env: &Env, name: &str, of: &str, pairs: &[(String, String)]) -> Answer<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let mut asked: Vec<(&str, &str)> = vec![(KIND, of)];
        asked.extend(before.iter().map(|id| (BEFORE, id.as_str())));
        asked.extend(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let part = call_named(env, name, &SummaryCall(&asked), Nothing).await?;
        before.clone_from(&part.before);
        parts.push(part);
        if before.is_none() {
            return Ok(parts);
        }
    }
}

async fn explanation(id: &str, url: &Url, env: &Env) -> Answer<Response> {
    if let Some((name, _)) = query_pairs(url).first() {
        return Err(Problem::bad_parameter(Place::new(
            format!("query.{name}"),
            "this call takes no parameters",
        )));
    }
    let id: RecordId = id
        .parse()
        .map_err(|e| Problem::bad_parameter(Place::new("path.id", format!("{e}"))))?;
    let record = record(id, env).await?;
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
    explanation.followed = became(&record, env).await?;
    respond(Ok(explanation)).failed_to("answer")
}

/// What became of a redirect; `None` where the record is none.
async fn became(record: &Record, env: &Env) -> Answer<Option<Option<Followed>>> {
    let Some(parameters) = followers(record) else {
        return Ok(None);
    };
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let (names, page) = (
        call(env, &FireLogNamesCall, Nothing).await?,
        PageCall(&parameters),
    );
    let asked = names.iter().map(|name| call_named(env, name, &page, Nothing));
    let gathered = gather(&names, join_all(asked).await);
    let found: Vec<Record> = gathered
        .answers
        .into_iter()
        .flat_map(|page| page.records)
        .collect();
    Ok(Some(followed(record, &found)))
}

pub(super) async fn record(id: RecordId, env: &Env) -> Answer<Record> {
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let find = RecordCall(id);
    let asked = names.iter().map(|name| call_named(env, name, &find, Nothing));
    let gathered = gather(&names, join_all(asked).await);
    match gathered.answers.into_iter().flat_map(|page| page.records).next() {
        Some(record) => Ok(record),
        None => Err(gathered
            .problem
            .unwrap_or_else(|| Problem::not_found("record with this id"))),
    }
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
