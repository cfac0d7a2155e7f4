//! What a play says as it goes on: lines in a terminal, or a state that the dashboard asks for.

use blobwatch_wire::visible_lines;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a play stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Idle,
    Running,
    Done,
    Failed,
}

#[derive(Default)]
struct State {
    status: Status,
    /// 0 to 1.
    progress: f64,
    /// The last line.
    text: String,
}

/// Shared between the play and whoever asks for it.
#[derive(Clone, Default)]
pub(super) struct Account {
    state: Arc<Mutex<State>>,
    prints: bool,
}

impl Account {
    /// Every line also goes to standard output.
    pub(super) fn printed() -> Self {
        Self {
            prints: true,
            ..Self::default()
        }
    }

    /// In a terminal; the others are read on the dashboard.
    pub(super) fn is_printed(&self) -> bool {
        self.prints
    }

    /// A terminal obeys what it is sent, and sentences hold words of clients.
    pub(super) fn say(&self, line: &str) {
        if self.prints {
            println!("{}", visible_lines(line));
        }
        line.trim().clone_into(&mut self.state().text);
    }

    pub(super) fn progress(&self, progress: f64, text: &str) {
        let mut state = self.state();
        state.progress = progress;
        text.clone_into(&mut state.text);
    }

    /// `false` where one is running already.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state();
        let is_free = state.status != Status::Running;
        if is_free {
            *state = State {
                status: Status::Running,
                ..State::default()
            };
        }
        is_free
    }

    pub(super) fn end(&self, played: &anyhow::Result<()>) {
        let mut state = self.state();
        match played {
            Ok(()) => (state.status, state.progress) = (Status::Done, 1.0),
            Err(error) => (state.status, state.text) = (Status::Failed, format!("{error:#}")),
        }
    }

    pub(super) fn json(&self) -> Value {
        let state = self.state();
        let status = match state.status {
            Status::Idle => "idle",
            Status::Running => "running",
            Status::Done => "done",
            Status::Failed => "failed",
        };
        json!({"status": status, "progress": state.progress, "text": state.text})
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;
    use serde_json::json;

    #[test]
    fn one_play_at_a_time() {
        let account = Account::default();
        assert!(account.begin() && !account.begin());
        account.say("+3 s  an anomaly");
        assert_eq!(
            account.json(),
            json!({"status": "running", "progress": 0.0, "text": "+3 s  an anomaly"})
        );
        account.end(&Err(anyhow::anyhow!("gone")));
        assert_eq!(account.json()["status"], "failed");
        assert!(account.begin());
    }
}
