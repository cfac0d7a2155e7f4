//! Running other programs: quietly with their output kept for the case that they fail, or in the open.

use crate::parallel::{Interrupted, is_wanted};
use crate::progress::Step;
use anyhow::{Context, Result, anyhow, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often the line of a running step is redrawn, and how soon a command ends that nobody wants any more.
const REDRAW: Duration = Duration::from_millis(250);

/// Runs a program to its end and answers with what it wrote to both outputs, in the order of arrival.
///
/// # Errors
/// The program is missing, or it ended with another status than 0: then its whole output is in the error. [`Interrupted`] where
/// what ran beside it failed.
pub(crate) fn quiet(step: &Step, command: &mut Command) -> Result<String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    step.tick("");
    let mut child = command.spawn().map_err(|error| missing(command, error))?;
    let (sender, lines) = channel();
    forward_lines(child.stdout.take(), sender.clone());
    forward_lines(child.stderr.take(), sender);
    let output = collect(step, &mut child, &lines)?;
    let status = child
        .wait()
        .with_context(|| format!("failed to wait for {}", name(command)))?;
    if status.success() {
        Ok(output)
    } else {
        Err(failed(command, status, &output))
    }
}

/// Runs a program with this terminal's input and output.
///
/// # Errors
/// The program is missing, or it ended with another status than 0.
pub(crate) fn open(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// As [`open`], with the status left to the caller.
///
/// # Errors
/// The program is missing.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().map_err(|error| missing(command, error))
}

/// What a program writes to its standard output, or `None` when it is missing or fails: for questions about the machine.
pub(crate) fn ask(program: impl AsRef<OsStr>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn forward_lines(stream: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            // The receiver lives until both streams end.
            let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

/// What the child writes until it closes both outputs.
fn collect(step: &Step, child: &mut Child, lines: &Receiver<String>) -> Result<String> {
    let mut output = String::new();
    let mut last = String::new();
    while is_wanted() {
        match lines.recv_timeout(REDRAW) {
            Ok(line) => {
                output.push_str(&line);
                output.push('\n');
                last = line;
            }
            Err(RecvTimeoutError::Timeout) => step.tick(last.trim()),
            Err(RecvTimeoutError::Disconnected) => return Ok(output),
        }
    }
    child
        .kill()
        .and_then(|()| child.wait())
        .context("failed to end a command")?;
    bail!(Interrupted)
}

fn missing(command: &Command, error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        return anyhow!("`{}` is not on this machine's PATH", name(command));
    }
    anyhow!(error).context(format!("failed to start {}", name(command)))
}

fn failed(command: &Command, status: ExitStatus, output: &str) -> anyhow::Error {
    anyhow!(
        "`{}` ended with {status}; it wrote:\n{}",
        shown(command),
        output.trim_end()
    )
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{ask, quiet};
    use crate::progress::Step;
    use std::process::Command;

    #[track_caller]
    fn error_of(program: &str, arguments: &[&str]) -> String {
        quiet(&Step::start("test"), Command::new(program).args(arguments))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_missing_program_is_named() {
        assert_eq!(
            error_of("no-such-program", &[]),
            "`no-such-program` is not on this machine's PATH"
        );
        assert_eq!(ask("no-such-program", &[]), None);
    }

    #[test]
    fn a_failing_program_shows_both_outputs() {
        let error = error_of("sh", &["-c", "echo first; echo aside >&2; echo last; exit 3"]);
        let (head, output) = error.split_once('\n').unwrap();
        assert!(head.ends_with("ended with exit status: 3; it wrote:"), "{error}");
        // Each stream in its order; where one is among the other, its reader decides.
        let (aside, own): (Vec<_>, Vec<_>) = output.lines().partition(|line| *line == "aside");
        assert_eq!((aside, own), (vec!["aside"], vec!["first", "last"]), "{error}");
    }
}
