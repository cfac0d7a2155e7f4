//! Sources that push events, and the windows that they tell of.

use super::{Detector, Mark, MarkKind};
use crate::ingest::SourceState;
use crate::upstream::{window_name, window_text};
use blobwatch_sql::{Row, Sql, SqlValue, StoreError, json, number};
use blobwatch_upstream::{IngestReport, UpstreamWindow};
use blobwatch_wire::rfc3339;

/// One row a source; who is known by name is, and up to 32 mappings.
pub(super) const INGEST: &str =
    "CREATE TABLE ingest (source TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID";

pub(super) const UPSTREAM_WINDOW: &str = "CREATE TABLE upstream_window (source TEXT NOT NULL, id TEXT NOT NULL, \
     from_ms INTEGER NOT NULL, until_ms INTEGER, body TEXT NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID";

pub(super) const UPSTREAM_WINDOW_TIME: &str =
    "CREATE INDEX upstream_window_time ON upstream_window (from_ms)";

/// Sources whose figures are kept; those that sent last.
const MAX_SOURCES: u64 = 64;

/// Windows that are kept, the newest: some 6.5 KB each at most, 6.5 MB.
const MAX_WINDOWS: u64 = 1_000;

/// Windows that open anomalies are held against: those of some hours of an attack that moves about. 0.3 MB.
const REMEMBERED: usize = 128;

const BODY: &str = "ingest.body";
const WINDOW: &str = "upstream_window.body";

impl<S: Sql> Detector<S> {
    /// Keeps what came of one body.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn ingested(&mut self, report: &IngestReport) -> Result<(), StoreError> {
        let mut state = self.source_state(&report.source)?;
        state.take(report);
        self.sql.run(
            "INSERT OR REPLACE INTO ingest (source, body) VALUES (?, ?)",
            &[text(&report.source), json(&state, BODY)?],
        )?;
        self.sql.run(
            "DELETE FROM ingest WHERE source NOT IN \
             (SELECT source FROM ingest ORDER BY json_extract(body, '$.received_ms') DESC LIMIT ?)",
            &[number(MAX_SOURCES)],
        )?;
        self.keep_packets(&report.packets, report.received_ms)?;
        for window in &report.windows {
            self.keep_window(window)?;
        }
        if report.windows.is_empty() {
            return Ok(());
        }
        self.remember_windows()
    }

    /// Gives the newest windows to the engine.
    pub(super) fn remember_windows(&mut self) -> Result<(), StoreError> {
        let windows = self.upstream_windows(0, u64::MAX >> 1, REMEMBERED)?;
        self.engine.set_windows(windows);
        Ok(())
    }

    fn source_state(&self, source: &str) -> Result<SourceState, StoreError> {
        let rows = self
            .sql
            .run("SELECT body FROM ingest WHERE source = ?", &[text(source)])?;
        Ok(rows
            .first()
            .map(|row| row.json(0, BODY))
            .transpose()?
            .unwrap_or_default())
    }

    /// Sources by name.
    pub(crate) fn ingest_sources(&self) -> Result<Vec<(String, SourceState)>, StoreError> {
        let rows = self
            .sql
            .run("SELECT source, body FROM ingest ORDER BY source", &[])?;
        rows.iter()
            .map(|row| Ok((row.text(0, "ingest.source")?.to_owned(), row.json(1, BODY)?)))
            .collect()
    }

    /// Beginning and end come as two messages, in any order and more than once.
    fn keep_window(&self, told: &UpstreamWindow) -> Result<(), StoreError> {
        let key = [text(&told.source), text(&told.id)];
        let rows = self.sql.run(
            "SELECT body FROM upstream_window WHERE source = ? AND id = ?",
            &key,
        )?;
        let known: Option<UpstreamWindow> = rows.first().map(|row| row.json(0, WINDOW)).transpose()?;
        let window = match known {
            Some(known) => joined(known, told),
            None => told.clone(),
        };
        let [source, id] = key;
        self.sql.run(
            "INSERT OR REPLACE INTO upstream_window (source, id, from_ms, until_ms, body) VALUES (?, ?, ?, ?, ?)",
            &[
                source,
                id,
                number(window.from_ms),
                window.until_ms.map_or(SqlValue::Null, number),
                json(&window, WINDOW)?,
            ],
        )?;
        self.sql.run(
            "DELETE FROM upstream_window WHERE from_ms < \
             (SELECT from_ms FROM upstream_window ORDER BY from_ms DESC LIMIT 1 OFFSET ?)",
            &[number(MAX_WINDOWS - 1)],
        )?;
        Ok(())
    }

    /// Windows that were open at some moment of a time, oldest first, the newest `limit` of them.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn upstream_windows(
        &self,
        since_ms: u64,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<UpstreamWindow>, StoreError> {
        let rows = self.sql.run(
            "SELECT body FROM upstream_window WHERE from_ms < ? AND (until_ms IS NULL OR until_ms >= ?) \
             ORDER BY from_ms DESC LIMIT ?",
            &[number(until_ms), number(since_ms), number(limit as u64)],
        )?;
        rows.iter().rev().map(|row: &Row| row.json(0, WINDOW)).collect()
    }

    /// Beginnings and ends of windows within a time, as marks.
    pub(crate) fn window_marks(
        &self,
        since_ms: u64,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        let windows = self.upstream_windows(since_ms, until_ms, limit)?;
        let within = |time_ms: &u64| (since_ms..until_ms).contains(time_ms);
        let marks = windows.iter().flat_map(|window| {
            let begun = Some(window.from_ms)
                .filter(within)
                .map(|at_ms| mark(window, at_ms, "began"));
            let ended = window
                .until_ms
                .filter(within)
                .map(|at_ms| mark(window, at_ms, "ended"));
            begun.into_iter().chain(ended)
        });
        Ok(marks.collect())
    }
}

/// The earlier beginning, the end where one of them says it, and words of the one that says more.
fn joined(known: UpstreamWindow, told: &UpstreamWindow) -> UpstreamWindow {
    let longer = |known: String, told: &String| {
        if told.len() > known.len() {
            told.clone()
        } else {
            known
        }
    };
    let routes = if told.target.len() < known.target.len() {
        known.routes
    } else {
        told.routes.clone()
    };
    UpstreamWindow {
        routes,
        from_ms: known.from_ms.min(told.from_ms),
        until_ms: known.until_ms.max(told.until_ms),
        target: longer(known.target, &told.target),
        rule: longer(known.rule, &told.rule),
        system: longer(known.system, &told.system),
        words: longer(known.words, &told.words),
        rate: longer(known.rate, &told.rate),
        source: known.source,
        id: known.id,
    }
}

fn mark(window: &UpstreamWindow, at_ms: u64, verb: &str) -> Mark {
    Mark {
        time: rfc3339(at_ms),
        kind: MarkKind::UpstreamWindow,
        id: window_name(window),
        text: format!("{} {verb} mitigating: {}", window.source, window_text(window)),
    }
}

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}
