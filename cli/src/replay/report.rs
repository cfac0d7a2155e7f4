//! What a replay found: for people, for scripts, and to hand to somebody.

use std::fmt::Write;

use blobwatch_detector::{Anomaly, Note};
use blobwatch_pull::RecordId;
use blobwatch_wire::{grouped, is_invisible, percent, rfc3339, visible};
use serde::Serialize;
use serde_json::{Value, json};

use super::count::CellCounts64;
use super::faults::Faults;
use super::log::place_of;
use super::rules::RuleFinding;
use crate::problem::Problem;

/// Everything that is said.
pub(super) struct Report {
    /// Name and format of each file, in the order of their numbers.
    pub(super) files: Vec<File>,
    pub(super) lines: u64,
    /// Of them, those that are requests, whatever they ask for.
    pub(super) read: u64,
    pub(super) late: u64,
    pub(super) faults: Faults,
    pub(super) totals: CellCounts64,
    /// What would have come of the rules of a rulebook.
    pub(super) rules: Vec<RuleFinding>,
    /// First and last time, where there is one.
    pub(super) span: Option<(u64, u64)>,
    /// What these logs do not show, in words.
    pub(super) limits: Vec<String>,
    pub(super) notes: Vec<Note>,
    pub(super) anomalies: Vec<Anomaly>,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    pub(super) file: String,
    pub(super) format: String,
    #[serde(skip)]
    pub(super) is_export: bool,
    /// The file that has all its lines, for which it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same_as: Option<String>,
}

impl File {
    /// What is said of it behind its name.
    fn said(&self) -> String {
        match &self.same_as {
            Some(other) => format!("{}, left out: all its lines are in {other}", self.format),
            None => self.format.clone(),
        }
    }
}

