//! A rule that the guard took back: an anomaly whose fault is over when it is told. It stays open for somebody to look.

use super::{Engine, Outcome};
use crate::anomaly::{Anomaly, MAX_EXAMPLES, Moment};
use crate::broad::Affected;
use crate::cohort::{Cohort, Literal};
use crate::handling::Handling;
use crate::kind::AnomalyKind;
use crate::rules::Suspect;
use blobwatch_guard::HarmNotice;
use blobwatch_wire::parse_rfc3339;

impl Engine {
    /// Makes an anomaly of a harm; `now_ms` is when it was told.
    pub fn harm(&mut self, harm: &HarmNotice, now_ms: u64) -> Outcome {
        self.next_id += 1;
        let time_ms = parse_rfc3339(&harm.time).unwrap_or(now_ms);
        let since_ms = harm.since.as_deref().and_then(parse_rfc3339).unwrap_or(time_ms);
        let literal = |(attribute, value): (&str, &Option<String>)| {
            Some(Literal {
                attribute: attribute.to_owned(),
                values: vec![value.clone().filter(|value| !value.is_empty())?],
                not: false,
                among: 1,
            })
        };
        let route = Some(harm.route.clone());
        let named = [("route", &route), ("family", &harm.family), ("os", &harm.os)];
        let mut anomaly = Anomaly {
            id: self.next_id - 1,
            kinds: vec![AnomalyKind::RuleHarm],
            onset_ms: since_ms,
            opened_ms: now_ms,
            closed_ms: None,
            reopened: 0,
            cohort: Cohort(named.into_iter().filter_map(literal).collect()),
            named: None,
            baseline: harm.expected,
            observed: harm.harmed as f64 / harm.clients.max(1) as f64,
            affected: Affected {
                clients: harm.harmed,
                networks: 0,
                exact: true,
            },
            rules: Vec::new(),
            routes: Vec::new(),
            windows: Vec::new(),
            evidence: harm.evidence.iter().take(MAX_EXAMPLES).cloned().collect(),
            history: Vec::new(),
            detail: String::new(),
            responses: Vec::new(),
            handling: Handling::default(),
        };
        anomaly.rules.push(Suspect {
            rule: harm.rule.clone(),
            lift: anomaly.risk_ratio(),
            share: 1.0,
            events: harm.harmed,
            contrast: harm.against.into(),
            switched_ms: harm.since.is_some().then_some(since_ms),
            switched: None,
        });
        anomaly.note(time_ms, Moment::Opened, harm.text.clone());
        anomaly.note(time_ms, Moment::Note, "the guard put the rule back to monitor");
        Outcome {
            changes: self.open_harm(anomaly),
            ..Outcome::default()
        }
    }
}
