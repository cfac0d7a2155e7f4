//! What is said of one body of a source, for whoever looks whether it is told.

use blobwatch_wire::{Place, Problem};
use serde::{Deserialize, Serialize};

use crate::batch::UpstreamAnswer;
use crate::packets::PacketCounts;
use crate::window::UpstreamWindow;

/// Faults of one body that are shown; all are counted.
pub const MAX_FAULTS: usize = 10;

/// One body, told to the Detector once it is stored or refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IngestReport {
    pub source: String,
    pub received_ms: u64,
    pub counts: Counts,
    /// Time of the newest event.
    pub newest_ms: Option<u64>,
    /// Median time between an event and its coming.
    pub lag_ms: Option<u64>,
    pub faults: Faults,
    pub windows: Vec<UpstreamWindow>,
    #[serde(default)]
    pub packets: PacketCounts,
    /// What the FireLogs made of it.
    pub answer: UpstreamAnswer,
    /// Whether the source is to send it again, smaller or later.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 413: nothing of it is stored.
    TooLarge,
    /// 429: nothing of it was read, or not all events found room.
    Busy,
}

impl IngestReport {
    /// Of a body of which nothing is kept.
    #[must_use]
    pub fn refused(source: &str, received_ms: u64, refusal: Refusal) -> Self {
        Self {
            source: source.to_owned(),
            received_ms,
            refused: Some(refusal),
            ..Self::default()
        }
    }

    /// Whether it says what was in the body.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        self.refused.is_none() || self.counts != Counts::default()
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "IngestCounts")
)]
pub struct Counts {
    /// After unpacking.
    pub bytes: u64,
    pub lines: u64,
    /// Fires of rules and whole requests.
    pub events: u64,
    /// Whole requests among them.
    pub requests: u64,
    /// Requests that are for no blob.
    pub not_blobs: u64,
    /// Requests that a worker made.
    pub subrequests: u64,
    /// Requests on which no rule did or would have done anything, and lines that say nothing.
    pub passed: u64,
    pub windows: u64,
    /// Samples of packets.
    pub packets: u64,
    /// Lines that could not be read.
    pub faults: u64,
}

impl Counts {
    /// Adds what was counted in another body.
    pub fn add(&mut self, more: &Self) {
        self.bytes += more.bytes;
        self.lines += more.lines;
        self.events += more.events;
        self.requests += more.requests;
        self.not_blobs += more.not_blobs;
        self.subrequests += more.subrequests;
        self.passed += more.passed;
        self.windows += more.windows;
        self.packets += more.packets;
        self.faults += more.faults;
    }
}

/// The first lines of a body that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Faults(pub Vec<IngestFault>);

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestFault {
    /// From 1.
    pub line: u64,
    pub expected: String,
}

impl Faults {
    /// 400: no line could be read.
    pub(crate) fn problem(&self) -> Problem {
        let place = |fault: &IngestFault| {
            let place = format!("body.line.{}", fault.line);
            Place::new(place, format!("expected {}", fault.expected))
        };
        let errors: Vec<Place> = self.0.iter().map(place).collect();
        let first = errors.first();
        let first = first.map(|place| format!("{}: {}", place.place, place.message));
        let detail = first.unwrap_or_default();
        Problem {
            errors,
            ..Problem::new(400, "unreadable", "No line could be read", detail)
        }
    }

    pub(crate) fn add(&mut self, line: u64, expected: &str) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(IngestFault {
                line,
                expected: expected.to_owned(),
            });
        }
    }
}
