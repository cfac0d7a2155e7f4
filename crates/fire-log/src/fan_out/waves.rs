//! Many FireLogs, a few at a time.
//!
//! A platform lets a worker wait for six answers at once and makes whatever else it asks for wait: the time that a call may take would
//! pass while it is not even sent. Here a call begins when its turn comes, and a FireLog whose turn comes too late is named as one that
//! did not answer.

use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::iter;

use super::FireLogs;
use blobwatch_wire::Problem;

/// Calls that wait for an answer at a time.
/// <https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections>
pub const WAVE: usize = 6;

/// What each FireLog answers, in the order of their names.
pub(super) async fn each<'a, T, F: Future<Output = Result<T, Problem>>>(
    fire_logs: &impl FireLogs,
    names: &'a [String],
    ask: impl Fn(&'a str) -> F,
) -> Vec<Result<T, Problem>> {
    let is_over = fire_logs.patience();
    let (is_over, ask) = (&is_over, &ask);
    let answers = names.iter().map(async |name| match is_over() {
        true => Err(not_asked(name)),
        false => ask(name).await,
    });
    iter(answers).buffered(WAVE).collect().await
}

fn not_asked(name: &str) -> Problem {
    let detail = format!("FireLog {name} was not asked: the others took too long; try again");
    Problem::new(503, "unavailable", "Unavailable", detail)
}
