//! Memory and pulls, minute by minute.

use anyhow::{Context, Result};
use std::fs;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// One minute, or what was left of it at the end.
#[derive(Debug, Clone)]
pub(super) struct Minute {
    pub(super) memory_mb: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) minutes: Vec<Minute>,
}

impl Samples {
    /// The most memory of the second half over that at its beginning.
    pub(super) fn growth(&self) -> f64 {
        let (_, half) = self.minutes.split_at(self.minutes.len() / 2);
        let first = half.first().map_or(f64::NAN, |minute| minute.memory_mb);
        let most = half.iter().map(|minute| minute.memory_mb).fold(first, f64::max);
        most / first
    }

    fn add(&mut self, pid: u32, mut micros: Vec<u32>) -> Result<()> {
        if micros.is_empty() {
            return Ok(());
        }
        micros.sort_unstable();
        let at = |part: usize| {
            micros
                .get(micros.len() * part / 100)
                .map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
        };
        let minute = Minute {
            memory_mb: megabytes(pid)?,
            p50_ms: at(50),
            p99_ms: at(99),
        };
        eprintln!(
            "minute {:>3}  {:>7} pulls  median {:>7.1} ms  99 % {:>7.1} ms  {:>6.0} MB",
            self.minutes.len() + 1,
            micros.len(),
            minute.p50_ms,
            minute.p99_ms,
            minute.memory_mb
        );
        self.minutes.push(minute);
        Ok(())
    }
}

/// Samples the process while `body` runs, which tells what each pull took, in microseconds.
///
/// # Errors
/// Those of `body`; when the process is gone.
pub(super) fn sampled(
    pid: u32,
    body: impl FnOnce(&(dyn Fn(u32) + Sync)) -> Result<()> + Send,
) -> Result<Samples> {
    let took = Mutex::new(Vec::new());
    let taken = || {
        took.lock()
            .map(|mut took| std::mem::take(&mut *took))
            .unwrap_or_default()
    };
    let (over, is_over) = channel::<()>();
    thread::scope(|scope| {
        let pulls = scope.spawn(|| {
            let _over = over;
            body(&|micros| {
                if let Ok(mut took) = took.lock() {
                    took.push(micros);
                }
            })
        });
        let mut samples = Samples::default();
        while is_over.recv_timeout(MINUTE) == Err(RecvTimeoutError::Timeout) {
            samples.add(pid, taken())?;
        }
        samples.add(pid, taken())?;
        pulls.join().ok().context("failed to run the load")??;
        Ok(samples)
    })
}

/// Memory of a process that is in RAM.
///
/// # Errors
/// When it is gone.
pub(super) fn megabytes(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("workerd has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kilobytes.context("no VmRSS")? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{Minute, Samples, megabytes};

    #[test]
    fn growth_is_that_of_the_second_half() {
        let minute = |memory_mb| Minute {
            memory_mb,
            p50_ms: 1.0,
            p99_ms: 1.0,
        };
        let minutes = [10.0, 50.0, 100.0, 120.0, 110.0].map(minute).into();
        assert!((Samples { minutes }.growth() - 1.2).abs() < 1e-9);
        assert!(Samples::default().growth().is_nan());
    }

    #[test]
    fn the_memory_of_this_process_is_read() {
        assert!(megabytes(std::process::id()).unwrap() > 1.0);
    }
}
