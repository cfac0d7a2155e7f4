//! A record as the API wrote it.

use blobwatch_pull::RecordId;
use serde::Deserialize;

use crate::api::Api;
use crate::export::{Export, Window};
use crate::problem::Problem;

pub(super) struct Line {
    pub(super) id: RecordId,
    pub(super) colo: Option<String>,
    pub(super) weight: u64,
    pub(super) text: String,
}

impl Line {
    /// All records of a window.
    pub(super) fn all(api: &Api, window: Window) -> Result<Vec<Self>, Problem> {
        let lines = Export::of_requests(api).lines(window)?;
        lines.into_iter().map(Self::read).collect()
    }

    fn read(text: String) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Known {
            id: RecordId,
            colo: Option<String>,
            weight: u64,
        }
        let known: Known = serde_json::from_str(&text)
            .map_err(|error| Problem::Api(format!("expected a record, found {text:.100}: {error}")))?;
        Ok(Self {
            id: known.id,
            colo: known.colo,
            weight: known.weight,
            text,
        })
    }
}
