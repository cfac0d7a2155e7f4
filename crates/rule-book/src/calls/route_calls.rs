//! Routes: list, read, write, remove.

use serde::{Deserialize, Serialize};

use super::act::{Act, Target};
use super::change::{ChangeResult, Context, PlannedChange, carry_out, checked_name, current, with_body};
use super::ending::{Ending, Retirement, retire};
use crate::store::{Edit, Kind, RuleBookStore, StoredVersion};
use blobwatch_pull::BlobShapes;
use blobwatch_rulebook::{AnomalyBreadth, DEFAULT_ROUTE, Disclose, EdgeCache, Redirects, Route, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Place, Problem, json_text, rfc3339};

/// A route as it is now, and who made it so.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RouteItem {
    pub name: String,
    pub host: Option<String>,
    pub repository: String,
    pub blobs: Vec<String>,
    pub origin: Option<String>,
    pub detour: Option<String>,
    pub redirects: Redirects,
    pub cache: EdgeCache,
    pub observe: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<f64>,
    pub disclose: Disclose,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomaly_breadth: Option<AnomalyBreadth>,
    /// RFC 3339.
    pub time: String,
    pub actor: String,
    pub reason: Option<String>,
    pub since_revision: u64,
}

impl From<StoredVersion<Route>> for RouteItem {
    fn from(kept: StoredVersion<Route>) -> Self {
        let route = kept.value;
        Self {
            blobs: route.blob_names(),
            name: route.name,
            host: route.host,
            repository: route.repository,
            origin: route.origin,
            detour: route.detour,
            redirects: route.redirects,
            cache: route.cache,
            observe: route.observe,
            keep: route.keep,
            disclose: route.disclose,
            anomaly_breadth: route.anomaly_breadth,
            time: rfc3339(kept.time_ms),
            actor: kept.actor,
            reason: kept.reason,
            since_revision: kept.since,
        }
    }
}

/// All settings of a route; what is left out is the default, not what was there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct RouteBody {
    host: Option<String>,
    repository: Option<String>,
    blobs: Option<Vec<String>>,
    origin: Option<String>,
    detour: Option<String>,
    redirects: Option<Redirects>,
    cache: Option<EdgeCache>,
    observe: Option<f64>,
    keep: Option<f64>,
    disclose: Option<Disclose>,
    anomaly_breadth: Option<AnomalyBreadth>,
}

/// Every route, in the order that breaks ties.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_routes<S: Sql>(store: &RuleBookStore<S>, page: &Page) -> Result<List<RouteItem>, Problem> {
    page.of(items(store)?, |item| item.name.as_str())
}

/// One route.
///
/// # Errors
/// 404 when there is none.
pub(crate) fn get_route<S: Sql>(store: &RuleBookStore<S>, name: &str) -> Result<RouteItem, Problem> {
    let items = items(store)?;
    match items.iter().find(|item| item.name == name) {
        Some(found) => Ok(found.clone()),
        None => Err(no_route(name, items.iter().map(|item| item.name.as_str()))),
    }
}

/// Writes the settings of a route, or a new route after all others.
///
/// # Errors
/// 400 or 422 naming the place; 412 on another revision than expected.
pub(crate) fn put_route<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
    text: &str,
) -> Result<ChangeResult<RouteItem>, Problem> {
    checked_name("path.route", name)?;
    with_body(context, text, |context, body: RouteBody| {
        put_read_route(store, context, name, body)
    })
}

fn put_read_route<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
    body: RouteBody,
) -> Result<ChangeResult<RouteItem>, Problem> {
    let route = body.route(name);
    let book = current(store, context)?;
    let at = book.routes.iter().position(|known| known.name == name);
    let before = at.and_then(|at| book.routes.get(at)).cloned();
    if before.as_ref() == Some(&route) {
        let item = get_route(store, name)?;
        return Ok(ChangeResult {
            item,
            revision: book.revision,
            changed: false,
            created: false,
        });
    }
    let plan = put_plan(book, at, before.as_ref(), route)?;
    let revision = carry_out(store, context, plan)?;
    let item = get_route(store, name)?;
    Ok(ChangeResult {
        item,
        revision,
        changed: true,
        created: before.is_none(),
    })
}

/// Removes a route and the modes set on it.
///
/// # Errors
/// 404 when there is none; 409 for `default`; 412 on another revision than expected.
pub(crate) fn delete_route<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
) -> Result<ChangeResult<Retirement>, Problem> {
    if name == DEFAULT_ROUTE {
        return Err(default_stays());
    }
    let mut book = current(store, context)?;
    known_route(&book, name)?;
    let at = book.routes.iter().position(|route| route.name == name);
    let at = at.unwrap_or_default();
    let route = book.routes.remove(at);
    retire(store, context, book, &Ending::Route(route))
}

impl RouteBody {
    fn route(self, name: &str) -> Route {
        let unset = Route::named(name);
        Route {
            host: self.host,
            repository: self.repository.unwrap_or(unset.repository),
            // Those that hold anyhow are not set: a build that knows no others goes on with the rulebook.
            blobs: self.blobs.filter(|names| *names != BlobShapes::DEFAULT),
            origin: self.origin,
            detour: self.detour,
            redirects: self.redirects.unwrap_or(unset.redirects),
            cache: self.cache.unwrap_or(unset.cache),
            observe: self.observe.unwrap_or(unset.observe),
            // All is what holds anyhow.
            keep: self.keep.filter(|share| *share != 1.0),
            disclose: self.disclose.unwrap_or(unset.disclose),
            anomaly_breadth: self.anomaly_breadth,
            name: unset.name,
        }
    }
}

fn put_plan(
    mut book: Rulebook,
    at: Option<usize>,
    before: Option<&Route>,
    route: Route,
) -> Result<PlannedChange, Problem> {
    let own = at.unwrap_or(book.routes.len());
    let (after, edit) = (json_text(&route)?, Edit::route(&route)?);
    let target = Target::Route(route.name.clone());
    match at.and_then(|at| book.routes.get_mut(at)) {
        Some(slot) => *slot = route,
        None => book.routes.push(route),
    }
    Ok(PlannedChange {
        act: Act::RoutePut,
        target,
        own: format!("routes[{own}]."),
        before: before.map(json_text).transpose()?,
        after: Some(after),
        candidate: book,
        edits: vec![edit],
    })
}

fn items<S: Sql>(store: &RuleBookStore<S>) -> Result<Vec<RouteItem>, Problem> {
    let kept = store.valid::<Route>(Kind::Route)?;
    Ok(kept.into_iter().map(RouteItem::from).collect())
}

/// # Errors
/// 404 for a route that is not there.
pub(crate) fn known_route(book: &Rulebook, name: &str) -> Result<(), Problem> {
    let mut names = book.routes.iter().map(|route| route.name.as_str());
    match names.clone().any(|known| known == name) {
        true => Ok(()),
        false => Err(no_route(name, &mut names)),
    }
}

fn no_route<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    Problem::no_such("route", name, known)
}

fn default_stays() -> Problem {
    let detail = "the route \"default\" takes every request that no other route takes, and cannot be removed";
    Problem {
        errors: vec![Place::new("path.route", detail)],
        ..Problem::new(
            409,
            "default-route",
            "The default route cannot be removed",
            detail,
        )
    }
}
