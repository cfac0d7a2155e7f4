//! The report, to hand to a CDN or a cloud provider: as Markdown, or as a page behind a link.
//!
//! What clients send (User-Agents, repositories) is in it: it can be nothing but text in either form.

mod document;
mod figure;
mod page;
mod partner;
mod rates;
mod reproduce;
mod ruled_out;

pub(super) use document::{Document, Table};
pub(super) use partner::for_partner;
pub(crate) use rates::Rates;
pub(super) use rates::rates;

use partner::without_addresses;

use super::FamilyCounts;
use super::acted::{self, Acted};
use super::connections::connections;
use super::packets;
use crate::anomaly::HistoryEntry;
use crate::packets::PacketFinding;
use crate::rules::RouteChange;
use crate::store::Mark;
use crate::{Anomaly, AnomalyKind, Contrast, called, rate, times};
use blobwatch_pull::Record;
use blobwatch_rulebook::AnomalyBreadth;
use blobwatch_wire::{is_invisible, rfc3339};

/// Families that are shown.
const FAMILIES: usize = 10;

/// Examples that are shown.
const EXAMPLES: usize = 5;

/// Everything that a report says.
#[derive(Debug)]
pub struct Report<'a> {
    pub anomaly: &'a Anomaly,
    /// Of the cohort, those with most events first.
    pub families: &'a [FamilyCounts],
    /// Records that show it, as far as they are still kept.
    pub records: &'a [Record],
    /// From half an hour before the onset.
    pub marks: &'a [Mark],
    /// How broad a fault must be.
    pub breadth: AnomalyBreadth,
    /// Rules that fired on the cohort.
    pub acted: &'a [Acted],
    /// Of packets that were dropped meanwhile.
    pub packets: &'a [PacketFinding],
    /// How the rate went.
    pub rates: &'a Rates,
    pub now_ms: u64,
}

/// Ids of the records that a report shows.
#[must_use]
pub fn wanted_evidence(anomaly: &Anomaly) -> &[String] {
    anomaly.evidence.get(..EXAMPLES).unwrap_or(&anomaly.evidence)
}

