//! The plan: what the edge is to do with one request, as the lines that `src/data_plane/plan.js` reads.
//!
//! In scope: the plan and its text. Not in scope: how it was decided (`verdict`) and how it is carried out (edge).

use std::fmt;

use crate::EdgeCache;
use crate::answer::Refusal;
use blobwatch_pull::RecordId;

/// What to do with one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Not a blob request: to the origin as if Blobwatch were absent.
    Pass {
        origin: String,
        /// Name of the route.
        route: String,
    },
    Watch(Watched),
}

/// A watched request.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    pub id: RecordId,
    /// `scheme://host[:port]`; empty: the request's own address.
    pub origin: String,
    /// Name of the route.
    pub route: String,
    pub follow: bool,
    /// Value of `Blobwatch-Fired`, where it is disclosed.
    pub fired: Option<String>,
    /// Whether the end of the body is to be seen.
    pub observe: bool,
    pub cache: EdgeCache,
    pub refusal: Option<Refusal>,
}

impl fmt::Display for Plan {
    /// One value a line: kind, origin, route, follow, id, fired, observe, cache, then status, Proxy-Status, Retry-After and body
    /// of a refusal. None of the values but the last can hold a line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass { origin, route } => write!(f, "pass\n{origin}\n{route}"),
            Self::Watch(watched) => watched.fmt(f),
        }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.refusal.is_some() { "refuse" } else { "go" };
        let fired = self.fired.as_deref().unwrap_or_default();
        let (follow, observe) = (u8::from(self.follow), u8::from(self.observe));
        write!(
            f,
            "{kind}\n{}\n{}\n{follow}\n{}\n{fired}\n{observe}\n{}",
            self.origin,
            self.route,
            self.id,
            self.cache.word()
        )?;
        let Some(refusal) = &self.refusal else {
            return Ok(());
        };
        let retry_after = refusal.retry_after_s.map(|s| s.to_string()).unwrap_or_default();
        write!(
            f,
            "\n{}\n{}\n{retry_after}\n{}",
            refusal.status, refusal.proxy_status, refusal.body
        )
    }
}
