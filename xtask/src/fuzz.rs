//! The fuzz targets, for longer than the second each that `cargo test` gives them.
//!
//! A target is a test that calls `bolero::check!`, beside what it tries: every parser that a stranger reaches has one. Each
//! has an equal share of the time, one after the other. A failure prints its seed, which repeats it.

use crate::command::open;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where targets are.
const CRATES: &str = "crates";

/// What marks one.
const MARK: &str = "check!()";

/// What `cargo xtask fuzz` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Minutes for all targets together, compiling left out
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Seed, as a run before printed it; of the clock unless given
    #[arg(long)]
    seed: Option<u128>,
    /// Only targets of this crate, for instance pull
    #[arg(long)]
    package: Option<String>,
}

/// # Errors
/// When there are no targets, or one fails.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut targets = targets(&workspace.path(CRATES))?;
    targets.retain(|package, _| args.package.as_ref().is_none_or(|wanted| wanted == package));
    let count = targets.values().map(Vec::len).sum::<usize>() as u64;
    ensure!(count > 0, "found no fuzz target");
    let seed = args.seed.unwrap_or_else(of_clock);
    let each_ms = args.minutes * 60_000 / count;
    println!("{count} targets, {each_ms} ms each; again with --seed {seed}");
    for (package, tests) in &targets {
        open(
            Command::new("cargo")
                .current_dir(workspace.root())
                .args([
                    "test",
                    "--package",
                    &format!("blobwatch-{package}"),
                    "--lib",
                    "--tests",
                    "--",
                ])
                .args(["--nocapture", "--test-threads", "1"])
                .args(tests)
                .env("BOLERO_RANDOM_SEED", seed.to_string())
                .env("BOLERO_RANDOM_TEST_TIME_MS", each_ms.to_string())
                // Else a target ends after the few thousand inputs that `cargo test` tries.
                .env("BOLERO_RANDOM_ITERATIONS", u32::MAX.to_string()),
        )?;
    }
    Ok(())
}

fn of_clock() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// Names of the tests, by the folder of their crate.
fn targets(crates: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::new();
    for folder in fs::read_dir(crates).with_context(|| format!("failed to read {}", crates.display()))? {
        let folder = folder?;
        let mut tests = Vec::new();
        for within in ["src", "tests"] {
            for file in sources(&folder.path().join(within))? {
                tests.extend(tests_of(&fs::read_to_string(file)?));
            }
        }
        if !tests.is_empty() {
            all.insert(folder.file_name().to_string_lossy().into_owned(), tests);
        }
    }
    Ok(all)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(files);
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The test before each mark; functions within it are none.
fn tests_of(source: &str) -> Vec<String> {
    let (mut function, mut is_test, mut tests) = ("", false, Vec::new());
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") {
            is_test = true;
        } else if let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
            function = if is_test { name } else { function };
            is_test = false;
        } else if line.contains(MARK) {
            tests.push(function.to_owned());
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::{CRATES, targets, tests_of};
    use crate::workspace::Workspace;

    #[test]
    fn a_target_is_the_function_around_the_mark() {
        let source = "#[test]\nfn any_bytes() {\n    fn within() {}\n    bolero::check!().for_each(|x| {});\n}\nfn other() {}\n";
        assert_eq!(tests_of(source), ["any_bytes"]);
    }

    #[test]
    fn what_a_stranger_reaches_has_targets() {
        let targets = targets(&Workspace::find().unwrap().path(CRATES)).unwrap();
        for package in ["fire-log", "pull", "records", "rulebook", "rules", "wire"] {
            assert!(targets.contains_key(package), "{package} has none");
        }
    }
}
