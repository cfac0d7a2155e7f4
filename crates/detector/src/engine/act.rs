//! What people do about anomalies, as far as it changes what is open, what is told or what is normal.

use super::watch::{SAME, Watch};
use super::{Change, Engine, MAX_OPEN, Outcome, Past, slot_ms};
use crate::anomaly::{Anomaly, Moment};
use crate::handling::{Act, AnomalyAct, Mute, MuteChange, Muting};
use crate::kind::AnomalyKind;
use crate::locate::{Span, overlap};

/// How long a harm that nobody acknowledges is open: whoever is paged has time to look.
const HARM_OPEN_MS: u64 = 3_600_000;

/// Harms that are open at a time; the oldest closes before its hour is over.
const MAX_HARMS: usize = 64;

impl Engine {
    /// Does an act; nothing where it is done already, or where the anomaly is not remembered here.
    pub(crate) fn act(&mut self, act: &AnomalyAct) -> Vec<Change> {
        match act.act {
            Act::Expected => self.expect(act).into_iter().collect(),
            Act::Reopen => self.reopen(act).into_iter().collect(),
            _ => self.amend(act),
        }
    }

    /// An anomaly that is open, or closed and remembered.
    pub(crate) fn remembered(&self, id: u64) -> Option<&Anomaly> {
        let watches = self.open.iter().chain(&self.closed);
        let all = watches.map(|watch| &watch.anomaly).chain(&self.harms);
        all.into_iter().find(|anomaly| anomaly.id == id)
    }

    /// Whether it can be opened again: its tests are still known, and there is room.
    pub(crate) fn can_reopen(&self, id: u64) -> bool {
        self.open.len() < MAX_OPEN && self.closed.iter().any(|watch| watch.anomaly.id == id)
    }

    pub(crate) fn mutes(&self) -> &[Mute] {
        &self.mutes
    }

    /// Takes in what an act mutes, and what it ends.
    pub(crate) fn change_mutes(&mut self, change: &MuteChange) {
        let begins = change.begins.as_ref();
        let of = change.ends.or(begins.map(|mute| mute.anomaly));
        self.mutes.retain(|mute| Some(mute.anomaly) != of);
        self.mutes.extend(begins.cloned());
    }

    /// Takes in what is muted, instead of what was.
    pub(crate) fn set_mutes(&mut self, mutes: Vec<Mute>) {
        self.mutes = mutes;
    }

    /// Takes in the harms that are open; they are rows and no part of the saved state.
    pub(crate) fn set_harms(&mut self, harms: Vec<Anomaly>) {
        self.harms = harms;
    }

    fn amend(&mut self, act: &AnomalyAct) -> Vec<Change> {
        let watches = self.open.iter_mut().chain(&mut self.closed);
        let mut all = watches.map(|watch| &mut watch.anomaly).chain(&mut self.harms);
        let Some(anomaly) = all.find(|anomaly| anomaly.id == act.anomaly) else {
            return Vec::new();
        };
        let was_silent = is_silent(anomaly);
        let Some(moment) = anomaly.amend(act) else {
            return Vec::new();
        };
        let moment = match moment {
            Moment::Unmuted if was_silent && anomaly.closed_ms.is_none() => Moment::Opened,
            moment => moment,
        };
        let mut changes = vec![Change {
            moment,
            anomaly: anomaly.clone(),
        }];
        if moment == Moment::Acknowledged {
            changes.extend(self.end_harm(act.anomaly, act.time_ms, "acknowledged"));
        }
        changes
    }

    /// Ends an anomaly whose level is normal from now on: its tests and what is expected of its cohort are learned anew,
    /// from what came since the onset.
    fn expect(&mut self, act: &AnomalyAct) -> Option<Change> {
        let place = self
            .open
            .iter()
            .position(|watch| watch.anomaly.id == act.anomaly)?;
        let mut watch = self.open.remove(place);
        let slot = self.ticked.unwrap_or(0);
        for incident in std::mem::take(&mut self.incidents) {
            if incident.anomaly == Some(act.anomaly) {
                self.adopt(incident.kind, incident.id, slot);
            } else {
                self.incidents.push(incident);
            }
        }
        let cohort = watch.anomaly.cohort.clone();
        if watch.cliff.is_some() {
            self.cliff.adopt_cohort(&cohort);
        }
        self.normal.forget_cohort(&cohort);
        self.keep_past(Past {
            first: 0,
            last: watch.onset.saturating_sub(1),
            cohort,
        });
        let anomaly = &mut watch.anomaly;
        anomaly.handling.expected = true;
        anomaly.note_of(
            act.time_ms,
            Moment::Expected,
            act.reason.clone().unwrap_or_default(),
            &act.by,
        );
        watch.closed_slot = slot;
        anomaly.closed_ms = Some(act.time_ms);
        anomaly.note(
            act.time_ms,
            Moment::Closed,
            "expected: its level is normal from now on",
        );
        let change = Change {
            moment: Moment::Closed,
            anomaly: anomaly.clone(),
        };
        self.remember_closed(watch);
        Some(change)
    }

    /// Opens it again; it is over once it looks healthy from now on.
    fn reopen(&mut self, act: &AnomalyAct) -> Option<Change> {
        if !self.can_reopen(act.anomaly) {
            return None;
        }
        let is_it = |watch: &Watch| watch.anomaly.id == act.anomaly;
        let place = self.closed.iter().position(is_it)?;
        let mut watch = self.closed.remove(place);
        watch.reopen(self.ticked.unwrap_or(0), act.time_ms);
        let reason = act.reason.clone().unwrap_or_default();
        watch
            .anomaly
            .note_of(act.time_ms, Moment::Reopened, reason, &act.by);
        let change = Change {
            moment: Moment::Reopened,
            anomaly: watch.anomaly.clone(),
        };
        self.open.push(watch);
        Some(change)
    }

