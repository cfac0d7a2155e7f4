use super::*;
use blobwatch_pull::Action;
use blobwatch_rule_book::preview_sample::{CANDIDATE, NOW, book, plan, rule};
use blobwatch_sql::{Native, Unpaced, at_once};

fn store() -> PreviewStore<Native> {
    PreviewStore::open(Native::in_memory().unwrap()).unwrap()
}

/// Accepts a preview; answers its id.
fn accept(store: &PreviewStore<Native>) -> String {
    let rules = vec![rule(CANDIDATE, "ssl", Action::Block)];
    let plan = plan(&book(rules, Vec::new()), CANDIDATE, "default");
    store.begin(&plan, "ada", NOW).unwrap().unwrap().id
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("fl1-fra-{place}")).collect()
}

/// Two records of a FireLog that has `left` more from `next_ms` on.
fn slice(next_ms: Option<u64>, left: u64) -> Option<Slice> {
    Some(Slice {
        scanned: 2,
        left,
        next_ms,
        ..Slice::default()
    })
}

struct Machine {
    store: PreviewStore<Native>,
    scheduler: Scheduler,
}

impl Machine {
    fn new() -> Self {
        Self {
            store: store(),
            scheduler: Scheduler::default(),
        }
    }

    /// Without the step in which answers are joined.
    fn next_at(&mut self, event: Event, now_ms: u64) -> Step {
        match self.step(event, now_ms) {
            Step::Work(work) => {
                let result = at_once(work.run(&Unpaced)).unwrap();
                self.step(Event::Worked(result), now_ms)
            }
            step => step,
        }
    }

    fn step(&mut self, event: Event, now_ms: u64) -> Step {
        self.scheduler.next(&self.store, event, now_ms).unwrap()
    }

    fn next(&mut self, event: Event) -> Step {
        self.next_at(event, NOW)
    }

    #[track_caller]
    fn asked(&mut self, event: Event) -> Vec<(String, u64)> {
        match self.next(event) {
            Step::Ask(calls) => calls
                .into_iter()
                .map(|(name, call)| (name, call.from_ms))
                .collect(),
            other => panic!("expected to ask, found {other:?}"),
        }
    }

    /// Begins the next preview over that many FireLogs.
    #[track_caller]
    fn begun(&mut self, fire_logs: usize) -> Vec<(String, u64)> {
        assert_eq!(self.next(Event::Rang), Step::NameFireLogs);
        self.asked(Event::FireLogs(names(fire_logs)))
    }

    fn status(&self, id: &str) -> Status {
        self.store.get(id).unwrap().unwrap().status
    }
}

const REST: Step = Step::Rest { wait_ms: 0 };
const RETRY: Step = Step::Rest { wait_ms: RETRY_MS };

#[test]
fn nothing_waits() {
    let mut machine = Machine::new();
    assert_eq!(machine.next(Event::Rang), REST);
}

#[test]
fn a_preview_is_announced_only_once_the_rulebook_knows_of_it() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    let asked = machine.begun(2);
    assert_eq!(asked.len(), 2);
    let again = machine.asked(Event::Slices(vec![slice(None, 0), slice(Some(77), 5)]));
    assert_eq!(again, [("fl1-fra-1".to_owned(), 77)], "the other is at its end");
    let progress = Progress { scanned: 4, total: 9 };
    assert_eq!(machine.scheduler.progress_of(&id), Some(progress));
    assert_eq!(machine.scheduler.progress_of("pv-other"), None);
    let Step::Tell(stamp) = machine.next(Event::Slices(vec![slice(None, 0)])) else {
        panic!("the RuleBook is not told");
    };
    assert_eq!((stamp.id.as_str(), stamp.done_ms), (id.as_str(), NOW));
    assert_eq!(machine.status(&id), Status::Running);
    assert_eq!(machine.next(Event::Told), REST);
    let done = machine.store.get(&id).unwrap().unwrap();
    assert_eq!((done.status, done.scanned), (Status::Done, 6));
    assert!(done.incomplete.is_empty());
    assert_eq!(machine.scheduler.progress_of(&id), None);
}

