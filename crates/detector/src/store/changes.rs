//! Changes of the rulebook that the RuleBook told of, or that were fetched from it once.
//!
//! A change that comes again is known by its id. They are kept as long as marks are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Detector, Mark, count};
use crate::changes::{breadth_of, interventions_of, marks_of, route_breadths_of, switches_of};
use crate::engine::MAX_SWITCHES;
use crate::webhook::Alert;
use blobwatch_rulebook::{AnomalyBreadth, ChangeNotice};
use blobwatch_sql::{Sql, SqlValue, StoreError, json, number};

/// Changes kept: a hundred a day for as long as marks are, at some 500 bytes 5 MB.
pub(crate) const MAX_CHANGES: u64 = 10_000;

pub(super) const CHANGE: &str =
    "CREATE TABLE change (id TEXT PRIMARY KEY, time_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID";
pub(super) const CHANGE_TIME: &str = "CREATE INDEX change_time ON change (time_ms)";

const BODY: &str = "change.body";

/// What the build before this one knew of switches; it is fetched again.
pub(super) const NO_SWITCHES: &str = "DELETE FROM meta WHERE key = 'switches'";

const BREADTH: &str = "SELECT value FROM meta WHERE key = 'anomaly_breadth'";
const KEEP_BREADTH: &str = "INSERT OR REPLACE INTO meta (key, value) VALUES ('anomaly_breadth', ?)";

const ROUTE_BREADTHS: &str = "SELECT value FROM meta WHERE key = 'anomaly_breadth_of_routes'";
const KEEP_ROUTE_BREADTHS: &str =
    "INSERT OR REPLACE INTO meta (key, value) VALUES ('anomaly_breadth_of_routes', ?)";

/// Routes whose breadth is kept, also after it was taken back: four times as many as there may be.
const MAX_ROUTE_BREADTHS: usize = 1_024;

/// By route: since when, and what; `None` where it was taken back.
type RouteBreadths = BTreeMap<String, (u64, Option<AnomalyBreadth>)>;

/// How broad a fault must be, since a time.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct KeptBreadth {
    time_ms: u64,
    breadth: AnomalyBreadth,
}

/// Newest first.
pub(super) const OF_TIME: &str =
    "SELECT body FROM change WHERE time_ms >= ? AND time_ms < ? ORDER BY time_ms DESC LIMIT ?";

