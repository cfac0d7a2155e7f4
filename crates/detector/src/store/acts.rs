//! What people do about anomalies, with the entries of the audit log that say so.
//!
//! Guarantees: an act is kept with its entry or not at all, and the entry waits here until the RuleBook has it; an act outlives
//! the process as a batch does.

use serde::{Deserialize, Serialize};

use super::anomalies::BODY as ANOMALY;
use super::{Detector, count};
use crate::anomaly::name;
use crate::handling::{Act, AnomalyAct, MAX_COMMENTS, Mute, MuteChange};
use crate::{Anomaly, AnomalyKind, Change};
use blobwatch_sql::{Sql, StoreError, json, number};
use blobwatch_wire::{Problem, rfc3339};
use serde_json::{Value, json as value};

pub(super) const MUTE: &str = "CREATE TABLE mute (anomaly INTEGER PRIMARY KEY, body TEXT NOT NULL)";
pub(super) const AUDIT_ENTRY: &str = "CREATE TABLE audit_entry (id INTEGER PRIMARY KEY, body TEXT NOT NULL)";

/// Whoever was told of the end is told that somebody looks into it.
pub(super) const TELL_ACKNOWLEDGED: &str = "UPDATE webhook SET body = json_insert(body, '$.events[#]', 'anomaly.acknowledged') \
     WHERE body LIKE '%\"anomaly.closed\"%'";

/// Cohorts that are muted at a time: each is held against what opens.
pub(crate) const MAX_MUTES: usize = 64;

/// The longest that anything is muted.
pub(crate) const MAX_MUTED_MS: u64 = 90 * 86_400_000;

/// How long after a try that failed the RuleBook is told again.
const TELL_AGAIN_MS: u64 = 10_000;

const ENTRY: &str = "audit_entry.body";
const MUTED: &str = "mute.body";

/// An entry that the RuleBook is to write into the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingEntry {
    /// When it was done, in milliseconds since 1970; no two have the same.
    pub time_ms: u64,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub after: Option<Value>,
    pub reason: Option<String>,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActRequest {
    pub(crate) anomaly: u64,
    pub(crate) act: Act,
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
}

impl<S: Sql> Detector<S> {
    /// Does an act; the anomaly as it is then, or why not.
    ///
    /// # Errors
    /// When SQLite refuses; what is in memory is in doubt then.
    pub(crate) fn act(
        &mut self,
        request: ActRequest,
        now_ms: u64,
    ) -> Result<Result<Anomaly, Problem>, StoreError> {
        self.tick(now_ms)?;
        let Some(before) = self.anomaly(request.anomaly)? else {
            return Ok(Err(Problem::not_found("anomaly of this id")));
        };
        if let Some(problem) = self.refusal(&before, &request.act) {
            return Ok(Err(problem));
        }
        let act = AnomalyAct {
            anomaly: request.anomaly,
            act: request.act,
            by: request.by,
            time_ms: self.next_act_ms(now_ms)?,
            reason: request.reason,
        };
        let logged = LoggedAct {
            mutes: mutes_of(&before, &act),
            act,
        };
        let act = &logged.act;
        let changes = self.changed(&before, act);
        if changes.is_empty() {
            return Ok(Ok(before));
        }
        self.engine.change_mutes(&logged.mutes);
        let bytes = serde_json::to_vec(&logged).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.sql.transaction(|| {
            self.log_bytes(&bytes, now_ms)?;
            self.keep_changes(&changes, now_ms)?;
            self.keep_mutes(&logged.mutes)?;
            self.queue_entry(&entry_of(act))
        })?;
        self.log.batches += 1;
        let after = self.anomaly(act.anomaly)?.unwrap_or(before);
        Ok(Ok(after))
    }

    /// What an act changes: of an anomaly that the engine no longer remembers, its row.
    fn changed(&mut self, before: &Anomaly, act: &AnomalyAct) -> Vec<Change> {
        if self.engine.remembered(act.anomaly).is_some() {
            return self.engine.act(act);
        }
        let mut anomaly = before.clone();
        let moment = anomaly.amend(act);
        moment
            .map(|moment| Change { moment, anomaly })
            .into_iter()
            .collect()
    }