#[test]
fn a_rulebook_that_cannot_be_told_makes_the_preview_begin_anew() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(1);
    assert!(matches!(
        machine.next(Event::Slices(vec![slice(None, 0)])),
        Step::Tell(_)
    ));
    assert_eq!(machine.next(Event::Failed), RETRY);
    assert_eq!(machine.status(&id), Status::Running);
    assert_eq!(machine.begun(1).len(), 1);
}

#[test]
fn fire_logs_that_cannot_be_named_are_no_interruption() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    for _ in 0..=MAX_ATTEMPTS {
        assert_eq!(machine.next(Event::Rang), Step::NameFireLogs);
        assert_eq!(machine.next(Event::Failed), RETRY);
    }
    assert_eq!(machine.begun(1).len(), 1);
    assert_eq!(machine.status(&id), Status::Running);
}

#[test]
fn a_preview_that_is_always_interrupted_fails() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    for _ in 0..MAX_ATTEMPTS {
        machine.begun(1);
        machine.scheduler = Scheduler::default();
    }
    assert_eq!(machine.next(Event::Rang), Step::NameFireLogs);
    assert_eq!(machine.next(Event::FireLogs(names(1))), REST);
    let failed = machine.store.get(&id).unwrap().unwrap();
    assert_eq!(failed.error.as_deref(), Some("it was interrupted 4 times"));
}

#[test]
fn a_fire_log_that_does_not_answer_is_named_after_its_tries() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(2);
    assert_eq!(machine.next(Event::Slices(vec![slice(None, 0), None])), RETRY);
    for _ in 2..MAX_TRIES {
        assert_eq!(
            machine.asked(Event::Rang).len(),
            1,
            "what runs goes on where it was"
        );
        assert_eq!(machine.next(Event::Slices(vec![None])), RETRY);
    }
    machine.asked(Event::Rang);
    let Step::Tell(stamp) = machine.next(Event::Slices(vec![None])) else {
        panic!("the RuleBook is not told");
    };
    assert_eq!(stamp.incomplete, ["fl1-fra-1"]);
    assert_eq!(machine.next(Event::Told), RETRY);
    assert_eq!(machine.status(&id), Status::Done);
}

#[test]
fn an_answer_gives_a_fire_log_all_its_tries_again() {
    let mut machine = Machine::new();
    accept(&machine.store);
    machine.begun(1);
    for _ in 0..2 * MAX_TRIES {
        assert_eq!(machine.next(Event::Slices(vec![None])), RETRY);
        machine.asked(Event::Rang);
        machine.asked(Event::Slices(vec![slice(Some(5), 1)]));
    }
}

#[test]
fn a_preview_that_no_fire_log_answers_fails() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(1);
    for _ in 1..MAX_TRIES {
        assert_eq!(machine.next(Event::Slices(vec![None])), RETRY);
        machine.asked(Event::Rang);
    }
    assert_eq!(machine.next(Event::Slices(vec![None])), RETRY);
    let failed = machine.store.get(&id).unwrap().unwrap();
    assert_eq!(failed.error.as_deref(), Some("no FireLog answered"));
    assert_eq!(machine.next(Event::Rang), REST);
}

#[test]
fn a_preview_over_a_newer_builds_records_fails_with_the_reason() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(2);
    for _ in 0..MAX_TRIES {
        machine
            .scheduler
            .refused("newer-schema: deploy that build".to_owned());
        assert_eq!(machine.next(Event::Slices(vec![None, None])), RETRY);
        machine.next(Event::Rang);
    }
    let failed = machine.store.get(&id).unwrap().unwrap();
    assert_eq!(failed.error.as_deref(), Some("newer-schema: deploy that build"));
    machine.scheduler.refused("nothing runs".to_owned());
}

/// What the others know is shown, permits nothing, and says why a part is missing.
#[test]
fn a_preview_over_some_newer_records_is_incomplete_for_that_reason() {
    for (refusals, answers_at_last) in [(MAX_TRIES, false), (1, false), (MAX_TRIES - 1, true)] {
        let mut machine = Machine::new();
        let id = accept(&machine.store);
        machine.begun(2);
        let mut others = vec![slice(None, 0)];
        for attempt in 1..=MAX_TRIES {
            if attempt <= refusals {
                machine
                    .scheduler
                    .refused("newer-schema: deploy that build".to_owned());
            }
            let last = (answers_at_last && attempt == MAX_TRIES)
                .then(|| slice(None, 0))
                .flatten();
            others.push(last);
            if let Step::Tell(stamp) = machine.next(Event::Slices(std::mem::take(&mut others))) {
                assert_eq!(stamp.incomplete.is_empty(), answers_at_last);
                machine.next(Event::Told);
            } else {
                machine.asked(Event::Rang);
            }
        }
        let done = machine.store.get(&id).unwrap().unwrap();
        let why = (!answers_at_last).then_some("newer-schema: deploy that build");
        assert_eq!(
            (done.status, done.error.as_deref()),
            (Status::Done, why),
            "{refusals}"
        );
        assert!(done.report.is_some());
    }
}

