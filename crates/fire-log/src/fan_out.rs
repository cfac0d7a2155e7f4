//! One answer from all FireLogs: each is asked, and what they answer is put together.
//!
//! A FireLog that does not answer is named in `incomplete` instead of hiding what the others have: in an incident, most
//! of the truth now is worth more than all of it later. Not in scope: which FireLogs there are and how to reach them
//! (`src/control_plane`), and what each of them answers (`query`).

mod addresses;
mod compare;
mod counters;
mod export;
mod list;
mod loads;
mod losses;
mod notes;
mod summary;
#[cfg(test)]
mod tests;
mod waves;

#[cfg(feature = "schema")]
pub(crate) use addresses::{AddressList, Erased};
pub use addresses::{address_list, erase_address};
#[cfg(feature = "schema")]
pub(crate) use compare::Comparison;
pub use compare::compare_all;
pub use counters::with_counters;
pub use export::Export;
#[cfg(feature = "schema")]
pub(crate) use list::List;
pub use list::Listing;
#[cfg(feature = "schema")]
pub(crate) use loads::LoadList;
pub use loads::{load_metrics, loads};
#[cfg(feature = "schema")]
pub(crate) use losses::LossList;
pub use losses::{LossSums, losses};
pub use notes::Notes;
#[cfg(feature = "schema")]
pub(crate) use summary::SummaryAnswer;
pub use summary::summarise_all;
pub use waves::WAVE;

use std::future::Future;

use crate::followed::{Followed, followed, followers};
use crate::{PageCall, RecordCall};
use blobwatch_pull::{Record, RecordId};
use blobwatch_wire::{Nothing, ObjectCall, Problem};

/// A way to FireLogs.
pub trait FireLogs {
    /// Asks the FireLog of that name.
    fn ask<C: ObjectCall<Request = Nothing>>(
        &self,
        name: &str,
        call: &C,
    ) -> impl Future<Output = Result<C::Reply, Problem>>;

    /// Says from now on whether one query has taken so long that no more are asked.
    fn patience(&self) -> impl Fn() -> bool {
        || false
    }
}

/// What several FireLogs answered, and the names of those that did not.
#[derive(Debug)]
pub(crate) struct Gathered<T> {
    answers: Vec<T>,
    incomplete: Vec<String>,
    /// Why the first of those did not.
    problem: Option<Problem>,
}

impl<T> Gathered<T> {
    fn of(names: &[String], answers: Vec<Result<T, Problem>>) -> Self {
        let mut gathered = Self {
            answers: Vec::new(),
            incomplete: Vec::new(),
            problem: None,
        };
        for (name, answer) in names.iter().zip(answers) {
            match answer {
                Ok(answer) => gathered.answers.push(answer),
                Err(problem) => {
                    gathered.incomplete.push(name.clone());
                    gathered.problem.get_or_insert(problem);
                }
            }
        }
        gathered
    }
}

async fn ask_all<C: ObjectCall<Request = Nothing>>(
    fire_logs: &impl FireLogs,
    names: &[String],
    call: &C,
) -> Gathered<C::Reply> {
    let answers = waves::each(fire_logs, names, |name| fire_logs.ask(name, call));
    Gathered::of(names, answers.await)
}

/// The record with this id, of whichever FireLog has it.
///
/// # Errors
/// When none has it: that of the first FireLog that did not answer, or that there is no such record.
pub async fn find_anywhere(
    fire_logs: &impl FireLogs,
    names: &[String],
    id: RecordId,
) -> Result<Record, Problem> {
    let gathered = ask_all(fire_logs, names, &RecordCall(id)).await;
    let mut records = gathered.answers.into_iter().flat_map(|page| page.records);
    match (records.next(), gathered.problem) {
        (Some(record), _) => Ok(record),
        (None, Some(problem)) => Err(problem),
        (None, None) => Err(Problem::not_found("record with this id")),
    }
}

/// What became of a redirect, of whichever FireLogs answer; `None` where the record is none.
pub async fn follow_anywhere(
    fire_logs: &impl FireLogs,
    names: &[String],
    record: &Record,
) -> Option<Option<Followed>> {
    let parameters = followers(record)?;
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let gathered = ask_all(fire_logs, names, &PageCall(&parameters)).await;
    let found = gathered.answers.into_iter().flat_map(|page| page.records);
    Some(followed(record, &found.collect::<Vec<_>>()))
}
