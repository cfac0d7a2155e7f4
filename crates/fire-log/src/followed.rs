//! What became of a redirect: the fetch to which it led, where Blobwatch stands at that host too.

use serde::Serialize;

use crate::object_calls::KIND;
use crate::query::MAX_LIMIT;
use blobwatch_pull::{BlobKey, Outcome, Record, RecordId};
use blobwatch_records::{FOLLOWED_WITHIN_MS, follows, is_redirect};
use blobwatch_wire::rfc3339;

/// The other half of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Followed {
    pub id: RecordId,
    /// `null` when no answer came.
    pub status: Option<u16>,
    pub outcome: Outcome,
}

/// The parameters of `requests` by which the other half of a record is looked for; `None` where it is no redirect. A fetch
/// has the digest of its redirect as soon as they are joined, and its object's key before.
#[must_use]
pub(crate) fn followers(record: &Record) -> Option<Vec<(&'static str, String)>> {
    let time_ms = record.id.time_ms();
    let mut parameters = vec![
        (KIND, "requests".to_owned()),
        ("client", record.client.to_string()),
        ("since", rfc3339(time_ms)),
        ("until", rfc3339(time_ms + FOLLOWED_WITHIN_MS + 1)),
        ("limit", MAX_LIMIT.to_string()),
    ];
    match record.blob_key() {
        BlobKey::Digest(digest) => parameters.push(("digest", digest.to_owned())),
        BlobKey::Object(key) => parameters.push(("object", format!("{key:016x}"))),
    }
    if record.sent_object != 0 {
        parameters.push(("object", format!("{:016x}", record.sent_object)));
    }
    is_redirect(record).then_some(parameters)
}

/// The first of some records that followed a redirect.
#[must_use]
pub(crate) fn followed(redirect: &Record, found: &[Record]) -> Option<Followed> {
    let fetches = found.iter().filter(|fetch| follows(fetch, redirect));
    fetches.min_by_key(|fetch| fetch.id).map(|fetch| Followed {
        id: fetch.id,
        status: (fetch.status != 0).then_some(fetch.status),
        outcome: fetch.outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Kind, Query};
    use blobwatch_pull::sample;

    /// What is looked for are parameters that the call takes, and what they find is the other half.
    #[test]
    fn the_other_half_is_found_by_the_parameters_of_a_call() {
        let redirect = sample::redirected();
        let parameters = followers(&redirect).unwrap();
        let pairs = parameters.into_iter().filter(|(name, _)| *name != KIND);
        let pairs: Vec<(String, String)> = pairs.map(|(name, value)| (name.to_owned(), value)).collect();
        let filter = Query::parse(Kind::Requests, &pairs, 0).unwrap().filter;
        let fetch = sample::object();
        assert!(filter.matches(&fetch));
        let found = followed(&redirect, &[redirect.clone(), fetch.clone()]).unwrap();
        assert_eq!(
            (found.id, found.status, found.outcome),
            (fetch.id, Some(206), fetch.outcome)
        );
        assert_eq!(followed(&redirect, std::slice::from_ref(&redirect)), None);
        assert_eq!(followers(&fetch), None, "it is no redirect");
    }
}