#[test]
fn without_fire_logs_nobody_is_hit() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    assert!(machine.begun(0).is_empty());
    assert!(matches!(machine.next(Event::Slices(Vec::new())), Step::Tell(_)));
    machine.next(Event::Told);
    assert_eq!(machine.status(&id), Status::Done);
}

#[test]
fn slices_in_memory_are_bounded() {
    let mut machine = Machine::new();
    accept(&machine.store);
    let asked = machine.begun(MAX_SLICES + 3);
    assert_eq!(asked.len(), MAX_SLICES);
    let answers = (0..MAX_SLICES).map(|_| slice(None, 0)).collect();
    assert_eq!(machine.asked(Event::Slices(answers)).len(), 3, "then the others");
}

#[test]
fn previews_run_one_after_the_other_until_the_alarm_is_over() {
    let mut machine = Machine::new();
    let (first, second) = (accept(&machine.store), accept(&machine.store));
    machine.begun(1);
    machine.next(Event::Slices(vec![slice(None, 0)]));
    assert_eq!(machine.next(Event::Told), Step::NameFireLogs);
    assert_eq!(
        (machine.status(&first), machine.status(&second)),
        (Status::Done, Status::Running)
    );
    machine.asked(Event::FireLogs(names(1)));
    let over_ms = NOW + MAX_ALARM_MS;
    assert_eq!(
        machine.next_at(Event::Slices(vec![slice(Some(9), 1)]), over_ms),
        REST
    );
    let Step::Ask(calls) = machine.next_at(Event::Rang, over_ms) else {
        panic!("it does not go on");
    };
    assert_eq!(calls[0].1.from_ms, 9);
}

#[test]
fn a_preview_that_was_cancelled_meanwhile_is_not_ended_again() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(1);
    machine.store.end(&id, End::Cancelled, 1, NOW).unwrap();
    assert_eq!(machine.next(Event::Slices(vec![slice(None, 0)])), REST);
    assert_eq!(machine.status(&id), Status::Cancelled);
    assert_eq!(machine.scheduler.progress_of(&id), None);
}

/// The pauses of the work are everybody's turn: somebody cancels, and another alarm may ring.
#[test]
fn a_preview_that_ends_while_its_report_is_made_is_not_ended_twice() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(1);
    let Step::Work(work) = machine.step(Event::Slices(vec![slice(None, 0)]), NOW) else {
        panic!("the answers are joined at once");
    };
    machine.store.end(&id, End::Cancelled, 1, NOW).unwrap();
    let result = at_once(work.run(&Unpaced)).unwrap();
    assert_eq!(machine.step(Event::Worked(result), NOW), REST);
    assert_eq!(machine.status(&id), Status::Cancelled);
}

#[test]
fn work_that_was_given_up_is_not_taken() {
    let mut machine = Machine::new();
    let id = accept(&machine.store);
    machine.begun(1);
    let Step::Work(work) = machine.step(Event::Slices(vec![slice(None, 0)]), NOW) else {
        panic!("the answers are joined at once");
    };
    assert_eq!(machine.next(Event::Rang), RETRY, "another alarm gives it up");
    let result = at_once(work.run(&Unpaced)).unwrap();
    assert_eq!(machine.step(Event::Worked(result), NOW), RETRY);
    assert_eq!(machine.status(&id), Status::Running);
    assert_eq!(machine.begun(1).len(), 1, "it begins anew");
}

#[test]
fn an_alarm_in_the_middle_of_a_step_that_was_lost_begins_anew() {
    let mut machine = Machine::new();
    accept(&machine.store);
    machine.begun(1);
    assert_eq!(machine.next(Event::Rang), RETRY);
    assert_eq!(machine.begun(1).len(), 1);
}
