//! Who calls, and what they may do where.

use serde::{Deserialize, Serialize};

use blobwatch_rulebook::check_name;
use blobwatch_wire::{Changed, Problem, Role};

/// Routes that one person is limited to: whoever needs more is an operator of all.
const MAX_ROUTES: usize = 32;

/// Who calls; the name goes into the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub name: String,
    pub role: Role,
    /// On which routes an operator changes something; `None`: on all.
    pub routes: Option<Vec<String>>,
}

/// A role, and where it holds: what a token, a person of Access or a group is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<String>>,
}

impl Grant {
    /// # Errors
    /// The field that does not go with the role, and what was expected.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Some(routes) = &self.routes else {
            return Ok(());
        };
        if self.role != Role::Operator {
            let expected = format!(
                "no routes beside the role {}: they limit what an operator changes",
                self.role
            );
            return Err(("routes", expected));
        }
        if !(1..=MAX_ROUTES).contains(&routes.len()) {
            return Err(("routes", format!("1 to {MAX_ROUTES} routes, or none for all")));
        }
        match routes.iter().find_map(|route| check_name(route).err()) {
            Some(expected) => Err(("routes", format!("names of routes: {expected}"))),
            None => Ok(()),
        }
    }

    /// Somebody who has it.
    #[must_use]
    pub fn actor(&self, name: impl Into<String>) -> Actor {
        Actor {
            name: name.into(),
            role: self.role,
            routes: self.routes.clone(),
        }
    }
}

impl Actor {
    /// Somebody whose role holds on all routes.
    #[must_use]
    pub fn everywhere(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
            routes: None,
        }
    }

    /// # Errors
    /// 403 when the role is not enough.
    pub fn require(&self, needed: Role) -> Result<(), Problem> {
        if self.role.allows(needed) {
            Ok(())
        } else {
            Err(forbidden(format!(
                "this call needs the role {needed}; {:?} has {}",
                self.name, self.role
            )))
        }
    }

    /// # Errors
    /// 403 when the role is not enough, or does not hold where something changes.
    pub fn require_for(&self, needed: Role, changed: &Changed) -> Result<(), Problem> {
        self.require(needed)?;
        let Some(routes) = &self.routes else {
            return Ok(());
        };
        let (what, needs) = match changed {
            Changed::Nothing => return Ok(()),
            Changed::Route(route) if routes.contains(route) => return Ok(()),
            Changed::Route(route) => (format!("the route {route:?}"), format!("on the route {route:?}")),
            Changed::Everything => ("more than one route".to_owned(), "on all routes".to_owned()),
        };
        let (name, role, routes) = (&self.name, self.role, routes.join(", "));
        Err(forbidden(format!(
            "this call changes {what} and needs the role {needed} {needs}; {name:?} has the role {role} on {routes} only"
        )))
    }
}

fn forbidden(detail: String) -> Problem {
    Problem::new(403, "forbidden", "Not allowed", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn olga() -> Actor {
        Grant {
            role: Role::Operator,
            routes: Some(vec!["hub".to_owned(), "mirror".to_owned()]),
        }
        .actor("olga")
    }

    #[test]
    fn an_operator_of_a_route_changes_that_route() {
        let route = |name: &str| Changed::Route(name.to_owned());
        for changed in [Changed::Nothing, route("hub"), route("mirror")] {
            assert_eq!(olga().require_for(Role::Operator, &changed), Ok(()));
            let everywhere = Actor::everywhere("ada", Role::Operator);
            assert_eq!(everywhere.require_for(Role::Operator, &changed), Ok(()));
        }
        #[track_caller]
        fn case(needed: Role, changed: &Changed, expected: &str) {
            let problem = olga().require_for(needed, changed).unwrap_err();
            assert_eq!((problem.status, problem.detail.as_str()), (403, expected));
        }
        case(
            Role::Operator,
            &route("default"),
            "this call changes the route \"default\" and needs the role operator on the route \"default\"; \"olga\" \
             has the role operator on hub, mirror only",
        );
        case(
            Role::Operator,
            &Changed::Everything,
            "this call changes more than one route and needs the role operator on all routes; \"olga\" has the role \
             operator on hub, mirror only",
        );
        case(
            Role::Admin,
            &Changed::Nothing,
            "this call needs the role admin; \"olga\" has operator",
        );
    }

    #[test]
    fn routes_go_with_the_role_that_changes_something() {
        #[track_caller]
        fn case(role: Role, routes: &[&str], expected: Option<&str>) {
            let routes = Some(routes.iter().map(|&name| name.to_owned()).collect());
            let found = Grant { role, routes }.check().err();
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            if let (Some((field, found)), Some(expected)) = (found, expected) {
                assert!(field == "routes" && found.contains(expected), "{found}");
            }
        }
        case(Role::Operator, &["hub"], None);
        case(Role::Operator, &[], Some("1 to 32 routes"));
        case(Role::Operator, &["a"; 33], Some("1 to 32 routes"));
        case(Role::Operator, &["Hub"], Some("a lower-case letter"));
        for role in [Role::Ingest, Role::Viewer, Role::Analyst, Role::Admin] {
            case(role, &["hub"], Some("no routes beside the role"));
            assert_eq!(Grant { role, routes: None }.check(), Ok(()));
        }
    }
}
