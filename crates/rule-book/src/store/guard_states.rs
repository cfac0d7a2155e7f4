//! Where each guard stood when: what an explanation of an old request asks.
//!
//! A guard begins and ends in the transaction of the change that does it, and comes to stand elsewhere in that of the
//! report. In scope: the rows, and for how long they are kept. Not in scope: what they say of a time (`guard::state_at`).
//!
//! Kept: all of a guard that watches, its beginning and the last [`MAX_MOMENTS`]; of one that is over, for as long as records
//! are, and a day. An explanation says that it no longer knows where a guard stood whose rows are gone.

use super::change::split_mode_key;
use super::history::{BODY, Kind};
use super::{RuleBookError, RuleBookStore, parameter, text};
use crate::calls::GUARD;
use blobwatch_guard::{GuardThen, Ledger, Moment, State, state_at};
use blobwatch_rulebook::{ModeSetting, Settings};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError};

/// Moments of one guard beside its beginning. A guard at the edge of what it can tell may pass and watch again with each
/// report, every 5 s.
pub(crate) const MAX_MOMENTS: u64 = 64;

/// Guards that are over: some 30 promotions a day for a year, 1 KB each in practice.
pub(crate) const MAX_OVER: u64 = 10_000;

/// FireLogs forget records by the segment, some hours after their time.
const MARGIN_MS: u64 = 86_400_000;

const HOUR_MS: u64 = 3_600_000;

/// `state` is where it stands from then on, or `over`.
pub(super) const GUARD_STATES: &str = "CREATE TABLE guard_states (
    rule TEXT NOT NULL,
    route TEXT NOT NULL,
    guard INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    text TEXT,
    PRIMARY KEY (rule, route, guard, number)
) WITHOUT ROWID";

const STATE: &str = "guard_states.state";
const AT_MS: &str = "guard_states.at_ms";

const OVER: &str = "over";

/// The number before the first: of a guard that began before its moments were noted, the first that is noted is not its
/// beginning.
const BEGINS: i64 = -1;
const GOES_ON: i64 = 0;

/// Settings of one route at a revision; the key of a mode is its rule, a space and its route.
const MODES_THEN: &str = "SELECT body, actor, time_ms FROM entries INDEXED BY entries_until \
     WHERE until > ?1 AND since <= ?1 AND kind = ?2 AND substr(key, instr(key, ' ') + 1) = ?3 ORDER BY position, key";

const INSERT: &str = "INSERT INTO guard_states (rule, route, guard, number, at_ms, state, text) \
     SELECT ?1, ?2, ?3, coalesce(max(number), ?4) + 1, ?5, ?6, ?7 FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3";

const LAST: &str = "SELECT state FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3 ORDER BY number DESC LIMIT 1";

const FORGET_MOMENTS: &str = "DELETE FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3 AND number > 0 AND number <= \
     (SELECT max(number) FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3) - ?4";

const FORGET_OVER: &str = "DELETE FROM guard_states WHERE (rule, route, guard) IN \
     (SELECT rule, route, guard FROM guard_states WHERE state = 'over' AND at_ms < ?1)";

const OLDEST_OVER: &str =
    "SELECT at_ms FROM guard_states WHERE state = 'over' ORDER BY at_ms DESC LIMIT 1 OFFSET ?1";

const MOMENTS: &str = "SELECT number, at_ms, state FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3 AND state <> 'over' \
     ORDER BY number";

const WHY: &str = "SELECT text FROM guard_states WHERE rule = ?1 AND route = ?2 AND guard = ?3 AND state = 'demoted' AND at_ms <= ?4";

/// The guard that took an enforcement back, last before a time.
const DEMOTED: &str = "SELECT guard FROM guard_states WHERE rule = ?1 AND route = ?2 AND state = 'demoted' AND at_ms <= ?3 \
     ORDER BY guard DESC LIMIT 1";

impl<S: Sql> RuleBookStore<S> {
    /// The setting of a mode changes, and with it its guard: one ends, another begins. Inside of the change's transaction.
    pub(super) fn guard_turns(
        &self,
        key: &str,
        after: Option<u64>,
        now_ms: u64,
    ) -> Result<(), RuleBookError> {
        let Some(of) = split_mode_key(key) else {
            return Err(StoreError::Corrupt("the key of a mode".to_owned()).into());
        };
        let before = self.mode_entry(of.0, of.1)?.and_then(|kept| kept.value.guard);
        if before == after {
            // A mode that a guard set gives way to another one.
            return match after {
                None => self.forget_guard(of, false),
                Some(_) => Ok(()),
            };
        }
        if let Some(before) = before {
            let is_demoted = || -> Result<bool, RuleBookError> {
                let ledger = self.guard(of.0, of.1)?;
                Ok(ledger.is_some_and(|ledger| ledger.guard == before && ledger.state == State::Demoted))
            };
            self.forget_guard(of, after.is_some() || is_demoted()?)?;
            self.note(of, before, GOES_ON, OVER, None, now_ms)?;
            self.forget_states(now_ms)?;
        } else {
            self.forget_guard(of, false)?;
        }
        match after {
            Some(guard) => self.note(of, guard, BEGINS, State::Watching.as_str(), None, now_ms),
            None => Ok(()),
        }
    }