    /// Why an act cannot be done.
    fn refusal(&self, anomaly: &Anomaly, act: &Act) -> Option<Problem> {
        let conflict = |kind, title, detail: &str| {
            let detail = format!("{}: {detail}", anomaly.name());
            Some(Problem::new(409, kind, title, detail))
        };
        let closed = |detail| conflict("anomaly-closed", "The anomaly is closed", detail);
        let full = |detail: String| conflict("too-many", "Too many", &detail);
        let is_closed = anomaly.closed_ms.is_some();
        match act {
            Act::Acknowledge if is_closed => closed("only an open anomaly can be acknowledged"),
            Act::Expected if is_closed => closed("only the level of an open anomaly can become normal"),
            Act::Expected if anomaly.kind() == AnomalyKind::RuleHarm => conflict(
                "no-level",
                "It has no level",
                "what a rule does to healthy clients never becomes normal: acknowledge it, and change the rule",
            ),
            Act::Mute(request) if is_closed && !request.is_of_cohort => {
                closed("mute further anomalies of its kinds and cohort with \"cohort\": true")
            }
            Act::Mute(request) if request.is_of_cohort && !self.has_room_for_mute(anomaly.id) => full(
                format!("{MAX_MUTES} cohorts are muted already, the maximum: end one first"),
            ),
            Act::Comment(_) if anomaly.comments() >= MAX_COMMENTS => {
                full(format!("it has {MAX_COMMENTS} comments already, the maximum"))
            }
            Act::Reopen if is_closed && !self.engine.can_reopen(anomaly.id) => conflict(
                "too-late",
                "Too late to reopen",
                "it closed more than six hours ago, or too many are open; if the fault comes back, an anomaly opens by itself",
            ),
            _ => None,
        }
    }

    fn has_room_for_mute(&self, id: u64) -> bool {
        let mutes = self.engine.mutes();
        mutes.len() < MAX_MUTES || mutes.iter().any(|mute| mute.anomaly == id)
    }

    fn keep_mutes(&self, change: &MuteChange) -> Result<(), StoreError> {
        if let Some(of) = change.ends {
            self.end_mute(of)?;
        }
        if let Some(mute) = &change.begins {
            self.sql.run(
                "INSERT OR REPLACE INTO mute (anomaly, body) VALUES (?, ?)",
                &[number(mute.anomaly), json(mute, MUTED)?],
            )?;
        }
        Ok(())
    }

    fn end_mute(&self, of: u64) -> Result<(), StoreError> {
        self.sql
            .run("DELETE FROM mute WHERE anomaly = ?", &[number(of)])?;
        Ok(())
    }

    /// Gives the engine what is muted.
    pub(super) fn remember_mutes(&mut self) -> Result<(), StoreError> {
        let rows = self.sql.run("SELECT body FROM mute ORDER BY anomaly", &[])?;
        let mutes: Result<Vec<Mute>, StoreError> = rows.iter().map(|row| row.json(0, MUTED)).collect();
        self.engine.set_mutes(mutes?);
        Ok(())
    }

    /// Forgets mutes whose time is over; the engine knows their times.
    pub(super) fn forget_mutes(&self, now_ms: u64) -> Result<(), StoreError> {
        let over = "DELETE FROM mute WHERE json_extract(body, '$.until_ms') <= ?";
        self.sql.run(over, &[number(now_ms)])?;
        Ok(())
    }

    /// Gives the engine the harms that are open.
    pub(super) fn remember_harms(&mut self) -> Result<(), StoreError> {
        let open = "SELECT body FROM anomaly WHERE closed_ms IS NULL ORDER BY id";
        let rows = self.sql.run(open, &[])?;
        let open: Result<Vec<Anomaly>, StoreError> = rows.iter().map(|row| row.json(0, ANOMALY)).collect();
        let is_harm = |anomaly: &Anomaly| anomaly.kind() == AnomalyKind::RuleHarm;
        self.engine.set_harms(open?.into_iter().filter(is_harm).collect());
        Ok(())
    }

