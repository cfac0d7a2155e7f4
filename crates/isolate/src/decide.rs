//! From facts to a plan, and the request kept until its answer.

use std::sync::Arc;

use super::Isolate;
use super::readings::Reading;
use blobwatch_pull::{
    Action, Facts, FactsError, Pending, RecordId, Request, host_of_address, kept, normal_form, observed,
    repository_of,
};
use blobwatch_records::volume_fire_log_name;
use blobwatch_rulebook::{EdgeCache, Plan, Redirects, Route, Verdict, Watched, fired, is_disclosed, refusal};
use blobwatch_tokens::Role;

/// Carries an operator's token on a request to the registry, where `Authorization` is the registry's.
const TOKEN_HEADER: &str = "blobwatch-token";

/// What `decide` finds out about one request before it is kept.
struct Decided {
    id: RecordId,
    route: usize,
    verdict: Verdict,
    degraded: bool,
}

impl Isolate {
    /// What to do with a request. `confirmed`: a FireLog said lately that the rulebook is the current one.
    ///
    /// # Errors
    /// When the facts are not what this build writes.
    pub fn decide(&mut self, text: &str, confirmed: bool) -> Result<Plan, FactsError> {
        let clouds = Arc::clone(&self.config.clouds);
        let mut facts = Facts::parse(text)?;
        if let Some(cloud) = facts.address.and_then(|address| clouds.look_up(address)) {
            (facts.cloud, facts.cloud_region) = (cloud.cloud, cloud.region);
        }
        self.batches.is_at(facts.time_ms);
        let degraded = !confirmed || self.epoch.is_none() || !self.config.keys_are_shared;
        let form = normal_form(facts.path);
        let Some(Reading {
            request,
            route,
            verdict,
        }) = self.strictest(&facts, &form, degraded)
        else {
            let route = self.book.table.best(facts.host, repository_of(&form));
            return Ok(Plan::Pass {
                origin: self.origin(route),
                route: name_of(&self.book.routes, route).to_owned(),
            });
        };
        let decided = Decided {
            id: self.next_id(facts.time_ms),
            route,
            verdict,
            degraded,
        };
        let is_operator = self.is_operator(&request);
        let plan = self.plan(&request, &decided, is_operator);
        self.keep(&request, decided);
        Ok(plan)
    }

    fn plan(&self, request: &Request<'_>, decided: &Decided, is_operator: bool) -> Plan {
        let verdict = &decided.verdict;
        let route = self.book.routes.get(decided.route);
        let detour = self.detour(decided).filter(|_| verdict.action == Action::Detour);
        let disclosed = route.is_some_and(|route| is_disclosed(route.disclose, is_operator));
        Plan::Watch(Watched {
            id: decided.id,
            origin: detour.map_or_else(|| self.origin(decided.route), without_slash),
            route: name_of(&self.book.routes, decided.route).to_owned(),
            follow: route.is_some_and(|route| route.redirects == Redirects::Follow),
            fired: if disclosed { fired(&verdict.fired) } else { None },
            observe: route.is_some_and(|route| observed(request.observe_place, route.observe)),
            cache: route
                .map(|route| cache_of(request, route.cache))
                .unwrap_or_default(),
            refusal: refusal(verdict.action, decided.id, self.book.retry_after_s),
        })
    }

    fn detour(&self, decided: &Decided) -> Option<&str> {
        self.book.routes.get(decided.route)?.detour.as_deref()
    }

    fn keep(&mut self, request: &Request<'_>, decided: Decided) {
        let now_ms = request.facts.time_ms;
        for count in &decided.verdict.counts {
            self.count_volume(request, (&count.rule, count.version, count.key));
        }
        self.keep_address(request);
        let pending = self.pending(request, decided);
        let pending = Box::new(pending);
        self.make_room(pending.bytes(), now_ms);
        self.in_flight.insert(pending);
    }

