//! What is known of a source that pushes events: how much, how late, what could not be read, and whether it went silent.
//!
//! In scope: one source's figures, and what follows from them. Not in scope: where they are kept (`store`), and reading
//! what is pushed (`crates/upstream`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use blobwatch_upstream::{Counts, IngestReport, MAX_FAULTS, Refusal, UpstreamAnswer};
use blobwatch_wire::rfc3339;

const MINUTE_MS: u64 = 60_000;

/// Minutes that rates are taken of.
const RATE_MINUTES: u64 = 10;

/// Bodies that must have come before it can be said that none comes any more.
const REGULAR_AFTER: u64 = 5;

/// A source is silent after so many times the usual time between two bodies, and never before ten minutes.
const SILENT_FACTOR: u64 = 5;
const SILENT_MS: u64 = 10 * MINUTE_MS;

/// One source; some 2 KB as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SourceState {
    pub(crate) received_ms: u64,
    bodies: u64,
    /// Usual time between two bodies, moved by a fifth of the difference by each.
    gap_ms: u64,
    pub(crate) counts: Counts,
    pub(crate) answer: UpstreamAnswer,
    newest_ms: Option<u64>,
    lag_ms: Option<u64>,
    /// Newest first.
    faults: VecDeque<KeptFault>,
    /// The newest last.
    minutes: VecDeque<MinuteCounts>,
    too_large: Refusals,
    busy: Refusals,
}

