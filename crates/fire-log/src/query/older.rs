//! Where records are that are no longer kept here.

use blobwatch_rulebook::Retention;
use blobwatch_wire::rfc3339;
use serde::Serialize;

use super::filter::Filter;

/// The shortest retention that settings may say: younger records are never too old.
const LEAST_MS: u64 = 3_600_000;

/// That a window reaches beyond what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "OlderRecords")
)]
pub struct Older {
    /// RFC 3339: records from before this time are deleted.
    pub before: String,
    /// Where they are, as the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

impl Filter {
    /// Whether the window may reach beyond what is kept: one without a beginning asks for what there is.
    #[must_use]
    pub fn may_reach_older(&self, now_ms: u64) -> bool {
        self.since_ms
            .is_some_and(|since_ms| since_ms.saturating_add(LEAST_MS) < now_ms)
    }

    /// What is to be said of records that the window asks for and that are not kept.
    #[must_use]
    pub fn older(&self, retention: Retention, now_ms: u64) -> Option<Older> {
        let kept_ms = retention.since_ms(now_ms);
        self.since_ms.filter(|since_ms| *since_ms < kept_ms)?;
        Some(Older {
            before: rfc3339(kept_ms),
            archive: retention.archive,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const NOW_MS: u64 = 1_593_975_600_000;

    #[test]
    fn only_a_window_that_begins_before_what_is_kept_is_told_of_it() {
        #[track_caller]
        fn case(since_ms: Option<u64>, is_older: bool) {
            let filter = Filter {
                since_ms,
                ..Filter::default()
            };
            let retention = Retention {
                hours: 24,
                archive: Some("s3://bucket".to_owned()),
            };
            let older = filter.older(retention, NOW_MS);
            let expected = Older {
                before: "2020-07-04T19:00:00.000Z".to_owned(),
                archive: Some("s3://bucket".to_owned()),
            };
            assert_eq!(older, is_older.then_some(expected));
            assert!(!is_older || filter.may_reach_older(NOW_MS));
        }
        case(None, false);
        case(Some(NOW_MS - HOUR_MS), false);
        case(Some(NOW_MS - 24 * HOUR_MS), false);
        case(Some(NOW_MS - 24 * HOUR_MS - 1), true);
        case(Some(0), true);
    }

    #[test]
    fn the_last_hour_is_always_kept() {
        let since = |since_ms| Filter {
            since_ms: Some(since_ms),
            ..Filter::default()
        };
        assert!(!since(NOW_MS - HOUR_MS).may_reach_older(NOW_MS));
        assert!(since(NOW_MS - HOUR_MS - 1).may_reach_older(NOW_MS));
    }
}
