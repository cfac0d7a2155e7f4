//! Which route a request is on.
//!
//! In scope: choosing by host and repository. Not in scope: what a route's settings do, and whether its other
//! settings are valid (`rulebook`).
//!
//! The best match wins: an exact host before any host, then the longest literal prefix of the repository's glob,
//! the first in the rulebook on ties. `default` matches everything and comes last.

mod glob;
mod readings;

pub(crate) use glob::{Glob, GlobError};

use std::cmp::Reverse;
use std::fmt;

use crate::{DEFAULT_ROUTE, Route};
use blobwatch_pull::{BlobShapes, ShapeError};

/// Routes of one rulebook. A request walks them in order until one matches: at some 10 ns each, 256 are 2.5 µs.
pub(crate) const MAX_ROUTES: usize = 256;

/// Why routes do not make a table; fits "failed to compile routes: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteError {
    NoDefault,
    /// `default` has a host or a repository, so it could miss.
    NarrowDefault,
    TwoOfOneName(String),
    TooMany(usize),
    Repository {
        route: String,
        error: GlobError,
    },
    Blobs {
        route: String,
        error: ShapeError,
    },
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDefault => write!(f, "expected a route named {DEFAULT_ROUTE:?}"),
            Self::NarrowDefault => write!(
                f,
                "expected the route {DEFAULT_ROUTE:?} to have no host and the repository \"**\""
            ),
            Self::TwoOfOneName(name) => write!(f, "expected one route named {name:?}, found two"),
            Self::TooMany(count) => write!(f, "expected at most {MAX_ROUTES} routes, found {count}"),
            Self::Repository { route, error } => write!(f, "repository of route {route:?}: {error}"),
            Self::Blobs { route, error } => write!(f, "blobs of route {route:?}: {error}"),
        }
    }
}

impl std::error::Error for RouteError {}

/// Routes in the order of preference.
#[derive(Debug, Clone)]
pub struct RouteTable {
    entries: Vec<RankedRoute>,
    default: usize,
    /// By position in the rulebook.
    shapes: Vec<BlobShapes>,
}

#[derive(Debug, Clone)]
struct RankedRoute {
    rank: Rank,
    host: Option<Box<str>>,
    repository: Glob,
    /// Position in the rulebook.
    index: usize,
}

/// Greater is better; fields compare in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    exact_host: bool,
    literal_prefix: usize,
    earlier: Reverse<usize>,
}

impl RouteTable {
    /// # Errors
    /// When there is no `default`, it could miss, two routes share a name, there are too many, or a glob is not one.
    pub fn compile(routes: &[Route]) -> Result<Self, RouteError> {
        if routes.len() > MAX_ROUTES {
            return Err(RouteError::TooMany(routes.len()));
        }
        refuse_two_of_one_name(routes)?;
        let default = default_of(routes)?;
        let mut entries = Vec::with_capacity(routes.len());
        for (index, route) in routes.iter().enumerate().filter(|(index, _)| *index != default) {
            entries.push(RankedRoute::compile(index, route)?);
        }
        entries.sort_by_key(|entry| Reverse(entry.rank));
        Ok(Self {
            entries,
            default,
            shapes: shapes_of(routes)?,
        })
    }

    /// Positions of the routes but the default one, in the order of preference.
    pub(crate) fn order(&self) -> impl ExactSizeIterator<Item = usize> {
        self.entries.iter().map(|entry| entry.index)
    }

    /// The same table again, without choosing the order anew. `None` where it cannot be one of these routes.
    pub(crate) fn in_order(routes: &[Route], order: &[usize]) -> Option<Self> {
        let default = default_of(routes).ok()?;
        let mut entries = Vec::with_capacity(order.len());
        for index in order {
            entries.push(RankedRoute::compile(*index, routes.get(*index)?).ok()?);
        }
        Some(Self {
            entries,
            default,
            shapes: shapes_of(routes).ok()?,
        })
    }

    /// Which paths are blobs on the route at that position.
    #[must_use]
    pub fn shapes(&self, route: usize) -> Option<&BlobShapes> {
        self.shapes.get(route)
    }

    /// Position of the route in the slice that was compiled. `host` in lower case without port. A path without a
    /// repository (`/v2/`, a token) is only on routes for every repository.
    #[must_use]
    pub fn best(&self, host: &str, repository: Option<&str>) -> usize {
        self.entries
            .iter()
            .find(|entry| entry.matches(host, repository))
            .map_or(self.default, |entry| entry.index)
    }
}

impl RankedRoute {
    fn compile(index: usize, route: &Route) -> Result<Self, RouteError> {
        let repository = Glob::parse(&route.repository).map_err(|error| RouteError::Repository {
            route: route.name.clone(),
            error,
        })?;
        let rank = Rank {
            exact_host: route.host.is_some(),
            literal_prefix: repository.literal_prefix(),
            earlier: Reverse(index),
        };
        Ok(Self {
            rank,
            host: route.host.as_deref().map(Box::from),
            repository,
            index,
        })
    }

    fn matches(&self, host: &str, repository: Option<&str>) -> bool {
        self.host.as_deref().is_none_or(|wanted| wanted == host)
            && repository.map_or(self.repository.is_everything(), |name| {
                self.repository.matches(name)
            })
    }
}

fn refuse_two_of_one_name(routes: &[Route]) -> Result<(), RouteError> {
    let mut names: Vec<&str> = routes.iter().map(|route| route.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair.first() == pair.last());
    match twice.and_then(<[&str]>::first) {
        Some(name) => Err(RouteError::TwoOfOneName((*name).to_owned())),
        None => Ok(()),
    }
}

fn shapes_of(routes: &[Route]) -> Result<Vec<BlobShapes>, RouteError> {
    let shapes = |route: &Route| {
        route.blob_shapes().map_err(|error| RouteError::Blobs {
            route: route.name.clone(),
            error,
        })
    };
    routes.iter().map(shapes).collect()
}

fn default_of(routes: &[Route]) -> Result<usize, RouteError> {
    let position = routes.iter().position(|route| route.name == DEFAULT_ROUTE);
    let (index, route) = position
        .and_then(|index| Some((index, routes.get(index)?)))
        .ok_or(RouteError::NoDefault)?;
    if route.host.is_some() || route.repository != "**" {
        return Err(RouteError::NarrowDefault);
    }
    Ok(index)
}

#[cfg(test)]
mod tests;
