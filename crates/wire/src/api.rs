//! The calls of the API: which there are, who may make them, who answers.
//!
//! In scope: finding a call by method and path, and what is asked of somebody whose call is not there. Not in scope: what
//! a call means, and HTTP (`src/control_plane`). docs/api.md describes the same calls: a test compares the two.

mod parameter;
mod queries;
mod reach;
mod table;

pub use parameter::{ApiParameter, Occurs, ParameterValue};
pub use queries::DIMENSIONS;
pub use reach::Changed;
pub(crate) use reach::Reach;
pub use table::CALLS;

use crate::{Method, Object, Place, Problem, Role, nearest};

/// Where the paths of the table begin that do not begin with `/`.
pub const API: &str = "/_blobwatch/api/v1/";

/// Where links to reports begin; their token follows.
pub const SHARED: &str = "/_blobwatch/shared/";

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiCall {
    pub method: Method,
    /// Below [`API`], or from the root with a leading `/`. `{…}` stands for one segment.
    pub path: &'static str,
    /// `None`: anyone may call, or the handler itself says who.
    pub role: Option<Role>,
    /// Where that role must hold.
    pub(crate) reach: Reach,
    pub handler: Handler,
    /// What its query may have, in groups.
    pub parameters: &'static [&'static [ApiParameter]],
    /// Type of the body that is sent; empty for none.
    pub request: &'static str,
    /// Type of the answer; `List<…>` is a page, `Changed<…>` has `revision` and `changed` beside the fields.
    pub answer: &'static str,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// The object, to which the call is handed as it is.
    Object(Object),
    /// Steps of the RuleBook: the audit log exported or verified; a page of it is the object's.
    AuditLog,
    /// All FireLogs, put together.
    Records,
    /// All FireLogs, put together: what is different about a selection of records.
    Compare,
    /// All FireLogs, and the audit log: what is kept of clients' addresses.
    Addresses,
    /// All FireLogs: what was lost on the way.
    Losses,
    /// All FireLogs: what is asked of each.
    Loads,
    /// The Detector's anomaly with records of the FireLogs.
    Report,
    /// The Detector, with a token that is made for it.
    NewShare,
    /// A page, for whoever has the link: the Detector's anomaly with records of the FireLogs.
    SharedReport,
    /// The Detector, and the audit log.
    WebhookChange,
    /// The secret's tokens and the RuleBook's.
    Tokens,
    Metrics,
    Health,
    Session,
    /// The way to an identity provider and back.
    Oidc,
    /// All FireLogs and the Detector: what other parties tell of requests.
    Ingest,
    /// The program that plays July 2020.
    Demo,
    /// The description of the API.
    OpenApi,
}

/// What is at a method and a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    Call(&'static ApiCall),
    /// The path takes these methods only.
    MethodNotAllowed(Vec<Method>),
    NotFound,
}

/// Who answers at an address outside of [`API`], whatever the method.
#[must_use]
pub fn handler_at(address: &str) -> Option<Handler> {
    let mut calls = CALLS.iter().filter(|call| call.path.starts_with('/'));
    calls.find(|call| call.matches(address)).map(|call| call.handler)
}

/// What an address outside of [`API`] accepts. What monitoring asks is asked with HEAD as well.
#[must_use]
pub fn methods_at(address: &str) -> Vec<&'static str> {
    let calls = CALLS
        .iter()
        .filter(|call| call.path.starts_with('/') && call.matches(address));
    let methods = calls.flat_map(|call| {
        let is_monitored =
            call.method == Method::Get && !matches!(call.handler, Handler::Session | Handler::Oidc);
        [Some(call.method.name()), is_monitored.then_some(HEAD)]
    });
    methods.flatten().collect()
}

const HEAD: &str = "HEAD";

/// Finds a call. `path` is below [`API`]; of two that match, the one with more literal segments goes first.
#[must_use]
pub fn look_up(method: Option<Method>, path: &str) -> Lookup {
    let at_path = || CALLS.iter().filter(|call| call.matches(path));
    let found = at_path().filter(|call| Some(call.method) == method);
    match found.min_by_key(|call| call.path.matches('{').count()) {
        Some(call) => Lookup::Call(call),
        None if at_path().next().is_none() => Lookup::NotFound,
        None => {
            let mut methods: Vec<Method> = Vec::new();
            for call in at_path() {
                if !methods.contains(&call.method) {
                    methods.push(call.method);
                }
            }
            Lookup::MethodNotAllowed(methods)
        }
    }
}

/// The role of somebody who learns that a call is not there: that of its neighbours, by the first segment. Whoever asks
/// the RuleBook or the Previews to change something must be allowed to, also where nothing can be changed.
#[must_use]
pub fn role_of_missing(method: Option<Method>, path: &str) -> Role {
    let neighbours = || CALLS.iter().filter(|call| first(call.path) == first(path));
    let is_changed_by_operators = neighbours().any(|call| {
        matches!(
            call.handler,
            Handler::AuditLog | Handler::Object(Object::RuleBook | Object::Previews)
        )
    });
    if is_changed_by_operators && method != Some(Method::Get) {
        return Role::Operator;
    }
    let roles = neighbours().filter_map(|call| call.role);
    roles.min().unwrap_or(Role::Viewer)
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

impl ApiCall {
    /// Whether `If-Match` may say which revision of the rulebook it changes.
    #[must_use]
    pub fn changes_rulebook(&self) -> bool {
        self.handler == Handler::Object(Object::RuleBook)
            && self.role == Some(Role::Operator)
            && self.path != "rules/check"
    }

    fn matches(&self, path: &str) -> bool {
        let (own, other) = (self.path.split('/'), path.split('/'));
        own.clone().count() == other.clone().count()
            && own
                .zip(other)
                .all(|(own, other)| own.starts_with('{') || own == other)
    }
}

/// The path of the table that is nearest, with the names that the path has.
fn nearest_path(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').collect();
    let with_names = |call: &ApiCall| -> Option<String> {
        let own: Vec<&str> = call.path.split('/').collect();
        let is_alike = own.len() == segments.len() && !call.path.starts_with('/');
        let named = own.iter().zip(&segments);
        let named = named.map(|(own, name)| if own.starts_with('{') { name } else { own });
        is_alike.then(|| named.copied().collect::<Vec<_>>().join("/"))
    };
    let paths: Vec<String> = CALLS.iter().filter_map(with_names).collect();
    nearest(path, paths.iter().map(String::as_str)).map(str::to_owned)
}

impl Problem {
    /// 404 for a call that is not in the table.
    #[must_use]
    pub fn no_such_call() -> Self {
        Self::not_found("call at this address; docs/api.md lists the calls")
    }

    /// The same for a path below [`API`], with the one that may have been meant.
    #[must_use]
    pub fn no_such_path(path: &str) -> Self {
        let meant = nearest_path(path).map(|path| format!(" (did you mean `{path}`?)"));
        let meant = meant.unwrap_or_default();
        let place = Place::new("path", format!("there is no call {path:?}{meant}"));
        Self {
            errors: vec![place],
            ..Self::not_found(&format!(
                "call at this address{meant}; docs/api.md lists the calls"
            ))
        }
    }

    /// 405 for a method that the call at this path does not take.
    #[must_use]
    pub fn method_not_allowed(method: &str) -> Self {
        let detail = format!("this call does not accept {method}; docs/api.md lists the calls");
        Self::new(405, "method-not-allowed", "Method not allowed", detail)
    }
}

#[cfg(test)]
mod tests;
