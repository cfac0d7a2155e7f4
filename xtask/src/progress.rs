//! One line per step: what is done, how it ended, how long it took. In a terminal the line of a running step is
//! redrawn with the elapsed time and the last line that its command wrote; elsewhere it appears when the step ends.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Longest text of a running command that is shown: the step's line must not wrap.
const MAX_DETAIL: usize = 50;

/// A step that is going on. It prints its line when it ends.
pub(crate) struct Step {
    title: String,
    started: Instant,
    live: bool,
}

impl Step {
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let step = Self {
            title: title.into(),
            started: Instant::now(),
            live: stderr().is_terminal(),
        };
        step.tick("");
        step
    }

    /// Redraws the line of a running step; outside of a terminal it does nothing.
    pub(crate) fn tick(&self, detail: &str) {
        if self.live {
            let detail: String = detail
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_DETAIL)
                .collect();
            self.write("\r\x1b[K", &format!("…  {detail}"), "");
        }
    }

    /// Ends the step; `outcome` says in a few words what came of it.
    pub(crate) fn done(self, outcome: &str) {
        self.write(self.line_start(), outcome, "\n");
    }

    pub(crate) fn failed(self) {
        self.write(self.line_start(), "FAILED", "\n");
    }

    fn line_start(&self) -> &'static str {
        if self.live { "\r\x1b[K" } else { "" }
    }

    fn write(&self, start: &str, outcome: &str, end: &str) {
        let line = line(&self.title, self.started.elapsed(), outcome);
        // A closed terminal is no reason to stop the work.
        let _ = write!(stderr(), "{start}{line}{end}").and_then(|()| stderr().flush());
    }
}

/// Runs `work` as a step. It answers with a few words on its outcome and a value.
///
/// # Errors
/// Whatever `work` fails with; the step's line then says `FAILED`.
pub(crate) fn step<T>(
    title: impl Into<String>,
    work: impl FnOnce(&Step) -> anyhow::Result<(String, T)>,
) -> anyhow::Result<T> {
    let step = Step::start(title);
    match work(&step) {
        Ok((outcome, value)) => {
            step.done(&outcome);
            Ok(value)
        }
        Err(error) => {
            step.failed();
            Err(error)
        }
    }
}

fn line(title: &str, elapsed: Duration, outcome: &str) -> String {
    format!("{:>7.1} s  {title:<30} {outcome}", elapsed.as_secs_f64())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::line;
    use std::time::Duration;

    #[test]
    fn a_line_has_time_title_and_outcome() {
        let line = line("npm packages", Duration::from_millis(12_340), "unchanged");
        assert_eq!(line, "   12.3 s  npm packages                   unchanged");
    }
}
