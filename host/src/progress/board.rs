//! The steps that are going on, several at a time, and the lines about them.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// The line in a terminal must not wrap: only the last row of it would be redrawn.
const MAX_LINE: usize = 79;

/// Back to the start of the terminal's line, and what is there goes away.
const REDRAW: &str = "\r\x1b[K";

/// What this process is doing.
pub(super) static BOARD: LazyLock<Mutex<Board>> =
    LazyLock::new(|| Mutex::new(Board::new(stderr().is_terminal())));

pub(super) struct Board {
    /// Whether the last line is redrawn.
    live: bool,
    next: u32,
    running: Vec<Running>,
}

struct Running {
    number: u32,
    title: String,
    started: Instant,
    /// Whether a line says that the step began.
    announced: bool,
}

impl Board {
    fn new(live: bool) -> Self {
        Self {
            live,
            next: 0,
            running: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, title: String) -> u32 {
        self.next += 1;
        self.running.push(Running {
            number: self.next,
            title,
            started: Instant::now(),
            announced: false,
        });
        self.redraw("");
        self.next
    }

    pub(super) fn tick(&mut self, number: u32, detail: &str) {
        if self.live {
            self.redraw(detail);
        } else if let Some(line) = self.announce(number) {
            write(&format!("{line}\n"));
        }
    }

    pub(super) fn end(&mut self, number: u32, outcome: &str) {
        let Some(place) = self.running.iter().position(|step| step.number == number) else {
            return;
        };
        let step = self.running.remove(place);
        let start = if self.live { REDRAW } else { "" };
        let line = line(&step.title, step.started.elapsed(), outcome);
        write(&format!("{start}{line}\n"));
        self.redraw("");
    }

    /// The line that a step has begun, once.
    fn announce(&mut self, number: u32) -> Option<String> {
        let step = self.running.iter_mut().find(|step| step.number == number)?;
        let is_first = !std::mem::replace(&mut step.announced, true);
        is_first.then(|| format!("{:>9}  {}", "begins", step.title))
    }

    fn redraw(&self, detail: &str) {
        if let (true, Some(line)) = (self.live, self.going_on(detail)) {
            write(&format!("{REDRAW}{line}"));
        }
    }

    /// The titles of the running steps, with the time of the one that runs longest.
    fn going_on(&self, detail: &str) -> Option<String> {
        let longest = self.running.first()?.started.elapsed();
        let titles: Vec<_> = self.running.iter().map(|step| step.title.as_str()).collect();
        let line = line(&titles.join(", "), longest, &format!("…  {detail}"));
        Some(line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect())
    }
}

/// A closed terminal is no reason to stop the work.
fn write(text: &str) {
    let _ = write!(stderr(), "{text}").and_then(|()| stderr().flush());
}

fn line(title: &str, elapsed: Duration, outcome: &str) -> String {
    format!("{:>7.1} s  {title:<30} {outcome}", elapsed.as_secs_f64())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Board, line};
    use std::time::Duration;

    #[test]
    fn a_line_has_time_title_and_outcome() {
        let line = line("npm packages", Duration::from_millis(12_340), "unchanged");
        assert_eq!(line, "   12.3 s  npm packages                   unchanged");
    }

    #[test]
    fn a_step_says_once_that_it_begins() {
        let mut board = Board::new(false);
        let number = board.start("npm packages".to_owned());
        assert_eq!(board.announce(number).as_deref(), Some("   begins  npm packages"));
        assert_eq!(board.announce(number), None);
    }

    #[test]
    fn steps_that_run_side_by_side_share_a_line() {
        let mut board = Board::new(false);
        let first = board.start("npm packages".to_owned());
        board.start("compile the worker".to_owned());
        let shown = board.going_on("Compiling serde").unwrap();
        assert!(shown.contains("npm packages, compile the worker"), "{shown}");
        assert!(shown.ends_with("…  Compiling serde"), "{shown}");
        let long = board.going_on(&"Compiling serde\t".repeat(10)).unwrap();
        assert_eq!(long.chars().count(), 79, "{long}");
        board.end(first, "installed");
        assert!(!board.going_on("").unwrap().contains("npm packages"));
    }
}
