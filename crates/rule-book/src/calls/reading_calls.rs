//! What the guards of a mode counted over time.

use serde::Serialize;

use super::route_calls::known_route;
use super::rule_calls::known_rule;
use crate::store::{READINGS_KEPT_MS, ReadArm, ReadingAt, RuleBookStore};
use blobwatch_guard::State;
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, rfc3339};

/// What the guards of a rule on a route counted, oldest first; also guards that are over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct GuardReadings {
    pub rule: String,
    pub route: String,
    /// RFC 3339: readings from before this time are forgotten.
    pub kept_since: String,
    /// How far readings of one guard are apart, at the least: longer where there are many guards.
    pub apart_s: u64,
    /// Where nothing new was counted, there is no reading.
    pub items: Vec<ReadingItem>,
}

/// What a guard had counted since it began.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardReading")
)]
pub(crate) struct ReadingItem {
    /// RFC 3339.
    pub time: String,
    /// Revision that the guard began with: each step has a guard of its own, which counts anew.
    pub guard: u64,
    pub state: State,
    /// Clients that were denied: those that pulled cleanly before, those that did not, and those of which nothing is known.
    pub denied_clients: u32,
    pub denied_healthy: u32,
    pub denied_unhealthy: u32,
    pub denied_unknown: u32,
    pub harm: ReadArms,
    pub evidence: StrengthItem,
}

/// First minutes of clients that were let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardReadingArms")
)]
pub(crate) struct ReadArms {
    pub enforced: ReadArmItem,
    pub held_out: ReadArmItem,
}

/// Clients whose first minute is over, and those of them of whom a pull failed or got stuck in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardReadingArm")
)]
pub(crate) struct ReadArmItem {
    pub clients: u32,
    pub bad_clients: u32,
}

/// How strong the evidence is, as powers of ten.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "GuardEvidence")
)]
pub(crate) struct StrengthItem {
    /// At 4 the enforcement is taken back.
    pub harm: f64,
    /// From 1.3 on a step may pass.
    pub harmless: f64,
}

impl From<ReadArm> for ReadArmItem {
    fn from(arm: ReadArm) -> Self {
        Self {
            clients: arm.judged,
            bad_clients: arm.bad_clients,
        }
    }
}

impl From<ReadingAt> for ReadingItem {
    fn from(read: ReadingAt) -> Self {
        let ReadingAt {
            at_ms,
            guard,
            reading,
        } = read;
        let denied = reading.enforced;
        Self {
            time: rfc3339(at_ms),
            guard,
            state: reading.state,
            denied_clients: denied.clients,
            denied_healthy: denied.healthy,
            denied_unhealthy: denied.unhealthy(),
            denied_unknown: denied.unknown,
            harm: ReadArms {
                enforced: reading.enforced.into(),
                held_out: reading.held_out.into(),
            },
            evidence: StrengthItem {
                harm: reading.harm,
                harmless: reading.harmless,
            },
        }
    }
}

/// What the guards of a rule on a route counted in the last day.
///
/// # Errors
/// 404 for a rule or a route that is not there.
pub(crate) fn get_readings<S: Sql>(
    store: &RuleBookStore<S>,
    now_ms: u64,
    rule: &str,
    route: &str,
) -> Result<GuardReadings, Problem> {
    let book = store.document()?;
    known_rule(&book, rule)?;
    known_route(&book, route)?;
    let since_ms = now_ms.saturating_sub(READINGS_KEPT_MS);
    let readings = store.guard_readings(rule, route, since_ms)?;
    Ok(GuardReadings {
        rule: rule.to_owned(),
        route: route.to_owned(),
        kept_since: rfc3339(since_ms),
        apart_s: store.readings_apart_ms()? / 1_000,
        items: readings.into_iter().map(ReadingItem::from).collect(),
    })
}