impl<S: Sql> Detector<S> {
    /// Takes in a change, and tells of it; one that came already changes nothing.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn change(&mut self, notice: &ChangeNotice, now_ms: u64) -> Result<(), StoreError> {
        self.sql.transaction(|| {
            let is_known = "SELECT count(*) FROM change WHERE id = ?";
            let is_new = count(&self.sql, is_known, &[SqlValue::Text(notice.id.clone())])? == 0;
            self.keep_change_notices(std::slice::from_ref(notice))?;
            match Alert::of_notice(notice).filter(|_| is_new) {
                Some(alert) => self.tell(&alert, now_ms),
                None => Ok(()),
            }
        })?;
        self.tell_engine(std::slice::from_ref(notice))
    }

    /// Whether the changes were fetched that were made before the RuleBook told of any.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn is_caught_up(&self) -> Result<bool, StoreError> {
        let found = count(&self.sql, "SELECT value FROM meta WHERE key = 'caught_up'", &[])?;
        Ok(found > 0)
    }

    /// Takes in the changes that were fetched; they are not asked for again.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn catch_up(&mut self, notices: &[ChangeNotice]) -> Result<(), StoreError> {
        self.sql.transaction(|| {
            self.keep_change_notices(notices)?;
            self.sql.run(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('caught_up', 1)",
                &[],
            )?;
            Ok::<(), StoreError>(())
        })?;
        self.tell_engine(notices)
    }

    fn keep_change_notices(&self, notices: &[ChangeNotice]) -> Result<(), StoreError> {
        for notice in notices {
            self.keep_breadth(notice)?;
            self.keep_route_breadths(notice)?;
            self.sql.run(
                "INSERT OR IGNORE INTO change (id, time_ms, body) VALUES (?, ?, ?)",
                &[
                    SqlValue::Text(notice.id.clone()),
                    number(notice.time_ms),
                    json(notice, BODY)?,
                ],
            )?;
        }
        self.sql.run(
            "DELETE FROM change WHERE id IN (SELECT id FROM change ORDER BY time_ms DESC LIMIT -1 OFFSET ?)",
            &[number(MAX_CHANGES)],
        )?;
        Ok(())
    }

    /// Marks of the changes of a time, oldest first; of the newest `limit` changes.
    ///
    /// # Errors
    /// When SQLite refuses, or a change is not what was written.
    pub fn change_marks(&self, since_ms: u64, until_ms: u64, limit: usize) -> Result<Vec<Mark>, StoreError> {
        let notices = self.changes_of(since_ms, until_ms, limit)?;
        Ok(notices.iter().flat_map(marks_of).collect())
    }

    /// Gives the newest changes to the engine: its saved state may be older than they are.
    pub(super) fn remember_switches(&mut self) -> Result<(), StoreError> {
        let notices = self.changes_of(0, u64::MAX >> 1, MAX_SWITCHES)?;
        self.tell_engine(&notices)
    }

    fn tell_engine(&mut self, notices: &[ChangeNotice]) -> Result<(), StoreError> {
        self.engine.switched(notices.iter().flat_map(switches_of));
        self.engine.intervened(notices.iter().flat_map(interventions_of));
        let kept = self.kept_breadth()?;
        self.engine.set_breadth(kept.breadth);
        let of_routes = self.kept_route_breadths()?.into_iter();
        let told = of_routes.filter_map(|(route, (_, breadth))| Some((route, breadth?)));
        self.engine.set_route_breadths(told.collect());
        Ok(())
    }

    fn kept_route_breadths(&self) -> Result<RouteBreadths, StoreError> {
        let rows = self.sql.run(ROUTE_BREADTHS, &[])?;
        let kept = rows
            .first()
            .map(|row| row.json(0, "meta.value of anomaly_breadth_of_routes"));
        Ok(kept.transpose()?.unwrap_or_default())
    }

    fn keep_route_breadths(&self, notice: &ChangeNotice) -> Result<(), StoreError> {
        let mut told = route_breadths_of(notice).peekable();
        if told.peek().is_none() {
            return Ok(());
        }
        let mut kept = self.kept_route_breadths()?;
        let before = kept.clone();
        for (route, breadth) in told {
            let is_newer = |(time_ms, _): &(u64, _)| *time_ms <= notice.time_ms;
            let is_known = kept.get(route);
            if is_known.map_or(breadth.is_some(), is_newer) {
                kept.insert(route.to_owned(), (notice.time_ms, breadth));
            }
        }
        if kept.len() > MAX_ROUTE_BREADTHS {
            kept.retain(|_, (_, breadth)| breadth.is_some());
        }
        if kept != before {
            let kept = json(&kept, "anomaly_breadth_of_routes")?;
            self.sql.run(KEEP_ROUTE_BREADTHS, &[kept])?;
        }
        Ok(())
    }

    /// The newest breadth that was told of: notices may come out of order, and the change may be one that is no longer kept.
    fn kept_breadth(&self) -> Result<KeptBreadth, StoreError> {
        let rows = self.sql.run(BREADTH, &[])?;
        let kept = rows
            .first()
            .map(|row| row.json(0, "meta.value of anomaly_breadth"));
        Ok(kept.transpose()?.unwrap_or_default())
    }

    fn keep_breadth(&self, notice: &ChangeNotice) -> Result<(), StoreError> {
        let Some(breadth) = breadth_of(notice) else {
            return Ok(());
        };
        let time_ms = notice.time_ms;
        if time_ms >= self.kept_breadth()?.time_ms {
            let kept = KeptBreadth { time_ms, breadth };
            self.sql.run(KEEP_BREADTH, &[json(&kept, "anomaly_breadth")?])?;
        }
        Ok(())
    }

    fn changes_of(
        &self,
        since_ms: u64,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<ChangeNotice>, StoreError> {
        let rows = self.sql.run(
            OF_TIME,
            &[number(since_ms), number(until_ms), number(limit as u64)],
        )?;
        rows.iter().rev().map(|row| row.json(0, BODY)).collect()
    }
}
