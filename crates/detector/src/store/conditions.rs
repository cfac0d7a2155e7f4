//! States of Blobwatch itself that somebody should know of: when one begins and when it ends, it is told.

use std::collections::BTreeMap;

use super::Detector;
use crate::webhook::{Alert, EventName, Status};
use blobwatch_records::SLOT_S;
use blobwatch_sql::{Sql, StoreError, json};
use blobwatch_wire::rfc3339;

/// Conditions at a time; sources are few and attributes a dozen.
const MAX_CONDITIONS: usize = 64;

const KEPT: &str = "meta.value of conditions";

/// Since when it holds, by event and what it is of.
type Conditions = BTreeMap<(EventName, String), u64>;

impl<S: Sql> Detector<S> {
    /// Tells of what began and what ended.
    pub(super) fn tell_conditions(&self, now_ms: u64) -> Result<(), StoreError> {
        let before = self.known_conditions()?;
        let now = self.conditions(&before, now_ms)?;
        if before.keys().eq(now.keys()) {
            return Ok(());
        }
        self.sql.transaction(|| {
            for (of, since_ms) in now.iter().filter(|(of, _)| !before.contains_key(of)) {
                self.tell(&alert(of, *since_ms, Status::Open), now_ms)?;
            }
            for (of, since_ms) in before.iter().filter(|(of, _)| !now.contains_key(of)) {
                self.tell(&alert(of, *since_ms, Status::Closed), now_ms)?;
            }
            let kept: Vec<_> = now.iter().collect();
            let keep = "INSERT OR REPLACE INTO meta (key, value) VALUES ('conditions', ?)";
            self.sql.run(keep, &[json(&kept, KEPT)?])?;
            Ok(())
        })
    }

    /// When a source is silent next that is not yet, if nothing comes of it.
    pub(super) fn next_silence_ms(&self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        let sources = self.ingest_sources()?;
        let from_ms = sources.iter().filter_map(|(_, state)| state.silent_from_ms());
        Ok(from_ms.filter(|from_ms| *from_ms > now_ms).min())
    }

    fn conditions(&self, before: &Conditions, now_ms: u64) -> Result<Conditions, StoreError> {
        let sources = self.ingest_sources()?;
        let silent = sources.iter().filter_map(|(name, state)| {
            let since_ms = state.silent_since_ms(now_ms)?;
            Some(((EventName::SourceSilent, name.clone()), since_ms))
        });
        let saturated = self.engine.saturation().map(|of| {
            let what = (EventName::AttributeSaturated, of.attribute.to_owned());
            (what, of.first * SLOT_S * 1000)
        });
        let lost = self.losses_at(now_ms)?.into_iter().map(|(name, last_ms)| {
            let what = (EventName::DataLost, name);
            let since_ms = before.get(&what).copied().unwrap_or(last_ms);
            (what, since_ms)
        });
        let all = lost.chain(silent).chain(saturated);
        Ok(all.take(MAX_CONDITIONS).collect())
    }

    fn known_conditions(&self) -> Result<Conditions, StoreError> {
        let kept = "SELECT value FROM meta WHERE key = 'conditions'";
        let rows = self.sql.run(kept, &[])?;
        let known: Option<Vec<_>> = rows.first().map(|row| row.json(0, KEPT)).transpose()?;
        Ok(known.unwrap_or_default().into_iter().collect())
    }
}

fn alert((event, of): &(EventName, String), since_ms: u64, status: Status) -> Alert {
    let text = match (event, status) {
        (EventName::SourceSilent, Status::Open) => {
            format!(
                "{of} pushed upstream events regularly, and none since {}",
                rfc3339(since_ms)
            )
        }
        (EventName::SourceSilent, _) => format!("{of} pushes upstream events again"),
        (EventName::DataLost, Status::Open) => {
            format!(
                "{of}: something that was recorded or counted is gone, since {}",
                rfc3339(since_ms)
            )
        }
        (EventName::DataLost, _) => format!("{of}: nothing more was lost for an hour"),
        (_, Status::Open) => format!(
            "values of {of} are more than there is room for: some are counted as other, and a cohort of them is not named"
        ),
        _ => format!("values of {of} are told apart again"),
    };
    Alert::of_condition(*event, status, of, &text, since_ms)
}
