//! What a preview answers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::cells::ATTRIBUTES;
use super::cover::{Cover, cover};
use super::partial::{ANSWERED, Partial, TROUBLED};
use super::sample::Sighting;
use super::sentence;
use super::work::{CELLS, PAIRS, WHOLE_SLICE, each};
use blobwatch_pull::Action;
use blobwatch_rule_book::{Healthy, PreviewPlan};
use blobwatch_rules::Field;
use blobwatch_sql::Pace;

/// Counts of requests are by weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PreviewReport")
)]
pub struct Report {
    /// On the route in the window.
    pub requests: u64,
    pub matched_requests: u64,
    pub matched_clients: u64,
    /// Clients on the route all of whose pulls were answered and completed, and how many of them match; none in reports of
    /// earlier builds.
    #[serde(default)]
    pub healthy_clients: Option<Healthy>,
    pub matched_networks: u64,
    /// A pull is one client's of one digest.
    pub matched_pulls: u64,
    pub matched_bytes: u64,
    /// Of the route's requests.
    pub share: f64,
    /// Of the matched: the candidate would decide, no rule before it does.
    pub decided_requests: u64,
    /// Of the matched: other enforced rules block or throttle them.
    pub already_denied_requests: u64,
    /// Whether clients, networks and pulls are counted one by one; else estimates within some 3 %.
    pub clients_exact: bool,
    /// Whether records stand for more than one request.
    pub weighted: bool,
    pub sentence: String,
    pub cohorts: Vec<CohortHit>,
    /// Attributes that cohorts could not be told apart by: there were too many combinations.
    pub coarse: Vec<String>,
    pub not_judged: NotJudged,
    /// What was assumed, in words; empty where nothing was.
    pub approximations: Vec<String>,
    pub evidence: Vec<String>,
}

/// Clients of one description, and what the rule does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CohortHit {
    pub cohort: Vec<CohortTerm>,
    /// Matched requests.
    pub requests: u64,
    /// Of the matched.
    pub clients: u64,
    pub networks: u64,
    /// Matched, of all requests of the cohort on the route.
    pub share_of_cohort: f64,
    /// Pulls of the whole cohort that were answered and completed without a resume, over the window; none where nothing
    /// is known.
    pub healthy: Option<f64>,
    pub sentence: String,
}

/// "`attribute` is one of `values`", or none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PreviewCohortPart")
)]
pub struct CohortTerm {
    pub attribute: String,
    pub values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<bool>,
}

/// What the records could not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotJudged {
    pub requests: u64,
    /// What they would have had to keep.
    pub fields: Vec<String>,
}

impl Report {
    /// Whom it hits of the clients that pull cleanly; `None` where nobody can say: it hits some, and none of them pulled cleanly.
    #[must_use]
    pub fn healthy(&self) -> Option<Healthy> {
        self.healthy_clients
            .filter(|healthy| healthy.clients > 0 || self.matched_clients == 0)
    }

    /// In slices: it looks at each cell and each sampled client many times.
    pub async fn of(plan: &PreviewPlan, part: Partial, pace: &impl Pace) -> Self {
        let rule = plan.rule();
        let action = rule.map_or(Action::None, |rule| rule.action);
        let is_exact = part.weighted == 0
            && part.clients.is_exact()
            && part.networks.is_exact()
            && part.pulls.is_exact();
        let matched_clients = part.clients.count(pace).await;
        let forgotten = ATTRIBUTES.iter().skip(part.cells.depth());
        let mut report = Self {
            requests: part.requests,
            matched_requests: part.matched,
            matched_clients,
            healthy_clients: Some(part.healthy_clients(pace).await),
            matched_networks: networks(part.networks.count(pace).await, matched_clients),
            matched_pulls: part.pulls.count(pace).await,
            matched_bytes: part.bytes,
            share: ratio(part.matched, part.requests).unwrap_or(0.0),
            decided_requests: part.decided,
            already_denied_requests: part.denied,
            clients_exact: is_exact,
            weighted: part.weighted > 0,
            sentence: String::new(),
            cohorts: hits(&part, is_exact, pace).await,
            coarse: forgotten.map(|name| (*name).to_owned()).collect(),
            not_judged: NotJudged {
                requests: part.not_judged,
                fields: part.unknown.clone(),
            },
            approximations: approximations(plan, &part),
            evidence: part.evidence(),
        };
        report.sentence = sentence::of_report(&report, &plan.route, action);
        report
    }
}

