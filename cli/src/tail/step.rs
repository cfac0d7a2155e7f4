//! One look at the deployment: what is new, then what came late.

use blobwatch_wire::rfc3339;

use super::position::{Position, Span, StateFile};
use super::sink::{Line, Sink};
use crate::export::{Export, Window};
use crate::output;
use crate::problem::Problem;

/// Records that are sent before it is noted that they were: at most so many are sent twice after a kill.
const MAX_RECORDS: u64 = 4_096;

/// What was read a moment ago is not looked at again.
const LEAST_MS: u64 = 10_000;

pub(super) struct Tail<'a> {
    export: Export<'a>,
    sink: Sink,
    pub(super) position: Position,
    file: Option<StateFile>,
}

impl<'a> Tail<'a> {
    pub(super) fn new(export: Export<'a>, sink: Sink, position: Position, file: Option<StateFile>) -> Self {
        Self {
            export,
            sink,
            position,
            file,
        }
    }

    /// # Errors
    /// What was sent until then is noted: it continues there.
    pub(super) fn step(&mut self, now_ms: u64) -> Result<(), Problem> {
        while self.position.until_ms < now_ms {
            self.next(now_ms)?;
        }
        for place in 0..self.position.spans.len() {
            self.compare(place, now_ms)?;
        }
        if self.position.tidy(now_ms) {
            output::complain(
                "more records than are remembered: of the oldest, late ones are counted and not sent",
            );
        }
        self.note()
    }

    /// Sends the oldest that was not sent yet.
    fn next(&mut self, now_ms: u64) -> Result<(), Problem> {
        let wanted = Window {
            from_ms: self.position.until_ms,
            until_ms: now_ms,
        };
        let (window, requests) = self.export.fitting(wanted, MAX_RECORDS)?;
        let lines = if requests > 0 {
            self.lines(window)?
        } else {
            Vec::new()
        };
        self.send(&lines)?;
        self.position.until_ms = window.until_ms;
        self.position.spans.push(Span {
            from_ms: window.from_ms,
            until_ms: window.until_ms,
            requests,
            compared_ms: now_ms,
            ids: Some(lines.iter().map(|line| line.id).collect()),
        });
        self.note()
    }

    /// Sends what came late of a time that is due to be looked at again.
    fn compare(&mut self, place: usize, now_ms: u64) -> Result<(), Problem> {
        let Some(span) = self.position.spans.get(place) else {
            return Ok(());
        };
        let window = span.window();
        let is_fresh = now_ms.saturating_sub(span.compared_ms) < LEAST_MS;
        if is_fresh || !window.is_due(span.compared_ms, now_ms) {
            return Ok(());
        }
        let (before, is_known) = (span.requests, span.ids.is_some());
        let requests = self.export.count(window)?;
        if requests > before && is_known {
            self.send_late(place, window)?;
        } else if requests > before {
            self.miss(window, requests - before);
        }
        if let Some(span) = self.position.spans.get_mut(place) {
            span.requests = requests;
            span.compared_ms = now_ms;
        }
        Ok(())
    }

    fn miss(&mut self, window: Window, count: u64) {
        self.position.missed += count;
        let from = rfc3339(window.from_ms);
        output::complain(&format!(
            "{count} records of {from} and later came late and were not sent"
        ));
    }

    fn send_late(&mut self, place: usize, mut rest: Window) -> Result<(), Problem> {
        let until_ms = rest.until_ms;
        while rest.from_ms < until_ms {
            let (window, _) = self.export.fitting(rest, MAX_RECORDS)?;
            let mut lines = self.lines(window)?;
            let known = self.position.spans.get(place).and_then(|span| span.ids.as_ref());
            lines.retain(|line| known.is_none_or(|known| !known.contains(&line.id)));
            self.send(&lines)?;
            self.position.late += lines.len() as u64;
            let ids = self
                .position
                .spans
                .get_mut(place)
                .and_then(|span| span.ids.as_mut());
            if let Some(ids) = ids {
                ids.extend(lines.iter().map(|line| line.id));
            }
            self.note()?;
            rest.from_ms = window.until_ms;
        }
        Ok(())
    }

    /// Oldest first.
    fn lines(&self, window: Window) -> Result<Vec<Line>, Problem> {
        let lines = self.export.lines(window)?.into_iter();
        let mut lines = lines
            .map(|line| self.sink.read(line))
            .collect::<Result<Vec<_>, _>>()?;
        lines.sort_by_key(|line| line.id);
        Ok(lines)
    }

    fn send(&mut self, lines: &[Line]) -> Result<(), Problem> {
        let rejected = self.sink.send(lines)?;
        self.position.sent += (lines.len() as u64).saturating_sub(rejected);
        self.position.rejected += rejected;
        Ok(())
    }

    fn note(&self) -> Result<(), Problem> {
        self.file
            .as_ref()
            .map_or(Ok(()), |file| file.write(&self.position))
    }
}