impl Report<'_> {
    #[must_use]
    pub fn markdown(&self) -> String {
        self.document().markdown()
    }

    /// A page, for somebody without an account who may read it until then.
    #[must_use]
    pub fn page(&self, until_ms: u64) -> String {
        let mut document = self.document();
        document.each_text(without_addresses);
        page::of(&document, self.anomaly, self.now_ms, until_ms)
    }

    fn document(&self) -> Document {
        let mut out = Document::default();
        self.head(&mut out);
        self.cohort(&mut out);
        self.rates(&mut out);
        self.clients(&mut out);
        self.timeline(&mut out);
        self.responses(&mut out);
        self.rules(&mut out);
        acted::section(&mut out, self.acted);
        packets::section(&mut out, self.packets, self.acted);
        self.ruled_out(&mut out);
        self.examples(&mut out);
        connections(&mut out, self.records);
        self.reproduce(&mut out);
        out
    }

    fn head(&self, out: &mut Document) {
        let anomaly = self.anomaly;
        out.title(format!("{}: {}", anomaly.name(), anomaly.sentence()));
        let mut lines = self.times();
        let affected = anomaly.affected;
        if affected.clients > 0 {
            let about = if affected.exact { "" } else { "about " };
            let networks = match affected.networks {
                0 => String::new(),
                networks => format!(" in {networks} networks (/24 or /48)"),
            };
            lines.push(format!("Affected: {about}{} clients{networks}", affected.clients));
        }
        out.list(lines);
    }

    fn times(&self) -> Vec<String> {
        let anomaly = self.anomaly;
        let (onset, opened) = (rfc3339(anomaly.onset_ms), rfc3339(anomaly.opened_ms));
        if self.is_harm() {
            let first = anomaly.history.first();
            let taken_back = first.map_or(opened, |entry| rfc3339(entry.time_ms));
            return vec![format!(
                "Enforced {onset}, taken back {taken_back}; all times UTC"
            )];
        }
        let status = match anomaly.closed_ms {
            None => format!("open as of {}", rfc3339(self.now_ms)),
            Some(closed) => format!("closed {}", rfc3339(closed)),
        };
        let kinds: Vec<&str> = anomaly.kinds.iter().map(|kind| kind.noun()).collect();
        vec![
            format!("Status: {status}"),
            format!("Onset {onset}, detected {opened}; all times UTC"),
            format!("What rose: {}", kinds.join(", ")),
        ]
    }

    /// Of a rule that the guard took back: a story that is over, of which the cause is known.
    fn is_harm(&self) -> bool {
        self.anomaly.kind() == AnomalyKind::RuleHarm
    }

    fn cohort(&self, out: &mut Document) {
        out.heading("Who");
        out.text(self.anomaly.who().to_string());
        if self.anomaly.who().0.is_empty() {
            out.text("No attribute distinguishes the affected clients from the others.");
            return;
        }
        let mut table = Table::with(["attribute", "values"]);
        for literal in &self.anomaly.who().0 {
            let not = if literal.not { "all but " } else { "" };
            let values = format!("{not}{}", literal.values.join(", "));
            table.row([literal.attribute.clone(), values]);
        }
        out.table(table);
    }

    fn rates(&self, out: &mut Document) {
        let anomaly = self.anomaly;
        out.heading("Rates");
        if anomaly.kind() == AnomalyKind::TrafficCliff {
            let (before, now) = (anomaly.baseline, anomaly.observed);
            out.text(format!("Requests a minute: {before:.0} before, {now:.0} during."));
        } else {
            let what = format!("{} among {}", anomaly.noun(), anomaly.trials_noun());
            let mut table = Table::with([&what, ""]);
            table.row(["expected".to_owned(), rate(anomaly.baseline)]);
            table.row(["during".to_owned(), rate(anomaly.observed)]);
            table.row(["ratio".to_owned(), times(anomaly.risk_ratio())]);
            out.table(table);
        }
        if let Some(figure) = self.rates.figure(anomaly) {
            out.figure(figure);
        }
    }

    fn clients(&self, out: &mut Document) {
        if self.families.is_empty() {
            return;
        }
        let anomaly = self.anomaly;
        let goes_round = anomaly.kind() == AnomalyKind::RangeRefused;
        out.heading("Clients");
        let of_its = format!("of its {}", anomaly.trials_noun());
        let mut table = Table::with(["client", anomaly.noun(), &of_its]);
        if goes_round {
            table.head.push("started over after that".to_owned());
        }
        for counted in self.families.iter().take(FAMILIES) {
            let share = counted.events as f64 / counted.trials.max(1) as f64;
            let (family, events) = (counted.family.as_str(), counted.events);
            let mut row = vec![family.to_owned(), events.to_string(), rate(share)];
            if goes_round {
                row.push(counted.begun_again.to_string());
            }
            table.rows.push(row);
        }
        out.table(table);
        if goes_round {
            out.text(
                "Started over: after the rest was refused, the client requested the whole blob. The pull of a client \
                 that does not do this fails.",
            );
        }
    }

    fn timeline(&self, out: &mut Document) {
        let onset = if self.is_harm() { "enforced" } else { "onset" };
        let history = self
            .anomaly
            .history
            .iter()
            .map(|entry| (rfc3339(entry.time_ms), told(entry)));
        let name = self.anomaly.name();
        let marks = self.marks.iter().filter(|mark| mark.id != name);
        let mut lines: Vec<(String, String)> = [(rfc3339(self.anomaly.onset_ms), onset.to_owned())]
            .into_iter()
            .chain(marks.map(|mark| (mark.time.clone(), mark.text.clone())))
            .chain(history)
            .collect();
        // What came at one time stays as told: it opens before it closes.
        lines.sort_by(|a, b| a.0.cmp(&b.0));
        out.heading("Timeline (UTC)");
        let line = |(time, text): (String, String)| format!("{time} {text}");
        out.list(lines.into_iter().map(line).collect());
    }

    fn responses(&self, out: &mut Document) {
        if self.anomaly.responses.is_empty() {
            return;
        }
        out.heading("What was done, and what it changed");
        let responses = self.anomaly.responses.iter();
        out.list(
            responses
                .map(|response| response.sentence(self.anomaly))
                .collect(),
        );
    }

    fn rules(&self, out: &mut Document) {
        if self.is_harm() {
            return self.culprit(out);
        }
        self.changed_routes(out);
        out.heading("Rules that correlate");
        if self.anomaly.rules.is_empty() {
            out.text(
                "None of Blobwatch's rules correlates: requests on which a rule fired fared no worse than others.",
            );
            return;
        }
        out.text(
            "This is an association, not proof: such a rule may be the cause, or may fire on the requests that the \
             cause affects.",
        );
        let mut table = Table::with(["rule", "lift", "share of the events", "compared with", "switched"]);
        for rule in &self.anomaly.rules {
            table.row([
                called(&rule.rule),
                format!("{:.0}", rule.lift),
                format!("{:.0} %", 100.0 * rule.share),
                against(rule.contrast).to_owned(),
                rule.switched_ms.map_or_else(|| "-".to_owned(), rfc3339),
            ]);
        }
        out.table(table);
    }

    fn changed_routes(&self, out: &mut Document) {
        if self.anomaly.routes.is_empty() {
            return;
        }
        out.heading("Changed routes");
        out.text(
            "These routes have most of the events and were changed around the onset. This is an association, not proof.",
        );
        let line = |change: &RouteChange| format!("{} {}", rfc3339(change.time_ms), change.text);
        out.list(self.anomaly.routes.iter().map(line).collect());
    }

    fn culprit(&self, out: &mut Document) {
        out.heading("The rule that caused it");
        for rule in &self.anomaly.rules {
            out.text(format!(
                "{}: {} the expected rate, compared with {}.",
                rule.rule,
                times(rule.lift),
                against(rule.contrast)
            ));
        }
    }

    fn examples(&self, out: &mut Document) {
        out.heading("Examples");
        if self.records.is_empty() {
            let why = if self.anomaly.evidence.is_empty() {
                "None."
            } else {
                "The records are no longer kept."
            };
            out.text(why);
            return;
        }
        let mut table = Table::with([
            "time",
            "id",
            "CF-Ray",
            "colo",
            "ASN",
            "status",
            "range",
            "user agent",
        ]);
        for record in self.records {
            let start = record.range.start.map(|start| format!(" from {start}"));
            table.row([
                rfc3339(record.id.time_ms()),
                record.id.to_string(),
                record.ray.clone(),
                record.colo.clone(),
                record.asn.map_or_else(|| "-".to_owned(), |asn| asn.to_string()),
                record.status.to_string(),
                format!("{}{}", record.range.kind.as_str(), start.unwrap_or_default()),
                record.profile.user_agent.clone(),
            ]);
        }
        out.table(table);
    }
}

/// What a rule's requests were held against.
fn against(contrast: Contrast) -> &'static str {
    match contrast {
        Contrast::Inside => "similar requests of the cohort on which it did not fire",
        Contrast::Outside => "similar clients outside the cohort",
        Contrast::Before => "the time before the onset",
        Contrast::Harmless => "the effect of a harmless rule on the clients that it fires on",
        Contrast::HeldOut => "the clients outside its percentage",
        Contrast::Reach => "everybody else, whom it acts on less often",
    }
}

/// One word of a POSIX shell inside a fenced block, whatever is in it.
fn quoted(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| {
            if is_invisible(letter) || letter == '`' {
                ' '
            } else {
                letter
            }
        })
        .collect();
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// "acknowledged by ada: on it".
fn told(entry: &HistoryEntry) -> String {
    // What was changed says it itself.
    let by = entry.by.as_ref().filter(|by| !entry.text.ends_with(*by));
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let text = match entry.text.as_str() {
        "" => String::new(),
        text => format!(": {text}"),
    };
    format!("{}{by}{text}", entry.moment.as_str())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_for_a_shell_is_one_word() {
        assert_eq!(quoted("it's $(rm) ```\n"), "'it'\\''s $(rm)     '");
    }
}