    /// Opens a harm; what is too much closes.
    pub(super) fn open_harm(&mut self, mut harm: Anomaly) -> Vec<Change> {
        let is_same = |mute: &&Mute| {
            mute.may_hold(&harm, harm.opened_ms) && mute.cohort == harm.cohort && mute.anomaly != harm.id
        };
        harm.handling.muted = self.mutes.iter().find(is_same).map(|mute| mute.muting(true));
        let mut changes = vec![Change {
            moment: Moment::Opened,
            anomaly: harm.clone(),
        }];
        let now_ms = harm.opened_ms;
        self.harms.push(harm);
        if self.harms.len() > MAX_HARMS
            && let Some(oldest) = self.harms.first().map(|harm| harm.id)
        {
            changes.extend(self.end_harm(oldest, now_ms, "too many are open"));
        }
        changes
    }

    fn end_harm(&mut self, id: u64, at_ms: u64, why: &str) -> Option<Change> {
        let place = self.harms.iter().position(|harm| harm.id == id)?;
        let mut anomaly = self.harms.remove(place);
        anomaly.closed_ms = Some(at_ms);
        anomaly.note(at_ms, Moment::Closed, why);
        Some(Change {
            moment: Moment::Closed,
            anomaly,
        })
    }

    /// Closes harms that nobody acknowledged.
    pub(super) fn end_harms(&mut self, slot: u64, outcome: &mut Outcome) {
        let now_ms = slot_ms(slot + 1);
        let is_over = |harm: &&Anomaly| harm.opened_ms + HARM_OPEN_MS <= now_ms;
        let over: Vec<u64> = self.harms.iter().filter(is_over).map(|harm| harm.id).collect();
        for id in over {
            let ended = self.end_harm(id, now_ms, "nobody acknowledged it within an hour");
            outcome.changes.extend(ended);
        }
    }

    /// When the next harm closes by itself.
    pub(crate) fn next_harm_end_ms(&self) -> Option<u64> {
        let ends = self.harms.iter().map(|harm| harm.opened_ms + HARM_OPEN_MS);
        ends.min()
    }

    /// Mutes what opens as kinds and a cohort that are muted.
    pub(super) fn silence(&self, watch: &mut Watch, slot: u64) {
        let at_ms = slot_ms(slot + 1);
        let mute = self
            .mutes
            .iter()
            .find(|mute| self.holds(mute, watch, slot, at_ms));
        if let Some(mute) = mute {
            watch.anomaly.handling.muted = Some(mute.muting(true));
        }
    }

    /// Whether nearly all that is wrong with an anomaly's cohort is in what is muted.
    fn holds(&self, mute: &Mute, watch: &Watch, slot: u64, at_ms: u64) -> bool {
        let anomaly = &watch.anomaly;
        if !mute.may_hold(anomaly, at_ms) {
            return false;
        }
        let kind = anomaly.kind();
        let span = Span {
            first: match kind {
                AnomalyKind::TrafficCliff => 0,
                _ => watch.onset,
            },
            until: slot + 1,
        };
        let common = overlap(&self.window, kind, &mute.cohort, &anomaly.cohort, span);
        let inside = match kind {
            // What is missing has no events: who it is goes by the requests.
            AnomalyKind::TrafficCliff => common.requests,
            _ => common.of_second,
        };
        mute.cohort == anomaly.cohort || inside >= SAME
    }

    /// Tells of what was muted and is no more: its time is over, somebody ended it, or it grew beyond what was muted.
    pub(super) fn unmute(&mut self, slot: u64, outcome: &mut Outcome) {
        let now_ms = slot_ms(slot + 1);
        self.mutes.retain(|mute| mute.until_ms > now_ms);
        let grew = |id: u64| {
            let mut changes = outcome.changes.iter();
            changes.any(|change| change.moment == Moment::Grew && change.anomaly.id == id)
        };
        let mut over = Vec::new();
        for watch in &self.open {
            let Some(muted) = &watch.anomaly.handling.muted else {
                continue;
            };
            let mute = muted
                .of
                .map(|of| self.mutes.iter().find(|mute| mute.anomaly == of));
            let is_beyond = mute.flatten().is_some_and(|mute| {
                grew(watch.anomaly.id) && !self.holds(mute, watch, slot, mute.time_ms.max(now_ms))
            });
            let why = match () {
                () if muted.until_ms.is_some_and(|until_ms| until_ms <= now_ms) => "its time is over",
                () if mute.is_some_and(|mute| mute.is_none()) => "its cohort is no longer muted",
                () if is_beyond => "it grew beyond what is muted",
                () => continue,
            };
            over.push((watch.anomaly.id, why));
        }
        for (id, why) in over {
            let found = self.open.iter_mut().find(|watch| watch.anomaly.id == id);
            outcome
                .changes
                .extend(found.map(|watch| unmuted(&mut watch.anomaly, now_ms, why)));
        }
    }
}

fn is_silent(anomaly: &Anomaly) -> bool {
    let muted: Option<&Muting> = anomaly.handling.muted.as_ref();
    muted.is_some_and(|muted| muted.is_silent)
}

/// Receivers that were not told that it opened are told so now.
fn unmuted(anomaly: &mut Anomaly, now_ms: u64, why: &str) -> Change {
    let was_silent = is_silent(anomaly);
    anomaly.handling.muted = None;
    anomaly.note(now_ms, Moment::Unmuted, why);
    Change {
        moment: if was_silent {
            Moment::Opened
        } else {
            Moment::Unmuted
        },
        anomaly: anomaly.clone(),
    }
}
