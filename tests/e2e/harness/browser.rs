//! The dashboard's own tests: TypeScript, run by Node's test runner, some of them in Debian's Chromium.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::clock::HANG;
use super::process::{command, run_within};
use super::workerd::ROOT;

/// A file waits many times. Each time it says itself what hangs; this is for what does not come to that.
const LIMIT: Duration = HANG.saturating_mul(6);

/// Runs files of `dashboard/test`, which fail as they do there; what they say is shown.
#[track_caller]
pub(crate) fn node_tests(files: &[&str], env: &[(&str, &str)]) {
    let mut node = node();
    node.arg("--test")
        .args(files.iter().map(|file| format!("dashboard/test/{file}")))
        .envs(env.iter().copied());
    succeeds(node);
}

/// What TypeScript says of a folder with a `tsconfig.json`.
#[track_caller]
pub(crate) fn types_hold(folder: &str) {
    let mut node = node();
    node.args(["node_modules/.bin/tsc", "--noEmit", "--project", folder]);
    succeeds(node);
}

/// A program of ours or of a package, in the root of the clone.
#[track_caller]
pub(crate) fn node_runs(arguments: &[&str], env: &[(&str, &str)]) {
    let mut node = node();
    node.args(arguments).envs(env.iter().copied());
    succeeds(node);
}

#[track_caller]
fn succeeds(mut node: Command) {
    node.current_dir(ROOT);
    let output = run_within(LIMIT, node);
    println!("{}{}", output.stdout, output.stderr);
    output.success();
}

/// As [`node_tests`], in a browser.
#[track_caller]
pub(crate) fn browser_tests(files: &[&str], env: &[(&str, &str)]) {
    // Found here, so that its absence is said in one sentence.
    drop(command("chromium"));
    let pages = Path::new(ROOT).join("build/dashboard/index.html");
    assert!(
        pages.is_file(),
        "{} is missing: `cargo xtask build` makes it",
        pages.display()
    );
    node_tests(files, env);
}

/// The Node of the npm packages, which understands TypeScript; the machine's where none is for it.
#[track_caller]
pub(crate) fn node() -> Command {
    let own = format!("{ROOT}/node_modules/.bin/node");
    command(if Path::new(&own).is_file() { &own } else { "node" })
}
