//! One body of a source, line by line, into batches for FireLogs, windows, and what is said of the body.
//!
//! In scope: which lines are kept, and the bounds of a body. Not in scope: the forms of lines (`form`), unpacking
//! (`unpack`), sending (`src/control_plane`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use blobwatch_pull::{Record, kept};
use blobwatch_records::{Builder, UpstreamRule};
use blobwatch_wire::{FNV_START, Problem, fnv1a};

use crate::action::Effect;
use crate::batch::{MAX_RULES, UpstreamBatch};
use crate::deployment::Deployment;
use crate::event::{event_id, upstream_fire, upstream_rule_name};
use crate::form::{FormReader, LineKind};
use crate::line_event::{LineEvent, LineRule};
use crate::lines::{Line, Lines};
use crate::packets::{Packet, PacketTable};
use crate::report::{Counts, IngestReport};
use crate::window::UpstreamWindow;

/// Lines of one body: Logpush sends 100,000 at most unless its job says more.
pub(crate) const MAX_LINES: u64 = 200_000;

/// Events that one body may hold: interned, some 200 bytes each, 10 MB.
pub(crate) const MAX_EVENTS: u64 = 50_000;

/// Windows that one body may tell of.
const MAX_WINDOWS: usize = 100;

/// Older events are of a time that nobody looks at any more; the sources repeat what failed for hours at most.
const MAX_AGE_MS: u64 = 24 * 3_600_000;

/// Clocks differ.
const MAX_AHEAD_MS: u64 = 5 * 60_000;

/// Lags of one body that its median is taken of.
const MAX_LAGS: usize = 1_024;

/// Reads one body.
pub struct Intake<'d> {
    deployment: &'d Deployment,
    source: &'d str,
    /// None while it reads a line.
    form: Option<FormReader>,
    now_ms: u64,
    lines: Option<Lines>,
    shards: BTreeMap<String, Shard>,
    harvest: Harvest,
    lags_ms: Vec<u64>,
    packets: PacketTable,
}

/// What a body came to.
#[derive(Debug, Default)]
pub struct Harvest {
    /// With the name of the FireLog each is for.
    pub batches: Vec<(String, UpstreamBatch)>,
    pub report: IngestReport,
    /// Lines by which a source tries whether anybody listens.
    pub tests: u64,
    /// More lines or events than one body may hold: nothing of it is to be stored.
    pub is_too_much: bool,
}

impl Harvest {
    /// 400 where there was something, and nothing of it could be read: the source is told why.
    #[must_use]
    pub fn unread(&self) -> Option<Problem> {
        let counts = &self.report.counts;
        (counts.lines > 0 && counts.lines == counts.faults).then(|| self.report.faults.problem())
    }
}

/// What goes to one FireLog.
#[derive(Default)]
struct Shard {
    fires: Builder,
    requests: Builder,
    /// By name and word.
    rules: HashMap<(Arc<str>, String), UpstreamRule>,
}

/// Bytes that a record takes in a block at most.
const ROOM: usize = 16_384;

impl<'d> Intake<'d> {
    /// `is_envelope`: the body is a request of Amazon Data Firehose.
    #[must_use]
    pub fn new(
        deployment: &'d Deployment,
        source: &'d str,
        form: FormReader,
        is_envelope: bool,
        now_ms: u64,
    ) -> Self {
        let report = IngestReport {
            source: source.to_owned(),
            received_ms: now_ms,
            ..IngestReport::default()
        };
        Self {
            deployment,
            source,
            form: Some(form),
            now_ms,
            lines: Some(Lines::new(is_envelope)),
            shards: BTreeMap::new(),
            harvest: Harvest {
                report,
                ..Harvest::default()
            },
            lags_ms: Vec::new(),
            packets: PacketTable::default(),
        }
    }

    /// The next piece of the body, unpacked.
    pub fn push(&mut self, piece: &[u8]) {
        self.harvest.report.counts.bytes += piece.len() as u64;
        if let Some(mut lines) = self.lines.take() {
            lines.push(piece, |number, line| self.line(number, line));
            self.lines = Some(lines);
        }
    }