/// Bodies that were refused for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Refusals {
    bodies: u64,
    last_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptFault {
    time_ms: u64,
    line: u64,
    expected: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct MinuteCounts {
    minute: u64,
    events: u64,
    bytes: u64,
}

/// A source as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct IngestSource {
    pub(crate) source: String,
    /// `None` where all that came was refused.
    last_received: Option<String>,
    bodies: u64,
    lines: u64,
    events: u64,
    requests: u64,
    windows: u64,
    packets: u64,
    bytes: u64,
    not_blobs: u64,
    subrequests: u64,
    passed: u64,
    new: u64,
    joined: u64,
    repeats: u64,
    dropped: u64,
    faults: u64,
    events_per_minute: f64,
    bytes_per_minute: f64,
    /// Of the last body: the median event, and the newest of all bodies.
    lag_s: Option<u64>,
    newest_event: Option<String>,
    newest_lag_s: Option<u64>,
    silent_since: Option<String>,
    last_faults: Vec<FaultItem>,
    refused: [RefusedItem; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RefusedItem {
    status: u16,
    bodies: u64,
    last: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct FaultItem {
    time: String,
    line: u64,
    expected: String,
}

impl SourceState {
    pub(crate) fn take(&mut self, report: &IngestReport) {
        let now_ms = report.received_ms;
        if let Some(refusal) = report.refused {
            self.refuse(refusal, now_ms);
        }
        if !report.is_of_content() {
            return;
        }
        let gap_ms = now_ms.saturating_sub(self.received_ms);
        self.gap_ms = match self.bodies {
            0 => 0,
            1 => gap_ms,
            _ => (4 * self.gap_ms + gap_ms) / 5,
        };
        self.bodies += 1;
        self.received_ms = self.received_ms.max(now_ms);
        self.counts.add(&report.counts);
        self.answer.add(&report.answer);
        self.newest_ms = self.newest_ms.max(report.newest_ms);
        self.lag_ms = report.lag_ms.or(self.lag_ms);
        for fault in report.faults.0.iter().rev() {
            self.faults.push_front(KeptFault {
                time_ms: now_ms,
                line: fault.line,
                expected: fault.expected.clone(),
            });
        }
        self.faults.truncate(MAX_FAULTS);
        self.count_minute(now_ms / MINUTE_MS, &report.counts);
    }

    fn refuse(&mut self, refusal: Refusal, now_ms: u64) {
        let refused = match refusal {
            Refusal::TooLarge => &mut self.too_large,
            Refusal::Busy => &mut self.busy,
        };
        refused.bodies += 1;
        refused.last_ms = refused.last_ms.max(Some(now_ms));
    }

    /// Bodies by why they were refused.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 2] {
        [("too_large", self.too_large.bodies), ("busy", self.busy.bodies)]
    }

    /// When a body came that was not refused.
    pub(crate) fn last_received_ms(&self) -> Option<u64> {
        (self.bodies > 0).then_some(self.received_ms)
    }

    fn count_minute(&mut self, minute: u64, counts: &Counts) {
        match self.minutes.back_mut() {
            Some(last) if last.minute >= minute => {
                last.events += counts.events;
                last.bytes += counts.bytes;
            }
            _ => self.minutes.push_back(MinuteCounts {
                minute,
                events: counts.events,
                bytes: counts.bytes,
            }),
        }
        while self.minutes.len() as u64 > RATE_MINUTES + 1 {
            self.minutes.pop_front();
        }
    }

    /// Lines by what became of them; `read` is all of them.
    pub(crate) fn lines(&self) -> [(&'static str, u64); 7] {
        let counts = &self.counts;
        [
            ("read", counts.lines),
            ("not_blob", counts.not_blobs),
            ("subrequest", counts.subrequests),
            ("passed", counts.passed),
            ("window", counts.windows),
            ("packet", counts.packets),
            ("fault", counts.faults),
        ]
    }

    /// Events by what the FireLogs made of them.
    pub(crate) fn events(&self) -> [(&'static str, u64); 4] {
        let answer = &self.answer;
        [
            ("new", answer.new),
            ("joined", answer.joined),
            ("repeat", answer.repeats),
            ("dropped", answer.dropped),
        ]
    }

    /// When the last body came of a source that sent regularly and does so no more.
    pub(crate) fn silent_since_ms(&self, now_ms: u64) -> Option<u64> {
        self.silent_from_ms()
            .is_some_and(|from_ms| now_ms >= from_ms)
            .then_some(self.received_ms)
    }

    /// From when on a source that sends regularly is silent, if nothing comes.
    pub(crate) fn silent_from_ms(&self) -> Option<u64> {
        let allowed_ms = (self.gap_ms * SILENT_FACTOR).max(SILENT_MS);
        (self.bodies >= REGULAR_AFTER).then_some(self.received_ms + allowed_ms + 1)
    }

    pub(crate) fn newest_lag_s(&self, now_ms: u64) -> Option<u64> {
        self.newest_ms
            .map(|newest_ms| now_ms.saturating_sub(newest_ms) / 1000)
    }

    /// Sums of the last whole minutes.
    fn rate(&self, now_ms: u64, of: impl Fn(&MinuteCounts) -> u64) -> f64 {
        let now = now_ms / MINUTE_MS;
        let recent = self
            .minutes
            .iter()
            .filter(|counts| counts.minute + RATE_MINUTES >= now && counts.minute < now);
        recent.map(of).sum::<u64>() as f64 / RATE_MINUTES as f64
    }

    pub(crate) fn item(&self, source: &str, now_ms: u64) -> IngestSource {
        let (counts, answer) = (&self.counts, &self.answer);
        let fault = |fault: &KeptFault| FaultItem {
            time: rfc3339(fault.time_ms),
            line: fault.line,
            expected: fault.expected.clone(),
        };
        IngestSource {
            source: source.to_owned(),
            last_received: self.last_received_ms().map(rfc3339),
            bodies: self.bodies,
            lines: counts.lines,
            events: counts.events,
            requests: counts.requests,
            windows: counts.windows,
            packets: counts.packets,
            bytes: counts.bytes,
            not_blobs: counts.not_blobs,
            subrequests: counts.subrequests,
            passed: counts.passed,
            new: answer.new,
            joined: answer.joined,
            repeats: answer.repeats,
            dropped: answer.dropped,
            faults: counts.faults,
            events_per_minute: self.rate(now_ms, |counts| counts.events),
            bytes_per_minute: self.rate(now_ms, |counts| counts.bytes),
            lag_s: self.lag_ms.map(|lag_ms| lag_ms / 1000),
            newest_event: self.newest_ms.map(rfc3339),
            newest_lag_s: self.newest_lag_s(now_ms),
            silent_since: self.silent_since_ms(now_ms).map(rfc3339),
            last_faults: self.faults.iter().map(fault).collect(),
            refused: [(413, self.too_large), (429, self.busy)].map(|(status, refused)| RefusedItem {
                status,
                bodies: refused.bodies,
                last: refused.last_ms.map(rfc3339),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_MS, SourceState};
    use blobwatch_upstream::{Counts, IngestReport, Refusal};
    use blobwatch_wire::rfc3339;

    const NOW: u64 = 1_593_975_600_000;

    fn report(received_ms: u64) -> IngestReport {
        IngestReport {
            received_ms,
            counts: Counts {
                events: 60,
                bytes: 600,
                ..Counts::default()
            },
            newest_ms: Some(received_ms - 90_000),
            lag_ms: Some(120_000),
            ..IngestReport::default()
        }
    }

    #[test]
    fn a_source_is_silent_when_it_sent_regularly_and_stopped() {
        let mut state = SourceState::default();
        for minute in 0..10 {
            state.take(&report(NOW + minute * MINUTE_MS));
        }
        let last = NOW + 9 * MINUTE_MS;
        assert_eq!(state.silent_since_ms(last + 10 * MINUTE_MS), None);
        assert_eq!(state.silent_since_ms(last + 10 * MINUTE_MS + 1), Some(last));
        let mut rare = SourceState::default();
        (0..4).for_each(|minute| rare.take(&report(NOW + minute * MINUTE_MS)));
        assert_eq!(rare.silent_since_ms(last + 1_000 * MINUTE_MS), None);
    }

    #[test]
    fn what_was_refused_is_counted_and_is_nothing_else() {
        let mut state = SourceState::default();
        let refused = |at, refusal| IngestReport::refused("cloudflare", NOW + at, refusal);
        state.take(&refused(0, Refusal::TooLarge));
        assert_eq!(state.item("cloudflare", NOW).last_received, None);
        state.take(&report(NOW + 1));
        let before = state.item("cloudflare", NOW + 4);
        state.take(&refused(2, Refusal::Busy));
        state.take(&refused(3, Refusal::TooLarge));
        let after = state.item("cloudflare", NOW + 4);
        let said = |at: usize| {
            let item = &after.refused[at];
            (item.status, item.bodies, item.last.clone().unwrap())
        };
        assert_eq!(said(0), (413, 2, rfc3339(NOW + 3)));
        assert_eq!(said(1), (429, 1, rfc3339(NOW + 2)));
        let as_before = super::IngestSource {
            refused: before.refused.clone(),
            ..after
        };
        assert_eq!(as_before, before);
    }

    /// Some events of it found room, and it is sent again.
    #[test]
    fn a_body_that_was_taken_in_part_is_counted_and_refused() {
        let mut state = SourceState::default();
        state.take(&IngestReport {
            refused: Some(Refusal::Busy),
            ..report(NOW)
        });
        let item = state.item("cloudflare", NOW);
        assert_eq!((item.bodies, item.events, item.refused[1].bodies), (1, 60, 1));
    }

    #[test]
    fn rates_are_of_the_last_ten_whole_minutes() {
        let mut state = SourceState::default();
        for at in 0..60 {
            state.take(&report(NOW + at * MINUTE_MS / 2));
        }
        let item = state.item("cloudflare", NOW + 30 * MINUTE_MS);
        assert_eq!(
            (item.events, item.events_per_minute, item.bytes_per_minute),
            (3600, 120.0, 1200.0)
        );
        assert_eq!((item.lag_s, item.newest_lag_s), (Some(120), Some(120)));
        assert_eq!(
            state.item("cloudflare", NOW + 90 * MINUTE_MS).events_per_minute,
            0.0
        );
        assert!(serde_json::to_string(&state).unwrap().len() < 2_500);
    }
}