    /// Counts in every FireLog that a volume of the key is counted by: after a split one of each layout, until the newest has
    /// seen as much as those before it.
    fn count_volume(&mut self, request: &Request<'_>, (rule, version, key): (&str, u32, u64)) {
        let facts = request.facts;
        let numbers = self.book.volume_fire_logs(facts.colo, facts.time_ms);
        let name = |number| volume_fire_log_name(facts.colo, rule, key, number);
        let mut names: Vec<String> = numbers.map(name).collect();
        names.sort_unstable();
        names.dedup();
        for to in names {
            self.batches
                .count_volume(&to, rule, version, (key, request.network), facts.time_ms);
        }
    }

    /// A key that is this isolate's alone is no client's.
    fn keep_address(&mut self, request: &Request<'_>) {
        let facts = request.facts;
        let keep = self.book.keep_addresses;
        let kept = facts.address.and_then(|address| keep.kept(address));
        if let Some(address) = kept.filter(|_| self.config.keys_are_shared) {
            let to = self.fire_log(facts.colo, request.client);
            self.batches
                .keep_address(&to, request.client, address, facts.time_ms);
        }
    }

    fn pending(&self, request: &Request<'_>, decided: Decided) -> Pending {
        let route = self
            .book
            .policy
            .route(decided.route)
            .map_or_else(|| Arc::from(""), |route| Arc::clone(&route.name));
        let mut pending = request.pending(decided.id, route);
        let record = &mut pending.record;
        record.served_by = self.served_by(request, &decided);
        record.verdict = decided.verdict.action;
        record.fired = decided.verdict.fired;
        record.revision = self.held().revision;
        record.degraded = decided.degraded;
        pending
    }

    /// Who is asked for the blob; nobody where an enforced rule refuses it.
    fn served_by(&self, request: &Request<'_>, decided: &Decided) -> String {
        let (way, host) = match decided.verdict.action {
            Action::Block | Action::Throttle => return String::new(),
            Action::Detour => ("detour", self.detour(decided).map(host_of_address)),
            Action::None | Action::Tag | Action::Allow => ("origin", None),
        };
        let of_origin = || host_of_address(&self.origin(decided.route));
        let host = host.unwrap_or_else(of_origin);
        // A request without an origin of its own goes to the zone's.
        let host = if host.is_empty() {
            request.facts.host
        } else {
            &host
        };
        kept(&format!("{way}:{host}"))
    }

    /// Whoever guesses is not looked at for a while; the pull goes on all the same.
    fn is_operator(&mut self, request: &Request<'_>) -> bool {
        let facts = request.facts;
        let Some(token) = facts.header(TOKEN_HEADER) else {
            return false;
        };
        if self.tries.wait_s(facts.address, facts.time_ms).is_some() {
            return false;
        }
        let bearer = format!("Bearer {token}");
        match self.config.tokens.authorize(Some(&bearer), Role::Operator) {
            Ok(_) => true,
            Err(problem) => {
                if problem.status == 401 {
                    self.tries.failed(facts.address, facts.time_ms);
                }
                false
            }
        }
    }

    /// The route's own origin, or the deployment's.
    fn origin(&self, route: usize) -> String {
        let own = self
            .book
            .routes
            .get(route)
            .and_then(|route: &Route| route.origin.as_deref());
        without_slash(own.unwrap_or(&self.config.origin))
    }

    fn next_id(&mut self, now_ms: u64) -> RecordId {
        self.next = self.next.wrapping_add(1);
        RecordId::from_parts(now_ms, self.config.isolate, self.next)
    }
}

/// Whatever may say who asks: what it opens is not everybody's.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

fn cache_of(request: &Request<'_>, cache: EdgeCache) -> EdgeCache {
    let has_credentials = || {
        CREDENTIALS
            .iter()
            .any(|name| request.facts.header(name).is_some())
    };
    match cache {
        EdgeCache::Origin => cache,
        _ => cache.of_request(!request.blob.digest.is_empty(), has_credentials()),
    }
}

pub(super) fn name_of(routes: &[Route], at: usize) -> &str {
    routes.get(at).map_or("", |route| route.name.as_str())
}

/// A path follows, and starts with one.
fn without_slash(origin: &str) -> String {
    origin.trim_end_matches('/').to_owned()
}