    #[must_use]
    pub fn finish(mut self) -> Harvest {
        if let Some(lines) = self.lines.take() {
            lines.finish(|number, line| self.line(number, line));
        }
        for (name, shard) in std::mem::take(&mut self.shards) {
            self.harvest.batches.push((name, shard.into_batch()));
        }
        self.harvest.report.packets = std::mem::take(&mut self.packets).into_counts();
        self.lags_ms.sort_unstable();
        self.harvest.report.lag_ms = self.lags_ms.get(self.lags_ms.len() / 2).copied();
        self.harvest
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.harvest.report.counts
    }

    fn line(&mut self, number: u64, line: Line<'_>) {
        self.counts().lines += 1;
        let is_over = self.counts().lines > MAX_LINES || self.counts().events > MAX_EVENTS;
        self.harvest.is_too_much |= is_over;
        if self.harvest.is_too_much {
            return;
        }
        let read = match line {
            Line::TooLong => Err("a shorter line"),
            Line::Text(text) => self.read(&String::from_utf8_lossy(text)),
        };
        if let Err(expected) = read {
            self.counts().faults += 1;
            self.harvest.report.faults.add(number, expected);
        }
    }

    fn read(&mut self, line: &str) -> Result<(), &'static str> {
        // What names an event that has no id of its own.
        let hash = fnv1a(FNV_START, line.as_bytes());
        let Some(mut form) = self.form.take() else {
            return Ok(());
        };
        let mut kept = Ok(());
        let seen = form.read(line, &mut |told| {
            kept = self.keep(told, hash);
        });
        self.form = Some(form);
        match seen? {
            LineKind::Requests => {}
            LineKind::Test => self.harvest.tests += 1,
            LineKind::Window(notice) => {
                let routes_at = |target: &str, is_zone| self.deployment.routes_at(target, is_zone);
                self.keep_window(notice.of_source(self.source, routes_at))?;
            }
            LineKind::Packet(packet) => self.keep_packet(*packet, hash)?,
            LineKind::Nothing => self.counts().passed += 1,
        }
        kept
    }

    fn keep_window(&mut self, window: UpstreamWindow) -> Result<(), &'static str> {
        self.check_time(window.until_ms.unwrap_or(window.from_ms))?;
        if self.harvest.report.windows.len() >= MAX_WINDOWS {
            return Err("at most 100 windows in one body");
        }
        self.counts().windows += 1;
        self.harvest.report.windows.push(window);
        Ok(())
    }

    fn keep_packet(&mut self, packet: Packet, hash: u64) -> Result<(), &'static str> {
        self.check_time(packet.time_ms)?;
        self.see(packet.time_ms);
        self.counts().packets += 1;
        self.packets.take(self.source, packet, hash);
        Ok(())
    }

    fn check_time(&self, time_ms: u64) -> Result<(), &'static str> {
        if time_ms > self.now_ms + MAX_AHEAD_MS {
            Err("a time that is not in the future")
        } else if time_ms + MAX_AGE_MS < self.now_ms {
            Err("a time of the last 24 hours")
        } else {
            Ok(())
        }
    }

    fn keep(&mut self, mut told: LineEvent<'_>, hash: u64) -> Result<(), &'static str> {
        // A worker's own requests are made for one that the client sent, which has a line of its own.
        if told.entry.is_subrequest {
            self.counts().subrequests += 1;
            return Ok(());
        }
        told.rules
            .retain(|rule| Effect::of(&rule.action) != Effect::Passed);
        let status = status(&told);
        let time_ms = told.entry.finish();
        let record = self.deployment.record(
            &told.entry,
            time_ms.unwrap_or_default(),
            status.unwrap_or_default(),
        );
        let Some(record) = record else {
            self.counts().not_blobs += 1;
            return Ok(());
        };
        let time_ms = time_ms?;
        self.check_time(time_ms)?;
        status.ok_or("a status")?;
        if told.rules.is_empty() && !told.is_request {
            self.counts().passed += 1;
            return Ok(());
        }
        self.see(time_ms);
        let event = match &*told.entry.id {
            "" => format!("{hash:016x}"),
            id => id.to_owned(),
        };
        self.store(record, &told, &event);
        Ok(())
    }

    fn see(&mut self, time_ms: u64) {
        let newest = &mut self.harvest.report.newest_ms;
        *newest = (*newest).max(Some(time_ms));
        if self.lags_ms.len() < MAX_LAGS {
            self.lags_ms.push(self.now_ms.saturating_sub(time_ms));
        }
    }

    fn store(&mut self, record: Record, told: &LineEvent<'_>, event: &str) {
        let (time_ms, host) = (record.id.time_ms(), record.profile.host.clone());
        let name = self.deployment.fire_log(&record.colo, record.client, time_ms);
        for rule in &told.rules {
            let id = upstream_rule_name(self.source, &rule.name());
            let acts = Effect::of(&rule.action) == Effect::Blocked;
            let mut fire = record.clone();
            fire.id = event_id(time_ms, self.source, event, &rule.rule);
            fire.fired = vec![upstream_fire(Arc::clone(&id), acts)];
            let shard = self.shard(&name);
            shard.note(rule, id, acts, time_ms, &host);
            shard.fires.push(fire);
            self.counts().events += 1;
        }
        if told.is_request {
            let id = event_id(time_ms, self.source, event, "");
            self.shard(&name).requests.push(Record { id, ..record });
            self.counts().events += 1;
            self.counts().requests += 1;
        }
    }

    /// The shard of that FireLog, with room for one more record.
    fn shard(&mut self, name: &str) -> &mut Shard {
        let is_full = self.shards.get(name).is_some_and(Shard::is_full);
        if is_full && let Some(shard) = self.shards.remove(name) {
            self.harvest.batches.push((name.to_owned(), shard.into_batch()));
        }
        self.shards.entry(name.to_owned()).or_default()
    }
}