impl Report {
    /// A line as an example, where most could not be read, or none but a heading of each file: most likely they are in
    /// another format.
    pub(super) fn unread(&self) -> Option<Problem> {
        let fault = self.faults.first.first()?;
        let headings = self.files.len() as u64;
        let is_none = self.read == 0 && self.faults.count + headings >= self.lines;
        (is_none || 2 * self.faults.count > self.lines).then(|| Problem::Line {
            file: fault.file.clone(),
            line: fault.line,
            expected: format!(
                "{}, found {:?}; {} of {} lines could not be read: name the format with --format or --log-format",
                fault.expected,
                fault.found,
                grouped(self.faults.count),
                grouped(self.lines)
            ),
        })
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("{} ({})", file.file, file.said()))
            .collect();
        line(&mut out, &format!("read      {}", files.join(", ")));
        line(
            &mut out,
            &format!(
                "lines     {}, of which {} are requests for blobs",
                grouped(self.lines),
                grouped(self.totals.requests)
            ),
        );
        if let Some((first, last)) = self.span {
            line(
                &mut out,
                &format!("time      {} to {}", rfc3339(first), rfc3339(last)),
            );
        }
        line(&mut out, &format!("counted   {}", self.counted()));
        for rule in &self.rules {
            line(&mut out, &format!("rule      {}", visible(&rule.text())));
        }
        self.write_faults(&mut out, "malformed ", "          ");
        if self.late > 0 {
            line(
                &mut out,
                &format!(
                    "late      {} requests came later than --slack allows and count in a later slot",
                    grouped(self.late)
                ),
            );
        }
        for limit in &self.limits {
            line(&mut out, &format!("limits    {limit}"));
        }
        for note in &self.notes {
            line(
                &mut out,
                &format!("note      {} {}", rfc3339(note.time_ms), visible(&note.text)),
            );
        }
        line(&mut out, "");
        if self.anomalies.is_empty() {
            line(&mut out, "Nothing would have been flagged.");
        }
        for anomaly in &self.anomalies {
            line(&mut out, &visible(&anomaly.sentence()));
            line(&mut out, &format!("  {}", self.lifetime(anomaly)));
            line(
                &mut out,
                &format!(
                    "  expected {} observed {}",
                    share(anomaly, anomaly.baseline),
                    share(anomaly, anomaly.observed)
                ),
            );
            let evidence = self.evidence(anomaly);
            if !evidence.is_empty() {
                line(&mut out, &format!("  evidence {}", evidence.join(", ")));
            }
            line(&mut out, "");
        }
        out.trim_end().to_owned() + "\n"
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = String::from("# What Blobwatch would have flagged\n\n");
        if let Some((first, last)) = self.span {
            line(
                &mut out,
                &format!("From {} to {} (UTC).", rfc3339(first), rfc3339(last)),
            );
        }
        line(
            &mut out,
            &format!(
                "{} lines, {} requests for blobs: {}.\n",
                grouped(self.lines),
                grouped(self.totals.requests),
                self.counted()
            ),
        );
        for file in &self.files {
            line(
                &mut out,
                &format!("- `{}` ({})", code(&file.file), plain(&file.said())),
            );
        }
        if !self.rules.is_empty() {
            line(&mut out, "\nRules of the rulebook:\n");
        }
        for rule in &self.rules {
            line(&mut out, &format!("- {}", plain(&rule.text())));
        }
        if self.anomalies.is_empty() {
            line(&mut out, "\nNothing would have been flagged.");
        }
        for anomaly in &self.anomalies {
            line(&mut out, &format!("\n## {}\n", plain(&anomaly.sentence())));
            line(&mut out, &format!("- {}", self.lifetime(anomaly)));
            line(
                &mut out,
                &format!("- Cohort: {}", plain(&anomaly.who().to_string())),
            );
            line(
                &mut out,
                &format!(
                    "- Expected {}, observed {}",
                    share(anomaly, anomaly.baseline),
                    share(anomaly, anomaly.observed)
                ),
            );
            for suspect in &anomaly.rules {
                line(
                    &mut out,
                    &format!(
                        "- Rule `{}` correlates: lift {:.1}, {:.0} % of the events. An association is not proof.",
                        code(&suspect.rule),
                        suspect.lift,
                        100.0 * suspect.share
                    ),
                );
            }
            line(&mut out, "\n| time (UTC) | what | |\n| --- | --- | --- |");
            for entry in &anomaly.history {
                line(
                    &mut out,
                    &format!(
                        "| {} | {} | {} |",
                        rfc3339(entry.time_ms),
                        entry.moment.as_str(),
                        plain(&entry.text)
                    ),
                );
            }
            let evidence = self.evidence(anomaly);
            if !evidence.is_empty() {
                let listed: Vec<String> = evidence
                    .iter()
                    .map(|place| format!("`{}`", code(place)))
                    .collect();
                line(&mut out, &format!("\nEvidence: {}", listed.join(", ")));
            }
        }
        let mut rest = String::new();
        for limit in &self.limits {
            line(&mut rest, &format!("- {limit}"));
        }
        for note in &self.notes {
            line(
                &mut rest,
                &format!("- {}: {}", rfc3339(note.time_ms), plain(&note.text)),
            );
        }
        if self.late > 0 {
            line(
                &mut rest,
                &format!(
                    "- {} requests came later than the slack allows.",
                    grouped(self.late)
                ),
            );
        }
        if self.faults.count > 0 {
            let mut faults = String::new();
            self.write_faults(&mut faults, "", "");
            line(
                &mut rest,
                &format!(
                    "- Lines that could not be read: {}.\n\n```\n{faults}```",
                    grouped(self.faults.count)
                ),
            );
        }
        if !rest.is_empty() {
            let _ = write!(out, "\n## What to know\n\n{rest}");
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let anomaly = |anomaly: &Anomaly| {
            let mut value = serde_json::to_value(anomaly.json()).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("evidence".to_owned(), self.evidence(anomaly).into());
            }
            value
        };
        let CellCounts64 {
            requests,
            starts,
            resumes,
            repeats,
            restarts,
            refused,
            observed,
            aborted,
            failed,
            turned_away,
            unreached,
            looped,
            paced,
            slow,
            suspect,
        } = self.totals;
        json!({
            "files": self.files,
            "lines": self.lines,
            "requests": requests,
            "since": self.span.map(|(first, _)| rfc3339(first)),
            "until": self.span.map(|(_, last)| rfc3339(last)),
            "counts": {
                "starts": starts, "resumes": resumes, "repeats": repeats, "restarts": restarts, "refused": refused,
                "observed": observed, "aborted": aborted, "failed": failed, "turned_away": turned_away,
                "unreached": unreached, "looped": looped, "paced": paced, "slow": slow, "suspect": suspect,
            },
            "rules": self.rules.iter().map(RuleFinding::json).collect::<Vec<_>>(),
            "malformed": { "count": self.faults.count, "first": self.faults.first },
            "late": self.late,
            "limits": self.limits,
            "notes": self.notes.iter().map(|note| json!({"time": rfc3339(note.time_ms), "text": note.text})).collect::<Vec<_>>(),
            "anomalies": self.anomalies.iter().map(anomaly).collect::<Vec<_>>(),
        })
    }

    fn counted(&self) -> String {
        let CellCounts64 {
            starts,
            resumes,
            repeats,
            restarts,
            refused,
            observed,
            aborted,
            failed,
            turned_away,
            unreached,
            looped,
            paced,
            slow,
            suspect,
            ..
        } = self.totals;
        let mut words = vec![
            format!("{} starts", grouped(starts)),
            format!("{} resumes", grouped(resumes)),
            format!("{} of them without progress", grouped(repeats)),
            format!("{} restarts", grouped(restarts)),
            format!("{} ranges refused", grouped(refused)),
        ];
        if observed > 0 {
            words.push(format!(
                "{} of {} bodies cut short",
                grouped(aborted),
                grouped(observed)
            ));
        }
        let others = [
            (failed, "starts failed"),
            (turned_away, "starts refused"),
            (unreached, "redirects not followed"),
            (looped, "loops behind the end"),
            (suspect, "blobs fetched again though whole"),
        ];
        let seen = others.into_iter().filter(|(count, _)| *count > 0);
        words.extend(seen.map(|(count, what)| format!("{} {what}", grouped(count))));
        if paced > 0 {
            words.push(format!("{} of {} downloads slow", grouped(slow), grouped(paced)));
        }
        words.join(", ")
    }

    fn write_faults(&self, out: &mut String, first: &str, next: &str) {
        if self.faults.count == 0 {
            return;
        }
        let more = self.faults.count - self.faults.first.len() as u64;
        line(
            out,
            &format!("{first}{} lines could not be read:", grouped(self.faults.count)),
        );
        for fault in &self.faults.first {
            let super::faults::Fault {
                file,
                line: at,
                expected,
                found,
            } = fault;
            line(
                out,
                &format!("{next}{file}:{at}: expected {expected}, found {found:?}"),
            );
        }
        if more > 0 {
            line(out, &format!("{next}and {} more", grouped(more)));
        }
    }

    fn lifetime(&self, anomaly: &Anomaly) -> String {
        let end = match anomaly.closed_ms {
            Some(closed) => format!("closed {}", rfc3339(closed)),
            None => "still open at the end".to_owned(),
        };
        let again = match anomaly.reopened {
            0 => String::new(),
            times => format!(", reopened {times} times"),
        };
        format!(
            "began {}, opened {}, {end}{again}",
            rfc3339(anomaly.onset_ms),
            rfc3339(anomaly.opened_ms)
        )
    }

    /// Where to look: `file:line`, or the id of a record of ours.
    fn evidence(&self, anomaly: &Anomaly) -> Vec<String> {
        let exports_only = self.files.iter().all(|file| file.is_export);
        let place = |id: &String| match id.parse::<RecordId>() {
            Ok(id) if !exports_only => {
                let (file, line) = place_of(id);
                let known = self.files.get(usize::from(file)).filter(|file| !file.is_export);
                known.map_or_else(|| id.to_string(), |file| format!("{}:{line}", file.file))
            }
            _ => id.clone(),
        };
        anomaly.evidence.iter().map(place).collect()
    }
}

fn share(anomaly: &Anomaly, value: f64) -> String {
    use blobwatch_detector::AnomalyKind;
    match anomaly.kind() {
        AnomalyKind::TrafficCliff => format!("{value:.1} requests a minute"),
        _ => percent(value),
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Without what Markdown would take for its own.
fn plain(text: &str) -> String {
    let escape = |c: char| match c {
        '|' | '*' | '_' | '`' | '<' | '[' | '#' | '\\' => format!("\\{c}"),
        c if is_invisible(c) => "\u{fffd}".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Inside of backticks.
fn code(text: &str) -> String {
    text.replace('`', "'").replace(is_invisible, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::{code, plain};

    #[test]
    fn texts_of_a_log_are_no_markdown() {
        assert_eq!(plain("a|b <i>"), "a\\|b \\<i>");
        assert_eq!(code("a`b\n\u{202e}"), "a'b\u{fffd}\u{fffd}");
        assert_eq!(plain("a\u{1b}\u{2066}b"), "a\u{fffd}\u{fffd}b");
    }
}
