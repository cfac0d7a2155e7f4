//! Turns: every contender does the same work many times a round, in short turns, and what it used until its next turn is
//! its cost.
//!
//! Short turns, because the price of the same work drifts with what else the machine does, by a quarter within seconds.
//! Until its next turn, so that whatever a contender puts off (flushes, alarms, garbage) is charged to it.

use super::contender::Contender;
use anyhow::Result;
use std::thread::sleep;
use std::time::Duration;

/// Rounds that are not counted. V8 optimises a worker's JavaScript only after some 10,000 requests [measured: the ratio is
/// up to 0.2 higher until then]; connections are opened, caches are filled.
const WARM_UP: usize = 6;
/// After the last round, for what the last turn put off.
const TAIL: Duration = Duration::from_millis(1500);

/// Seconds of CPU that one contender used in each round.
pub(super) struct Costs {
    pub(super) name: String,
    pub(super) seconds: Vec<f64>,
}

impl Costs {
    /// Round by round, in parts of what the rival used in the same round.
    pub(super) fn ratios_to(&self, rival: &Costs) -> Vec<f64> {
        let pairs = self.seconds.iter().zip(&rival.seconds);
        pairs.map(|(own, rival)| own / rival).collect()
    }
}

/// Lets the contenders work in turns, in their order and in reverse by turns.
///
/// # Errors
/// Those of the work, and when a contender is gone.
pub(super) fn duel(
    contenders: &[Contender],
    rounds: usize,
    turns: usize,
    work: impl Fn(&Contender) -> Result<()>,
) -> Result<Vec<Costs>> {
    let mut clocks = vec![Vec::new(); contenders.len()];
    for turn in 0..(WARM_UP + rounds) * turns {
        let mut order = contenders.iter().zip(&mut clocks).collect::<Vec<_>>();
        if turn % 2 == 1 {
            order.reverse();
        }
        for (contender, clock) in order {
            clock.push(contender.cpu()?);
            work(contender)?;
        }
    }
    sleep(TAIL);
    let costs = contenders.iter().zip(&mut clocks).map(|(contender, clock)| {
        clock.push(contender.cpu()?);
        Ok(Costs {
            name: contender.name.clone(),
            seconds: per_round(clock, turns, WARM_UP),
        })
    });
    costs.collect()
}

fn per_round(clock: &[Duration], turns: usize, skipped: usize) -> Vec<f64> {
    let starts = clock.iter().step_by(turns).skip(skipped);
    let ends = starts.clone().skip(1);
    starts
        .zip(ends)
        .map(|(start, end)| end.saturating_sub(*start).as_secs_f64())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::per_round;
    use std::time::Duration;

    #[test]
    fn a_round_lasts_until_the_next_and_the_warm_up_is_left_out() {
        let clock = [0, 9, 10, 11, 13, 14, 17].map(Duration::from_secs);
        assert_eq!(per_round(&clock, 2, 1), [3.0, 4.0]);
    }
}
