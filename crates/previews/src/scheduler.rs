//! Which preview runs, and what it needs next: a state machine without I/O.
//!
//! In scope: one preview after the other, slices of several FireLogs side by side, tries, when to rest and when a preview
//! is over. Not in scope: asking the FireLogs and the RuleBook, and alarms (`src/control_plane/previews_do.rs`).

mod colo;
mod log;
mod run;
mod work;

use blobwatch_rule_book::Stamp;
use blobwatch_sql::{Sql, StoreError};

use crate::{End, MAX_ATTEMPTS, Preview, PreviewStore, Progress, Slice, SliceCall, Status};
pub(crate) use run::Run;
pub use work::Work;
use work::WorkResult;

/// Slices that are asked for at the same time, of different FireLogs: their answers are in memory together, 2 MB each.
const MAX_SLICES: usize = 8;

/// Tries of a slice before its FireLog is named as incomplete.
const MAX_TRIES: u32 = 3;

/// How long one alarm goes on; the next one rings at once. Far below the 15 minutes that an alarm may take.
const MAX_ALARM_MS: u64 = 20_000;

/// How long to wait after something did not answer.
pub const RETRY_MS: u64 = 1_000;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The alarm.
    Rang,
    /// Names of the FireLogs, after [`Step::NameFireLogs`].
    FireLogs(Vec<String>),
    /// After [`Step::Ask`], in its order; none of a FireLog that did not answer.
    Slices(Vec<Option<Slice>>),
    /// After [`Step::Work`].
    Worked(WorkResult),
    /// The RuleBook knows of the preview, after [`Step::Tell`].
    Told,
    /// A step other than [`Step::Ask`] failed: the preview begins anew.
    Failed,
}

/// What to do next; each but [`Step::Rest`] ends in an [`Event`].
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Ask the RuleBook for the names of all FireLogs.
    NameFireLogs,
    /// Ask FireLogs for slices, all at once.
    Ask(Vec<(String, SliceCall)>),
    /// Do what takes long, in slices.
    Work(Work),
    /// Tell the RuleBook of a preview that is done: only then it may be announced.
    Tell(Stamp),
    /// Nothing before the alarm rings again.
    Rest { wait_ms: u64 },
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// The RuleBook is asked for the FireLogs. Before the preview counts as begun: that a RuleBook does not answer is none
    /// of its interruptions.
    Naming,
    Ready(Box<Run>),
    Asking(Box<Run>),
    /// What was asked for is joined elsewhere.
    Working,
    Telling {
        run: Box<Run>,
        end: End,
        has_failed: bool,
    },
}

/// What runs.
#[derive(Debug, Default)]
pub struct Scheduler {
    state: State,
    progress: Option<(String, Progress)>,
    until_ms: u64,
}

impl Scheduler {
    /// Takes in what happened and says what follows.
    ///
    /// # Errors
    /// When the store fails: what ran is forgotten then, and begins anew.
    pub fn next<S: Sql>(
        &mut self,
        store: &PreviewStore<S>,
        event: Event,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        match (std::mem::take(&mut self.state), event) {
            (state @ (State::Idle | State::Ready(_)), Event::Rang) => {
                self.until_ms = now_ms + MAX_ALARM_MS;
                self.state = state;
                self.go_on(store, now_ms)
            }
            (State::Naming, Event::FireLogs(names)) => self.begin(store, names, now_ms),
            (State::Asking(run), Event::Slices(slices)) => {
                self.state = State::Working;
                Ok(Step::Work(Work { run, slices }))
            }
            (State::Working, Event::Worked(result)) => self.take(store, result, now_ms),
            (State::Telling { run, end, has_failed }, Event::Told) => {
                self.end(store, &run, end, now_ms)?;
                self.go_on_unless(has_failed, store, now_ms)
            }
            // A step that failed, or an alarm in the middle of one that was lost.
            _ => Ok(Step::Rest { wait_ms: RETRY_MS }),
        }
    }

    /// A FireLog's answer to the last [`Step::Ask`] is missing for a reason that trying again does not mend: its database is of a
    /// newer build.
    pub fn refused(&mut self, why: String) {
        if let State::Asking(run) = &mut self.state {
            run.refused(why);
        }
    }

    /// How far a preview is; none unless it runs.
    #[must_use]
    pub fn progress_of(&self, id: &str) -> Option<Progress> {
        let running = self.progress.as_ref().filter(|(running, _)| running == id);
        running.map(|(_, progress)| *progress)
    }

    fn go_on<S: Sql>(&mut self, store: &PreviewStore<S>, now_ms: u64) -> Result<Step, StoreError> {
        if now_ms >= self.until_ms {
            return Ok(Step::Rest { wait_ms: 0 });
        }
        if let State::Ready(run) = std::mem::take(&mut self.state) {
            if is_running(store, run.preview())? {
                let asked = run.ask();
                self.state = State::Asking(run);
                return Ok(Step::Ask(asked));
            }
            self.progress = None;
        }
        if !store.has_running()? {
            return Ok(Step::Rest { wait_ms: 0 });
        }
        self.state = State::Naming;
        Ok(Step::NameFireLogs)
    }

    fn go_on_unless<S: Sql>(
        &mut self,
        has_failed: bool,
        store: &PreviewStore<S>,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        if has_failed {
            return Ok(Step::Rest { wait_ms: RETRY_MS });
        }
        self.go_on(store, now_ms)
    }

    /// The next preview from its beginning.
    fn begin<S: Sql>(
        &mut self,
        store: &PreviewStore<S>,
        names: Vec<String>,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        let Some((preview, plan, attempts)) = store.next()? else {
            return Ok(Step::Rest { wait_ms: 0 });
        };
        if attempts > MAX_ATTEMPTS {
            let error = format!("it was interrupted {MAX_ATTEMPTS} times");
            store.end(&preview.id, End::Failed { error }, 0, now_ms)?;
            return Ok(Step::Rest { wait_ms: 0 });
        }
        self.state = State::Ready(Box::new(Run::new(preview, plan, names)));
        self.go_on(store, now_ms)
    }

    fn take<S: Sql>(
        &mut self,
        store: &PreviewStore<S>,
        result: WorkResult,
        now_ms: u64,
    ) -> Result<Step, StoreError> {
        let WorkResult { run, has_failed, end } = result;
        self.progress = Some((run.preview().id.clone(), run.progress()));
        let is_running = is_running(store, run.preview())?;
        let Some(end) = end.filter(|_| is_running) else {
            self.state = State::Ready(run);
            return self.go_on_unless(has_failed, store, now_ms);
        };
        if let Some(stamp) = run.stamp(&end, now_ms) {
            self.state = State::Telling { run, end, has_failed };
            return Ok(Step::Tell(stamp));
        }
        self.end(store, &run, end, now_ms)?;
        self.go_on_unless(has_failed, store, now_ms)
    }

    fn end<S: Sql>(
        &mut self,
        store: &PreviewStore<S>,
        run: &Run,
        end: End,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let scanned = match &end {
            End::Done { .. } => run.progress().scanned,
            End::Failed { .. } | End::Cancelled => 0,
        };
        store.end(&run.preview().id, end, scanned, now_ms)?;
        self.progress = None;
        Ok(())
    }
}

fn is_running<S: Sql>(store: &PreviewStore<S>, preview: &Preview) -> Result<bool, StoreError> {
    let found = store.get(&preview.id)?;
    Ok(found.is_some_and(|preview| preview.status == Status::Running))
}

#[cfg(test)]
mod tests;