    /// A time that no act had before.
    pub(super) fn next_act_ms(&self, now_ms: u64) -> Result<u64, StoreError> {
        let last = count(&self.sql, "SELECT value FROM meta WHERE key = 'acted'", &[])?;
        Ok(now_ms.max(last + 1))
    }

    pub(super) fn queue_entry(&self, entry: &PendingEntry) -> Result<(), StoreError> {
        self.sql.run(
            "INSERT INTO audit_entry (id, body) VALUES (?, ?)",
            &[number(entry.time_ms), json(entry, ENTRY)?],
        )?;
        let acted = "INSERT OR REPLACE INTO meta (key, value) VALUES ('acted', ?)";
        self.sql.run(acted, &[number(entry.time_ms)])?;
        Ok(())
    }

    /// The oldest entry that the RuleBook does not have.
    ///
    /// # Errors
    /// When SQLite refuses, or the row is not what was written.
    pub fn next_entry(&self) -> Result<Option<PendingEntry>, StoreError> {
        let rows = self
            .sql
            .run("SELECT body FROM audit_entry ORDER BY id LIMIT 1", &[])?;
        rows.first().map(|row| row.json(0, ENTRY)).transpose()
    }

    /// Forgets an entry that the RuleBook has.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn entry_written(&self, entry: &PendingEntry) -> Result<(), StoreError> {
        let id = number(entry.time_ms);
        self.sql.run("DELETE FROM audit_entry WHERE id = ?", &[id])?;
        Ok(())
    }

    /// When the RuleBook is told again of what it does not have.
    pub(super) fn next_entry_ms(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        let waiting = count(&self.sql, "SELECT count(*) FROM audit_entry", &[])?;
        Ok((waiting > 0).then_some(now_ms + TELL_AGAIN_MS))
    }
}

/// What an act on an anomaly changes of what is muted.
fn mutes_of(anomaly: &Anomaly, act: &AnomalyAct) -> MuteChange {
    match &act.act {
        Act::Mute(request) if request.is_of_cohort => {
            let until_ms = request.until_ms.unwrap_or(act.time_ms + MAX_MUTED_MS);
            MuteChange {
                begins: Some(Mute::of(anomaly, act, until_ms)),
                ends: None,
            }
        }
        Act::Mute(_) => MuteChange {
            begins: None,
            ends: Some(anomaly.id),
        },
        Act::Unmute => {
            let muted = anomaly.handling.muted.as_ref();
            MuteChange {
                begins: None,
                ends: Some(muted.and_then(|muted| muted.of).unwrap_or(anomaly.id)),
            }
        }
        _ => MuteChange::default(),
    }
}

fn entry_of(act: &AnomalyAct) -> PendingEntry {
    PendingEntry {
        time_ms: act.time_ms,
        actor: act.by.clone(),
        action: act.act.name().to_owned(),
        target: format!("anomalies/{}", name(act.anomaly)),
        after: audited(&act.act),
        reason: act.reason.clone(),
    }
}

/// What an act says, for the audit log.
fn audited(act: &Act) -> Option<Value> {
    match act {
        Act::Assign(to) => Some(value!({"to": to})),
        Act::Comment(text) => Some(value!({"text": text})),
        Act::Mute(request) => {
            Some(value!({"until": request.until_ms.map(rfc3339), "cohort": request.is_of_cohort}))
        }
        Act::Acknowledge | Act::Unmute | Act::Expected | Act::Reopen => None,
    }
}

/// An act in the log of batches, with what it changed of what is muted: the anomaly may be long forgotten.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoggedAct {
    pub(super) act: AnomalyAct,
    pub(super) mutes: MuteChange,
}

impl LoggedAct {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
