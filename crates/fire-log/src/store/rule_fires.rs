//! What our own rules did, added up for ever: counters for monitoring.
//!
//! They are counted when batches are merged, each record once, in the same transaction: one row for each
//! segment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FireLog, FireLogError};
use crate::object_calls::Counters;
use blobwatch_pull::{Action, Mode, Origin};
use blobwatch_records::{Block, Treatment};
use blobwatch_sql::{Sql, SqlValue};

pub(super) const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS rule_fires (one INTEGER PRIMARY KEY CHECK (one = 1), sums TEXT NOT NULL)";

/// Rules, each on a route, in a mode, with an action: 150 KB as JSON. A rulebook that changes often may have had more.
pub(super) const MAX_SUMS: usize = 1_024;

/// A rule on a route, what it is set to do there, and what it did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RuleAct {
    pub rule: String,
    pub route: String,
    pub mode: Mode,
    pub would: Action,
    pub applied: Action,
}

/// Requests of one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleFires {
    #[serde(flatten)]
    pub act: RuleAct,
    pub requests: u64,
}

/// Of one merge.
#[derive(Debug, Default)]
pub(super) struct FireTally(BTreeMap<RuleAct, u64>);

impl FireTally {
    pub(super) fn count(&mut self, block: &Block) {
        let rows = block.rows().iter();
        rows.filter_map(|row| block.treatment(row))
            .for_each(|treatment| self.count_one(treatment));
    }

    fn count_one(&mut self, treatment: &Treatment) {
        let own = |fired: &&blobwatch_pull::Fired| Origin::of(&fired.rule) == Origin::Own;
        for fired in treatment.fired.iter().filter(own) {
            let act = RuleAct {
                rule: fired.rule.to_string(),
                route: treatment.route.to_string(),
                mode: fired.mode,
                would: fired.would,
                applied: fired.applied,
            };
            *self.0.entry(act).or_default() += u64::from(treatment.weight);
        }
    }

    /// Adds it to the sums; how many requests found no room.
    pub(super) fn put(self, sql: &impl Sql) -> Result<u32, FireLogError> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let mut sums: BTreeMap<RuleAct, u64> = read(sql)?
            .into_iter()
            .map(|fires| (fires.act, fires.requests))
            .collect();
        let mut dropped = 0;
        for (act, requests) in self.0 {
            let has_room = sums.len() < MAX_SUMS;
            match sums.get_mut(&act) {
                Some(sum) => *sum += requests,
                None if has_room => drop(sums.insert(act, requests)),
                None => dropped += requests,
            }
        }
        let sums: Vec<RuleFires> = sums
            .into_iter()
            .map(|(act, requests)| RuleFires { act, requests })
            .collect();
        let text = serde_json::to_string(&sums).unwrap_or_else(|_| "[]".to_owned());
        sql.run(
            "INSERT OR REPLACE INTO rule_fires (one, sums) VALUES (1, ?)",
            &[SqlValue::Text(text)],
        )?;
        Ok(u32::try_from(dropped).unwrap_or(u32::MAX))
    }
}

fn read(sql: &impl Sql) -> Result<Vec<RuleFires>, FireLogError> {
    let rows = sql.run("SELECT sums FROM rule_fires WHERE one = 1", &[])?;
    let Some(row) = rows.first() else {
        return Ok(Vec::new());
    };
    // Sums that cannot be read begin anew, as a counter may.
    Ok(serde_json::from_str(row.text(0, "rule_fires.sums")?).unwrap_or_default())
}

impl<S: Sql> FireLog<S> {
    /// What is added up for ever.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn counters(&self) -> Result<Counters, FireLogError> {
        Ok(Counters {
            fires: self.rule_fires()?,
            requests: self.request_sums()?,
        })
    }

    /// What our own rules did on the requests that were merged so far.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn rule_fires(&self) -> Result<Vec<RuleFires>, FireLogError> {
        read(&self.sql)
    }
}
