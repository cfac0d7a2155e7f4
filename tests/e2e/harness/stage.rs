//! What most tests start from: a registry, something that can break before it, and Blobwatch before that.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::api::Api;
use super::clock::eventually;
use super::deployment::{Bundle, Deployment};
use super::http::{Answer, Incoming, Request};
use super::image::digest;
use super::place::Place;
use super::registry::Registry;
use super::relay::Relay;
use super::workerd::Workerd;

pub(crate) const ADMIN: &str = "token-of-an-admin";
pub(crate) const OPERATOR: &str = "token-of-an-operator";
pub(crate) const VIEWER: &str = "token-of-a-viewer";

/// `BLOBWATCH_CLIENT_SECRET` of every deployment here.
pub(crate) const SECRET: &str = "a secret of the end-to-end tests";

pub(crate) struct Stage {
    pub(crate) registry: Arc<Registry>,
    pub(crate) origin: Relay,
    pub(crate) edge: Workerd,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::serving(Bundle::Release)
    }

    pub(crate) fn serving(bundle: Bundle) -> Self {
        Self::with(bundle, |deployment| deployment)
    }

    /// A deployment with something more set.
    pub(crate) fn with(bundle: Bundle, set: impl FnOnce(Deployment) -> Deployment) -> Self {
        let registry = Registry::shared();
        let origin = Relay::before(registry.addr());
        let edge = set(configured(bundle, &origin.url())).start();
        Self {
            registry,
            origin,
            edge,
        }
    }

    /// The answer that a client somewhere gets from Blobwatch.
    #[track_caller]
    pub(crate) fn through(&self, request: &Request) -> Answer {
        self.from(&Place::default(), request)
    }

    #[track_caller]
    pub(crate) fn from(&self, place: &Place, request: &Request) -> Answer {
        self.open(place, request).finish().unwrap()
    }

    #[track_caller]
    pub(crate) fn open(&self, place: &Place, request: &Request) -> Incoming {
        place
            .ask(request)
            .open(self.edge.addr())
            .unwrap_or_else(|e| panic!("{e}: {}", self.edge.log()))
    }

    /// The answer that the registry gives when there is nothing before it.
    #[track_caller]
    pub(crate) fn straight(&self, request: &Request) -> Answer {
        request.send(self.registry.addr()).unwrap()
    }
}

/// What an operator does and sees.
impl Stage {
    pub(crate) fn api(&self) -> Api<'static> {
        Api::new(self.edge.addr(), OPERATOR)
    }

    /// What anybody may ask, with this query.
    #[track_caller]
    pub(crate) fn health(&self, query: &str) -> Answer {
        let health = Request::get(&format!("/_blobwatch/healthz{query}"));
        health.send(self.edge.addr()).unwrap()
    }

    /// Records that the query finds, once there are so many.
    #[track_caller]
    pub(crate) fn records(&self, query: &str, at_least: usize) -> Vec<Value> {
        let path = format!("/requests?{query}");
        eventually(&path, || {
            Some(self.api().items(&path)).filter(|records| records.len() >= at_least)
        })
    }

    /// Asks until the answer is as expected: a change is on its way.
    #[track_caller]
    pub(crate) fn until(&self, request: &Request, expected: impl Fn(&Answer) -> bool) -> Answer {
        let what = format!("{:?}", request.head);
        eventually(&what, || Some(self.through(request)).filter(&expected))
    }
}

/// A deployment with a secret, an admin, an operator and a viewer.
pub(crate) fn configured(bundle: Bundle, origin: &str) -> Deployment {
    Deployment::new(bundle, origin)
        .var("BLOBWATCH_TOKENS", tokens())
        .var("BLOBWATCH_CLIENT_SECRET", SECRET)
}

/// `BLOBWATCH_TOKENS` with all three.
pub(crate) fn tokens() -> String {
    let token = |name: &str, role: &str, token: &str| {
        let sha256 = digest(token.as_bytes());
        json!({"name": name, "role": role, "sha256": sha256.trim_start_matches("sha256:")})
    };
    let tokens = [
        token("adam", "admin", ADMIN),
        token("olga", "operator", OPERATOR),
        token("vic", "viewer", VIEWER),
    ];
    json!(tokens).to_string()
}

/// Real clients cannot say where they are: before them, this proxy says it for them.
pub(crate) fn front(edge: SocketAddr, place: &Place) -> Relay {
    let blob = place.blob();
    Relay::editing(edge, move |request| request.set("CF-Blob", &blob))
}
