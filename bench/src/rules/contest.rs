//! Contenders on the same work, interleaved: whatever else the machine does hits them alike.

use crate::figure::{Figure, Target};
use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

/// One way to do the work; a call handles the request of this number and says what it found.
pub(super) struct Contender<'a> {
    name: &'static str,
    work: Box<dyn FnMut(usize) -> usize + 'a>,
}

/// Us and others.
pub(super) struct Contest<'a> {
    pub(super) requests: usize,
    pub(super) ours: Contender<'a>,
    /// With how many times as fast we are to be.
    pub(super) rivals: Vec<(Contender<'a>, Target)>,
}

/// CPU time of one contender in one round: long for the clock, short enough for many rounds.
const SLICE: Duration = Duration::from_millis(20);

impl<'a> Contender<'a> {
    pub(super) fn new(name: &'static str, work: impl FnMut(usize) -> usize + 'a) -> Self {
        Self {
            name,
            work: Box::new(work),
        }
    }

    /// CPU time of so many passes over all requests.
    fn time(&mut self, requests: usize, passes: u32) -> Duration {
        let before = thread_time();
        for _ in 0..passes {
            (0..requests).for_each(|request| _ = black_box((self.work)(request)));
        }
        thread_time().saturating_sub(before)
    }

    /// Passes that take about a slice; warms up on the way.
    fn calibrate(&mut self, requests: usize) -> u32 {
        let mut passes = 1;
        while self.time(requests, passes) < SLICE {
            passes *= 2;
        }
        passes
    }

    fn allocations(&mut self, requests: usize) -> f64 {
        let counted = allocation_counter::measure(|| _ = self.time(requests, 1));
        counted.count_total as f64 / requests as f64
    }
}

/// Time that this thread was on a processor.
fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

impl Contest<'_> {
    /// Nanoseconds a request of everybody, how many times as long the rivals take, and allocations of ours. A ratio is
    /// that of one round's two times.
    pub(super) fn run(mut self, name: &str, rounds: u32) -> Vec<Figure> {
        let requests = self.requests;
        let (mut contenders, targets): (Vec<_>, Vec<_>) = self.rivals.drain(..).unzip();
        contenders.insert(0, self.ours);
        let allocations: Vec<f64> = contenders
            .iter_mut()
            .map(|one| one.allocations(requests))
            .collect();
        let times = times(&mut contenders, requests, rounds);
        let mut figures = Vec::new();
        for ((contender, times), allocations) in contenders.iter().zip(&times).zip(allocations) {
            let name = format!("{name}: {}", contender.name);
            let target = if figures.is_empty() {
                Target::AtMost(0.0)
            } else {
                Target::None
            };
            figures.push(Figure::new(&*name, "ns", times.clone(), Target::None));
            figures.push(Figure::new(
                format!("{name}, allocations"),
                "",
                vec![allocations],
                target,
            ));
        }
        let ours = times.first().cloned().unwrap_or_default();
        for ((contender, times), target) in contenders.iter().zip(&times).skip(1).zip(targets) {
            let ratios = times.iter().zip(&ours).map(|(theirs, ours)| theirs / ours);
            let name = format!("{name}: times as fast as {}", contender.name);
            figures.push(Figure::new(name, "", ratios.collect(), target));
        }
        figures
    }
}

/// By contender, nanoseconds a request of each round.
fn times(contenders: &mut [Contender<'_>], requests: usize, rounds: u32) -> Vec<Vec<f64>> {
    let passes: Vec<u32> = contenders.iter_mut().map(|one| one.calibrate(requests)).collect();
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            // Another order each round: nobody always runs after the one that empties the caches.
            let index = (round + turn) % passes.len();
            let (Some(contender), Some(passes), Some(times)) =
                (contenders.get_mut(index), passes.get(index), times.get_mut(index))
            else {
                continue;
            };
            let calls = f64::from(*passes) * requests as f64;
            times.push(contender.time(requests, *passes).as_nanos() as f64 / calls);
        }
    }
    times
}
