//! CPU time of other processes, to the nanosecond: the kernel's clock of a process counts all threads, also those that ended.

use anyhow::{Context, Result};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

/// User and system time of a process and everything below it. What a child used that has ended is not counted: workerd
/// has none that ends.
///
/// # Errors
/// When the process is gone.
pub(crate) fn of_tree(pid: u32) -> Result<Duration> {
    let own = of_process(pid)?;
    children(pid)
        .into_iter()
        .map(of_tree)
        .try_fold(own, |sum, child| Ok(sum + child?))
}

fn of_process(pid: u32) -> Result<Duration> {
    let clock = i32::try_from(pid)
        .map(Pid::from_raw)
        .map_err(anyhow::Error::from)
        .and_then(|pid| Ok(clock_getcpuclockid(pid)?.now()?));
    let time = clock.with_context(|| format!("failed to read the CPU clock of process {pid}"))?;
    Ok(time.into())
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists.flat_map(|list| parse(&list)).collect()
}

fn parse(list: &str) -> Vec<u32> {
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::of_tree;
    use std::process::Command;
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn children_are_counted() {
        // The shell waits; its child works.
        let mut shell = Command::new("sh")
            .args(["-c", "(while :; do :; done) & trap 'kill $!' EXIT TERM; wait"])
            .spawn()
            .unwrap();
        // A busy machine may let it wait.
        let counted = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            of_tree(shell.id()).unwrap() > Duration::from_millis(50)
        });
        let killed = Command::new("kill").arg(shell.id().to_string()).status();
        shell.wait().unwrap();
        assert!(killed.unwrap().success());
        assert!(counted, "the child has worked");
    }
}