fn approximations(plan: &PreviewPlan, part: &Partial) -> Vec<String> {
    let mut said = Vec::new();
    if plan.rule().is_some_and(|rule| rule.volume.is_some()) {
        said.push(
            "the volume is counted at the time of each request; in live traffic it is counted when batches arrive, a \
             second or more later"
                .to_owned(),
        );
    }
    let reads_kind = plan.rule().is_some_and(|candidate| {
        let checked =
            blobwatch_rules::parse(&candidate.expression).and_then(blobwatch_rules::Expression::check);
        checked.is_ok_and(|checked| checked.fields().contains(&Field::RangeKind))
    });
    if reads_kind {
        said.push(
            "range.kind is what the FireLogs know about a client's pulls; an isolate that sees the client for the \
             first time knows less"
                .to_owned(),
        );
    }
    let others = plan.book.rules.iter().filter(|rule| rule.id != plan.candidate);
    let by_record: Vec<&str> = others
        .filter(|rule| rule.volume.is_some())
        .map(|rule| rule.id.as_str())
        .collect();
    if !by_record.is_empty() {
        said.push(format!(
            "whether {} denies a request is taken from its record, because that depended on volumes at the time",
            by_record.join(", ")
        ));
    }
    if part.weighted > 0 {
        said.push(
            "records of a sample of clients are kept: requests, clients and pulls are estimates from their weights, and \
             networks are only those of the clients that were kept"
                .to_owned(),
        );
    }
    if part.told > 0 {
        said.push(format!(
            "{} requests that only other parties told of are left out: they never came to Blobwatch, so no rule of ours can act on \
             them",
            part.told
        ));
    }
    said
}

/// Each client is in one network: where two estimates say more networks than clients, the one of clients holds for both.
fn networks(estimated: u64, clients: u64) -> u64 {
    estimated.min(clients)
}

/// The cohorts that are hit.
async fn hits(part: &Partial, is_exact: bool, pace: &impl Pace) -> Vec<CohortHit> {
    let pulls = part.health.things(pace).await;
    let mut hits = Vec::new();
    for cohort in cover(&part.cells, pace).await {
        hits.push(hit(&cohort, part, &pulls, is_exact, pace).await);
    }
    hits
}

async fn hit(
    cohort: &Cover,
    part: &Partial,
    pulls: &[(u32, Sighting)],
    is_exact: bool,
    pace: &impl Pace,
) -> CohortHit {
    let cells: BTreeSet<u32> = cohort.cells.iter().copied().collect();
    let holds = |cell: u32, _: u8| cells.contains(&cell);
    let clients = part.clients.count_where(holds, pace).await;
    let mut hit = CohortHit {
        cohort: terms(cohort, part, pace).await,
        requests: cohort.matched,
        clients,
        networks: networks(part.networks.count_where(holds, pace).await, clients),
        share_of_cohort: cohort.share(),
        healthy: health(&cells, pulls, pace).await,
        sentence: String::new(),
    };
    hit.sentence = sentence::of_cohort(&hit, &colos(&cells, part), is_exact);
    pace.spent(WHOLE_SLICE).await;
    hit
}

async fn terms(cohort: &Cover, part: &Partial, pace: &impl Pace) -> Vec<CohortTerm> {
    let mut terms = Vec::new();
    for (attribute, values) in cohort.said() {
        let mut others: BTreeSet<&String> = BTreeSet::new();
        each(part.cells.iter(), CELLS, pace, |(key, _)| {
            others.extend(key.get(attribute).filter(|value| !values.contains(*value)));
        })
        .await;
        terms.extend(term(attribute, values, others));
    }
    terms
}

/// An attribute by the shorter of its two lists: the values that are in, or those that are not.
fn term(attribute: usize, values: &BTreeSet<String>, others: BTreeSet<&String>) -> Option<CohortTerm> {
    let name = ATTRIBUTES.get(attribute).copied().unwrap_or_default();
    if others.is_empty() {
        return (values.len() == 1).then(|| CohortTerm {
            attribute: name.to_owned(),
            values: values.iter().cloned().collect(),
            not: None,
        });
    }
    let is_shorter = others.len() < values.len();
    let values: Vec<String> = if is_shorter {
        others.into_iter().cloned().collect()
    } else {
        values.iter().cloned().collect()
    };
    Some(CohortTerm {
        attribute: name.to_owned(),
        values,
        not: is_shorter.then_some(true),
    })
}

/// `pulls` are those of all cells.
async fn health(cells: &BTreeSet<u32>, pulls: &[(u32, Sighting)], pace: &impl Pace) -> Option<f64> {
    let (mut completed, mut known) = (0, 0);
    each(pulls, PAIRS, pace, |(cell, seen)| {
        if seen.flags & (ANSWERED | TROUBLED) != 0 && cells.contains(cell) {
            let weight = u64::from(seen.weight);
            known += weight;
            completed += if seen.flags == ANSWERED { weight } else { 0 };
        }
    })
    .await;
    ratio(completed, known)
}

/// Where the cohort's matched clients are.
fn colos(cells: &BTreeSet<u32>, part: &Partial) -> BTreeSet<String> {
    let Some(attribute) = ATTRIBUTES.iter().position(|name| *name == "colo") else {
        return BTreeSet::new();
    };
    let numbered = (0..).zip(part.cells.iter());
    let matched = numbered.filter(|(place, (_, cell))| cell.matched > 0 && cells.contains(place));
    let colos: BTreeSet<&String> = matched.filter_map(|(_, (key, _))| key.get(attribute)).collect();
    colos.into_iter().cloned().collect()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
