//! What can be seen and what cannot, in words: beside the anomalies, so that none is not taken for health.

use serde::Serialize;

use crate::broad::{Affected, clients_in_networks};
use crate::coverage::MissingTraffic;
use crate::store::Detector;
use crate::{AnomalyKind, Coverage, CoverageState, RouteCoverage};
use blobwatch_detect::monitor::Learned;
use blobwatch_records::{SLOT_S, slot_of};
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_sql::Sql;
use blobwatch_wire::{rfc3339, visible};

/// Routes that an answer lists: those that are not watched first.
const MAX_ROUTES: usize = 64;

/// docs/api.md.
#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Coverage")
)]
pub(super) struct CoverageJson {
    state: CoverageState,
    text: String,
    learning_until: Option<String>,
    clients: Option<u64>,
    networks: Option<u64>,
    anomaly_breadth: AnomalyBreadth,
    /// What is not seen although it is watched, a sentence each.
    limits: Vec<String>,
    routes: Vec<RouteJson>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RouteCoverage")
)]
struct RouteJson {
    route: String,
    state: CoverageState,
    text: String,
    clients: Option<u64>,
    networks: Option<u64>,
}

pub(super) fn coverage<S: Sql>(store: &Detector<S>, now_ms: u64) -> CoverageJson {
    let engine = store.engine();
    let mut coverage = engine.coverage(slot_of(now_ms));
    coverage
        .routes
        .sort_by_key(|route| route.state == CoverageState::Watching);
    coverage.routes.truncate(MAX_ROUTES);
    let senders = coverage
        .senders
        .filter(|_| coverage.state != CoverageState::NoTraffic);
    CoverageJson {
        state: coverage.state,
        text: words(&coverage, engine.is_idle()),
        learning_until: coverage.tested_from.map(time),
        clients: senders.map(|senders| senders.clients),
        networks: senders.map(|senders| senders.networks),
        anomaly_breadth: coverage.least,
        limits: limits(&coverage),
        routes: coverage.routes.iter().map(of_route).collect(),
    }
}

fn time(slot: u64) -> String {
    rfc3339(slot * SLOT_S * 1000)
}

/// "20:38".
fn clock(slot: u64) -> String {
    time(slot).get(11..16).unwrap_or_default().to_owned()
}

fn words(coverage: &Coverage, is_idle: bool) -> String {
    match coverage.state {
        CoverageState::NoTraffic if is_idle => {
            "No blob request has come yet, so there is nothing to judge.".to_owned()
        }
        CoverageState::NoTraffic => {
            "No blob request in the last hour, so there is nothing to judge. Check whether pulls reach Blobwatch.".to_owned()
        }
        CoverageState::Learning => format!(
            "Still learning what is normal, until {} UTC: until then no fault is found.",
            clock(coverage.tested_from.unwrap_or_default())
        ),
        CoverageState::TooFewClients => too_few(coverage.senders, coverage.least),
        CoverageState::Watching => match coverage.senders {
            Some(senders) => format!("Watching {} in the last hour.", counted(senders)),
            None => "Watching.".to_owned(),
        },
    }
}

fn too_few(senders: Option<Affected>, least: AnomalyBreadth) -> String {
    let senders = senders.unwrap_or_default();
    let AnomalyBreadth { clients, networks } = least;
    let found = counted(senders);
    let mut words = format!(
        "Too few clients to judge: {found} in the last hour, and an anomaly needs at least {clients} in {networks}."
    );
    if senders.networks < u64::from(networks) {
        words.push_str(
            " If a fleet pulls through one proxy or NAT, lower the setting anomaly_breadth to what can be told apart here.",
        );
    }
    words
}

/// "3 clients in 2 networks".
fn counted(of: Affected) -> String {
    let about = if of.exact { "" } else { "about " };
    format!("{about}{}", clients_in_networks(of.clients, of.networks))
}

fn limits(coverage: &Coverage) -> Vec<String> {
    if matches!(coverage.state, CoverageState::NoTraffic | CoverageState::Learning) {
        return Vec::new();
    }
    let mut limits: Vec<String> = coverage
        .routes
        .iter()
        .filter_map(|route| limit(route, coverage))
        .collect();
    match coverage.missing {
        MissingTraffic::Judged => {}
        MissingTraffic::TooLittle => limits.push(
            "Requests that vanish are not missed: there are fewer than 10 a minute, or they come from fewer than 5 kinds of client."
                .to_owned(),
        ),
        MissingTraffic::Learning(until) => limits.push(format!(
            "Requests that vanish are not missed before {}: in each hour of its first week the detector only learns.",
            time(until).get(..16).unwrap_or_default().replace('T', " ")
        )),
    }
    if coverage.is_redirected {
        limits.push(
            "Most downloads are redirected: whether they are cut or slow shows only at their target, where Blobwatch does not stand."
                .to_owned(),
        );
    }
    let bodies = [
        AnomalyKind::AbortSurge,
        AnomalyKind::SlowSurge,
        AnomalyKind::ContentSuspect,
    ];
    let unseen: Vec<&str> = bodies
        .into_iter()
        .filter(|kind| coverage.unseen.contains(kind))
        .map(AnomalyKind::noun)
        .collect();
    if !unseen.is_empty() && !coverage.is_redirected {
        limits.push(format!(
            "Not seen: {}. No route observes downloads to their end (`observe`), or none arrived in the last hour.",
            unseen.join(", ")
        ));
    }
    limits
}

/// What is said of a route beside everything together.
fn limit(route: &RouteCoverage, coverage: &Coverage) -> Option<String> {
    let is_told = route.state == coverage.state || coverage.routes.len() == 1;
    (!is_told).then(|| format!("Route {}: {}", visible(&route.route), of_route(route).text))
}

fn of_route(route: &RouteCoverage) -> RouteJson {
    let text = match (route.state, route.learned) {
        (CoverageState::NoTraffic, _) => "no blob request in the last hour.".to_owned(),
        (CoverageState::Learning, Some(learned)) => format!(
            "still learning, {learned} of {} blob starts; until then its faults show in the sum of all routes only.",
            Learned::MIN_TRIALS.max(learned)
        ),
        (CoverageState::Learning, None) => "still learning what is normal.".to_owned(),
        (CoverageState::TooFewClients, _) => {
            let AnomalyBreadth { clients, networks } = route.least;
            let found = counted(route.senders.unwrap_or_default());
            format!(
                "too few clients to judge by itself: {found} in the last hour, and an anomaly needs {clients} in {networks}."
            )
        }
        (CoverageState::Watching, _) => match route.senders {
            Some(senders) => format!("watching {}.", counted(senders)),
            None => "watching.".to_owned(),
        },
    };
    RouteJson {
        route: route.route.clone(),
        state: route.state,
        text,
        clients: route.senders.map(|senders| senders.clients),
        networks: route.senders.map(|senders| senders.networks),
    }
}
