//! What somebody who calls may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a token may do. Each may do all that the ones before it may, but only operators and admins push events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Role {
    /// Pushes what other parties tell of requests, and nothing else: it reads nothing.
    Ingest,
    /// Reads.
    Viewer,
    /// Also asks what a rule would do: it begins and cancels previews.
    Analyst,
    /// Also changes what happens to requests.
    Operator,
    /// Also says who may call.
    Admin,
}

impl Role {
    /// From the least to the most.
    pub const ALL: [Self; 5] = [
        Self::Ingest,
        Self::Viewer,
        Self::Analyst,
        Self::Operator,
        Self::Admin,
    ];

    /// As it is written in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether whoever has this role may do what asks for the other.
    #[must_use]
    pub fn allows(self, needed: Self) -> bool {
        match needed {
            // Whoever reads may not tell what was read.
            Self::Ingest => !matches!(self, Self::Viewer | Self::Analyst),
            Self::Viewer | Self::Analyst | Self::Operator | Self::Admin => self >= needed,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn names_are_those_of_json() {
        for role in Role::ALL {
            assert_eq!(Role::of_name(role.name()), Some(role));
            assert_eq!(
                serde_json::to_string(&role).unwrap(),
                format!("\"{}\"", role.name())
            );
        }
        assert_eq!(Role::of_name("owner"), None);
    }

    #[test]
    fn each_role_includes_what_the_ones_before_it_may() {
        #[track_caller]
        fn case(role: Role, allowed: &[Role]) {
            let found: Vec<Role> = Role::ALL
                .into_iter()
                .filter(|needed| role.allows(*needed))
                .collect();
            assert_eq!(found, allowed, "{role}");
        }
        case(Role::Ingest, &[Role::Ingest]);
        case(Role::Viewer, &[Role::Viewer]);
        case(Role::Analyst, &[Role::Viewer, Role::Analyst]);
        case(Role::Operator, &Role::ALL[..4]);
        case(Role::Admin, &Role::ALL);
    }
}
