//! What a preview replays: a rulebook of the candidate and of what is enforced beside it.

use std::collections::HashSet;

use blobwatch_wire::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use blobwatch_pull::Mode;
use blobwatch_rulebook::{ModeSetting, NamedList, Policy, Route, Rule, Rulebook, SCHEMA, Settings, lists_of};

/// A preview as it is carried out. Travels as JSON to every FireLog: at most a rulebook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviewPlan {
    /// The candidate in enforce for every client, and the other rules that are enforced on the route, in their order.
    pub book: Rulebook,
    /// Id of the candidate within `book`.
    pub candidate: String,
    /// Whether the candidate is a stored version; a draft cannot be enforced.
    pub is_stored: bool,
    pub route: String,
    /// Inclusive.
    pub since_ms: u64,
    /// Exclusive.
    pub until_ms: u64,
    /// Modes are those of this moment.
    pub at_ms: u64,
    /// Revision of the rulebook that it was made from.
    pub revision: u64,
    /// `relevant` of what can change the answer.
    pub relevant: String,
}

impl PreviewPlan {
    /// Plans `candidate` on a route, all of the records.
    #[must_use]
    pub fn new(book: &Rulebook, candidate: Rule, route: &str, at_ms: u64) -> Self {
        let is_stored = book.rules.iter().any(|rule| rule.id == candidate.id);
        let (id, trimmed) = (candidate.id.clone(), trim(book, candidate, route, at_ms));
        Self {
            relevant: relevant(&trimmed, route),
            book: Rulebook {
                revision: book.revision,
                ..trimmed
            },
            candidate: id,
            is_stored,
            route: route.to_owned(),
            since_ms: 0,
            until_ms: u64::MAX,
            at_ms,
            revision: book.revision,
        }
    }

    /// The candidate.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.book.rules.iter().find(|rule| rule.id == self.candidate)
    }
}

/// The part of a rulebook that decides what enforcing `candidate` on a route does: how requests come to routes, and the
/// rules that act on this one. The candidate stands where it does in the rulebook, or last; revision 0.
pub(super) fn trim(book: &Rulebook, candidate: Rule, route: &str, at_ms: u64) -> Rulebook {
    let policy = Policy::new(book);
    let place = book.routes.iter().position(|known| known.name == route);
    let mut trimmed = Rulebook {
        schema: SCHEMA,
        revision: 0,
        routes: book.routes.iter().map(selector).collect(),
        rules: Vec::new(),
        modes: Vec::new(),
        lists: Vec::new(),
        layouts: Vec::new(),
        // Whether records say addresses.
        settings: Settings {
            keep_addresses: book.settings.keep_addresses,
            ..Settings::default()
        },
    };
    let mut candidate = Some(candidate);
    for (at, rule) in book.rules.iter().enumerate() {
        let is_candidate = candidate.as_ref().is_some_and(|wanted| wanted.id == rule.id);
        if let Some(wanted) = candidate.take_if(|_| is_candidate) {
            push(&mut trimmed, wanted, route, None);
            continue;
        }
        let effective = policy.mode(place.unwrap_or(usize::MAX), at, at_ms);
        if effective.mode == Mode::Enforce {
            let percent = (effective.percent < 100.0).then_some(effective.percent);
            push(&mut trimmed, rule.clone(), route, percent);
        }
    }
    if let Some(wanted) = candidate {
        push(&mut trimmed, wanted, route, None);
    }
    trimmed.lists = named(book, &trimmed.rules);
    trimmed
}

fn push(trimmed: &mut Rulebook, rule: Rule, route: &str, percent: Option<f64>) {
    trimmed.modes.push(ModeSetting {
        percent,
        ..ModeSetting::new(rule.id.clone(), route, Mode::Enforce)
    });
    trimmed.rules.push(Rule {
        description: String::new(),
        default_mode: Mode::Off,
        ..rule
    });
}

/// The lists that rules name.
fn named(book: &Rulebook, rules: &[Rule]) -> Vec<NamedList> {
    let names: HashSet<String> = rules.iter().flat_map(|rule| lists_of(&rule.expression)).collect();
    let named = book.lists.iter().filter(|list| names.contains(&list.name));
    named.cloned().collect()
}

/// A route as far as it selects requests, and whether a detour has somewhere to go.
fn selector(route: &Route) -> Route {
    Route {
        host: route.host.clone(),
        repository: route.repository.clone(),
        detour: route.detour.clone(),
        ..Route::named(route.name.clone())
    }
}

/// SHA-256 in hex of a trimmed rulebook and the route: while it stays the same, so does what enforcing does.
pub(super) fn relevant(trimmed: &Rulebook, route: &str) -> String {
    let text = serde_json::to_string(trimmed).unwrap_or_default();
    let digest = Sha256::new()
        .chain_update(route)
        .chain_update("\n")
        .chain_update(text)
        .finalize();
    hex(&digest)
}
