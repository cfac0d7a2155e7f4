//! The report: Markdown to hand to a CDN or a cloud provider.
//!
//! What clients send (User-Agents, repositories) is in it: it is quoted so that it can be nothing but text.

use std::fmt::Write as _;

use super::FamilyCounts;
use super::acted::{self, Acted};
use super::connections::connections;
use super::packets;
use crate::anomaly::HistoryEntry;
use crate::packets::PacketFinding;
use crate::store::Mark;
use crate::{Anomaly, AnomalyKind, Contrast, DAYS_PER_FALSE_ALARM, called, rate, times};
use blobwatch_guard::{ALPHA, MIN_HARMED, MIN_NETWORKS as MIN_HARMED_NETWORKS};
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
        let mut out = String::new();
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

    fn head(&self, out: &mut String) {
        let anomaly = self.anomaly;
        let line = |out: &mut String, text: String| {
            let _ = writeln!(out, "{text}");
        };
        line(
            out,
            format!("# {}: {}\n", anomaly.name(), plain(&anomaly.sentence())),
        );
        let (onset, opened) = (rfc3339(anomaly.onset_ms), rfc3339(anomaly.opened_ms));
        if self.is_harm() {
            let first = anomaly.history.first();
            let taken_back = first.map_or(opened, |entry| rfc3339(entry.time_ms));
            line(
                out,
                format!("- Enforced {onset}, taken back {taken_back}; all times UTC"),
            );
        } else {
            let status = match anomaly.closed_ms {
                None => format!("open as of {}", rfc3339(self.now_ms)),
                Some(closed) => format!("closed {}", rfc3339(closed)),
            };
            line(out, format!("- Status: {status}"));
            line(out, format!("- Onset {onset}, detected {opened}; all times UTC"));
            let kinds: Vec<&str> = anomaly.kinds.iter().map(|kind| kind.noun()).collect();
            line(out, format!("- What rose: {}", kinds.join(", ")));
        }
        let affected = anomaly.affected;
        if affected.clients > 0 {
            let about = if affected.exact { "" } else { "about " };
            let networks = match affected.networks {
                0 => String::new(),
                networks => format!(" in {networks} networks (/24 or /48)"),
            };
            line(
                out,
                format!("- Affected: {about}{} clients{networks}", affected.clients),
            );
        }
    }

    /// Of a rule that the guard took back: a story that is over, of which the cause is known.
    fn is_harm(&self) -> bool {
        self.anomaly.kind() == AnomalyKind::RuleHarm
    }

    fn cohort(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Who\n\n{}\n", plain(&self.anomaly.who().to_string()));
        if self.anomaly.who().0.is_empty() {
            let _ = writeln!(
                out,
                "No attribute distinguishes the affected clients from the others."
            );
            return;
        }
        let _ = writeln!(out, "| attribute | values |\n| --- | --- |");
        for literal in &self.anomaly.who().0 {
            let not = if literal.not { "all but " } else { "" };
            let values = plain(&literal.values.join(", "));
            let _ = writeln!(out, "| {} | {not}{values} |", literal.attribute);
        }
    }

    fn rates(&self, out: &mut String) {
        let anomaly = self.anomaly;
        let kind = anomaly.kind();
        let _ = writeln!(out, "\n## Rates\n");
        if kind == AnomalyKind::TrafficCliff {
            let (before, now) = (anomaly.baseline, anomaly.observed);
            let _ = writeln!(out, "Requests a minute: {before:.0} before, {now:.0} during.");
            return;
        }
        let _ = writeln!(
            out,
            "| {} among {} | |\n| --- | --- |\n| expected | {} |\n| during | {} |\n| ratio | {} |",
            anomaly.noun(),
            anomaly.trials_noun(),
            rate(anomaly.baseline),
            rate(anomaly.observed),
            times(anomaly.risk_ratio())
        );
    }

    fn clients(&self, out: &mut String) {
        if self.families.is_empty() {
            return;
        }
        let anomaly = self.anomaly;
        let goes_round = anomaly.kind() == AnomalyKind::RangeRefused;
        let (head, line) = if goes_round {
            (" started over after that |", " --- |")
        } else {
            ("", "")
        };
        let _ = writeln!(
            out,
            "\n## Clients\n\n| client | {} | of its {} |{head}\n| --- | --- | --- |{line}",
            anomaly.noun(),
            anomaly.trials_noun()
        );
        for counted in self.families.iter().take(FAMILIES) {
            let share = counted.events as f64 / counted.trials.max(1) as f64;
            let (family, events) = (counted.family.as_str(), counted.events);
            let _ = write!(out, "| {family} | {events} | {} |", rate(share));
            if goes_round {
                let _ = write!(out, " {} |", counted.begun_again);
            }
            let _ = writeln!(out);
        }
        if goes_round {
            let _ = writeln!(
                out,
                "\nStarted over: after the rest was refused, the client requested the whole blob. The pull of a client \
                 that does not do this fails."
            );
        }
    }

    fn timeline(&self, out: &mut String) {
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
        let _ = writeln!(out, "\n## Timeline (UTC)\n");
        for (time, text) in lines {
            let _ = writeln!(out, "- {time} {}", plain(&text));
        }
    }

    fn responses(&self, out: &mut String) {
        if self.anomaly.responses.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n## What was done, and what it changed\n");
        for response in &self.anomaly.responses {
            let _ = writeln!(out, "- {}", plain(&response.sentence(self.anomaly)));
        }
    }

    fn rules(&self, out: &mut String) {
        if self.is_harm() {
            return self.culprit(out);
        }
        if !self.anomaly.routes.is_empty() {
            let _ = writeln!(
                out,
                "\n## Changed routes\n\nThese routes have most of the events and were changed around the onset. This \
                 is an association, not proof.\n"
            );
            for change in &self.anomaly.routes {
                let _ = writeln!(out, "- {} {}", rfc3339(change.time_ms), plain(&change.text));
            }
        }
        let _ = writeln!(out, "\n## Rules that correlate\n");
        if self.anomaly.rules.is_empty() {
            let _ = writeln!(
                out,
                "None of Blobwatch's rules correlates: requests on which a rule fired fared no worse than others."
            );
            return;
        }
        let _ = writeln!(
            out,
            "This is an association, not proof: such a rule may be the cause, or may fire on the requests that the \
             cause affects.\n\n\
             | rule | lift | share of the events | compared with | switched |\n| --- | --- | --- | --- | --- |"
        );
        for rule in &self.anomaly.rules {
            let against = against(rule.contrast);
            let switched = rule.switched_ms.map_or_else(|| "-".to_owned(), rfc3339);
            let _ = writeln!(
                out,
                "| {} | {:.0} | {:.0} % | {against} | {switched} |",
                plain(&called(&rule.rule)),
                rule.lift,
                100.0 * rule.share
            );
        }
    }

    fn culprit(&self, out: &mut String) {
        let _ = writeln!(out, "\n## The rule that caused it\n");
        for rule in &self.anomaly.rules {
            let _ = writeln!(
                out,
                "{}: {} the expected rate, compared with {}.",
                plain(&rule.rule),
                times(rule.lift),
                against(rule.contrast)
            );
        }
    }

    fn ruled_out(&self, out: &mut String) {
        let anomaly = self.anomaly;
        let _ = writeln!(out, "\n## Ruled out\n");
        if self.is_harm() {
            let _ = writeln!(
                out,
                "- Chance: at most one stage in {:.0} of a harmless rule's enforcement is taken back.\n\
                 - A handful of machines: at least {MIN_HARMED} clients in {MIN_HARMED_NETWORKS} networks were harmed.",
                1.0 / ALPHA
            );
            return;
        }
        let mut reasons = vec![
            format!(
                "Chance: the tests of all cohorts together raise at most one false alarm in {DAYS_PER_FALSE_ALARM:.0} \
                 days."
            ),
            "A roll-out of clients that download in pieces: chunks, tiles and whole-blob ranges are not counted, only \
             repeated requests and requests for the rest of a blob."
                .to_owned(),
        ];
        if anomaly.kind().event().is_some() {
            reasons.extend(self.not_one());
        }
        if !anomaly.who().is_wide() {
            reasons.push(
                "A deploy or a reset of the edge: it would affect all clients of a colo alike and end within seconds."
                    .to_owned(),
            );
        }
        let others: Vec<&str> = AnomalyKind::ALL
            .into_iter()
            .filter(|kind| !anomaly.kinds.contains(kind) && kind.event().is_some())
            .map(AnomalyKind::noun)
            .collect();
        if !others.is_empty() {
            reasons.push(format!("Not increased for these clients: {}.", others.join(", ")));
        }
        for reason in reasons {
            let _ = writeln!(out, "- {reason}");
        }
    }

    /// `None` where the settings do not ask for several clients or networks.
    fn not_one(&self) -> Option<String> {
        let AnomalyBreadth { clients, networks } = self.breadth;
        (clients > 1 && networks > 1).then(|| {
            format!(
                "One client, one NAT or one network: at least {clients} more clients in {networks} more networks than before \
                 the onset are affected."
            )
        })
    }

    fn examples(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Examples\n");
        if self.records.is_empty() {
            let why = if self.anomaly.evidence.is_empty() {
                "None."
            } else {
                "The records are no longer kept."
            };
            let _ = writeln!(out, "{why}");
            return;
        }
        let _ = writeln!(
            out,
            "| time | id | CF-Ray | colo | ASN | status | range | user agent |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |"
        );
        for record in self.records {
            let asn = record.asn.map_or_else(|| "-".to_owned(), |asn| asn.to_string());
            let start = record
                .range
                .start
                .map_or_else(String::new, |start| format!(" from {start}"));
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {asn} | {} | {}{start} | {} |",
                rfc3339(record.id.time_ms()),
                record.id,
                plain(&record.ray),
                plain(&record.colo),
                record.status,
                record.range.kind.as_str(),
                plain(&record.profile.user_agent)
            );
        }
    }

    fn reproduce(&self, out: &mut String) {
        let Some(record) = self.records.first() else {
            return;
        };
        let scheme = if record.profile.scheme.is_empty() {
            "https"
        } else {
            &record.profile.scheme
        };
        let address = format!(
            "{scheme}://{}/v2/{}/blobs/{}",
            record.profile.host, record.repository, record.digest
        );
        let mut command = format!("curl -v -o /dev/null -A {}", quoted(&record.profile.user_agent));
        if let Some(start) = record
            .range
            .start
            .filter(|_| record.range.kind != blobwatch_pull::RangeKind::None)
        {
            let end = record.range.end.map_or_else(String::new, |end| end.to_string());
            let _ = write!(command, " -H {}", quoted(&format!("Range: bytes={start}-{end}")));
        }
        let _ = writeln!(
            out,
            "\n## Reproduce\n\nFrom a machine in the cohort, with a registry token if the registry requires one:\n\n\
             ```sh\n{command} {}\n```",
            quoted(&address)
        );
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

/// Text that is no Markdown and no HTML.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '`' | '*' | '[' | ']' | '\\' | '#' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            letter if is_invisible(letter) => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
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
    use super::{plain, quoted};

    #[test]
    fn what_clients_send_stays_text() {
        assert_eq!(
            plain("a|b `x` <b> [y](z)\n#\u{202e}"),
            "a\\|b \\`x\\` &lt;b> \\[y\\](z) \\# "
        );
        assert_eq!(quoted("it's $(rm) ```\n"), "'it'\\''s $(rm)     '");
    }
}
