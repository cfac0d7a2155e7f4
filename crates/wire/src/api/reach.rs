//! What a call changes, for somebody whose role holds on some routes only.

use serde::Deserialize;

use super::ApiCall;
use crate::Role;

const DRY_RUN: &str = "dry_run";

/// Where the role that a call asks for must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nowhere in particular: nothing changes for any pull.
    Nowhere,
    /// On the route of its path.
    Route,
    /// On the route that its body names; everywhere where it names none.
    RouteOfBody,
    Everywhere,
}

/// What one call changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Nothing,
    Route(String),
    Everything,
}

impl ApiCall {
    /// What is changed by this call, at a path below [`super::API`], with a query and a body.
    #[must_use]
    pub fn changed(&self, path: &str, query: &str, body: &str) -> Changed {
        let route = match self.reach {
            _ if self.is_dry_run(query) => return Changed::Nothing,
            Reach::Nowhere => return Changed::Nothing,
            Reach::Route => self.segment("{route}", path),
            Reach::RouteOfBody => route_of(body),
            Reach::Everywhere => None,
        };
        route.map_or(Changed::Everything, Changed::Route)
    }

    /// Who may make it: what only says what would change takes no more than a preview of it does.
    #[must_use]
    pub fn role_with(&self, query: &str) -> Role {
        let role = self.role.unwrap_or(Role::Viewer);
        if self.is_dry_run(query) {
            role.min(Role::Analyst)
        } else {
            role
        }
    }

    /// Whether whoever answers it takes it for one, too: the parameter is there once.
    fn is_dry_run(&self, query: &str) -> bool {
        let takes_it = self.parameters().any(|parameter| parameter.name == DRY_RUN);
        let pairs = form_urlencoded::parse(query.as_bytes());
        let mut given = pairs.filter(|(name, _)| name == DRY_RUN).map(|(_, value)| value);
        takes_it && given.next().is_some_and(|value| value == "true") && given.next().is_none()
    }

    fn segment(&self, name: &str, path: &str) -> Option<String> {
        let mut segments = self.path.split('/').zip(path.split('/'));
        segments
            .find(|(own, _)| *own == name)
            .map(|(_, found)| found.to_owned())
    }
}

/// A body that cannot be read names no route: whoever answers the call says what is wrong with it.
fn route_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct OnRoute {
        route: Option<String>,
    }
    serde_json::from_str::<OnRoute>(body)
        .ok()
        .and_then(|body| body.route)
}
