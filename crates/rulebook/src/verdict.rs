//! From matches and modes to what is done: the one place where off, monitor and enforce differ.
//!
//! In scope: which matches fire, in which mode, what each would do and what is applied. Not in scope: whether an
//! expression matches (`rule`), how a refusal looks (`answer`), counting volumes (the FireLog).

mod hot;
mod readings;

pub use hot::{HotKey, HotKeys};

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::{Policy, PolicyRule, VolumeKey};
use blobwatch_pull::{Action, ClientKey, Fired, Mode, NetworkKey, bucket};

/// Who asks for what, as far as modes and volumes look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject<'a> {
    /// Position of the route in the rulebook.
    pub route: usize,
    pub client: ClientKey,
    pub network: NetworkKey,
    pub fingerprint: &'a str,
    pub asn: Option<u32>,
    pub now_ms: u64,
    /// Decided without the current rulebook or the deployment's secret: client keys may not be the ones that the
    /// percentages were set for, so no client counts as inside a partial percentage.
    pub degraded: bool,
}

/// What is done to one request, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Every rule that fired, in the order of the rulebook, also after the one that decided.
    pub fired: Vec<Fired>,
    /// What is done: the first enforced block, throttle, detour or allow; else tag where one was enforced; else none.
    pub action: Action,
    /// Position in `fired` of the rule that decided; `None` unless the action is block, throttle, detour or allow.
    pub decided_by: Option<usize>,
    /// Matches of rules with a volume, hot or not, for the FireLog to count.
    pub counts: Vec<VolumeCount>,
}

/// One match of a rule that has a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeCount {
    pub rule: Arc<str>,
    pub version: u32,
    /// Stands for what the volume is counted by, see [`volume_key`].
    pub key: u64,
}

/// What is done about the rules that matched; `matched` are positions in the rulebook, in its order.
#[must_use]
pub fn decide(
    policy: &Policy,
    subject: &Subject<'_>,
    matched: impl IntoIterator<Item = usize>,
    hot: &HotKeys,
) -> Verdict {
    let mut verdict = Verdict::default();
    for index in matched {
        if let Some(rule) = policy.rule(index) {
            apply_rule(policy, subject, index, rule, hot, &mut verdict);
        }
    }
    verdict
}

fn apply_rule(
    policy: &Policy,
    subject: &Subject<'_>,
    index: usize,
    rule: &PolicyRule,
    hot: &HotKeys,
    verdict: &mut Verdict,
) {
    let effective = policy.mode(subject.route, index, subject.now_ms);
    // The only place where the modes differ.
    let acts = match effective.mode {
        Mode::Off => return,
        Mode::Monitor => false,
        Mode::Enforce => holds_client(subject, rule, effective.percent),
    };
    if !volume_exceeded(policy, subject, rule, hot, verdict) {
        return;
    }
    let applied = if acts {
        apply(policy, subject, rule.action, verdict)
    } else {
        Action::None
    };
    verdict.fired.push(Fired {
        rule: Arc::clone(&rule.id),
        version: rule.version,
        mode: effective.mode,
        would: rule.action,
        applied,
    });
}

/// What this rule's action comes to, given what came before it; the rule is about to be pushed to `fired`.
fn apply(policy: &Policy, subject: &Subject<'_>, action: Action, verdict: &mut Verdict) -> Action {
    let has_detour = policy.route(subject.route).is_some_and(|route| route.has_detour);
    let terminal = match action {
        Action::None => return Action::None,
        Action::Tag if verdict.action == Action::Allow => return Action::None,
        Action::Tag => {
            verdict.action = verdict.action.max(Action::Tag);
            return Action::Tag;
        }
        // Refused when the rulebook was written; should one get here, the pull goes on.
        Action::Detour if !has_detour => return Action::None,
        Action::Allow | Action::Detour | Action::Throttle | Action::Block => action,
    };
    if verdict.decided_by.is_some() {
        return Action::None;
    }
    verdict.decided_by = Some(verdict.fired.len());
    verdict.action = terminal;
    terminal
}

/// Whether a percentage holds the client; the share of one rule says nothing about another's.
#[must_use]
pub fn in_percent(client: ClientKey, rule: &str, percent: f64) -> bool {
    percent >= 100.0 || bucket(client, rule) * 100.0 < percent
}

fn holds_client(subject: &Subject<'_>, rule: &PolicyRule, percent: f64) -> bool {
    let is_part = percent < 100.0;
    !(is_part && subject.degraded) && in_percent(subject.client, &rule.id, percent)
}

/// Counts the match where the rule has a volume, and says whether its key is hot.
fn volume_exceeded(
    policy: &Policy,
    subject: &Subject<'_>,
    rule: &PolicyRule,
    hot: &HotKeys,
    verdict: &mut Verdict,
) -> bool {
    let Some(volume) = &rule.volume else {
        return true;
    };
    // What the request does not say cannot be counted by: the rule stays silent.
    let Some(key) = volume_key(policy, subject, volume.by) else {
        return false;
    };
    let is_hot = hot.is_hot(&rule.id, rule.version, key, subject.now_ms);
    verdict.counts.push(VolumeCount {
        rule: Arc::clone(&rule.id),
        version: rule.version,
        key,
    });
    is_hot
}

/// The number that stands for a request under a volume: the AS number, the client's or the network's key, or the first 8 bytes of the
/// SHA-256 of the fingerprint or of the route's name, so that no client can make two of them fall together.
pub fn volume_key(policy: &Policy, subject: &Subject<'_>, by: VolumeKey) -> Option<u64> {
    match by {
        VolumeKey::Fingerprint => Some(subject.fingerprint)
            .filter(|text| !text.is_empty())
            .map(number_of),
        VolumeKey::Asn => subject.asn.map(u64::from),
        VolumeKey::Client => Some(subject.client.0),
        VolumeKey::Network => Some(subject.network.0),
        VolumeKey::Route => policy.route(subject.route).map(|route| number_of(&route.name)),
    }
}

fn number_of(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;