/// What the line says; where it tells of a rule alone and says none, what such a rule comes to.
fn status(told: &LineEvent<'_>) -> Option<u16> {
    let is_acted = told
        .rules
        .iter()
        .any(|rule| Effect::of(&rule.action) == Effect::Blocked);
    match told.entry.status {
        // A connection that was closed has no status: for the client it is a refusal all the same.
        Some(0) | None if is_acted => Some(403),
        None if !told.is_request => Some(200),
        status => status,
    }
}

impl LineRule<'_> {
    /// As names of rules are kept: without what nobody sees, and bounded with room for the name of a source.
    fn name(&self) -> String {
        const LONGEST: usize = 256;
        let visible = blobwatch_wire::visible(&self.rule);
        visible.chars().take(LONGEST).collect()
    }
}

impl Shard {
    fn is_full(&self) -> bool {
        let is_full = |builder: &Builder| !builder.has_room_for(1, ROOM);
        is_full(&self.fires) || is_full(&self.requests) || self.rules.len() >= MAX_RULES
    }

    fn note(&mut self, rule: &LineRule<'_>, id: Arc<str>, acts: bool, time_ms: u64, host: &str) {
        let action = kept(&rule.action);
        let key = (Arc::clone(&id), action.clone());
        let noted = self.rules.entry(key).or_insert_with(|| UpstreamRule {
            id,
            system: kept(&rule.system),
            description: kept(&rule.description),
            action,
            acts,
            host: host.to_owned(),
            first_ms: time_ms,
            last_ms: time_ms,
        });
        noted.first_ms = noted.first_ms.min(time_ms);
        if time_ms >= noted.last_ms {
            noted.last_ms = time_ms;
            noted.host = host.to_owned();
        }
    }

    fn into_batch(self) -> UpstreamBatch {
        let encoded = |builder: Builder| {
            if builder.is_empty() {
                Vec::new()
            } else {
                builder.encode()
            }
        };
        let mut rules: Vec<UpstreamRule> = self.rules.into_values().collect();
        rules.sort_by(|a, b| (&a.id, &a.action).cmp(&(&b.id, &b.action)));
        UpstreamBatch {
            fires: encoded(self.fires),
            requests: encoded(self.requests),
            rules,
        }
    }
}

#[cfg(test)]
mod tests;
