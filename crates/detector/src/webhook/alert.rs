//! One thing to tell, before anybody's format.

use std::borrow::Cow;

use super::event::{EventName, Severity};
use crate::broad::clients_in_networks;
use crate::changes::{change_words, routes_of};
use crate::{Anomaly, AnomalyKind, Change};
use blobwatch_rulebook::ChangeNotice;
use blobwatch_wire::{rfc3339, visible};

/// Whether what is told of goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Closed,
    /// It happened, and is no state.
    Once,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Once => "once",
        }
    }
}

/// Something to tell. No text in it hides anything; characters that a receiver reads as markup are its format's matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub(crate) event: EventName,
    pub(crate) severity: Severity,
    pub(crate) status: Status,
    /// The same from the opening of what it is about to its end.
    pub(crate) subject: String,
    /// One sentence.
    pub(crate) text: String,
    pub(crate) since_ms: u64,
    pub(crate) kinds: Vec<AnomalyKind>,
    /// Of a change; empty where it may concern every route.
    pub(crate) routes: Vec<String>,
    /// For whoever shows more than the sentence.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) anomaly: Option<Box<Anomaly>>,
}

impl Alert {
    pub(crate) fn of_change(change: &Change) -> Self {
        let event = EventName::of(change.moment);
        let anomaly = without_invisible(&change.anomaly);
        let what = match event {
            EventName::Opened if anomaly.reopened > 0 => "reopened",
            EventName::Opened => "opened",
            EventName::Closed => "closed",
            EventName::Acknowledged => "acknowledged",
            _ => "changed",
        };
        let severity = anomaly.kinds.iter().map(|kind| Severity::of_kind(*kind));
        Self {
            event,
            severity: severity.max().unwrap_or_default(),
            status: if anomaly.closed_ms.is_some() {
                Status::Closed
            } else {
                Status::Open
            },
            subject: anomaly.name(),
            text: visible(&format!("{} {what}: {}", anomaly.name(), anomaly.sentence())).into_owned(),
            since_ms: anomaly.onset_ms,
            kinds: anomaly.kinds.clone(),
            routes: Vec::new(),
            facts: facts(&anomaly),
            anomaly: Some(Box::new(anomaly)),
        }
    }

    /// `None` for a change that clients cannot notice.
    pub(crate) fn of_notice(notice: &ChangeNotice) -> Option<Self> {
        let event = EventName::of_cause(notice.cause);
        let words = change_words(notice)?;
        let text = match event {
            EventName::GuardDemoted => format!("the guard took a rule back: {words}"),
            EventName::Stage => format!("by schedule: {words}"),
            _ => words,
        };
        Some(Self {
            event,
            severity: Severity::of_event(event),
            status: Status::Once,
            subject: format!("change-{}", notice.id),
            text: visible(&text).into_owned(),
            since_ms: notice.time_ms,
            kinds: Vec::new(),
            routes: routes_of(notice),
            facts: vec![("By", visible(&notice.actor).into_owned())],
            anomaly: None,
        })
    }

    /// A state of Blobwatch itself that began or ended.
    pub(crate) fn of_condition(
        event: EventName,
        status: Status,
        of: &str,
        text: &str,
        since_ms: u64,
    ) -> Self {
        Self {
            event,
            severity: Severity::of_event(event),
            status,
            subject: format!("{}-{of}", event.as_str()),
            text: visible(text).into_owned(),
            since_ms,
            kinds: Vec::new(),
            routes: Vec::new(),
            facts: Vec::new(),
            anomaly: None,
        }
    }

    /// Tries whether an address works.
    pub(crate) fn test(now_ms: u64) -> Self {
        let text = "this webhook works";
        Self::of_condition(EventName::Test, Status::Once, "webhook", text, now_ms)
    }

    pub(crate) fn may_concern(&self, route: &str) -> bool {
        match &self.anomaly {
            Some(anomaly) => anomaly.cohort.may_hold("route", route),
            None => self.routes.is_empty() || self.routes.iter().any(|known| known == route),
        }
    }

    /// With whom it comes from: what stands beside other tools' messages.
    pub(super) fn headline(&self) -> String {
        format!("Blobwatch: {}", self.text)
    }
}

fn facts(anomaly: &Anomaly) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Since", rfc3339(anomaly.onset_ms))];
    let affected = anomaly.affected;
    if affected.networks > 0 {
        facts.push((
            "Affected",
            clients_in_networks(affected.clients, affected.networks),
        ));
    }
    let rules: Vec<&str> = anomaly
        .rules
        .iter()
        .map(|suspect| suspect.rule.as_str())
        .collect();
    if !rules.is_empty() {
        facts.push(("Rules", rules.join(", ")));
    }
    if let Some(one) = &anomaly.handling.acknowledged {
        let text = format!("by {}, {}", one.by, rfc3339(one.time_ms));
        facts.push(("Acknowledged", visible(&text).into_owned()));
    }
    if let Some(assignee) = &anomaly.handling.assignee {
        facts.push(("Assignee", visible(assignee).into_owned()));
    }
    if let Some(response) = anomaly.responses.last() {
        facts.push(("Done", visible(&response.sentence(anomaly)).into_owned()));
    }
    facts
}

/// The anomaly without a character that is not shown, wherever a client or an operator chose a word.
fn without_invisible(anomaly: &Anomaly) -> Anomaly {
    let mut shown = anomaly.clone();
    let literals = shown.cohort.0.iter_mut();
    let literals = literals.chain(shown.named.iter_mut().flat_map(|named| &mut named.0));
    let values = literals.flat_map(|literal| &mut literal.values);
    let entries = shown.history.iter_mut();
    let entries = entries.flat_map(|entry| [Some(&mut entry.text), entry.by.as_mut()]);
    let routes = shown.routes.iter_mut().map(|change| &mut change.text);
    let windows = shown.windows.iter_mut();
    let windows = windows.flat_map(|window| [&mut window.rule, &mut window.text]);
    let rules = shown
        .rules
        .iter_mut()
        .filter_map(|suspect| suspect.switched.as_mut());
    let responses = shown
        .responses
        .iter_mut()
        .flat_map(|response| [&mut response.actor, &mut response.text]);
    let changes = routes.chain(rules).chain(responses);
    let handling = &mut shown.handling;
    let people = [
        handling.assignee.as_mut(),
        handling.acknowledged.as_mut().map(|one| &mut one.by),
        handling.muted.as_mut().map(|one| &mut one.by),
    ];
    let entries = entries.chain(people).flatten();
    for text in values.chain(entries).chain(windows).chain(changes) {
        if let Cow::Owned(escaped) = visible(text) {
            *text = escaped;
        }
    }
    shown
}
