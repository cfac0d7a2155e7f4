//! Lines about steps: one when a step begins to run something, one when it ends, with how it ended and how long it took. In a
//! terminal the last line shows the steps that are going on instead, with what the command of one of them wrote last.

mod board;

use anyhow::Result;
use board::BOARD;
use std::sync::PoisonError;

/// A step that is going on. It prints its line when it ends.
pub struct Step {
    number: u32,
}

impl Step {
    /// Begins a step.
    #[must_use]
    pub fn start(title: impl Into<String>) -> Self {
        let number = with_board(|board| board.start(title.into()));
        Self { number }
    }

    /// The step is still going on; `detail` is what its command wrote last.
    pub fn tick(&self, detail: &str) {
        with_board(|board| board.tick(self.number, detail));
    }

    /// Ends the step; `outcome` says in a few words what came of it.
    pub fn done(self, outcome: &str) {
        with_board(|board| board.end(self.number, outcome));
    }

    /// Ends the step, which could not be done.
    pub fn failed(self) {
        self.done("FAILED");
    }
}

fn with_board<T>(work: impl FnOnce(&mut board::Board) -> T) -> T {
    work(&mut BOARD.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs `work` as a step. It answers with a few words on its outcome and a value.
///
/// # Errors
/// Whatever `work` fails with; the step's line then says `FAILED`.
pub fn step<T>(title: impl Into<String>, work: impl FnOnce(&Step) -> Result<(String, T)>) -> Result<T> {
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
