//! A request, finished once the blob's size is known as well as it can be.
//!
//! Sizes are learned from answers that gave a blob whole, in order of time: what a line says must not hang on the order in
//! which files were read.

use blobwatch_logs::Answer;
use blobwatch_pull::Outcome;

use super::request::Request;
use super::sizes::Sizes;

/// Finishes a request; to be called in order of time.
pub(super) fn resolve(request: &mut Request, sizes: &mut Sizes) {
    request.size = size(request, sizes);
    let answer = answer(request);
    request.range = request.shown.resolve(request.range, &answer);
    if request.outcome == Outcome::NotObserved {
        request.outcome = answer.outcome(&request.range);
    }
}

/// The whole blob's size: said, or learned from answers that gave all of it. Of an answer that was cut, bytes are fewer:
/// the most that was ever sent is what there is.
fn size(request: &Request, sizes: &mut Sizes) -> Option<u64> {
    if request.size.is_some() {
        return request.size;
    }
    match answer(request).whole() {
        Some(whole) => Some(sizes.learn(request.digest, whole)),
        None => sizes.get(request.digest),
    }
}

fn answer(request: &Request) -> Answer {
    Answer {
        status: request.status,
        method: request.method,
        lengths: request.lengths,
        size: request.size,
    }
}