    /// Notes where a guard stands, where it stood elsewhere before. Inside of the report's transaction.
    pub(super) fn guard_stands(
        &self,
        of: (&str, &str),
        ledger: &Ledger,
        now_ms: u64,
    ) -> Result<(), RuleBookError> {
        let key = [text(of.0), text(of.1), parameter(ledger.guard)];
        let last = self.sql.run(LAST, &key)?;
        let last = last.first().map(|found| found.text(0, STATE)).transpose()?;
        let state = match ledger.state {
            State::Holding => State::Watching,
            state => state,
        };
        if last == Some(state.as_str()) {
            return Ok(());
        }
        let why = ledger.text.as_deref();
        self.note(of, ledger.guard, GOES_ON, state.as_str(), why, now_ms)?;
        let [rule, route, guard] = key;
        self.sql
            .run(FORGET_MOMENTS, &[rule, route, guard, parameter(MAX_MOMENTS)])?;
        Ok(())
    }

    fn note(
        &self,
        (rule, route): (&str, &str),
        guard: u64,
        before_first: i64,
        state: &str,
        why: Option<&str>,
        now_ms: u64,
    ) -> Result<(), RuleBookError> {
        self.sql.run(
            INSERT,
            &[
                text(rule),
                text(route),
                parameter(guard),
                SqlValue::Integer(before_first),
                parameter(now_ms),
                text(state),
                why.map_or(SqlValue::Null, text),
            ],
        )?;
        Ok(())
    }

    fn forget_states(&self, now_ms: u64) -> Result<(), RuleBookError> {
        let settings = self.valid::<Settings>(Kind::Settings)?;
        let hours = settings
            .first()
            .map_or_else(Settings::default, |kept| kept.value.clone());
        let kept_ms = u64::from(hours.retention_hours) * HOUR_MS + MARGIN_MS;
        let oldest = self.sql.run(OLDEST_OVER, &[parameter(MAX_OVER)])?;
        let oldest = oldest.first().map(|found| found.integer(0, AT_MS)).transpose()?;
        // The one at the bound goes too.
        let before = now_ms
            .saturating_sub(kept_ms)
            .max(oldest.map_or(0, |oldest| oldest + 1));
        self.sql.run(FORGET_OVER, &[parameter(before)])?;
        Ok(())
    }

    /// The guards of a route's enforcements under a revision, as they stood at a time; also those that had taken one back.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn guards_then(
        &self,
        revision: u64,
        route: &str,
        time_ms: u64,
    ) -> Result<Vec<GuardThen>, RuleBookError> {
        let rows = self
            .sql
            .run(MODES_THEN, &[parameter(revision), Kind::Mode.into(), text(route)])?;
        let mut guards = Vec::new();
        for found in &rows {
            let setting: ModeSetting = found.json(0, BODY)?;
            let actor = found.text(1, "entries.actor")?;
            let set_ms = found.integer(2, "entries.time_ms")?;
            if let Some(guard) = setting.guard {
                guards.push(self.guard_then(&setting, guard, time_ms)?);
            } else if actor == GUARD
                && let Some(guard) = self.demoted_by(&setting, set_ms)?
            {
                guards.push(self.guard_then(&setting, guard, time_ms.max(set_ms))?);
            }
        }
        Ok(guards)
    }

    fn demoted_by(&self, setting: &ModeSetting, set_ms: u64) -> Result<Option<u64>, RuleBookError> {
        let rows = self.sql.run(
            DEMOTED,
            &[text(&setting.rule), text(&setting.route), parameter(set_ms)],
        )?;
        let guard = rows.first().map(|found| found.integer(0, "guard_states.guard"));
        Ok(guard.transpose()?)
    }

    fn guard_then(
        &self,
        setting: &ModeSetting,
        guard: u64,
        time_ms: u64,
    ) -> Result<GuardThen, RuleBookError> {
        let key = [text(&setting.rule), text(&setting.route), parameter(guard)];
        let moments = self.sql.run(MOMENTS, &key)?;
        let moments: Vec<Moment> = moments.iter().map(moment).collect::<Result<_, _>>()?;
        let until_ms = setting.stages.as_ref().and_then(|stages| stages.until_ms);
        let [rule, route, number] = key;
        let why = self.sql.run(WHY, &[rule, route, number, parameter(time_ms)])?;
        let why = why
            .first()
            .map(|found| found.optional_text(0, "guard_states.text"))
            .transpose()?;
        Ok(GuardThen {
            rule: setting.rule.clone(),
            guard,
            stood: state_at(&moments, until_ms, time_ms),
            text: why.flatten().map(str::to_owned),
        })
    }
}

fn moment(found: &Row) -> Result<Moment, RuleBookError> {
    let state = State::named(found.text(2, STATE)?);
    Ok(Moment {
        number: found.integer(0, "guard_states.number")?,
        at_ms: found.integer(1, AT_MS)?,
        state: state.ok_or_else(|| StoreError::Corrupt(STATE.to_owned()))?,
    })
}
